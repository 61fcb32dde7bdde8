package console_test

import (
	"net/http"
	"testing"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

func TestWhoeverProvedThemselvesCanStop(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case).never("/case/cancel")
	b.post("/case/cancel").is(http.StatusForbidden).says("Prove that it is you first")
	b.prove(proof.TOTP, s.Code(seed))
	b.post("/case/cancel").is(http.StatusOK).at("/case").says("has ended: cancelled")
	if st := s.State(v.ID).Status(); st != reset.CancelledBy {
		t.Errorf("the request stands at %s", st)
	}
}

func TestLeavingForgetsTheCaseInThisBrowserOnly(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	b.post("/case/leave").is(http.StatusOK).at("/").never(v.Case)
	b.get("/case").says("Open my case")
	if !s.State(v.ID).IsOpen() {
		t.Error("leaving ended the case")
	}
}
