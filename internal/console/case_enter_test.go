package console_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

func TestACaseCodeOpensTheCaseHoweverItIsTyped(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	for _, typed := range []string{v.Case, strings.ToLower(v.Case), " " + strings.ReplaceAll(v.Case, "-", " ") + " "} {
		s.visitor().post("/case", "code", typed).is(http.StatusOK).at("/case").says("Case "+v.Case, "New password")
	}
}

func TestUnknownAndEndedCasesAnswerAlike(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	if _, err := s.Gate.Cancel(t.Context(), gatetest.Staff(gatetest.Finch), v.ID); err != nil {
		t.Fatal(err)
	}
	ended := s.visitor().post("/case", "code", v.Case).is(http.StatusNotFound).says("No case is open under that code")
	unknown := s.visitor().post("/case", "code", "AAAA-AAAA").is(http.StatusNotFound)
	hostile := s.visitor().post("/case", "code", `"><script>alert(1)</script>`).is(http.StatusNotFound)
	empty := s.visitor().post("/case").is(http.StatusNotFound)
	if ended.body != unknown.body || unknown.body != hostile.body || hostile.body != empty.body {
		t.Error("the pages differ")
	}
}

func TestEnteringTheCodeAgainKeepsWhatWasProved(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	b.prove(proof.TOTP, s.Code(seed)).says("people who have to sign")
	b.post("/case", "code", strings.ToLower(v.Case)).at("/case").says("I do not need it any more")
	if n := len(s.State(v.ID).Sessions); n != 1 {
		t.Errorf("there are %d sessions", n)
	}
}

func TestGuessingCaseCodesIsSlowedDown(t *testing.T) {
	s := newSite(t)
	b := s.visitor()
	for range 30 {
		if p := b.post("/case", "code", "AAAA-AAAA"); p.status == http.StatusTooManyRequests {
			p.says("Too many attempts")
			if p.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			return
		}
	}
	t.Error("thirty guesses at once were let through")
}
