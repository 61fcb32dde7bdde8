package policy

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFaultsAreTheDenialsOfConditionsThatFailed(t *testing.T) {
	p := mustRead(t, `vendors: [{vendor: v, reach: subject.location == "x"}]
desks:
  - {desk: blind, reach: subject.manager == "p2", vendor: v}
  - {desk: shut, reach: 'false', tier_cap: low}
rules:
  - {rule: base, when: 'true', demand: {proofs: totp, tier: high}}
  - {rule: missing, when: subject.unit == "a", demand: {wait: 1h}}
  - {rule: broken, when: 'int(subject.login) > 3', demand: {wait: 1h}}
  - {rule: says-no, when: 'true', deny: 'the fact is missing'}
`)
	f := ordinary()
	f.Subject.Unit, f.Subject.Manager, f.Agent.Desk = "", "", "blind"
	f.Subject.Fenced, f.Subject.Status = true, "disabled"
	want := []Denial{
		{byDesk, "outside the desk's reach: the fact subject.manager is missing"},
		{byDesk, "outside the reach of vendor v: the fact subject.location is missing"},
		{"broken", "the condition could not be evaluated"},
		{"missing", "the fact subject.unit is missing"},
	}
	plan := p.Plan(f)
	if got := p.Faults(plan); !slices.Equal(got, want) {
		t.Errorf("%v\nof %v", got, plan.Deny)
	}
	f.Agent.Desk, f.Subject.Unit, f.Subject.Login = "shut", "a", "4"
	if plan := p.Plan(f); len(p.Faults(plan)) != 0 || len(plan.Deny) != 5 {
		t.Errorf("%v of %v", p.Faults(plan), plan.Deny)
	}
	if got := p.Faults(p.Plan(Facts{})); len(got) != 0 {
		t.Errorf("facts that are refused are no fault of a condition: %v", got)
	}
}

// Otherwise the two could not be told apart in a recorded plan.
func TestNoRuleCanRefuseInTheWordsOfAFault(t *testing.T) {
	for _, deny := range []string{errTooCostly.Error(), errNotEvaluated.Error(), missing("subject.admin").Error(), missing("history.desk").Error(), missing("now").Error()} {
		ps := problemsOf(t, head+"rules: [{rule: a, when: 'true', deny: "+deny+"}]")
		if !strings.Contains(ps.Error(), "4:39: rules[0].deny: this is what a plan says of a condition that failed") {
			t.Errorf("%s: %v", deny, ps)
		}
	}
	mustRead(t, "rules: [{rule: a, when: 'true', deny: the fact sheet is missing}]")
}

// Every fault the evaluation can find is known as one, and nothing else is.
func TestNoFaultIsOverlookedAndNoneIsMadeUp(t *testing.T) {
	all := pool(t)
	rapid.Check(t, func(t *rapid.T) {
		f := someFacts.Draw(t, "facts")
		p := all.with(someRules(t, all))
		plan := p.Plan(f)
		faults := p.Faults(plan)
		for _, d := range plan.Deny {
			i := slices.IndexFunc(p.rules, func(r *rule) bool { return r.name == d.Rule })
			failed := i >= 0 && p.rules[i].deny != d.Reason
			if d.Rule != byDesk && failed != slices.Contains(faults, d) {
				t.Fatalf("%v is counted wrongly in %v", d, faults)
			}
		}
	})
}
