package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"pgregory.net/rapid"

	"countersign/internal/identity"
	"countersign/internal/policy/expr"
)

// Wild conditions are of every form the language has, and of every size that
// Load takes. Nobody would write them.

var wildLists = map[string][]string{
	"few":  {"a", "é"},
	"many": {"a", "b", "c", "d", "e", "f", "g", "h", "i", "standard", "mfa_reset", "k"},
}

var wildTexts = []string{"", "a", "b", "é", "ab", "Domain Admins", "mfa_reset", "privileged", "unknown", "phone", "near", "far", "monday", "email"}

// wild writes conditions. Its elements are those of the loops around.
type wild struct {
	*rapid.T
	elements []wildElement
	named    []string
	opaque   bool
	forClass bool
}

type wildElement struct{ name, list string }

func (w *wild) pick(of ...string) string { return rapid.SampledFrom(of).Draw(w.T, "pick") }

// facts lists what can be read here of a type.
func (w *wild) facts(typ expr.Type) []string {
	var all []string
	for path, s := range sourceOf {
		list, _, _ := strings.Cut(path, ".")
		if s.typ != typ || path == "subject.class" && w.forClass {
			continue
		}
		if !slices.Contains([]string{"contacts", "history", "signals"}, list) || path == list {
			all = append(all, path)
			continue
		}
		for _, e := range w.elements {
			if e.list == list {
				all = append(all, e.name+strings.TrimPrefix(path, list))
			}
		}
	}
	for _, e := range w.elements {
		if typ == expr.Text && e.list == "" {
			all = append(all, e.name)
		}
	}
	slices.Sort(all)
	return all
}

func (w *wild) fact(typ expr.Type) string { return w.pick(w.facts(typ)...) }

func (w *wild) text(depth int) string {
	switch rapid.IntRange(0, 9).Draw(w.T, "text") {
	case 0, 1, 2:
		return fmt.Sprintf("%q", w.pick(wildTexts...))
	case 3:
		if depth > 0 {
			return fmt.Sprintf("(%s ? %s : %s)", w.truth(depth-1), w.text(depth-1), w.text(depth-1))
		}
	case 4:
		if w.opaque && depth > 0 {
			return fmt.Sprintf("(%s + %s)", w.text(depth-1), w.text(depth-1))
		}
	}
	return w.fact(expr.Text)
}

func (w *wild) number(depth int) string {
	if depth <= 0 {
		return w.pick("0", "1", "2", "3", "-1", "9223372036854775807", "-9223372036854775808", "request.hour", "request.minute")
	}
	switch rapid.IntRange(0, 6).Draw(w.T, "number") {
	case 0:
		return "size(" + w.text(depth-1) + ")"
	case 1, 2:
		list, _ := w.list(depth - 1)
		return "size(" + list + ")"
	case 3:
		return fmt.Sprintf("(%s %s %s)", w.number(depth-1), w.pick("+", "-", "*", "/", "%"), w.number(depth-1))
	case 4:
		return fmt.Sprintf("%s.%s(%s)", w.time(depth-1), w.pick(clockCalls...), w.pick("", `"UTC"`, `"+05:30"`, `"-00:30"`, `"-11:15"`, `"99:00"`, `"00:75"`))
	case 5:
		return "-(" + w.number(depth-1) + ")"
	}
	return fmt.Sprintf("(%s ? %s : %s)", w.truth(depth-1), w.number(depth-1), w.number(depth-1))
}

func (w *wild) duration(depth int) string {
	if depth <= 0 {
		return fmt.Sprintf("duration(%q)", w.pick("0s", "24h", "-1h", "1ms", "2562047h", "-2562047h"))
	}
	switch rapid.IntRange(0, 3).Draw(w.T, "duration") {
	case 0:
		return fmt.Sprintf("(%s - %s)", w.time(depth-1), w.time(depth-1))
	case 1:
		return fmt.Sprintf("(%s %s %s)", w.duration(depth-1), w.pick("+", "-"), w.duration(depth-1))
	case 2:
		return fmt.Sprintf("(%s ? %s : %s)", w.truth(depth-1), w.duration(depth-1), w.duration(depth-1))
	}
	return w.duration(0)
}

