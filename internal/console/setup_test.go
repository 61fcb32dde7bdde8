package console_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/policies"
)

func TestBeforeTheRosterIsFoundedAnybodyIsToldWhatIsSafe(t *testing.T) {
	h := gatetest.Bare(t)
	token, err := h.Gate.InviteFounder(t.Context(), gate.Invitee{Person: gatetest.Olive, Name: "Olive Park", Roles: []identity.Role{identity.Officer}}, []byte(gatetest.Policy))
	h.Must(err)
	s := openSite(t, h, nil)
	for _, path := range []string{"/", "/setup"} {
		page := s.visitor().get(path).is(http.StatusOK)
		page.says("This server is not set up yet", "countersign roster init").never("Olive", token, h.LogKey, "staff:olive", "corp")
	}
	for _, path := range []string{"/roster", "/parts"} {
		s.visitor().get(path).at("/sign-in?next=%2F" + path[1:])
	}
}

func TestTheFirstStepsKnowWhatIsDone(t *testing.T) {
	starter, _ := policies.Find("starter")
	s := openSite(t, gatetest.New(t, starter.Text()), nil)
	olive := s.staff(gatetest.Olive)
	page := olive.get("/setup").is(http.StatusOK)
	page.says("5 steps are left", "by Olive Park", "There is one.", "not tested yet", "In force is the ready-made policy starter, unchanged", "1 agent", "An auditor will hold you", s.LogKey)
	if !strings.Contains(page.body, `href="/setup"`) {
		t.Error("the navigation does not lead there")
	}
	olive.post("/setup/test", "directory", "corp", "login", gatetest.Wren).is(http.StatusOK).at("/setup").says("4 steps are left", "test passed")
	olive.post("/setup/test", "to", "security").is(http.StatusOK).at("/setup").says("3 steps are left")
	olive.post("/setup/test", "to", "self").is(http.StatusUnprocessableEntity).says("no address of yours")

	_, err := s.Gate.Invite(t.Context(), gatetest.Staff(gatetest.Olive), gate.Invitee{Person: "staff:rowan", Name: "Rowan Hill", Roles: []identity.Role{identity.Officer}})
	s.Must(err)
	olive.get("/setup").says("1 was invited and has not come yet")
	waiting, err := s.Gate.Invitations(t.Context(), gatetest.Staff(gatetest.Olive))
	s.Must(err)
	s.Must(s.Gate.WithdrawInvitation(t.Context(), gatetest.Staff(gatetest.Olive), waiting[0].ID))
	s.Publish(starter.Text() + "# ours\n")
	s.Invite("staff:rowan", "Rowan Hill", "", identity.Officer)
	olive.get("/setup").is(http.StatusOK).says("1 step is left", "There are 2 officers")
}

func TestTheFirstStepsLeaveTheNavigationWhenTheyAreDone(t *testing.T) {
	s := newSite(t)
	olive := s.staff(gatetest.Olive)
	olive.post("/setup/test", "directory", "corp", "login", gatetest.Wren)
	olive.post("/setup/test", "to", "security")
	s.Invite("staff:rowan", "Rowan Hill", "", identity.Officer)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	request, _ := s.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	s.Must(s.Do(gate.JobDispatch, request))
	page := s.staff(gatetest.Olive).get("/setup").is(http.StatusOK).says("Everything is done.", "A request was carried out.")
	if strings.Contains(page.body, `<a href="/setup"`) {
		t.Error("it is still in the navigation")
	}
}

func TestAReadyPolicyOpensInTheEditor(t *testing.T) {
	s := newSite(t)
	page := s.staff(gatetest.Olive).post("/setup/policy", "policy", "finance", "base", "").is(http.StatusOK)
	page.says("name: finance")
	s.staff(gatetest.Olive).post("/setup/policy", "policy", "none").is(http.StatusNotFound)
	s.staff(gatetest.Sorrel).post("/setup/policy", "policy", "finance").is(http.StatusForbidden)
}

func TestTheFirstStepsAreForThoseWithOversight(t *testing.T) {
	s := newSite(t)
	s.visitor().get("/setup").at("/sign-in?next=%2Fsetup")
	for _, p := range []identity.PersonID{gatetest.Finch, s.Person(gatetest.Moss)} {
		s.staff(p).get("/setup").is(http.StatusForbidden)
		s.staff(p).post("/setup/test", "directory", "corp", "login", gatetest.Wren).is(http.StatusForbidden)
	}
	s.Invite("staff:aud", "Aude Itor", "", identity.Auditor)
	s.staff("staff:aud").get("/setup").is(http.StatusOK).never("Open in the editor", "test letter")
}

func TestTheReadmeSaysOfAReadyPolicyWhatTheFirstStepsDo(t *testing.T) {
	readme, err := os.ReadFile("../../policies/README.md")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	page := s.staff(gatetest.Olive).get("/setup")
	for _, r := range policies.All {
		_, row, found := strings.Cut(string(readme), "["+r.Name+"]("+r.Name+".yaml) | ")
		when, _, _ := strings.Cut(row, " |")
		if !found || when == "" {
			t.Fatalf("the README does not list %s", r.Name)
		}
		page.says(strings.ToUpper(when[:1]) + when[1:] + ".")
	}
}
