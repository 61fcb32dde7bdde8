package policy

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/policy/yamltext"
)

var update = flag.Bool("update", false, "write golden files")

func problemsOf(t interface {
	Helper()
	Fatalf(string, ...any)
}, src string) Problems {
	t.Helper()
	p, err := Load([]byte(src))
	var ps Problems
	if !errors.As(err, &ps) || len(ps) == 0 || p != nil {
		t.Fatalf("expected problems, got %v, %v", p, err)
	}
	return ps
}

func TestEveryFaultIsNamedAtOnceWithItsPlaceAndTheWayOut(t *testing.T) {
	src, err := os.ReadFile("testdata/faults.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, p := range problemsOf(t, string(src)) {
		fmt.Fprintln(&got, p)
	}
	if *update {
		if err := os.WriteFile("testdata/faults.want", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := os.ReadFile("testdata/faults.want")
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

const head = "apiVersion: countersign/v1\nname: small\nrisk_analysis: r\n"
const oneRule = "rules: [{rule: a, when: 'true', demand: {proofs: totp}}]\n"

func TestTheSmallestPolicyLoads(t *testing.T) {
	if _, err := Load([]byte(head + oneRule)); err != nil {
		t.Fatal(err)
	}
}

func TestTheWayOutIsAsItIsWritten(t *testing.T) {
	const way = "Call security on +1 555 0100, or come to the service point with your badge"
	p := mustRead(t, "escalation: "+way+"\n"+oneRule)
	if p.Escalation() != way {
		t.Errorf("%q", p.Escalation())
	}
	if p := mustRead(t, oneRule); p.Escalation() != "" {
		t.Errorf("%q", p.Escalation())
	}
}

func TestTextsThatMeanOtherThanTheyShowAreRefused(t *testing.T) {
	many := strings.Repeat("  - {rule: r, when: 'true', deny: x}\n", maxRules+1)
	for _, c := range []struct{ name, src, want string }{
		{"nothing", "", "the text is empty"},
		{"a comment alone", "# policy\n", "the text is empty"},
		{"not YAML", head + "rules: [", "this is not YAML"},
		{"a byte order mark", "\ufeff" + head + oneRule, "byte order mark"},
		{"UTF-16", "\xff\xfea\x00", "1:1: the policy must be UTF-8"},
		{"a scalar", "policy", "1:1: expected fields"},
		{"a list", "- a", "1:1: expected fields"},
		{"two documents", head + oneRule + "---\n" + head + oneRule, "second document"},
		{"an empty second document", head + oneRule + "---\n", "second document"},
		{"garbage after the document", head + oneRule + "...\n}", "second document"},
		{"an anchor", head + "rules: &r [{rule: a, when: 'true', deny: x}]", "4:8: an anchor (&r)"},
		{"an alias", head + "desks: &r []\nrules: *r", "5:8: an alias (*r)"},
		{"a merge key", head + "rules: [{<<: {rule: a}, when: 'true', deny: x}]", "4:10: a merge key"},
		{"a tag", head + "rules: [{rule: !!str 1, when: 'true', deny: x}]", "4:16: a tag"},
		{"an own tag", head + "rules: [{rule: !exec rm, when: 'true', deny: x}]", "a tag"},
		{"a field twice", head + "name: m\n" + oneRule, "4:1: the field `name` stands here twice (first on line 2)"},
		{"a rule's field twice", head + "rules: [{rule: a, when: 'true', when: 'false', deny: x}]", "stands here twice"},
		{"a field that is a list", head + "? [name]\n: x\n" + oneRule, "a field's name must be a word"},
		{"no rules", head, "rules: the field `rules` is missing"},
		{"an empty list of rules", head + "rules: []", "4:8: rules: the list is empty"},
		{"no risk analysis", "apiVersion: countersign/v1\nname: small\n" + oneRule, "risk_analysis: the field `risk_analysis` is missing"},
		{"a way out in two lines", head + "escalation: |\n  a\n  b\n" + oneRule, "4:13: escalation: text has a control or line-breaking character"},
		{"a way out that is too long", head + "escalation: " + strings.Repeat("a", 301) + "\n" + oneRule, "4:13: escalation: text is 301 bytes long, at most 300 are allowed"},
		{"a way out that hides something", head + "escalation: call \u202e1234\n" + oneRule, "4:18: an invisible or direction-changing character (U+202E)"},
		{"no way out at all", head + "escalation:\n" + oneRule, "4:12: escalation: the value is missing"},
		{"several ways out", head + "escalation: [a, b]\n" + oneRule, "4:13: escalation: expected a text"},
		{"too long", head + oneRule + strings.Repeat("#", maxSource), "at most 262144"},
		{"too many rules", head + "rules:\n" + many, "at most 2000"},
		{"Norway", "apiVersion: countersign/v1\nname: true\nrisk_analysis: r\n" + oneRule, `2:7: name: YAML reads true as a boolean; quote it: "true"`},
		{"a number", head + "rules: [{rule: 7, when: 'true', deny: x}]", `quote it: "7"`},
		{"a date", head + "rules: [{rule: 2026-01-01, when: 'true', deny: x}]", `quote it: "2026-01-01"`},
		{"nothing where a text belongs", head + "rules: [{rule: a, when: , deny: x}]", "the value is missing"},
		{"an empty tag", head + "rules: [{rule: ! a, when: 'true', deny: x}]", "4:16: a tag (!)"},
		{"a directive", "%YAML 1.1\n---\n" + head + oneRule, "1:1: a directive is not allowed"},
		{"a list twice", head + "lists: {a: [x], a: [z]}\n" + oneRule, "4:17: lists: the field `a` stands here twice"},
		{"a condition twice", head + "conditions: {a: 'true', a: 'false'}\n" + oneRule, "4:25: conditions: the field `a` stands here twice"},
		{"a field twice, once in quotes", head + "rules: [{rule: a, 'rule': b, when: 'true', deny: x}]", "4:19: rules[0]: the field `rule` stands here twice"},
		{"Norway in a list", head + "lists: {country: [se, no]}\n" + oneRule, `4:23: lists.country[1]: some readers of YAML take no for something other than a text; quote it: "no"`},
		{"Norway as a word", head + "rules: [{rule: a, when: 'true', demand: {notify: [Off]}}]", `take Off for`},
		{"Norway as a name", head + "rules: [{rule: y, when: 'true', deny: x}]", `4:16: rules[0].rule: some readers of YAML take y for`},
		{"Norway as a condition", head + "rules: [{rule: a, when: ON, deny: x}]", `quote it: "ON"`},
		{"a time of day", head + "lists: {times: [10:30]}\n" + oneRule, `quote it: "10:30"`},
		{"an octal number", head + "lists: {numbers: [0123]}\n" + oneRule, `quote it: "0123"`},
		{"a number with an exponent", head + "lists: {numbers: [1e3]}\n" + oneRule, `quote it: "1e3"`},
		{"no number at all", head + "lists: {numbers: [.nan]}\n" + oneRule, `quote it: ".nan"`},
		{"nothing in a list", head + "lists: {nothing: [~]}\n" + oneRule, `quote it: "~"`},
		{"a tab that indents", head + "rules:\n\t- {rule: a, when: 'true', deny: x}\n", "5:1: a tab cannot indent; use spaces"},
		{"a tab in a list's entry", head + "lists: {a: [\"x\\tz\"]}\n" + oneRule, "4:13: lists.a[0]: an entry of a list is one line"},
		{"two lines in a list's entry", head + "lists: {a: [\"x\\nz\"]}\n" + oneRule, "4:13: lists.a[0]: an entry of a list is one line"},
		{"a NUL in a comment", head + "# a\x00b\n" + oneRule, "4:4: a control character (U+0000)"},
		{"a NUL as an escape", head + "lists: {a: [\"x\\0z\"]}\n" + oneRule, "4:15: a control character (U+0000)"},
		{"an escape of a terminal", head + "# \x1b[2K\n" + oneRule, "4:3: a control character (U+001B)"},
		{"DEL", head + "# \x7f\n" + oneRule, "4:3: a control character (U+007F)"},
		{"right-to-left in a comment", head + "# é\u202e\n" + oneRule, "4:4: an invisible or direction-changing character (U+202E)"},
		{"an isolate in a name", head + "rules: [{rule: \"a\u2066\", when: 'true', deny: x}]", "4:18: an invisible or direction-changing character (U+2066)"},
		{"nothing wide in a list", head + "lists: {a: [x\u200bz]}\n" + oneRule, "4:14: an invisible or direction-changing character (U+200B)"},
		{"the same as an escape", head + "lists: {a: [\"x\\u200bz\"]}\n" + oneRule, "4:15: an invisible or direction-changing character (U+200B)"},
		{"a tag character", head + "# \U000e0041\n" + oneRule, "4:3: an invisible or direction-changing character (U+E0041)"},
		{"a byte order mark inside", head + "# \ufeff\n" + oneRule, "(U+FEFF)"},
		{"an empty Hangul letter", head + "# \u3164\n" + oneRule, "(U+3164)"},
		{"a space that does not break", head + "lists: {a: [x\u00a0z]}\n" + oneRule, "4:14: a space that is not one (U+00A0)"},
		{"a line that ends a comment unseen", head + "# x\u2028rules: []\n" + oneRule, "4:4: an unusual line break (U+2028)"},
		{"a next line", head + "# x\u0085rules: []\n" + oneRule, "4:4: an unusual line break (U+0085)"},
		{"a lone carriage return", head + "# x\rrules: []\n" + oneRule, "4:4: a carriage return without a line feed"},
		{"accents apart", head + "lists: {a: [caffe\u0301]}\n" + oneRule, "4:17: an accent or syllable here is not in Unicode's composed form"},
		{"what stands off the screen", head + "rules: [{rule: a, when: 'false" + strings.Repeat(" ", 101) + "|| true', deny: x}]", "4:31: more than 100 spaces"},
		{"a line without end", head + "# " + strings.Repeat("ab", maxLine) + "\n" + oneRule, "4:10001: the line is too long"},
		{"lists in lists", head + "rules: " + strings.Repeat("[", 50) + strings.Repeat("]", 50), "more deeply than any policy needs"},
		{"lists without end", head + "rules:\n" + strings.Repeat(strings.Repeat("[", 100)+"\n", 120), "more deeply than any policy needs"},
		{"fields without end", head + "rules:\n" + strings.Repeat(strings.Repeat("{a: ", 100)+"\n", 120), "more deeply than any policy needs"},
		{"a byte that is no character", head + "# \xff\n" + oneRule, "4:3: the policy must be UTF-8"},
		{"a long condition", head + "rules: [{rule: a, when: '" + strings.Repeat("true || ", maxWhen/8) + "true', deny: x}]", "at most 4096"},
		{"a deep condition", head + "rules: [{rule: a, when: '" + strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500) + "', deny: x}]", "rules[0].when"},
		{"a broken pattern", head + "rules: [{rule: a, when: 'subject.login.matches(\"(\")', deny: x}]", "rules[0].when"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := problemsOf(t, c.src); !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant …%s…", err, c.want)
			}
		})
	}
}

