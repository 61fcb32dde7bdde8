package rest_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/roster"
	"countersign/internal/signin"
)

func TestARepeatedKeyActsOnceAndAnswersAlike(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	first := s.post("/requests", wish(), as(agent), key("k1")).ok(201)
	again := s.post("/requests", wish(), as(agent), key("k1")).ok(201)
	if again.Get("Idempotency-Replayed") != "true" || first.Get("Idempotency-Replayed") != "" {
		t.Error("a replay does not say so, or the first answer does")
	}
	for _, h := range []string{"ETag", "Location", "Content-Type"} {
		if first.Get(h) == "" || first.Get(h) != again.Get(h) {
			t.Errorf("%s: %q, then %q", h, first.Get(h), again.Get(h))
		}
	}
	if !bytes.Equal(first.body, again.body) {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	if got := into[struct{ Requests []gate.Summary }](s.get("/requests", as(agent)).ok(200)); len(got.Requests) != 1 {
		t.Errorf("%d requests were opened", len(got.Requests))
	}

	other := wish()
	other["login"] = gatetest.Moss
	s.post("/requests", other, as(agent), key("k1")).no(422, "idempotency_mismatch")
	s.post("/requests", wish(), as(agent), key("k2")).ok(201)
	s.post("/requests", wish(), as(agent), key("k1"), key("k2")).no(400, "invalid")
	s.post("/requests", wish(), as(agent), key("")).no(400, "invalid")
	s.post("/requests", wish(), as(agent), key(strings.Repeat("k", 201))).no(400, "invalid")
	s.post("/requests", wish(), key("k1")).no(401, "unauthenticated")
}

func TestARefusalIsReplayedAndAMistakeIsForgiven(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	// What was decided and recorded is said again, not decided again.
	nobody := object{"login": "nobody", "action": "unlock", "channel": "phone"}
	s.post("/requests", nobody, as(agent), key("k1")).no(403, "not_available")
	if a := s.post("/requests", nobody, as(agent), key("k1")).no(403, "not_available"); a.Get("Idempotency-Replayed") != "true" {
		t.Error("the look-up was made twice")
	}
	// What was refused for its form may be corrected under the same key.
	s.post("/requests", object{"login": "wren"}, as(agent), key("k2")).no(400, "invalid")
	s.post("/requests", wish(), as(agent), key("k2")).ok(201)
}

func TestAnAnswerWithASecretIsGivenOnce(t *testing.T) {
	s := open(t, gatetest.Policy)
	officer := s.signIn(gatetest.Olive)
	enroller := s.token("onboarding", gate.ScopeEnrol)
	for _, c := range []struct {
		path, who string
		body      object
	}{
		{"/tokens", officer, s.letting(officer, "itsm", "requests:read")},
		{"/roster/invitations", officer, object{"person": "p", "name": "P", "roles": []string{"auditor"}}},
		{"/enrolments", enroller, object{"login": "wren", "method": "recovery_code"}},
	} {
		s.post(c.path, c.body, as(c.who), key(c.path)).ok(201)
		s.post(c.path, c.body, as(c.who), key(c.path)).no(409, "idempotency_used")
		s.post(c.path, object{}, as(c.who), key(c.path)).no(422, "idempotency_mismatch")
	}
}

// What somebody may read ends with their role, whatever they have read before.
func TestWhatWasOnlyReadIsNotReplayed(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent, security, officer := s.signIn(gatetest.Finch), s.signIn(gatetest.Sorrel), s.signIn(gatetest.Olive)
	for _, c := range []struct {
		path, who string
		body      object
	}{
		{"/look-ups", agent, object{"login": "wren"}},
		{"/policy/check", security, object{"policy_text": gatetest.Policy}},
		{"/policy/diff", security, object{"policy_text": gatetest.Policy}},
		{"/policy/simulations", security, object{"policy_text": gatetest.Policy, "since": s.Now().Add(-time.Hour), "until": s.Now()}},
		{"/parts/directories/corp/test", officer, object{"login": "wren"}},
		{"/tokens/statement", officer, object{"name": "itsm", "scopes": []string{"requests:read"}}},
	} {
		for range 2 {
			if a := s.post(c.path, c.body, as(c.who), key("k")).ok(200); a.Get("Idempotency-Replayed") != "" {
				t.Errorf("%s is answered from memory", c.path)
			}
		}
	}
	s.post("/look-ups", object{"login": "moss"}, as(agent), key("k")).ok(200)
	s.post("/look-ups", object{"login": "wren"}, as(agent), key("")).ok(200)

	id, err := s.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{Kind: roster.SetRoles, Person: gatetest.Finch, Roles: []identity.Role{identity.Proofing}})
	s.Must(err)
	s.Countersign(gatetest.Olive, id)
	s.post("/look-ups", object{"login": "wren"}, as(agent), key("k")).no(403, "forbidden")
}

func TestWhatNobodyKnowsIsNotRepeated(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	body := `{"login":"wren","action":"unlock","channel":"phone"}`
	// A process that died between its act and its answer leaves the key held.
	_, _, err := s.signin.Hold(t.Context(), signin.Keyed{Caller: gatetest.Staff(gatetest.Finch), Key: "k", Method: "POST", Path: "/api/v1/requests?", Body: []byte(body)})
	s.Must(err)
	s.post("/requests", body, as(agent), key("k")).no(409, "idempotency_in_progress")
	s.Pass(2 * time.Minute)
	s.post("/requests", body, as(agent), key("k")).no(409, "idempotency_unknown")
	if got := into[struct{ Requests []gate.Summary }](s.get("/requests", as(agent)).ok(200)); len(got.Requests) != 0 {
		t.Errorf("it was carried out: %+v", got)
	}
}

func TestADecisionIsRepeatedSafely(t *testing.T) {
	s := open(t, gatetest.Policy)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	agent, manager := s.signIn(gatetest.Finch), s.signIn(s.Person(gatetest.Moss))
	v, _ := s.proved(agent, seed)
	ballot := s.ballot(s.Person(gatetest.Moss), manager, v.ID, "approval")
	s.post("/requests/"+v.ID+"/decisions", ballot, as(manager), key("vote")).ok(200)
	if a := s.post("/requests/"+v.ID+"/decisions", ballot, as(manager), key("vote")).ok(200); a.Get("Idempotency-Replayed") != "true" {
		t.Error("the signature was taken twice")
	}
	if n := len(s.State(v.ID).Votes); n != 1 {
		t.Errorf("%d votes", n)
	}
}

func TestManyWithOneKeyOpenOneRequest(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			a := s.post("/requests", wish(), as(agent), key("crowd"))
			if a.code != 201 {
				a.no(409, "idempotency_in_progress")
			}
		})
	}
	all.Wait()
	if got := into[struct{ Requests []gate.Summary }](s.get("/requests", as(agent)).ok(200)); len(got.Requests) != 1 {
		t.Errorf("%d requests were opened", len(got.Requests))
	}
}
