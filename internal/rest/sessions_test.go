package rest_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/internal/client"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/signin"
)

type sessionList struct {
	Sessions []signin.Session
	Ended    []gate.Ended
}

func TestPeopleListAndEndTheirSessionsOverHTTP(t *testing.T) {
	s := open(t, gatetest.Policy)
	here, lost, third := s.signIn(gatetest.Finch), s.signIn(gatetest.Finch), s.signIn(gatetest.Finch)
	other := s.signIn(gatetest.Sorrel)
	list := into[sessionList](s.get("/sessions", as(here)).ok(200))
	if len(list.Sessions) != 3 || len(list.Ended) != 0 {
		t.Fatalf("%+v", list)
	}
	name := map[string]string{}
	for token, who := range map[string]string{here: "here", lost: "lost", third: "third"} {
		for _, one := range into[sessionList](s.get("/sessions", as(token)).ok(200)).Sessions {
			if one.Here {
				name[who] = one.ID
			}
		}
	}
	s.send("DELETE", "/api/v1/sessions/"+name["lost"], nil, as(other)).no(404, "not_found")
	s.send("DELETE", "/api/v1/sessions/"+name["lost"], nil, as(here)).ok(204)
	s.send("DELETE", "/api/v1/sessions/"+name["lost"], nil, as(here)).no(404, "not_found")
	s.get("/me", as(lost)).no(401, "unauthenticated")
	if n := into[struct{ Ended int }](s.send("DELETE", "/api/v1/sessions", nil, as(here)).ok(200)).Ended; n != 1 {
		t.Errorf("%d others", n)
	}
	s.get("/me", as(third)).no(401, "unauthenticated")
	s.send("DELETE", "/api/v1/sessions/"+name["here"], nil, as(here)).ok(204) // one's own, too
	s.get("/me", as(here)).no(401, "unauthenticated")
	s.get("/me", as(other)).ok(200)
}

func TestAnIntegrationHasNoSessions(t *testing.T) {
	s := open(t, gatetest.Policy)
	tok := s.token("everything", gate.Scopes...)
	s.get("/sessions", as(tok)).no(403, "forbidden")
	s.send("DELETE", "/api/v1/sessions", nil, as(tok)).no(403, "forbidden")
	s.send("DELETE", "/api/v1/sessions/x", nil, as(tok)).no(403, "forbidden")
	s.post("/sessions/end", object{"person": gatetest.Finch, "reason": "x"}, as(tok)).no(403, "forbidden")
	s.get("/sessions").no(401, "unauthenticated")
}

func TestAnOfficerEndsAMembersSessionsOverHTTP(t *testing.T) {
	s := open(t, gatetest.Policy)
	stolen, officer := s.signIn(gatetest.Finch), s.signIn(gatetest.Olive)
	s.post("/sessions/end", object{"person": gatetest.Finch, "reason": "stolen"}, as(stolen)).no(403, "forbidden")
	s.post("/sessions/end", object{"person": gatetest.Finch}, as(officer)).no(400, "invalid")
	s.post("/sessions/end", object{"person": gatetest.Finch, "reason": "a\u202eb"}, as(officer)).no(400, "invalid")
	s.post("/sessions/end", object{"person": "staff:gone", "reason": "x"}, as(officer)).no(404, "not_found")
	if n := into[struct{ Ended int }](s.post("/sessions/end", object{"person": gatetest.Finch, "reason": "the laptop was stolen"}, as(officer)).ok(200)).Ended; n != 1 {
		t.Errorf("%d ended", n)
	}
	s.get("/me", as(stolen)).no(401, "unauthenticated")
	list := into[sessionList](s.get("/sessions", as(s.signIn(gatetest.Finch))).ok(200))
	if len(list.Ended) != 1 || list.Ended[0].Why != "the laptop was stolen" || list.Ended[0].Name != "Olive Park" {
		t.Errorf("told: %+v", list.Ended)
	}
}

