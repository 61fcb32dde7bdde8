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

func TestWithoutACaseThePageAsksForTheCode(t *testing.T) {
	newSite(t).visitor().get("/case").is(http.StatusOK).says("Open my case", "Case code")
}

func TestTheCaseSaysWhatWouldHappenAndWhichWaysAreOpen(t *testing.T) {
	s := newSite(t)
	_, _ = s.Enrol(gatetest.Wren, proof.TOTP)
	_, _ = s.Enrol(gatetest.Wren, proof.RecoveryCode)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case).
		says("New password", "temporary password", "Choose how to prove it", "Authenticator app", " or ", "Both of these", "Saved recovery code", "Code by e-mail").
		says("Nobody who works at the helpdesk will ever ask you for a code").
		says("Finch Day", "helpdesk", "For the account wren", v.Words, "hang up", "They do not show that the caller works here", "This wasn’t me").
		never("Wren", gatetest.WrensMail)
}

func TestACaseWithoutAWayOutSaysSo(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	s.visitor().post("/case", "code", v.Case).says("No way to prove yourself is open here", "documented escalation").never("/case/challenge")
}

func TestALivePageSaysWhereItIsLookedAtAgainAndWhatItsEndMeans(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	for _, p := range []seen{b.post("/case", "code", v.Case), b.post("/case/secret").is(http.StatusConflict), b.post("/case/challenge", "method", "totp").is(http.StatusConflict), b.post("/case/cancel").is(http.StatusForbidden)} {
		p.has(`data-look="/case"`).has("no longer follows your case").never("Your session has ended")
	}
	finch := s.staff(gatetest.Finch)
	for _, p := range []seen{finch.get("/requests/" + v.ID), finch.post("/requests/"+v.ID+"/callback", "code", "1")} {
		p.has(`data-look="/requests/` + v.ID + `"`).has("Your session has ended").never("no longer follows your case")
	}
	finch.get("/requests").is(http.StatusOK).has(` data-stream="`).never(`<main id="main" tabindex="-1" data-stream="/api/v1/requests/events" data-look`)
}

var refreshing = regexp.MustCompile(`<noscript><meta http-equiv="refresh" content="([^"]*)"></noscript>`)

// refresh is when a page without a script looks again; "" where it does not.
func (p seen) refresh() string {
	if m := refreshing.FindStringSubmatch(p.body); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

func TestWaitingLooksAgainByItselfUntilTold(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	if p := b.prove(proof.TOTP, s.Code(seed)); p.refresh() != "20; url=/case" {
		t.Errorf("it looks again: %q", p.refresh())
	}
	if p := b.get("/case?still").says("Let the page look again"); p.refresh() != "" {
		t.Errorf("told to be still, it looks again: %q", p.refresh())
	}
	s.Must(s.Vote(s.Person(gatetest.Moss), v.ID, reset.Approve))
	if p := b.get("/case").says("It is being carried out"); p.refresh() != "4; url=/case" {
		t.Errorf("it looks again: %q", p.refresh())
	}
}

func TestEachEndIsSaidInWords(t *testing.T) {
	for want, end := range map[string]func(*site, string){
		"decided against it": func(s *site, id string) { s.Must(s.Vote(s.Person(gatetest.Moss), id, reset.Deny)) },
		"cancelled": func(s *site, id string) {
			_, err := s.Gate.Cancel(s.T.Context(), gatetest.Staff(gatetest.Finch), id)
			s.Must(err)
		},
		"ran out of time": func(s *site, id string) { s.Pass(25 * time.Hour); s.Must(s.Gate.Expire(s.T.Context(), id)) },
	} {
		s := newSite(t)
		v := s.Open(gatetest.Wren, identity.Unlock)
		b := s.visitor()
		b.post("/case", "code", v.Case)
		end(s, v.ID)
		b.get("/case").is(http.StatusOK).says("has ended", want).never("/case/challenge", "/case/cancel")
	}
}

func TestAnotherBrowserSeesTheCaseButNotTheResult(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	other := s.visitor()
	other.post("/case", "code", v.Case)
	mine := s.visitor()
	mine.post("/case", "code", v.Case)
	mine.prove(proof.TOTP, s.Code(seed))
	s.Must(s.Vote(s.Person(gatetest.Moss), v.ID, reset.Approve))
	s.Pass(time.Second)
	s.Authorise(v.ID)
	s.Must(s.Do("dispatch", v.ID))
	other.get("/case").says("Done", "in which the proof was given").never("/case/secret")
	other.post("/case/secret").is(http.StatusConflict)
	mine.get("/case").says("Your new password is ready")
}