// What can be seen is allowed, and so is what is written as an escape that can
// be seen, where it can matter: groups have such names.
func TestTextsThatCanBeSeenAreNotRefused(t *testing.T) {
	p := mustRead(t, "lists: {a: [\"Domain\\u00a0Admins\", \"caffe\\u0301\", 営業　部, Ärzte, 'no', \"10:30\", north]}  # für 日本\n"+
		"rules:\n  - rule: a\n    when: |\n      subject.locked\t// a comment\n    demand: {proofs: totp}\n")
	want := []string{"Domain\u00a0Admins", "caffe\u0301", "営業\u3000部", "Ärzte", "no", "10:30", "north"}
	if !slices.Equal(p.lists["a"], want) {
		t.Errorf("%q", p.lists["a"])
	}
}

// A text with Windows line ends means the same, and faults keep their place.
func TestWindowsLineEndsChangeNothing(t *testing.T) {
	windows := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	src, err := os.ReadFile("testdata/faults.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := problemsOf(t, string(src)), problemsOf(t, windows(string(src))); a.Error() != b.Error() {
		t.Errorf("%v\n%v", a, b)
	}
	corners, err := os.ReadFile("testdata/corners.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Load([]byte(windows(string(corners))))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := mustLoad(t, "testdata/corners.yaml").Plan(ordinary()), p.Plan(ordinary()); !cmp.Equal(a, b) {
		t.Errorf("%+v\n%+v", a, b)
	}
}

