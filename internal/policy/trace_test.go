package policy

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/identity"
)

// agrees holds a trace to the plan that it explains.
func agrees(t interface{ Fatalf(string, ...any) }, p *Policy, f Facts) {
	plan, tr := p.Plan(f), p.Trace(f)
	a, _ := json.Marshal(plan)
	b, _ := json.Marshal(tr.Plan)
	if string(a) != string(b) {
		t.Fatalf("the trace is of another plan:\n%s\n%s", b, a)
	}
	if slices.ContainsFunc(plan.Deny, func(d Denial) bool { return d.Rule == byFacts }) {
		if len(tr.Rules)+len(tr.Classes)+len(tr.Reach) > 0 {
			t.Fatalf("conditions were tried over facts that are refused: %+v", tr)
		}
		return
	}
	for i, c := range tr.Classes {
		decided := i == len(tr.Classes)-1
		if c.Outcome == True && (!decided || c.Class != plan.Class) || c.Outcome == Failed && (!decided || plan.Class != identity.Unknown) {
			t.Fatalf("class %s is %s in a plan of class %s", c.Class, c.Outcome, plan.Class)
		}
	}
	for i, r := range tr.Rules {
		var reason string
		says := slices.ContainsFunc(plan.Reasons, func(s Reason) bool { return s.Rule == r.Name })
		for _, d := range plan.Deny {
			if d.Rule == r.Name {
				says, reason = true, d.Reason
			}
		}
		if says != (r.Outcome != False) || (r.Outcome == Failed) != (reason != "" && reason == r.Error) || r.Name != p.rules[i].name {
			t.Fatalf("%s is %s (%s) where the plan says %q", r.Name, r.Outcome, r.Error, reason)
		}
		atomsSettle(t, r)
	}
	for _, r := range tr.Reach {
		name := "the desk's reach"
		if r.Vendor != "" {
			name = "the reach of vendor " + r.Vendor
		}
		beyond := slices.ContainsFunc(plan.Deny, func(d Denial) bool {
			return d.Rule == byDesk && (d.Reason == "outside "+name || d.Reason == "outside "+name+": "+r.Error)
		})
		if beyond != (r.Outcome == False || r.Outcome == Failed) {
			t.Fatalf("%s is %s in %+v", name, r.Outcome, plan.Deny)
		}
	}
}

// atomsSettle checks that a rule fails only when one of its atoms does.
func atomsSettle(t interface{ Fatalf(string, ...any) }, r RuleTrace) {
	failed := false
	for _, a := range r.Atoms {
		failed = failed || a.Outcome == Failed || a.AsPrivileged == Failed || a.Outcome == Untold
		if a.Line == 0 || a.Text == "" || (a.Outcome == Failed) != (a.Error != "") {
			t.Fatalf("%s: %+v", r.Name, a)
		}
	}
	if r.Outcome == Failed && !failed {
		t.Fatalf("%s failed, none of %+v did", r.Name, r.Atoms)
	}
}

func TestATraceAgreesWithThePlan(t *testing.T) {
	policies := []*Policy{pool(t)}
	for _, path := range everyPolicy(t) {
		policies = append(policies, mustLoad(t, path))
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(policies).Draw(t, "policy")
		agrees(t, p, wildFacts.Draw(t, "wild facts"))
		agrees(t, p, someFacts.Draw(t, "facts"))
	})
}

func traced(t *testing.T, when string, change func(*Facts)) ConditionTrace {
	t.Helper()
	p, err := Load([]byte(head + `conditions:
  powerful: subject.class in ["privileged", "executive"] || subject.groups.exists(g, g in ["Domain Admins", "Helpdesk"])
classes:
  - {class: standard, when: '!subject.admin'}
rules:
  - rule: r
    when: >-
      ` + when + `
    demand: {proofs: totp}
`))
	if err != nil {
		t.Fatal(err)
	}
	f := ordinary()
	change(&f)
	return p.Trace(f).Rules[0].ConditionTrace
}

func TestATraceShowsEveryAtomWithItsPlace(t *testing.T) {
	c := traced(t, `!subject.admin && request.ticket == "a" && powerful`, func(f *Facts) { f.Subject.Groups = []string{"Helpdesk"} })
	var got []string
	for _, a := range c.Atoms {
		got = append(got, strings.TrimSpace(strings.Join([]string{a.Text, string(a.Outcome), a.Error, a.Condition}, " ")))
	}
	want := []string{
		"subject.admin false",
		`request.ticket == "a" error the fact request.ticket is missing`,
		`subject.class in ["privileged", "executive"] false  powerful`,
		`subject.groups.exists(g, g in ["Domain Admins", "Helpdesk"]) true  powerful`,
	}
	if !slices.Equal(got, want) || c.Outcome != Failed || c.Error != "the fact request.ticket is missing" {
		t.Errorf("%q %+v", got, c)
	}
	if a := c.Atoms[1]; a.Line != 11 || a.Column != 25 {
		t.Errorf("the ticket stands on %d:%d", a.Line, a.Column)
	}
	if a := c.Atoms[3]; a.Line != 5 || a.Column != 61 {
		t.Errorf("the groups stand on %d:%d", a.Line, a.Column)
	}
}

func TestATraceShowsWhichAlternativesHeld(t *testing.T) {
	c := traced(t, `powerful || action == "unlock"`, func(f *Facts) { f.Subject.Groups = []string{"Helpdesk"} })
	var held []string
	for _, a := range c.Alternatives {
		mark := "- "
		if a.Held {
			mark = "+ "
		}
		held = append(held, mark+a.Text)
	}
	want := []string{
		"+ powerful",
		`- subject.class in ["privileged", "executive"]`, `- subject.class == "privileged"`, `- subject.class == "executive"`,
		`+ subject.groups.exists(g, g in ["Domain Admins", "Helpdesk"])`, `- g == "Domain Admins"`, `+ g == "Helpdesk"`,
		`- action == "unlock"`,
	}
	if !slices.Equal(held, want) {
		t.Errorf("%q", held)
	}
}

// An account of unknown class counts as privileged; the trace shows what that
// changed.
func TestATraceShowsWhatBeingUnknownChanged(t *testing.T) {
	c := traced(t, `subject.class == "privileged"`, func(f *Facts) { f.Subject.Admin = nil })
	if a := c.Atoms[0]; c.Outcome != True || a.Outcome != False || a.AsPrivileged != True {
		t.Errorf("%+v", c)
	}
}

// What has no form is shown as CEL evaluates it.
func TestATraceShowsWhatIsLeftToCEL(t *testing.T) {
	c := traced(t, `subject.groups[0] == "a" || subject.groups.map(g, g + "x").exists(x, x == "Everybodyx")`, func(*Facts) {})
	if len(c.Atoms) != 2 || c.Outcome != True || c.Atoms[0].Outcome != False || c.Atoms[1].Outcome != True {
		t.Errorf("%+v", c)
	}
}

func TestATraceIsReadAsJSON(t *testing.T) {
	src, err := os.ReadFile("testdata/design.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Load(src)
	if err != nil {
		t.Fatal(err)
	}
	f := ordinary()
	f.Agent = Agent{Person: "p9", Desk: "nightline"}
	b, err := json.Marshal(p.Trace(f))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"rules":[{"name":"everyone","line":16,"outcome":"true"}`, `"reach":[{"desk":"nightline"`, `"classes":[{"class":"privileged"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
}
