package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/roster"
)

func (s *site) propose(by identity.PersonID, p roster.Proposed) string {
	s.T.Helper()
	id, err := s.Gate.ProposeChange(s.T.Context(), gatetest.Staff(by), p)
	s.Must(err)
	return id
}

func TestEverybodyOnTheRosterReadsItAndOfficersAloneChangeIt(t *testing.T) {
	s := newSite(t)
	id := s.propose(gatetest.Olive, roster.Proposed{Kind: roster.RemoveMember, Person: gatetest.Finch})
	s.Token("tickets", time.Hour, gate.ScopeOpen)
	for _, p := range []identity.PersonID{gatetest.Finch, gatetest.Sorrel, s.Person(gatetest.Moss)} {
		page := s.staff(p).get("/roster").is(http.StatusOK)
		page.says("Olive Park", "Finch Day", "Finch Day is to leave the roster", "Officers sign this.", "tickets", "open requests", "4 members", "not since the server started")
		page.never(`action="/roster/tokens`, `href="/roster/change`, "/roster/proposals/"+id+"/sign", "/roster/invite")
		for _, path := range []string{"/roster/invite", "/roster/change?person=staff:finch"} {
			s.staff(p).get(path).is(http.StatusForbidden)
		}
		s.staff(p).post("/roster/tokens/revoke", "name", "tickets").is(http.StatusForbidden)
		s.staff(p).post("/roster/change", "person", "staff:finch", "do", "remove").is(http.StatusForbidden)
	}
	officer := s.staff(gatetest.Olive).get("/roster").is(http.StatusOK)
	officer.says("There is one officer", "Read and sign", "Invite a person", "Revoke")
	s.visitor().get("/roster").at("/sign-in?next=%2Froster")
	s.visitor().get("/roster/history").at("/sign-in?next=%2Froster%2Fhistory")
}

func TestAnOfficerInvitesInTheBrowserAndTheLinkIsShownOnce(t *testing.T) {
	s := newSite(t)
	olive := s.staff(gatetest.Olive)
	olive.get("/roster/invite").is(http.StatusOK).says("Invite a person", "Holds no other role")
	page := olive.post("/roster/invite", "person", "staff:heron", "name", "Heron Fox", "role", "officer").is(http.StatusOK)
	page.says("The invitation of Heron Fox", "works once", "cannot be opened again")
	link := regexp.MustCompile(regexp.QuoteMeta(gatetest.Origin) + `/join#(inv_[\w-]+)`).FindStringSubmatch(page.body)
	if link == nil {
		t.Fatalf("there is no link: %s", page.text())
	}
	if j, err := s.Gate.Join(t.Context(), link[1]); err != nil || j.Name != "Heron Fox" {
		t.Errorf("the link joins %+v, %v", j, err)
	}
	olive.post("/roster/invite", "person", "staff:heron", "name", "Heron Fox", "role", "officer").is(http.StatusUnprocessableEntity).says("waits already").never("/join#inv_")
	again := olive.get("/roster").says("Heron Fox", "Invited, not come yet")
	again.never(link[1])
	olive.post("/roster/invitations/withdraw", "invitation", again.hidden("invitation")).at("/roster")
	if _, err := s.Gate.Join(t.Context(), link[1]); err == nil {
		t.Error("a withdrawn invitation works")
	}
}

func TestAnInvitationThatCannotBeIsSaidAboveTheFormAsItWasFilledIn(t *testing.T) {
	s := newSite(t)
	olive := s.staff(gatetest.Olive)
	page := olive.post("/roster/invite", "person", "staff:x", "name", "Rowan Hill", "role", "agent").is(http.StatusUnprocessableEntity)
	page.says("An agent holds no other role, and needs a desk")
	if !strings.Contains(page.body, `value="Rowan Hill"`) || !strings.Contains(page.body, `value="agent" checked`) {
		t.Error("what was typed is gone")
	}
	olive.post("/roster/invite", "person", "staff:finch", "name", "Finch", "role", "officer").is(http.StatusUnprocessableEntity).says("on the roster already")
	olive.post("/roster/invite", "person", "p", "name", "A\u202eB", "role", "officer").is(http.StatusUnprocessableEntity).says("characters that could deceive")
}

func TestEachProposalLeadsToItsStatement(t *testing.T) {
	s := newSite(t)
	olive := s.staff(gatetest.Olive)
	olive.get("/roster/change?person=staff:finch").is(http.StatusOK).says("Finch Day", "Another passkey", "Removal")
	if p := olive.post("/roster/change", "person", "staff:finch", "do", "roles", "role", "auditor"); !strings.HasSuffix(p.path, "/sign") {
		t.Errorf("it leads to %s", p.path)
	} else {
		p.says("change: set_roles", "roles: auditor")
	}
	if p := olive.post("/roster/change", "person", "staff:finch", "do", "remove"); !strings.HasSuffix(p.path, "/sign") {
		t.Errorf("it leads to %s", p.path)
	}
	olive.post("/roster/passkey", "person", "staff:finch").is(http.StatusOK).says("Another passkey for Finch Day")
	olive.post("/roster/change", "person", "staff:finch", "do", "roles", "role", "agent", "desk", "").is(http.StatusConflict).says("an agent needs a desk")
	olive.post("/roster/change", "person", "staff:olive", "do", "remove").is(http.StatusConflict).says("the last officer cannot go")
	olive.get("/roster/change?person=nobody").is(http.StatusNotFound)
}