func TestAnEndlessListOfFaultsIsCut(t *testing.T) {
	ps := problemsOf(t, head+"rules:\n"+strings.Repeat("  - {x: 1}\n", 1000))
	if len(ps) != yamltext.MaxProblems+1 || !strings.Contains(ps[yamltext.MaxProblems].Msg, "more problems") {
		t.Errorf("%d problems, the last: %v", len(ps), ps[len(ps)-1])
	}
}

// A fault inside a condition is found in the text, however the text is quoted
// and wherever in it the fault stands.
func TestFaultsInConditionsHaveTheirExactPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
			`subject.unit == "x"`, `subject.login == 'é日本'`, `subject.locked`, `subject.name == "it''s"`, `subject.name == "\\"`, `  subject.service`,
		}), 0, 4).Draw(t, "before")
		sep := rapid.SampledFrom([]string{" && ", " &&  ", " || "}).Draw(t, "and")
		when := strings.Join(append(pieces, "zzz", "subject.locked"), sep)
		src := head + "rules:\n  - rule: a\n    deny: x\n    when: " + quoted(rapid.SampledFrom([]string{"single", "double", "literal", "folded", "plain lines", "double lines", "escaped"}).Draw(t, "style"), when) + "\n"
		ps := problemsOf(t, src)
		before, _, _ := strings.Cut(src, "zzz")
		line := strings.Count(before, "\n") + 1
		column := len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1
		if len(ps) != 1 || ps[0].Line != line || ps[0].Column != column || !strings.Contains(ps[0].Msg, "`zzz`") {
			t.Fatalf("%s\n%v\nwant it at %d:%d", src, ps, line, column)
		}
	})
}

