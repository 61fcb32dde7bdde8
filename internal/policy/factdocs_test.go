package policy

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	manual    = "../../docs/policy.md"
	factsFrom = "<!-- facts: written by go test ./internal/policy -update -->\n"
	factsTo   = "<!-- /facts -->\n"
)

func TestTheManualDescribesEveryFactAsItIs(t *testing.T) {
	raw, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(raw), factsFrom)
	have, after, ok2 := strings.Cut(rest, factsTo)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no marks for the facts", manual)
	}
	want := factTable()
	if *update {
		if err := os.WriteFile(manual, []byte(before+factsFrom+want+factsTo+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != want {
		t.Errorf("%s does not describe the facts as they are; run go test ./internal/policy -update", manual)
	}
}

func factTable() string {
	var b strings.Builder
	b.WriteString("| fact | type | from | when it is missing |\n|---|---|---|---|\n")
	for _, d := range FactDocs() {
		typ := d.Type
		if d.Optional {
			typ += ", *optional*"
		}
		from := d.From
		if d.Vocabulary != nil {
			from += ": `" + strings.Join(d.Vocabulary, "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Name, typ, from, d.Missing)
	}
	return b.String()
}

func TestEveryFactIsDescribedOnceAndNothingElse(t *testing.T) {
	var want, got []string
	for _, v := range variables {
		fields := factsOf[v.typ.TypeName()]
		if len(fields) == 0 { // itself a value
			want = append(want, v.name)
		}
		if len(v.typ.Parameters()) > 0 {
			fields = factsOf[v.typ.Parameters()[0].TypeName()]
		}
		for _, f := range fields {
			want = append(want, v.name+"."+f.name)
		}
	}
	for _, d := range FactDocs() {
		got = append(got, d.Name)
		if d.Type == "" || d.From == "" || d.Missing == "" || strings.ContainsAny(d.From+d.Missing, "|\n") {
			t.Errorf("%+v", d)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("described are\n%v\nthere are\n%v", got, want)
	}
}

// What the description says of a fact's absence is what a policy does then.
func TestAnAbsentFactDoesWhatItsDescriptionSays(t *testing.T) {
	for _, d := range FactDocs() {
		object, _, _ := strings.Cut(d.Name, ".")
		if slices.Contains([]string{"contacts", "history", "signals"}, object) {
			continue // elements are not absent, their lists are empty
		}
		p := mustRead(t, fmt.Sprintf("rules:\n  - {rule: a, when: 'true', demand: {proofs: totp}}\n  - {rule: b, when: '%s', deny: reached}\n", reading(d)))
		plan := p.Plan(barren())
		failed := slices.Contains(plan.Deny, Denial{"b", "the fact " + d.Name + " is missing"})
		if failed != d.Optional || len(p.Faults(plan)) != len(plan.Deny) && d.Optional {
			t.Errorf("%s, %s: %v", d.Name, d.Missing, plan.Deny)
		}
		if d.Optional != strings.HasPrefix(d.Missing, "the condition fails") {
			t.Errorf("%s is described as: %s", d.Name, d.Missing)
		}
		if !d.Optional {
			continue
		}
		asked := mustRead(t, "rules:\n  - {rule: a, when: '!has("+d.Name+")', demand: {proofs: totp}}\n").Plan(barren())
		if asked.Proofs == nil || len(asked.Deny) > 0 {
			t.Errorf("has(%s) of an absent fact: %+v", d.Name, asked)
		}
	}
}

// barren is a request of which as little is known as there can be.
func barren() Facts {
	f := ordinary()
	f.Subject.Unit, f.Subject.Manager, f.Subject.Admin = "", "", nil
	return f
}

func mustRead(t *testing.T, rest string) *Policy {
	t.Helper()
	p, err := Load([]byte(head + rest))
	if err != nil {
		t.Fatalf("%s\n%v", rest, err)
	}
	return p
}

// reading is a condition that reads the fact and is false.
func reading(d FactDoc) string {
	switch d.Type {
	case "bool":
		return d.Name + " == !" + d.Name
	case "number":
		return d.Name + " < 0"
	case "timestamp":
		return d.Name + " > timestamp(\"9999-01-01T00:00:00Z\")"
	case "text":
		return d.Name + ".startsWith(\"?\")"
	}
	return d.Name + ".size() < 0"
}
