package rest_test

import (
	"bytes"
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/roster"
)

const cases = "cases:\n  - {case: it waits, given: {agent: {desk: helpdesk}}, expect: {wait: 3h}}\n"

func policyCalls(c *crew) map[string]func(session string) *answer {
	post := func(path string, body object) func(string) *answer {
		return func(session string) *answer { return c.post(path, body, as(session)) }
	}
	return map[string]func(string) *answer{
		"read":    func(session string) *answer { return c.get("/policy", as(session)) },
		"check":   post("/policy/check", object{"policy_text": gatetest.Policy}),
		"explain": post("/policy/explain", object{"given": "{action: unlock}"}),
		"test":    post("/policy/tests", object{"cases_text": cases}),
		"diff":    post("/policy/diff", object{"policy_text": gatetest.Policy}),
		"prove":   post("/policy/proofs", object{}),
	}
}

func TestPoliciesAreLookedAtOverHTTPByThoseWithOversight(t *testing.T) {
	c := man(t)
	least := c.token2("most", gate.ScopeOpen, gate.ScopeRead, gate.ScopeEnrol, gate.ScopeReport)
	audit := c.token2("audit", gate.ScopeAudit)
	for verb, call := range policyCalls(c) {
		for _, session := range []string{c.agent, c.manager, least} {
			call(session).no(403, "forbidden")
		}
		for _, session := range []string{c.officer, c.security, audit} {
			if a := call(session).ok(200); bytes.Contains(a.body, []byte(":null")) {
				t.Errorf("%s: an empty list is none: %s", verb, a.body)
			}
		}
		call("sst_none").no(401, "unauthenticated")
	}
}

func TestAPolicyIsReadCheckedExplainedTestedComparedAndProvedOverHTTP(t *testing.T) {
	c := man(t)
	session := as(c.security)
	v := into[gate.PolicyView](c.get("/policy", session).ok(200))
	if v.Text != gatetest.Policy || v.Policy != roster.HashPolicy(gatetest.Policy) || len(v.Editions) != 1 || len(v.Rules) != 2 {
		t.Errorf("%+v", v)
	}
	c.get("/policy?policy="+v.Policy, session).ok(200)
	c.get("/policy?policy=sha256:none", session).no(404, "not_found")

	k := into[gate.PolicyCheck](c.post("/policy/check", object{"policy_text": "rules: []"}, session).ok(200))
	if k.Loads || k.Errors == 0 || k.Findings[0].Line == 0 || k.Findings[0].Message == "" {
		t.Errorf("%+v", k)
	}
	x := into[gate.PolicyAnswer](c.post("/policy/explain", object{"request": c.request.ID}, session).ok(200))
	if len(x.Demands) == 0 || x.Given != "" || len(x.Rules) == 0 {
		t.Errorf("%+v", x)
	}
	c.post("/policy/explain", object{"given": "{subjct: {}}"}, session).no(400, "invalid")
	r := into[gate.PolicyTest](c.post("/policy/tests", object{"cases_text": cases}, session).ok(200))
	if r.Failed != 1 || r.Cases[0].Misses[0].Expected != "wait: 3h" {
		t.Errorf("%+v", r)
	}
	slower := strings.Replace(gatetest.Policy, "rules:\n", "rules:\n  - rule: slower\n    when: \"true\"\n    demand: {wait: 3h}\n", 1)
	d := into[gate.PolicyDiff](c.post("/policy/diff", object{"policy_text": slower}, session).ok(200))
	if d.Eased || len(d.Changes) == 0 || d.Changes[0].Given == "" || !strings.Contains(d.Text, "3h") {
		t.Errorf("%+v", d)
	}
	p := into[gate.PolicyProof](c.post("/policy/proofs", object{"invariants_text": "invariants:\n  - {name: waits, always: plan.wait > duration(\"0s\")}\n"}, session).ok(200))
	if p.Broken == 0 || p.Statements[len(p.Statements)-1].Outcome != "broken" {
		t.Errorf("%+v", p)
	}
	c.post("/policy/check", object{"policy_text": strings.Repeat("#", 2<<20)}, session).no(413, "too_large")
	c.post("/policy/check", object{"policy_text": gatetest.Policy, "why": "x"}, session).no(400, "unknown_field")
	l := into[gate.PolicyLanguage](c.get("/policy/language", as(c.agent)).ok(200))
	if len(l.Facts) < 40 || !bytes.Contains(l.Schema, []byte("json-schema.org")) {
		t.Errorf("%d facts, %.60s", len(l.Facts), l.Schema)
	}
}