// Ending a colleague's sessions over and over would shut them out of their work.
func TestAnOfficerEndsAMembersSessionsThreeTimesAnHour(t *testing.T) {
	s := open(t, gatetest.Policy)
	officer := s.signIn(gatetest.Olive)
	end := func(p identity.PersonID) *answer {
		return s.post("/sessions/end", object{"person": p, "reason": "x"}, as(officer))
	}
	for range 3 {
		end(gatetest.Sorrel).ok(200)
		s.Pass(time.Minute)
	}
	here := s.signIn(gatetest.Sorrel)
	if a := end(gatetest.Sorrel).no(429, "too_many"); a.Get("Retry-After") != "3420" {
		t.Errorf("%v", a.Header)
	}
	s.get("/me", as(here)).ok(200)
	end(gatetest.Finch).ok(200) // another member's are counted by themselves
	s.Pass(57 * time.Minute)
	officer, here = s.signIn(gatetest.Olive), s.signIn(gatetest.Sorrel)
	end(gatetest.Sorrel).ok(200)
	s.get("/me", as(here)).no(401, "unauthenticated")
}

func TestAMemberIsToldOfTheLastEndings(t *testing.T) {
	s := open(t, gatetest.Policy)
	for n := range 25 {
		officer := gatetest.Staff(gatetest.Olive)
		s.Must(s.Gate.EndSessions(t.Context(), officer, gatetest.Finch, gate.Ending{Why: fmt.Sprint("reason ", n)}, nil))
		s.Pass(30 * time.Minute)
	}
	list := into[sessionList](s.get("/sessions", as(s.signIn(gatetest.Finch))).ok(200))
	if len(list.Ended) != 20 || list.Ended[0].Why != "reason 24" || list.Ended[19].Why != "reason 5" {
		t.Errorf("told of %d: %+v", len(list.Ended), list.Ended)
	}
}

// A session that was ended hears of nothing more, even where it listens.
func TestAStreamEndsWithItsSession(t *testing.T) {
	s := open(t, gatetest.Policy)
	stolen, here := s.signIn(gatetest.Finch), s.signIn(gatetest.Finch)
	v := s.Open(gatetest.Wren, identity.Unlock)
	_, all := s.streamOf("/requests/events", as(stolen))
	_, one := s.streamOf("/requests/"+v.ID+"/events", as(stolen))
	heard(t, all, "ready")
	heard(t, one, "ready")
	s.send("DELETE", "/api/v1/sessions", nil, as(here)).ok(200)
	s.post("/requests/"+v.ID+"/cancel", nil, as(here)).ok(200)
	heard(t, all, "ended")
	heard(t, one, "ended")
}

func TestTheClientListsAndEndsSessions(t *testing.T) {
	s := open(t, gatetest.Policy)
	server := httptest.NewServer(s.api)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL)
	s.Must(err)
	officer, lost, finch := c.As(s.signIn(gatetest.Olive)), s.signIn(gatetest.Finch), c.As(s.signIn(gatetest.Finch))
	list, err := finch.Sessions(t.Context())
	s.Must(err)
	if len(list.Sessions) != 2 {
		t.Fatalf("%+v", list)
	}
	for _, one := range list.Sessions {
		if !one.Here {
			s.Must(finch.EndSession(t.Context(), one.ID))
		}
	}
	s.get("/me", as(lost)).no(401, "unauthenticated")
	n, err := officer.EndSessionsOf(t.Context(), gatetest.Finch, "the laptop was stolen")
	if n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := finch.EndOtherSessions(t.Context()); client.CodeOf(err) != "unauthenticated" {
		t.Error(err)
	}
	if err := officer.EndSession(t.Context(), "../me"); client.CodeOf(err) != "not_found" {
		t.Error(err)
	}
	if _, err := officer.EndSessionsOf(t.Context(), gatetest.Finch, ""); !strings.Contains(err.Error(), "reason") {
		t.Error(err)
	}
}
