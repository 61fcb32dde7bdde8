package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// crew is a site with sessions and one request that waits for its signature.
type crew struct {
	*site
	seed                              gatetest.Seed
	agent, manager, security, officer string
	request                           gate.View
	token                             string // the requester's
}

func man(t *testing.T) *crew {
	c := &crew{site: open(t, gatetest.Policy)}
	c.seed, _ = c.Enrol(gatetest.Wren, proof.TOTP)
	c.agent, c.manager = c.signIn(gatetest.Finch), c.signIn(c.Person(gatetest.Moss))
	c.security, c.officer = c.signIn(gatetest.Sorrel), c.signIn(gatetest.Olive)
	c.request, c.token = c.proved(c.agent, c.seed)
	return c
}

func (c *crew) path(sub string) string { return "/requests/" + c.request.ID + sub }

func (c *crew) status() reset.Status { return c.State(c.request.ID).Status() }

func TestATokenReadsAndOpensAndNeverApproves(t *testing.T) {
	c := man(t)
	ballot := c.ballot(c.Person(gatetest.Moss), c.manager, c.request.ID, "approval")
	all := c.token2("everything", gate.Scopes...)
	c.post(c.path("/decisions"), ballot, as(all)).no(403, "forbidden")
	c.post(c.path("/reviews"), object{"decision": "review-in-order", "statement_id": "x", "assertion": object{}}, as(all)).no(403, "forbidden")
	c.get(c.path("/statement?decision=approval"), as(all)).no(403, "forbidden")
	c.post(c.path("/cancel"), nil, as(all)).no(403, "forbidden")
	c.get("/roster", as(all)).no(403, "forbidden")
	c.post("/roster/invitations", object{"person": "p", "name": "P", "roles": []string{"officer"}}, as(all)).no(403, "forbidden")
	c.post("/roster/proposals", object{"kind": "remove_member", "person": "staff:olive"}, as(all)).no(403, "forbidden")
	c.post("/tokens/statement", object{"name": "more", "scopes": []string{"ledger:read"}}, as(all)).no(403, "forbidden")
	officer := c.signIn(gatetest.Olive)
	c.post("/tokens", c.letting(officer, "more", "ledger:read"), as(all)).no(403, "forbidden")
	c.send("DELETE", "/api/v1/tokens/everything", nil, as(all)).no(403, "forbidden")
	if c.status() != reset.Approving {
		t.Errorf("it stands at %s", c.status())
	}
	c.get(c.path(""), as(all)).ok(200)
	c.get(c.path("/bundle"), as(all)).ok(200)
	c.post("/requests", wish(), as(all)).ok(201)
	if me := into[object](c.get("/me", as(all)).ok(200)); me["token"] != "everything" || len(me["scopes"].([]any)) != len(gate.Scopes) {
		t.Errorf("me: %v", me)
	}
}

func (c *crew) token2(name string, scopes ...gate.Scope) string { return c.site.token(name, scopes...) }

func TestEachScopeOpensItsOwnDoorAlone(t *testing.T) {
	c := man(t)
	for _, s := range gate.Scopes {
		tok := as(c.token2("t-"+strings.ReplaceAll(string(s), ":", "-"), s))
		for name, try := range map[string]struct {
			a     *answer
			scope []gate.Scope
		}{
			"open":   {c.post("/requests", wish(), tok), []gate.Scope{gate.ScopeOpen}},
			"read":   {c.get(c.path(""), tok), []gate.Scope{gate.ScopeRead, gate.ScopeAudit}},
			"list":   {c.get("/requests", tok), []gate.Scope{gate.ScopeRead, gate.ScopeAudit}},
			"bundle": {c.get(c.path("/bundle"), tok), []gate.Scope{gate.ScopeAudit}},
			"enrol":  {c.post("/enrolments", object{"login": "moss", "method": "recovery_code"}, tok), []gate.Scope{gate.ScopeEnrol}},
			"report": {c.post("/reports", object{"login": "moss", "device": object{"id": "x", "at": c.Now()}}, tok), []gate.Scope{gate.ScopeReport}},
			"simulate": {c.post("/policy/simulations", object{"policy_text": gatetest.Policy, "since": c.Now().Add(-time.Hour), "until": c.Now()}, tok),
				[]gate.Scope{gate.ScopeAudit}},
		} {
			may := strings.Contains(fmt.Sprint(try.scope), string(s))
			if ok := try.a.code < 300; ok != may {
				t.Errorf("a token for %s tries to %s: %d %s", s, name, try.a.code, try.a.body)
			}
		}
	}
}