func quoted(style, s string) string {
	wrapped := strings.ReplaceAll(s, "&& ", "&&\n        ")
	switch style {
	case "single":
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	case "double":
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "é", `\xe9`, "日", `\u65e5`, "本", `\U0000672c`).Replace(s) + `"`
	case "double lines":
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(wrapped) + `"`
	case "escaped":
		return `"` + strings.ReplaceAll(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s), "&& ", "&& \\\n        ") + `"`
	case "literal":
		return "|\n      " + strings.ReplaceAll(s, "&& ", "&&\n        ")
	case "folded":
		return ">-\n      " + strings.ReplaceAll(strings.TrimLeft(s, " "), "&& ", "&&\n      ")
	}
	return strings.TrimLeft(wrapped, " ")
}

func TestAFaultInAFormulaHasItsExactPlace(t *testing.T) {
	for _, c := range []struct {
		src          string
		line, column int
	}{
		{"totp || zzz", 7, 15},
		{"'totp || zzz'", 7, 16},
		{"\"totp\\u0020|| zzz\"", 7, 21},
		{"|\n        totp ||\n          zzz", 9, 11},
	} {
		ps := problemsOf(t, head+"rules:\n  - rule: a\n    when: 'true'\n    demand:\n      proofs: "+c.src)
		if p := ps[0]; len(ps) != 1 || p.Line != c.line+1 || p.Column != c.column+8 && c.line == 7 || c.line == 9 && p.Column != c.column {
			t.Errorf("%s: %v", c.src, ps)
		}
	}
}

// FuzzLoad holds Load to what it promises: faults that can be shown, or a
// policy that knows its text and plans for any facts.
func FuzzLoad(f *testing.F) {
	facts, err := json.Marshal(ordinary())
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"testdata/design.yaml", "testdata/corners.yaml", "testdata/circumstances.yaml", "testdata/faults.yaml", "../../policies/starter.yaml"} {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src), facts)
	}
	f.Add(head+oneRule, []byte(`{"request":{"utc_offset":3600},"emergency":{"incident":"x"},"agent":{"desk":"near"}}`))
	f.Add(head+"rules: &a [*a]", []byte(`{}`))
	f.Add(head+"conditions: {a: 'true', b: a || c, c: '!b'}\n"+oneRule, []byte(`{"subject":{"groups":null}}`))
	f.Fuzz(func(t *testing.T, src string, known []byte) {
		p, err := Load([]byte(src))
		if err != nil {
			var ps Problems
			if !errors.As(err, &ps) || len(ps) == 0 || len(ps) > yamltext.MaxProblems+1 || err.Error() == "" {
				t.Fatalf("%q: %v", src, err)
			}
			return
		}
		if string(p.Source()) != src || p.Hash() != hashOf([]byte(src)) || p.Name() == "" || p.RiskAnalysis() == "" {
			t.Fatalf("%q does not know itself", src)
		}
		facts := ordinary()
		for range 2 {
			plan := p.Plan(facts)
			if !plan.Denied() && (len(plan.Proofs) == 0 || plan.Proofs.Satisfied(nil) || len(plan.Delivery) == 0) {
				t.Fatalf("%q asks for nothing: %+v", src, plan)
			}
			if faults := p.Faults(plan); len(faults) > len(plan.Deny) {
				t.Fatalf("%v of %v", faults, plan.Deny)
			}
			_ = json.Unmarshal(known, &facts) // the second time with whatever facts there are
		}
		p.Logic()
		p.Names()
	})
}
