package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// prove walks through a challenge as the pages lead.
func (v *visitor) prove(m proof.Method, typed string) seen {
	v.T.Helper()
	ask := v.post("/case/challenge", "method", string(m)).is(http.StatusOK)
	return v.post("/case/answer", "challenge", ask.hidden("challenge"), "answer", typed)
}

func TestTheRightAnswerLeadsBackToTheCase(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	b.prove(proof.TOTP, " "+s.Code(seed)+" ").is(http.StatusOK).at("/case").says("with the people who have to sign")
}

func TestTwoMethodsOneAfterTheOther(t *testing.T) {
	s := newSite(t)
	_, saved := s.Enrol(gatetest.Wren, proof.RecoveryCode)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	b.prove(proof.RecoveryCode, strings.ToLower(saved)).at("/case").says("Proved so far: Saved recovery code", "What is still missing", "Code by e-mail").never("Both of these")
	ask := b.post("/case/challenge", "method", "email_code").is(http.StatusOK).says("address on record", "until 5 March 2026, 09:10 UTC").never(gatetest.WrensMail)
	b.post("/case/answer", "challenge", ask.hidden("challenge"), "answer", s.MailedCode(v.ID, gatetest.WrensMail)).
		at("/case").says("with the people who have to sign")
}

func TestAWrongAnswerCanBeTypedAgainUntilTheWayIsClosed(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	ask := b.post("/case/challenge", "method", "totp")
	try := func(typed string) seen {
		return b.post("/case/answer", "challenge", ask.hidden("challenge"), "answer", typed)
	}
	p := try("000000").is(http.StatusUnprocessableEntity).says("That is not right")
	if p.hidden("challenge") != ask.hidden("challenge") {
		t.Error("the form belongs to another challenge")
	}
	for range 3 {
		try("000000")
	}
	try("000000").is(http.StatusForbidden).says("This way is closed")
	try(s.Code(seed)).is(http.StatusForbidden).says("This way is closed")
}

func TestAMistypedRecoveryCodeCostsNothing(t *testing.T) {
	s := newSite(t)
	_, saved := s.Enrol(gatetest.Wren, proof.RecoveryCode)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	b.prove(proof.RecoveryCode, saved[:10]).is(http.StatusUnprocessableEntity).says("That did not work").never(saved[:10])
	if n := s.State(v.ID).Failures(proof.RecoveryCode); n != 0 {
		t.Errorf("%d failures were counted", n)
	}
}

func TestALateAnswerSaysSo(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	ask := b.post("/case/challenge", "method", "totp")
	s.Pass(11 * time.Minute)
	b.post("/case/answer", "challenge", ask.hidden("challenge"), "answer", s.Code(seed)).
		is(http.StatusGone).says("That took too long", "Authenticator app")
}

func TestAForeignOrInventedChallengeIsNone(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	mine, other := s.visitor(), s.visitor()
	mine.post("/case", "code", v.Case)
	other.post("/case", "code", v.Case)
	ask := other.post("/case/challenge", "method", "totp")
	for _, id := range []string{ask.hidden("challenge"), "chl_none", "", `"><b>`} {
		mine.post("/case/answer", "challenge", id, "answer", s.Code(seed)).is(http.StatusNotFound).says("That step has ended")
	}
}

func TestAMethodThatIsNotWantedIsRefused(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	b.post("/case/challenge", "method", "totp").is(http.StatusConflict).says("This way is not open")
	for _, m := range []string{"voice_of_the_boss", "", `<script>`} {
		if p := b.post("/case/challenge", "method", m); p.status/100 != 4 {
			t.Errorf("%q: %d", m, p.status)
		}
	}
	b.get("/case/answer?challenge=x").is(http.StatusNotFound).says("That step has ended")
	b.get("/case/answer?challenge=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").is(http.StatusNotFound).never("<script>alert")
}

func TestWithoutASessionEachStepAsksForTheCode(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/case/challenge", "/case/answer", "/case/secret", "/case/cancel"} {
		s.visitor().post(path).is(http.StatusUnauthorized).says("Enter your case code again", "Case code")
	}
	s.visitor().get("/case/answer?method=totp&challenge=x").is(http.StatusUnauthorized)
}