func TestARevokedTokenIsOut(t *testing.T) {
	c := man(t)
	tok := c.token2("ticket system #1", gate.ScopeRead)
	c.get("/requests", as(tok)).ok(200)
	c.send("DELETE", "/api/v1/tokens/ticket%20system%20%231", nil, as(c.officer)).ok(204)
	c.get("/requests", as(tok)).no(401, "unauthenticated")
	c.send("DELETE", "/api/v1/tokens/ticket%20system%20%231", nil, as(c.officer)).no(404, "not_found")
}

func TestAnAgentNeitherSignsNorAudits(t *testing.T) {
	c := man(t)
	ballot := c.ballot(c.Person(gatetest.Moss), c.manager, c.request.ID, "approval")
	c.post(c.path("/decisions"), ballot, as(c.agent)).no(403, "forbidden")
	c.get(c.path("/statement?decision=approval"), as(c.agent)).no(403, "forbidden")
	c.get(c.path("/bundle"), as(c.agent)).no(403, "forbidden")
	c.get(c.path("/timeline"), as(c.agent)).no(403, "forbidden")
	c.post("/enrolments", object{"login": "wren", "method": "totp"}, as(c.agent)).no(403, "forbidden")
	c.post("/tokens/statement", object{"name": "x", "scopes": []string{"requests:read"}}, as(c.agent)).no(403, "forbidden")
	c.post("/requests", wish(), as(c.manager)).no(403, "forbidden") // and a manager opens nothing
	c.get(c.path("/case/secret"), as(c.agent)).no(404, "not_found")
	c.post("/case/secret", nil, as(c.agent)).no(401, "session_unknown")
	if c.status() != reset.Approving {
		t.Errorf("it stands at %s", c.status())
	}
}

func TestWhoMayNotKnowOfARequestIsToldWhatAStrangerIs(t *testing.T) {
	c := man(t)
	c.Invite("staff:heron", "Heron Fox", "", identity.Manager)
	c.Invite("staff:dipper", "Dipper Lake", "nightline", identity.Agent)
	other, elsewhere := c.signIn("staff:heron"), c.signIn("staff:dipper")
	opener := c.token2("opener", gate.ScopeOpen)
	const unknown = "req_00000000-0000-7000-8000-000000000000"
	ballot := c.ballot(c.Person(gatetest.Moss), c.manager, c.request.ID, "approval")
	for who, session := range map[string]string{"a manager of others": other, "another desk": elsewhere, "a token that only opens": opener} {
		for _, try := range []struct{ method, path string }{
			{"GET", ""}, {"GET", "/statement?decision=approval"}, {"GET", "/timeline"}, {"GET", "/bundle"},
			{"POST", "/cancel"}, {"POST", "/decisions"},
		} {
			var body any
			if strings.HasSuffix(try.path, "decisions") {
				body = ballot
			}
			theirs := c.send(try.method, "/api/v1"+c.path(try.path), body, as(session))
			nobodys := c.send(try.method, "/api/v1/requests/"+unknown+try.path, body, as(session))
			garbage := c.send(try.method, "/api/v1/requests/roster"+try.path, body, as(session))
			theirs.Del("X-Request-Id")
			nobodys.Del("X-Request-Id")
			if theirs.code < 403 || theirs.code != nobodys.code || !bytes.Equal(theirs.body, nobodys.body) || fmt.Sprint(theirs.Header) != fmt.Sprint(nobodys.Header) {
				t.Errorf("%s, %s %s:\n %d %s\n %d %s", who, try.method, try.path, theirs.code, theirs.body, nobodys.code, nobodys.body)
			}
			if theirs.code == 404 {
				garbage.no(404, "not_found")
			}
		}
	}
}

func TestADeskLearnsNothingAboutAccountsItCannotServe(t *testing.T) {
	c := man(t)
	var answers []*answer
	for _, login := range []string{"nobody.at.all", "admin"} {
		a := c.post("/requests", object{"login": login, "action": "unlock", "channel": "phone"}, as(c.agent)).no(403, "not_available")
		a.Del("X-Request-Id")
		answers = append(answers, a)
	}
	if !bytes.Equal(answers[0].body, answers[1].body) || fmt.Sprint(answers[0].Header) != fmt.Sprint(answers[1].Header) {
		t.Errorf("unknown: %s\nout of reach: %s", answers[0].body, answers[1].body)
	}
}

