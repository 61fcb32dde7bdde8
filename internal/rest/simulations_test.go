package rest_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
)

func TestAPolicyIsSimulatedOverHTTPByThoseWithOversight(t *testing.T) {
	c := man(t)
	span := func(text string) object {
		return object{"policy_text": text, "since": c.Now().Add(-24 * time.Hour), "until": c.Now().Add(time.Hour)}
	}
	easier := span(strings.Replace(gatetest.Policy, "      approvals: [{role: manager, count: 1}]\n", "", 1))
	a := c.post("/policy/simulations", easier, as(c.officer)).ok(200)
	s := into[gate.Simulation](a)
	if s.Total.Requests != 1 || s.Total.Eased != 1 || len(s.Examples.Eased) != 1 || s.Examples.Eased[0] != c.request.ID {
		t.Errorf("%s", a.body)
	}
	for _, word := range []string{"wren", "Wren", "INC-7", "totp"} {
		if bytes.Contains(a.body, []byte(word)) {
			t.Errorf("the answer tells %q: %s", word, a.body)
		}
	}
	if b := c.post("/policy/simulations", span(gatetest.Policy), as(c.token2("audit", gate.ScopeAudit))).ok(200); !bytes.Contains(b.body, []byte(`"refused":[]`)) {
		t.Errorf("an empty list is not one: %s", b.body)
	}
	for who, session := range map[string]string{"an agent": c.agent, "a manager": c.manager, "a token": c.token2("most", gate.ScopeOpen, gate.ScopeRead, gate.ScopeEnrol, gate.ScopeReport)} {
		if got := c.post("/policy/simulations", easier, as(session)); got.code != 403 {
			t.Errorf("%s: %d %s", who, got.code, got.body)
		}
	}
	c.post("/policy/simulations", easier).no(401, "unauthenticated")
	bad := c.post("/policy/simulations", span("rules: []"), as(c.security)).no(400, "invalid")
	if !strings.Contains(string(bad.body), "does not load") {
		t.Errorf("it does not say why: %s", bad.body)
	}
	backwards := span(gatetest.Policy)
	backwards["since"], backwards["until"] = backwards["until"], backwards["since"]
	c.post("/policy/simulations", backwards, as(c.security)).no(400, "invalid")
	c.post("/policy/simulations", object{"policy_text": gatetest.Policy}, as(c.security)).no(400, "invalid")
}