func (w *wild) time(depth int) string {
	switch rapid.IntRange(0, 6).Draw(w.T, "time") {
	case 0:
		return fmt.Sprintf("timestamp(%q)", w.pick("0001-01-01T00:00:00Z", "2026-03-02T12:00:00Z", "9999-12-31T23:59:59.999999999Z"))
	case 1:
		if depth > 0 {
			return fmt.Sprintf("(%s %s %s)", w.time(depth-1), w.pick("+", "-"), w.duration(depth-1))
		}
	case 2:
		if depth > 0 {
			return fmt.Sprintf("(%s + %s)", w.duration(depth-1), w.time(depth-1))
		}
	case 3:
		if depth > 0 {
			return fmt.Sprintf("(%s ? %s : %s)", w.truth(depth-1), w.time(depth-1), w.time(depth-1))
		}
	}
	return w.fact(expr.Time)
}

// texts writes a list of texts.
func (w *wild) texts(depth int) string {
	switch rapid.IntRange(0, 4).Draw(w.T, "texts") {
	case 0:
		return w.pick("few", "many")
	case 1:
		constants := rapid.SliceOfN(rapid.SampledFrom(wildTexts), 1, 10).Draw(w.T, "constants")
		return `["` + strings.Join(constants, `", "`) + `"]`
	case 2:
		if depth > 0 {
			return w.filter(w.texts(depth-1), "", depth-1)
		}
	}
	return w.fact(expr.Texts)
}

// list writes any list, and names the fact whose fields its elements have.
func (w *wild) list(depth int) (list, of string) {
	if rapid.Bool().Draw(w.T, "of texts") {
		return w.texts(depth), ""
	}
	of = w.pick("contacts", "history", "signals")
	if depth > 0 && rapid.IntRange(0, 2).Draw(w.T, "filtered") == 0 {
		return w.filter(of, of, depth-1), of
	}
	return of, of
}

func (w *wild) filter(list, of string, depth int) string {
	return w.loop("filter", list, of, depth)
}

func (w *wild) loop(macro, list, of string, depth int) string {
	e := wildElement{w.pick("x", "y", "z") + fmt.Sprint(len(w.elements)), of}
	w.elements = append(w.elements, e)
	body := w.truth(depth)
	w.elements = w.elements[:len(w.elements)-1]
	return fmt.Sprintf("%s.%s(%s, %s)", list, macro, e.name, body)
}