func TestASignatureHoldsForOnePersonStatementDecisionAndRequest(t *testing.T) {
	c := man(t)
	moss := c.Person(gatetest.Moss)
	good := c.ballot(moss, c.manager, c.request.ID, "approval")
	second, _ := c.proved(c.agent, c.seed2())
	elsewhere := c.ballot(moss, c.manager, second.ID, "approval")
	variant := func(change func(object)) object {
		b := object{}
		for k, v := range good {
			b[k] = v
		}
		change(b)
		return b
	}
	for name, try := range map[string]struct {
		body   object
		status int
		code   string
	}{
		"somebody else's passkey":         {variant(func(b object) { b["assertion"] = c.assertion(gatetest.Sorrel, []byte("0123456789abcdef")) }), 422, "signature_refused"},
		"an assertion that does not read": {variant(func(b object) { b["assertion"] = object{"id": "x"} }), 422, "signature_refused"},
		"an assertion of a sign-in":       {variant(func(b object) { b["assertion"] = c.assertion(moss, []byte("a challenge of a sign-in")) }), 422, "signature_refused"},
		"the other request's assertion":   {variant(func(b object) { b["assertion"] = elsewhere["assertion"] }), 422, "signature_refused"},
		"the other decision":              {variant(func(b object) { b["decision"] = "denial" }), 409, "statement_outdated"},
		"another statement":               {elsewhere, 409, "statement_outdated"},
		"a review as a decision":          {variant(func(b object) { b["decision"] = "review-in-order" }), 400, "invalid"},
		"a note of two lines":             {variant(func(b object) { b["note"] = "a\nb" }), 400, "invalid"},
	} {
		if a := c.post(c.path("/decisions"), try.body, as(c.manager)); a.code != try.status {
			t.Errorf("%s: %d %s", name, a.code, a.body)
		} else {
			a.no(try.status, try.code)
		}
	}
	if c.status() != reset.Approving {
		t.Fatalf("it stands at %s", c.status())
	}
	c.post(c.path("/decisions"), good, as(c.manager)).ok(200)
	c.post(c.path("/decisions"), good, as(c.manager)).no(409, "signed_already")
}

// seed2 lets the authenticator app show another code than the one just used.
func (c *crew) seed2() gatetest.Seed { c.Pass(time.Minute); return c.seed }

func TestADenialEndsIt(t *testing.T) {
	c := man(t)
	c.post(c.path("/decisions"), c.ballot(c.Person(gatetest.Moss), c.manager, c.request.ID, "denial"), as(c.manager)).ok(200)
	c.post(c.path("/cancel"), nil, as(c.agent)).no(409, "request_ended")
	if c.status() != reset.Denied {
		t.Errorf("it stands at %s", c.status())
	}
}

func TestIfMatchRefusesWhatHasChangedSince(t *testing.T) {
	c := man(t)
	now := c.get(c.path(""), as(c.agent)).ok(200).Get("ETag")
	ballot := c.ballot(c.Person(gatetest.Moss), c.manager, c.request.ID, "approval")
	for _, tag := range []string{`"1"`, `W/` + now, `""`, `"1", "2"`, `nonsense`} {
		c.post(c.path("/decisions"), ballot, as(c.manager), header("If-Match", tag)).no(412, "stale")
		c.post(c.path("/cancel"), nil, as(c.agent), header("If-Match", tag)).no(412, "stale")
	}
	c.post("/requests/req_00000000-0000-7000-8000-000000000000/cancel", nil, as(c.agent), header("If-Match", now)).no(404, "not_found")
	signed := c.post(c.path("/decisions"), ballot, as(c.manager), header("If-Match", `"999", `+now)).ok(200)
	if signed.Get("ETag") == now {
		t.Error("the version did not move")
	}
	c.post(c.path("/cancel"), nil, as(c.agent), header("If-Match", now)).no(412, "stale")
	c.post(c.path("/cancel"), nil, as(c.agent), header("If-Match", "*")).ok(200)
}

func TestNoStaffAnswerHoldsASecret(t *testing.T) {
	c := man(t)
	c.post(c.path("/decisions"), c.ballot(c.Person(gatetest.Moss), c.manager, c.request.ID, "approval"), as(c.manager)).ok(200)
	c.Pass(time.Second)
	c.Authorise(c.request.ID)
	c.Must(c.Do(gate.JobDispatch, c.request.ID))
	var seen bytes.Buffer
	for _, session := range []string{c.agent, c.manager, c.security, c.officer} {
		for _, path := range []string{c.path(""), c.path("/timeline"), c.path("/bundle"), c.path("/statement?decision=review-in-order"), "/requests", "/roster"} {
			seen.Write(c.get(path, as(session)).body)
		}
	}
	shown := into[gate.Secrets](c.post("/case/secret", nil, as(c.token)).ok(200))
	for _, secret := range []string{shown.Password, c.token, gatetest.WrensMail, c.agent} {
		if secret == "" || bytes.Contains(seen.Bytes(), []byte(secret)) {
			t.Errorf("staff were shown %q", secret)
		}
	}
	if !json.Valid(c.get(c.path("/bundle"), as(c.security)).body) {
		t.Error("no bundle was looked at")
	}
}
