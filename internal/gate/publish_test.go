package gate_test

import (
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/policy"
	"countersign/internal/roster"
)

func publish(t *testing.T, h *gatetest.House, text string) (gate.Paper, error) {
	t.Helper()
	id, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{Kind: roster.PublishPolicy, PolicyText: text})
	if err != nil {
		return gate.Paper{}, err
	}
	return h.Gate.ProposalPaper(t.Context(), gatetest.Staff(gatetest.Olive), id)
}

func TestWhoSignsAPolicySeesWhatItChanges(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	stricter := strings.Replace(gatetest.Policy, "rules:\n", "rules:\n  - rule: slower\n    when: \"true\"\n    demand: {wait: 3h}\n", 1)
	p, err := publish(t, h, stricter)
	h.Must(err)
	if p.Policy == nil || p.Policy.Old != gatetest.Policy || p.Policy.New != stricter {
		t.Fatalf("the paper carries %+v", p.Policy)
	}
	if !strings.Contains(p.Policy.Diff, "asks more of") || !strings.Contains(p.Policy.Diff, "→ 3h") || !strings.HasPrefix(p.Policy.Effect, "asks more of ") {
		t.Errorf("told is %s\n%s", p.Policy.Effect, p.Policy.Diff)
	}
	for _, line := range []string{"effect: " + p.Policy.Effect, "diff: " + roster.HashPolicy(p.Policy.Diff), "policy: " + roster.HashPolicy(stricter), "replaces: " + roster.HashPolicy(gatetest.Policy)} {
		if !strings.Contains(p.Statement, "\n"+line+"\n") {
			t.Errorf("the statement does not say %q:\n%s", line, p.Statement)
		}
	}
}

func TestAPolicyThatAsksLessHasToSaySo(t *testing.T) {
	strict := strings.Replace(gatetest.Policy, "rules:\n", "rules:\n  - rule: slower\n    when: \"true\"\n    demand: {wait: 3h}\n", 1)
	h := gatetest.New(t, strict)
	lax := strings.Replace(strict, "wait: 3h", "wait: 2h", 1)
	_, err := publish(t, h, lax)
	if code(err) != "policy_eases" || !strings.Contains(err.Error(), "since: "+roster.HashPolicy(strict)) {
		t.Fatalf("a policy that asks less was put up: %v", err)
	}
	old, err := policy.Load([]byte(strict))
	h.Must(err)
	says := strings.Replace(lax, "rules:\n", "eases:\n  since: "+old.Hash()+"\n  because: the wait kept a ward waiting\n  what: [\"*/*\"]\nrules:\n", 1)
	p, err := publish(t, h, says)
	h.Must(err)
	if !strings.Contains(p.Policy.Diff, "the wait kept a ward waiting") || !strings.Contains(p.Policy.Effect, "asks less of") || !strings.Contains(p.Policy.Effect, "acknowledged") {
		t.Errorf("told is %s\n%s", p.Policy.Effect, p.Policy.Diff)
	}
}