func (w *wild) truth(depth int) string {
	if depth <= 0 {
		switch rapid.IntRange(0, 5).Draw(w.T, "leaf") {
		case 0:
			return w.pick("true", "false")
		case 1, 2:
			return w.fact(expr.Bool)
		case 3:
			return fmt.Sprintf("%s %s %q", w.fact(expr.Text), w.pick("==", "!="), w.pick(wildTexts...))
		}
		return "has(" + w.present() + ")"
	}
	order := func() string { return w.pick("==", "!=", "<", "<=", ">", ">=") }
	switch rapid.IntRange(0, 17).Draw(w.T, "truth") {
	case 0:
		return "!(" + w.truth(depth-1) + ")"
	case 1, 2, 3:
		return fmt.Sprintf("(%s && %s)", w.truth(depth-1), w.truth(depth-1))
	case 4, 5, 6:
		return fmt.Sprintf("(%s || %s || %s)", w.truth(depth-1), w.truth(depth-1), w.truth(0))
	case 7:
		return fmt.Sprintf("(%s ? %s : %s)", w.truth(depth-1), w.truth(depth-1), w.truth(depth-1))
	case 8:
		return fmt.Sprintf("%s %s %s", w.text(depth-1), order(), w.text(depth-1))
	case 9:
		return fmt.Sprintf("%s %s %s", w.number(depth-1), order(), w.number(depth-1))
	case 10:
		return fmt.Sprintf("%s %s %s", w.duration(depth-1), order(), w.duration(depth-1))
	case 11:
		return fmt.Sprintf("%s %s %s", w.time(depth-1), order(), w.time(depth-1))
	case 12:
		return fmt.Sprintf("(%s) %s (%s)", w.truth(depth-1), order(), w.truth(depth-1))
	case 13:
		return fmt.Sprintf("%s in %s", w.text(depth-1), w.pick(w.texts(depth-1), w.texts(depth-1), "[]"))
	case 14:
		return fmt.Sprintf("%s.%s(%q)", w.text(depth-1), w.pick(textCalls...), w.pick("a", "é", "", "^a|b$"))
	case 15:
		if len(w.named) > 0 {
			return w.pick(w.named...)
		}
		return fmt.Sprintf("%s in [0, 1, %s]", w.number(depth-1), w.pick("2", "7"))
	case 16:
		if w.opaque && !w.forClass && rapid.Bool().Draw(w.T, "of the class") {
			return `[subject.class][0] == "privileged"`
		}
		if w.opaque {
			return w.pick(`int(subject.name) > 3`, `subject.groups[0] == "a"`, `subject.groups.map(g, g + "x").exists(g, g == "ax")`,
				`history.exists(h, h == h)`, `history == []`, `"ab".matches(subject.login)`)
		}
	}
	list, of := w.list(depth - 1)
	return w.loop(w.pick("exists", "exists", "all", "exists_one"), list, of, depth-1)
}

// present names a field, which has can be asked for.
func (w *wild) present() string {
	var all []string
	for _, typ := range []expr.Type{expr.Bool, expr.Int, expr.Text, expr.Time, expr.Texts} {
		all = append(all, slices.DeleteFunc(w.facts(typ), func(s string) bool { return !strings.Contains(s, ".") })...)
	}
	return w.pick(all...)
}

// asCondition compiles a condition outside of any policy; nil when Load would
// refuse it for its size.
func asCondition(t interface{ Fatalf(string, ...any) }, env *environment, src string, named map[string]string, forms map[string]*expr.Node) *condition {
	whole := src
	for name, text := range named {
		whole = strings.ReplaceAll(whole, name, "("+text+")")
	}
	shown, issues := env.cel.Compile(src)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", src, issues.Err())
	}
	tree, issues := env.cel.Compile(whole)
	if issues.Err() != nil {
		return nil // too long
	}
	estimate, err := env.cel.EstimateCost(tree, bounds{env.lists})
	if err != nil || estimate.Max > maxCost {
		return nil
	}
	program, err := env.cel.Program(tree, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
	if err != nil {
		return nil // a constant of it fails
	}
	return &condition{program: program, only: scopeOf(tree.NativeRep().Expr()), tree: translate(shown.NativeRep(), []rune(src), env.lists, forms),
		class: strings.Contains(whole, "subject.class"), place: func(int) (int, int) { return 1, 1 }}
}

// oddTimes are those that arithmetic may leave the range of, and those that
// come with a zone.
var oddTimes = []time.Time{
	noon, noon.Add(-time.Millisecond), noon.Add(-25 * time.Hour), noon.In(time.FixedZone("", 5*3600)), noon.Local(), {},
	time.Unix(firstSecond, 0).UTC(), time.Unix(lastSecond, 999999999).UTC(), time.Unix(1<<40, 5).UTC(), time.Unix(-1<<40, 5).UTC(), time.Unix(1<<62, 0),
}

// wildTime is a time that a policy can be asked about, unless an odd one will do.
func wildTime(t *rapid.T, odd bool) time.Time {
	if !odd || rapid.Bool().Draw(t, "even so") {
		return oddTimes[rapid.IntRange(0, 2).Draw(t, "ordinary time")]
	}
	return rapid.SampledFrom(oddTimes).Draw(t, "odd time")
}

