package policy

import (
	"errors"
	"strings"
	"testing"

	"countersign/internal/policy/expr"
)

const stated = head + `lists: {loud: [Choir]}
conditions: {noisy: 'subject.unit in loud', plan: subject.locked}
classes:
  - {class: standard, when: "true"}
desks:
  - {desk: near, reach: "true"}
rules:
  - {rule: everybody, when: "true", demand: {proofs: totp || email_code && recovery_code, approvals: [{role: security, count: 2}, {role: manager, count: 1}], wait: 2h, follow_up: [revoke_tokens]}}
`

func TestAStatementReadsTheRequestAndItsPlan(t *testing.T) {
	p, err := Load([]byte(stated))
	if err != nil {
		t.Fatal(err)
	}
	f := ordinary()
	plan := p.Plan(f)
	for text, want := range map[string]bool{
		`!plan.denied && plan.class == "standard" && subject.class == plan.class`: true,
		`plan.tier == "low"`: true,
		`plan.approvers == 3 && plan.security == 2 && plan.managers == 1`:   true,
		`plan.resource_owners > 0`:                                          false,
		`plan.wait == duration("2h") && plan.expires == duration("24h")`:    true,
		`plan.review == duration("0s") && plan.probation == duration("0s")`: true,
		`plan.cool_off == duration("72h")`:                                  true,
		`plan.accepts(["totp"]) && !plan.accepts(["email_code"])`:           true,
		`plan.accepts(["email_code", "recovery_code"])`:                     true,
		`plan.accepts([])`:        false,
		`plan.fewest_proofs == 1`: true,
		`"session" in plan.delivery && size(plan.delivery) == 1 && "owner_all" in plan.notify`: true,
		`plan.follow_up.exists(x, x == "revoke_tokens")`:                                       true,
		`noisy`: false,
		`has(plan.wait) && action == "password_reset"`: true,
	} {
		st, err := p.Statement("s", Never, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := p.True(st, f, plan); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	st, err := p.Statement("s", Never, `subject.location == "here"`)
	if err != nil {
		t.Fatal(err)
	}
	if is, err := p.True(st, f, plan); is || err == nil {
		t.Errorf("a missing fact gives %v, %v", is, err)
	}
}

func TestStatementsAreReadWithTheirPlaces(t *testing.T) {
	p, err := Load([]byte(stated))
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.Statements([]byte("invariants:\n  - name: two sign\n    never: plan.approvers < 2\n    because: one is too few\n  - {name: b, possible: noisy}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Line != 2 || all[0].Name != "two sign" || all[0].Kind != Never || all[0].Because != "one is too few" ||
		all[0].Text != "plan.approvers < 2" || all[1].Kind != Possible || !all[1].What.Expr().Any(func(n *expr.Node) bool { return n.Op == expr.Named }) {
		t.Errorf("%+v", all)
	}
	if line, column := all[0].What.Place(5); line != 3 || column != 17 {
		t.Errorf("%d:%d", line, column)
	}
}

func TestFaultsOfStatementsHaveTheirPlaces(t *testing.T) {
	p, err := Load([]byte(stated))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                                 "the text is empty",
		"invariants:":                      "expected a list",
		"invariant: []":                    "1:1: unknown field `invariant`; did you mean `invariants`?",
		"invariants:\n  - {never: 'true'}": "2:5: invariants[0]: the field `name` is missing",
		"invariants:\n  - {name: a}":       "claims nothing",
		"invariants:\n  - {name: a, nevr: 'true'}":                                "unknown field `nevr`; did you mean `never`?",
		"invariants:\n  - {name: a, never: plan.teir == \"low\"}":                 "2:27: invariants[0].never: unknown field `plan.teir`; did you mean `tier`?",
		"invariants:\n  - {name: a, never: plan.tier == \"lov\"}":                 "`plan.tier` is never `lov`; did you mean `low`?",
		"invariants:\n  - {name: a, never: 'plan.accepts([\"totq\"])'}":           "unknown proof method `totq`; did you mean `totp`?",
		"invariants:\n  - {name: a, never: plan.wait}":                            "must give true or false",
		"invariants:\n  - {name: a, never: subject.unti == \"a\"}":                "did you mean `unit`?",
		"invariants:\n  - {name: a, never: 'true', always: 'true'}":               "not both",
		"invariants:\n  - {name: a, never: 'true'}\n  - {name: a, never: 'true'}": "3:1: invariants: the statement \"a\" stands here twice (first on line 2)",
		"invariants: &x\n  - {name: a, never: 'true'}":                            "an anchor",
		"invariants:\n  - {name: a, never: '\"sessio\" in plan.delivery'}":        "did you mean `session`?",
		strings.Repeat("#", maxSource+1):                                          "at most",
		"\xff":                                                                    "UTF-8",
	} {
		_, err := p.Statements([]byte(text))
		var faults Problems
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: expected %q, found %v", text, want, err)
		}
	}
}

func TestAPolicyKnowsNothingOfPlans(t *testing.T) {
	_, err := Load([]byte(head + "rules:\n  - {rule: a, when: plan.denied, demand: {proofs: totp}}\n"))
	if err == nil || !strings.Contains(err.Error(), "unknown name `plan`") {
		t.Error(err)
	}
}

func TestReadingStatementsLeavesThePolicyAlone(t *testing.T) {
	p, err := Load([]byte(stated))
	if err != nil {
		t.Fatal(err)
	}
	before := p.Names()
	if _, err := p.Statements([]byte("invariants: [{name: a, never: noisy}]")); err != nil {
		t.Fatal(err)
	}
	for i, n := range p.Names() {
		if len(n.Used) != len(before[i].Used) {
			t.Errorf("%s is used by %v", n.Name, n.Used)
		}
	}
}

func FuzzStatements(f *testing.F) {
	p, err := Load([]byte(stated))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("invariants: [{name: a, never: plan.wait < duration('1h')}]")
	f.Add("invariants:\n  - name: b\n    possible: >-\n      plan.accepts([\"totp\"])\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := p.Statements([]byte(text))
		var faults Problems
		if (err == nil) == (len(all) == 0) || err != nil && !errors.As(err, &faults) {
			t.Fatalf("%d statements, and %v", len(all), err)
		}
		for _, s := range all {
			// What was read is a condition, and evaluating it gives an answer or a
			// reason that repeats nothing of the facts.
			if _, err := p.True(s, ordinary(), p.Plan(ordinary())); err != nil && strings.Contains(err.Error(), ordinary().Subject.Name) {
				t.Error(err)
			}
		}
	})
}
