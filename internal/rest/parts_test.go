package rest_test

import (
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/policies"
)

func TestThePartsAreForOversightAndTokensThatReadTheLedger(t *testing.T) {
	s := open(t, gatetest.Policy)
	watch, opener := s.token("watch", gate.ScopeAudit), s.token("opener", gate.ScopeOpen)
	for _, session := range []string{s.signIn(gatetest.Olive), s.signIn(gatetest.Sorrel), watch} {
		v := into[gate.PartsView](s.get("/parts", as(session)).ok(200))
		if len(v.Parts) == 0 || v.Ledger.Entries == 0 || v.Parts[0].Name != "corp" {
			t.Errorf("%+v", v)
		}
		s.get("/setup", as(session)).ok(200)
	}
	for _, session := range []string{s.signIn(gatetest.Finch), s.signIn(s.Person(gatetest.Moss)), opener} {
		s.get("/parts", as(session)).no(403, "forbidden")
		s.get("/setup", as(session)).no(403, "forbidden")
	}
	s.get("/parts").no(401, "unauthenticated")
	s.get("/setup").no(401, "unauthenticated")
}

func TestADirectoryIsTestedByALogin(t *testing.T) {
	s := open(t, gatetest.Policy)
	officer := as(s.signIn(gatetest.Olive))
	v := into[gate.TestView](s.post("/parts/directories/corp/test", object{"login": gatetest.Wren}, officer).ok(200))
	if !v.OK || v.Account == nil || v.Account.Login != gatetest.Wren {
		t.Errorf("%+v", v)
	}
	if v := into[gate.TestView](s.post("/parts/directories/corp/test", object{"login": "x' OR <b>"}, officer).ok(200)); v.OK || v.Account != nil {
		t.Errorf("%+v", v)
	}
	s.post("/parts/directories/none/test", object{"login": gatetest.Wren}, officer).no(400, "invalid")
	s.post("/parts/directories/corp/test", object{"login": strings.Repeat("a", 10_000)}, officer).no(400, "invalid")
	s.post("/parts/directories/corp/test", object{"login": gatetest.Wren}, as(s.signIn(gatetest.Finch))).no(403, "forbidden")
}

func TestATestLetterIsForOneOfTwoAddresses(t *testing.T) {
	s := open(t, gatetest.Policy)
	officer := as(s.signIn(gatetest.Olive))
	s.post("/parts/mail/test", object{"to": "security"}, officer).ok(200)
	s.post("/parts/mail/test", object{"to": "self"}, officer).no(400, "invalid")
	s.post("/parts/mail/test", object{"to": "a@evil.example"}, officer).no(400, "invalid")
	if n := len(s.Mail.Messages("soc@corp.example")); n != 1 {
		t.Errorf("%d letters", n)
	}
	for range 9 {
		s.post("/parts/mail/test", object{"to": "security"}, officer).ok(200)
	}
	a := s.post("/parts/mail/test", object{"to": "security"}, officer)
	a.no(429, "too_many")
	if a.Get("Retry-After") == "" {
		t.Error("nobody says when to come back")
	}
}

func TestInvitationsAndTokensAreListedAndTakenBack(t *testing.T) {
	s := open(t, gatetest.Policy)
	officer, agent := as(s.signIn(gatetest.Olive)), as(s.signIn(gatetest.Finch))
	s.post("/roster/invitations", object{"person": "staff:heron", "name": "Heron Fox", "roles": []string{"officer"}}, officer).ok(201)
	token := into[struct{ Token string }](s.post("/roster/passkey-invitations", object{"person": gatetest.Finch}, officer).ok(201)).Token
	s.post("/roster/passkey-invitations", object{"person": gatetest.Finch}, agent).no(403, "forbidden")
	s.post("/roster/passkey-invitations", object{"person": "nobody"}, officer).no(400, "invalid")
	list := into[struct{ Invitations []gate.InvitationView }](s.get("/roster/invitations", agent).ok(200)).Invitations
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	for _, i := range list {
		if i.Another != (i.Person == gatetest.Finch) || strings.Contains(i.ID, token) {
			t.Errorf("%+v", i)
		}
		s.send("DELETE", "/api/v1/roster/invitations/"+i.ID, nil, agent).no(403, "forbidden")
		s.send("DELETE", "/api/v1/roster/invitations/"+i.ID, nil, officer).ok(204)
		s.send("DELETE", "/api/v1/roster/invitations/"+i.ID, nil, officer).no(404, "not_found")
	}
	s.post("/join/begin", object{"token": token}).no(404, "not_found")

	s.token("tickets", gate.ScopeOpen)
	if tokens := into[struct{ Tokens []gate.TokenView }](s.get("/tokens", agent).ok(200)).Tokens; len(tokens) != 1 || tokens[0].Name != "tickets" {
		t.Errorf("%+v", tokens)
	}
	s.get("/tokens", as(s.token("other", gate.Scopes...))).no(403, "forbidden")
}

func TestTheRostersHistoryIsRead(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := as(s.signIn(gatetest.Finch))
	h := into[gate.RosterHistory](s.get("/roster/history?limit=1", agent).ok(200))
	if len(h.Entries) != 1 || h.Before == 0 {
		t.Errorf("%+v", h)
	}
	s.get("/roster/history?limit=0", agent).no(400, "invalid")
	s.get("/roster/history?before=-1", agent).no(400, "invalid")
	s.get("/roster/history", as(s.token("reads", gate.ScopeRead))).no(403, "forbidden")
}

func TestAReadyPolicyIsReadByThoseWhoMayProposeIt(t *testing.T) {
	s := open(t, gatetest.Policy)
	s.Invite("staff:aud", "Aude Itor", "", identity.Auditor)
	finance, _ := policies.Find("finance")
	out := into[struct{ Text string }](s.get("/policy/ready/finance", as(s.signIn(gatetest.Olive))).ok(200))
	if out.Text != finance.Text() {
		t.Error("it is another text")
	}
	s.get("/policy/ready/none", as(s.signIn(gatetest.Olive))).no(404, "not_found")
	s.get("/policy/ready/finance", as(s.signIn("staff:aud"))).no(403, "forbidden")
}