func wildText[S ~string](t *rapid.T, of ...S) S {
	if len(of) > 0 && rapid.IntRange(0, 3).Draw(t, "known") > 0 {
		return rapid.SampledFrom(of).Draw(t, "word")
	}
	return S(rapid.SampledFrom(append(slices.Clone(wildTexts), "Aé\xff", "z")).Draw(t, "text"))
}

func maybe[T any](t *rapid.T, make func() T) *T {
	if rapid.IntRange(0, 2).Draw(t, "absent") == 0 {
		return nil
	}
	v := make()
	return &v
}

// wildFacts are facts of any kind; the plan of some is a refusal to be asked.
var wildFacts = rapid.Custom(func(t *rapid.T) Facts {
	yes := func() bool { return rapid.Bool().Draw(t, "flag") }
	s := func() string { return wildText[string](t) }
	texts := func() []string { return rapid.SliceOfN(rapid.SampledFrom(wildTexts), 0, 4).Draw(t, "texts") }
	odd := rapid.IntRange(0, 3).Draw(t, "odd") == 0
	at := func() time.Time { return wildTime(t, odd) }
	f := Facts{
		At: noon, Action: rapid.SampledFrom(identity.Actions).Draw(t, "action"),
		Subject: Subject{ID: identity.AccountID(s()), Person: identity.PersonID(s()), Directory: s(), Login: s(), Name: s(), Unit: s(), Location: s(),
			Groups: texts(), Admin: maybe(t, yes), Service: yes(), Status: wildText(t, "active"), Locked: yes(), Manager: identity.PersonID(s()),
			Created: maybe(t, at), Starts: maybe(t, at), Staff: texts(), Fenced: yes(), Enrolled: texts(), OnProbation: yes()},
		Requester: Requester{identity.PersonID(s())},
		Agent:     Agent{Person: identity.PersonID(s()), Desk: wildText(t, "near", "far", ""), Vendor: yes()},
		Request:   Request{Channel: rapid.SampledFrom(identity.IntakeChannels).Draw(t, "channel"), Ticket: s(), Zone: s(), Offset: maybe(t, func() int { return rapid.IntRange(-maxOffset, maxOffset).Draw(t, "offset") })},
		Location: maybe(t, func() Location {
			return Location{Country: wildText(t, "JP", "DE", ""), Network: s(), Source: s(), At: at()}
		}),
		Device: maybe(t, func() Device {
			return Device{ID: s(), Managed: maybe(t, yes), Compliant: maybe(t, yes), Source: s(), At: at()}
		}),
	}
	if odd {
		f.At = at()
	}
	f.Emergency = maybe(t, func() Emergency { return Emergency{Incident: s(), Declared: f.At, Until: f.At.Add(time.Hour)} })
	f.Delegation = maybe(t, func() Delegation {
		return Delegation{Person: identity.PersonID(s()), Since: f.At, Until: f.At.Add(time.Hour)}
	})
	for range rapid.IntRange(0, 3).Draw(t, "contacts") {
		f.Contacts = append(f.Contacts, Contact{ID: s(), Kind: wildText(t, "email", "phone"), FirstSeen: at(), Source: s(), Own: yes(), SIMChanged: maybe(t, at)})
	}
	for range rapid.IntRange(0, 3).Draw(t, "history") {
		f.History = append(f.History, Past{Request: s(), Action: wildText(t, identity.Actions...), Outcome: s(), Desk: wildText(t, "near", ""), At: at()})
	}
	for range rapid.IntRange(0, 3).Draw(t, "signals") {
		f.Signals = append(f.Signals, Signal{Kind: s(), At: at()})
	}
	return f
})

func wildEnvironment(t testing.TB, forClass bool, named ...string) *environment {
	t.Helper()
	return newEnvironment(wildLists, forClass, named...)
}

// everyPolicy names the policies of the project that load.
func everyPolicy(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"testdata/*.yaml", "../../policies/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Load(src); err == nil {
				all = append(all, path)
			}
		}
	}
	if len(all) < 4 {
		t.Fatalf("only %q load", all)
	}
	return all
}
