package policy

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
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

const head = "apiVersion: countersign/v1\nname: n\nrisk_analysis: r\n"
const oneRule = "rules: [{rule: a, when: 'true', demand: {proofs: totp}}]\n"

func TestTheSmallestPolicyLoads(t *testing.T) {
	if _, err := Load([]byte(head + oneRule)); err != nil {
		t.Fatal(err)
	}
}

func TestTextsThatMeanOtherThanTheyShowAreRefused(t *testing.T) {
	many := strings.Repeat("  - {rule: r, when: 'true', deny: x}\n", maxRules+1)
	for _, c := range []struct{ name, src, want string }{
		{"nothing", "", "the text is empty"},
		{"a comment alone", "# policy\n", "the text is empty"},
		{"not YAML", head + "rules: [", "this is not YAML"},
		{"a byte order mark", "\ufeff" + head + oneRule, "byte order mark"},
		{"UTF-16", "\xff\xfea\x00", "must be UTF-8"},
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
		{"no risk analysis", "apiVersion: countersign/v1\nname: n\n" + oneRule, "risk_analysis: the field `risk_analysis` is missing"},
		{"too long", head + oneRule + strings.Repeat("#", maxSource), "at most 262144"},
		{"too many rules", head + "rules:\n" + many, "at most 2000"},
		{"Norway", "apiVersion: countersign/v1\nname: true\nrisk_analysis: r\n" + oneRule, `2:7: name: YAML reads true as a boolean; quote it: "true"`},
		{"a number", head + "rules: [{rule: 7, when: 'true', deny: x}]", `quote it: "7"`},
		{"a date", head + "rules: [{rule: 2026-01-01, when: 'true', deny: x}]", `quote it: "2026-01-01"`},
		{"nothing where a text belongs", head + "rules: [{rule: a, when: , deny: x}]", "the value is missing"},
		{"a long condition", head + "rules: [{rule: a, when: '" + strings.Repeat(" ", maxWhen) + "true', deny: x}]", "at most 4096"},
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

func TestAnEndlessListOfFaultsIsCut(t *testing.T) {
	ps := problemsOf(t, head+"rules:\n"+strings.Repeat("  - {x: 1}\n", 1000))
	if len(ps) != maxProblems+1 || !strings.Contains(ps[maxProblems].Msg, "more problems") {
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

func FuzzLoad(f *testing.F) {
	for _, name := range []string{"testdata/design.yaml", "testdata/corners.yaml", "testdata/faults.yaml", "../../policies/starter.yaml"} {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	f.Add(head + oneRule)
	f.Add(head + "rules: &a [*a]")
	f.Fuzz(func(t *testing.T, src string) {
		p, err := Load([]byte(src))
		if err != nil {
			var ps Problems
			if !errors.As(err, &ps) || len(ps) == 0 || len(ps) > maxProblems+1 || err.Error() == "" {
				t.Fatalf("%q: %v", src, err)
			}
			return
		}
		facts := ordinary()
		plan := p.Plan(facts)
		if !plan.Denied() && (len(plan.Proofs) == 0 || plan.Proofs.Satisfied(nil) || len(plan.Delivery) == 0) {
			t.Fatalf("%q asks for nothing: %+v", src, plan)
		}
	})
}
