package console_test

import (
	"net/http"
	"testing"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

const rowan = identity.PersonID("staff:rowan")

func inPerson(t *testing.T) (s *site, request, code string) {
	t.Helper()
	s = openSite(t, gatetest.New(t, asking("in_person")), nil)
	s.Invite(rowan, "Rowan Fell", "", identity.Proofing)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	wren := s.visitor()
	wren.post("/case", "code", v.Case)
	return s, v.ID, wren.post("/case/challenge", "method", "in_person").is(http.StatusOK).says("proofing officer", v.Case).handed()
}

func TestAnOfficerLooksTypesTheCodeAndReads(t *testing.T) {
	s, request, code := inPerson(t)
	c := s.State(request).Case
	b := s.staff(rowan)
	if p := b.get("/approvals"); !contains(p.body, `<a href="/proofing">`) {
		t.Error("the navigation does not lead there")
	}
	b.get("/proofing").is(http.StatusOK).says("Somebody stands before you")
	b.post("/proofing", "case", c).is(http.StatusOK).says("Is this Wren Ito?", "Passport", "Staff badge", "Finch Day", "wren").never(code, "data-sign")
	p := b.post("/proofing", "case", c, "code", code, "document", "passport").is(http.StatusOK).says("Attest that this is Wren Ito")
	want, err := s.State(request).ProofStatement(s.State(request).Challenges[0].ID, rowan, "passport")
	s.Must(err)
	k := p.task()
	if p.statement() != string(want) || k.Options.Challenge != challengeOf(string(want)) || k.Post != "/api/v1/proofings" ||
		k.Fields["case"] != c || k.Fields["code"] != code || k.Fields["document"] != "passport" {
		t.Errorf("the page shows\n%s\nfor %+v", p.statement(), k)
	}
	b.get("/proofing?done").says("Signed. It stands on record")
}

func TestTheOfficersMistakesAreSaid(t *testing.T) {
	s, request, code := inPerson(t)
	c := s.State(request).Case
	b := s.staff(rowan)
	b.post("/proofing", "case", "ABCD-2345").is(http.StatusNotFound).says("Nobody waits for you under that code", "Their case code")
	b.post("/proofing").is(http.StatusNotFound)
	b.post("/proofing", "case", hostile).is(http.StatusNotFound).never("<img src=x")
	b.post("/proofing", "case", c, "code", code, "document", "library_card").is(http.StatusUnprocessableEntity).says("which kind of document")
	b.post("/proofing", "case", c, "code", code).is(http.StatusUnprocessableEntity).says("which kind of document")
	p := b.post("/proofing", "case", c, "code", "0000 0000", "document", "identity_card").is(http.StatusUnprocessableEntity).says("That is not right", "Look, and compare")
	if !contains(p.body, `value="identity_card" required checked`) {
		t.Error("the document has to be chosen again")
	}
	if n := s.State(request).Failures(proof.InPerson); n != 1 {
		t.Errorf("%d wrong codes were counted", n)
	}
}

func TestOnlyProofingOfficersAreLetIn(t *testing.T) {
	s, request, code := inPerson(t)
	c := s.State(request).Case
	for _, who := range []identity.PersonID{gatetest.Finch, gatetest.Sorrel, gatetest.Olive} {
		b := s.staff(who)
		b.get("/approvals").never(`href="/proofing"`)
		b.get("/proofing").is(http.StatusForbidden)
		b.post("/proofing", "case", c, "code", code, "document", "passport").is(http.StatusForbidden).never("Wren", "data-sign")
	}
	s.visitor().get("/proofing").at("/sign-in?next=%2Fproofing")
	s.visitor().post("/proofing", "case", c).at("/sign-in?next=%2Fproofing").never("Wren")
}

func TestNobodyIsSeenWhoHasNotAskedForIt(t *testing.T) {
	s := openSite(t, gatetest.New(t, asking("in_person")), nil)
	s.Invite(rowan, "Rowan Fell", "", identity.Proofing)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	s.staff(rowan).post("/proofing", "case", v.Case).is(http.StatusNotFound).says("on their own screen first").never("Wren")
	if len(s.State(v.ID).Challenges) != 0 || s.State(v.ID).Status() != reset.Proving {
		t.Error("looking changed the request")
	}
}
