package console_test

import (
	"html"
	"net/http"
	"regexp"
	"testing"
	"time"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

var secretText = regexp.MustCompile(`<p class="secret(?: gaps)?"[^>]*>(.*?)</p>`)

// secrets are what the page shows in large letters.
func (p seen) secrets() []string {
	var out []string
	for _, m := range secretText.FindAllStringSubmatch(p.body, -1) {
		out = append(out, html.UnescapeString(tags.ReplaceAllString(m[1], "")))
	}
	return out
}

func (s *site) carryOut(request string) {
	s.T.Helper()
	s.Must(s.Vote(s.Person(gatetest.Moss), request, reset.Approve))
	s.Pass(time.Second)
	s.Authorise(request)
	s.Must(s.Do("dispatch", request))
}

func TestTheNewPasswordIsShownOnceAndWorks(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	b.post("/case/secret").is(http.StatusConflict)
	b.prove(proof.TOTP, s.Code(seed))
	b.post("/case/secret").is(http.StatusConflict).says("That cannot be done now").never("It was shown already")
	s.carryOut(v.ID)
	b.get("/case").never("It was shown already")

	p := b.post("/case/secret").is(http.StatusOK).says("Shown once", "cannot be opened again")
	if p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control: %q", p.header.Get("Cache-Control"))
	}
	shown := p.secrets()
	if len(shown) != 1 {
		t.Fatalf("shown: %q", shown)
	}
	a, err := s.Directory.Find(t.Context(), gatetest.Wren)
	s.Must(err)
	s.Must(s.Directory.VerifyPassword(t.Context(), a.ID, shown[0]))

	for _, p := range []seen{b.post("/case/secret").is(http.StatusConflict), b.get("/case").is(http.StatusOK)} {
		p.says("Done", "It was shown already", "ask the desk for a new case; nobody can show it again").never("/case/secret", shown[0], "That cannot be done now")
	}
	b.get("/case/secret").is(http.StatusNotFound)
	s.NoSecret(shown[0])
}

func TestAUsedRecoveryCodeIsReplacedEvenForAnUnlock(t *testing.T) {
	s := newSite(t)
	_, saved := s.Enrol(gatetest.Wren, proof.RecoveryCode)
	v := s.Open(gatetest.Wren, identity.Unlock)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	b.prove(proof.RecoveryCode, saved)
	ask := b.post("/case/challenge", "method", "email_code")
	b.post("/case/answer", "challenge", ask.hidden("challenge"), "answer", s.MailedCode(v.ID, gatetest.WrensMail))
	s.carryOut(v.ID)
	b.get("/case").says("A new recovery code is ready")
	shown := b.post("/case/secret").is(http.StatusOK).says("Your new recovery code").secrets()
	if len(shown) != 1 || shown[0] == saved {
		t.Errorf("shown: %q", shown)
	}
	b.get("/case").says("It was shown already").never("/case/secret")
	b.get("/case/secret").is(http.StatusNotFound)
}

func TestWhereNothingWasToBeShownNothingIsSaidOfIt(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.Unlock)
	mine, other := s.visitor(), s.visitor()
	mine.post("/case", "code", v.Case)
	other.post("/case", "code", v.Case)
	mine.prove(proof.TOTP, s.Code(seed))
	s.carryOut(v.ID)
	for _, b := range []*visitor{mine, other} {
		b.get("/case").says("Done").never("It was shown already")
		b.post("/case/secret").is(http.StatusConflict).says("That cannot be done now").never("It was shown already")
	}
}

func TestAUsedRecoveryCodeIsReplacedEvenWhenTheRequestIsDenied(t *testing.T) {
	s := newSite(t)
	_, saved := s.Enrol(gatetest.Wren, proof.RecoveryCode)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	b.prove(proof.RecoveryCode, saved)
	b.get("/case").never("/case/secret")
	s.Must(s.Vote(s.Person(gatetest.Moss), v.ID, reset.Deny))
	b.get("/case").says("This case has ended", "A new recovery code is ready")
	if shown := b.post("/case/secret").is(http.StatusOK).secrets(); len(shown) != 1 || shown[0] == saved {
		t.Errorf("shown: %q", shown)
	}
}
