package console_test

import (
	"net/http"
	"regexp"
	"testing"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// vetoLink is the path of the link in the newest letter about a request.
func (s *site) vetoLink(request string) string {
	s.T.Helper()
	b := s.visitor()
	v, err := s.Gate.Request(s.T.Context(), gatetest.Staff(gatetest.Sorrel), request)
	s.Must(err)
	b.post("/case", "code", v.Case)
	b.post("/case/challenge", "method", "email_code").is(http.StatusOK)
	for _, text := range s.Letters(request, gatetest.WrensMail) {
		if m := regexp.MustCompile(`/not-me/[\w-]+`).FindString(text); m != "" {
			return m
		}
	}
	s.T.Fatal("no letter has a link")
	return ""
}

func TestLookingAtTheLinkNeverActs(t *testing.T) {
	s := newSite(t)
	_, _ = s.Enrol(gatetest.Wren, proof.RecoveryCode)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	link := s.vetoLink(v.ID)
	real := s.visitor().get(link).is(http.StatusOK).says("This wasn’t me: stop it")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, s.server.URL+link, nil)
	s.Must(err)
	s.visitor().do(r).is(http.StatusOK)
	if s.State(v.ID).Repudiated {
		t.Fatal("a mail scanner's look stopped the request")
	}
	if invented := s.visitor().get("/not-me/AAAAAAAAAAAAAAAAAAAAAAAA").is(http.StatusOK); invented.body != real.body {
		t.Error("the page tells a known token from an unknown one before anybody acts")
	}
}

func TestPressingTheButtonStopsEverythingOnce(t *testing.T) {
	s := newSite(t)
	_, _ = s.Enrol(gatetest.Wren, proof.RecoveryCode)
	v, other := s.Open(gatetest.Wren, identity.PasswordReset), s.Open(gatetest.Wren, identity.Unlock)
	link := s.vetoLink(v.ID)
	s.visitor().post(link).is(http.StatusOK).says("It is stopped")
	s.visitor().post(link).is(http.StatusOK).says("It is stopped")
	if s.State(v.ID).Status() != reset.Vetoed || s.State(other.ID).IsOpen() {
		t.Errorf("they stand at %s and %s", s.State(v.ID).Status(), s.State(other.ID).Status())
	}
}

func TestUnknownLinksAnswerAlike(t *testing.T) {
	s := newSite(t)
	first := s.visitor().post("/not-me/AAAAAAAAAAAAAAAAAAAAAAAA").is(http.StatusNotFound).says("not known, or has lapsed")
	for _, token := range []string{"x", "%22%3E%3Cscript%3E", "inv_abc"} {
		if p := s.visitor().post("/not-me/" + token).is(http.StatusNotFound); p.body != first.body {
			t.Errorf("%s: the page differs", token)
		}
	}
}