func TestAnOfficerWhomAChangeConcernsIsNotLedToSignIt(t *testing.T) {
	s := newSite(t)
	s.Invite("staff:rowan", "Rowan Hill", "", identity.Officer)
	page := s.staff(gatetest.Olive).post("/roster/change", "person", "staff:olive", "do", "remove").is(http.StatusOK)
	page.at("/roster").says("Olive Park is to leave the roster", "It concerns you, so other officers sign it.")
	s.staff("staff:rowan").get("/roster").says("Read and sign")
}

func TestWhoeverComesTooLateSeesWhatHappenedMeanwhile(t *testing.T) {
	s := newSite(t)
	s.Invite("staff:rowan", "Rowan Hill", "", identity.Officer)
	olive, rowan := s.staff(gatetest.Olive), s.staff("staff:rowan")
	id := s.propose(gatetest.Olive, roster.Proposed{Kind: roster.RemoveMember, Person: gatetest.Finch})
	rowan.get("/roster/proposals/" + id + "/sign").is(http.StatusOK)
	s.Countersign(gatetest.Olive, id)
	s.Countersign("staff:rowan", id)
	rowan.get("/roster/proposals/" + id + "/sign").is(http.StatusNotFound)
	// A second officer proposes what is done already.
	rowan.post("/roster/change", "person", "staff:finch", "do", "remove").is(http.StatusNotFound)
	olive.get("/roster").says("Finch Day left the roster", "signed by Olive Park", "signed by Rowan Hill")

	s.Token("tickets", time.Hour, gate.ScopeOpen)
	rowan.post("/roster/tokens/revoke", "name", "tickets").at("/roster")
	olive.post("/roster/tokens/revoke", "name", "tickets").is(http.StatusNotFound).says("None. A ticket system")
}

func TestALapsedProposalIsHistory(t *testing.T) {
	s := newSite(t)
	s.propose(gatetest.Olive, roster.Proposed{Kind: roster.RemoveMember, Person: gatetest.Finch})
	s.Pass(8 * 24 * time.Hour)
	page := s.staff(gatetest.Olive).get("/roster")
	page.says("Nothing waits.", "Finch Day is to leave the roster", "lapsed without enough signatures")
	page.never("Read and sign")
}

func TestAnIntegrationIsLetInBySigning(t *testing.T) {
	s := newSite(t)
	olive, ask := s.staff(gatetest.Olive), "/roster/tokens/sign?days=30&name="
	page := olive.get(ask + "tickets&scope=requests:open").is(http.StatusOK)
	page.says("Let in: tickets", "scopes: requests:open", "Let it in with my passkey").never("cst_")
	olive.get("/roster").says("None. A ticket system") // nothing is let in unsigned
	s.Token("tickets", time.Hour, gate.ScopeOpen)
	olive.get(ask + "tickets&scope=requests:open").is(http.StatusUnprocessableEntity).says("If it was lost, revoke it")
	olive.get(ask + "x&scope=everything").is(http.StatusUnprocessableEntity)
	olive.get(strings.Replace(ask, "30", "9999", 1) + "x&scope=requests:open").is(http.StatusUnprocessableEntity)
	refused := olive.get(ask + "A%E2%80%AEB&scope=requests:open").is(http.StatusUnprocessableEntity)
	if !strings.Contains(refused.body, `value="requests:open" checked`) || !strings.Contains(refused.body, `value="30" selected`) {
		t.Error("what was chosen is gone")
	}
	s.staff(gatetest.Sorrel).get(ask + "x&scope=requests:open").is(http.StatusForbidden)
	s.visitor().get(ask + "x").at("/sign-in?next=" + url.QueryEscape(ask+"x"))
}

func TestHostileNamesStayTextOnTheRoster(t *testing.T) {
	s := newSite(t)
	hostile := `<img src=x onerror=alert(1)>"'&amp;` + strings.Repeat("W", 60)
	s.Invite(`staff:"><script>`, hostile, "", identity.Manager)
	s.Token(`"><x-evil>`+strings.Repeat("é", 20), time.Hour, gate.ScopeOpen)
	olive := s.staff(gatetest.Olive)
	for _, path := range []string{"/roster", "/roster/history", "/roster/change?person=staff:%22%3E%3Cscript%3E"} {
		page := olive.get(path).is(http.StatusOK)
		page.never("<img src=x", `"><script>`, `<x-evil>`)
		page.says(`<img src=x onerror=alert(1)>"'&amp;`)
	}
}

func TestTheHistoryComesInPages(t *testing.T) {
	s := newSite(t)
	for i := range 40 {
		s.propose(gatetest.Olive, roster.Proposed{Kind: roster.SetRoles, Person: gatetest.Sorrel, Roles: [][]identity.Role{{identity.Security}, {identity.Auditor}}[i%2]})
	}
	v := s.staff(gatetest.Finch)
	first := v.get("/roster/history").is(http.StatusOK).says("Older ones")
	older := regexp.MustCompile(`/roster/history\?before=\d+`).FindString(first.body)
	v.get(older).is(http.StatusOK).says("Olive Park founded the roster").never("Older ones")
	v.get("/roster/history?before=x").is(http.StatusNotFound)
}
