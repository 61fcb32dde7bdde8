package console_test

import (
	"net/http"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/roster"
)

func TestTheListHoldsWhatWaitsForMeAndNothingElse(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	moss := s.staff(s.Person(gatetest.Moss))
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	moss.get("/approvals").is(http.StatusOK).says("Nothing waits for you")
	s.Must(s.Answer(s.Claim(v.Case), proof.TOTP, s.Code(seed)))
	moss.get("/approvals").says("New password for Wren Ito", v.Case)
	s.staff(gatetest.Sorrel).get("/approvals").says("Nothing waits for you")
	s.staff(gatetest.Finch).get("/approvals").says("Nothing waits for you")
}

func TestOfficersSeeChangesTheyHaveNotSigned(t *testing.T) {
	s := newSite(t)
	s.Invite("staff:second", "Second Officer", "", identity.Officer)
	id, err := s.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{Kind: roster.SetRoles, Person: gatetest.Finch, Roles: []identity.Role{identity.Auditor}})
	s.Must(err)
	s.Countersign(gatetest.Olive, id)
	s.staff(gatetest.Olive).get("/approvals").says("Nothing waits for you")
	p := s.staff("staff:second").get("/approvals").says("set roles", "staff:finch", "1 of 2 signatures")
	if want := "/roster/proposals/" + id + "/sign"; !contains(p.body, want) {
		t.Errorf("no link to %s", want)
	}
	s.staff(gatetest.Sorrel).get("/approvals").never(id)
}

func TestALongListHasMorePages(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	for range 14 {
		v, err := s.Gate.Open(t.Context(), gate.Caller{Token: "itsm", Scopes: []gate.Scope{gate.ScopeOpen}}, gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Ticket})
		s.Must(err)
		s.Pass(60e9)
		s.Must(s.Answer(s.Claim(v.Case), proof.TOTP, s.Code(seed)))
	}
	moss := s.staff(s.Person(gatetest.Moss))
	first := moss.get("/approvals").says("Older ones")
	m := moreLink.FindStringSubmatch(first.body)
	moss.get(m[1]).is(http.StatusOK).says("Unlock for Wren Ito").never("Older ones")
}
