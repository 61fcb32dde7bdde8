package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

var (
	moreLink = regexp.MustCompile(`href="(/approvals\?after=[^"]+)"`)
	contains = strings.Contains
)

func TestARequestIsShownToThoseWhoMaySeeIt(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	s.staff(gatetest.Finch).get("/requests/"+v.ID).is(http.StatusOK).says("waiting for proof", "They have to prove who they are, on their own page", "helpdesk", "INC-1").never("/sign?")
	s.Must(s.Answer(s.Claim(v.Case), proof.TOTP, s.Code(seed)))
	s.staff(s.Person(gatetest.Moss)).get("/requests/"+v.ID).says("waiting for signatures", "Authenticator app", "1 × manager", "Read and approve", "Read and deny", "checked by this server alone", "Can be phished")
	s.staff(gatetest.Finch).get("/requests/"+v.ID).never("/sign?", gatetest.WrensMail)
}

// The rules' ways stand there as long as one can be gone, and once one was.
func TestTheWaysOfProofAreSaidOnlyWhereThereAreAny(t *testing.T) {
	const open, gone = "The rules accept any one of these; the requester’s own page shows which are open:", "Any one of these was enough:"
	for name, end := range map[string]func(*site, string){
		"cancelled": func(s *site, id string) {
			_, err := s.Gate.Cancel(s.T.Context(), gatetest.Staff(gatetest.Finch), id)
			s.Must(err)
		},
		"denied":  func(s *site, id string) { s.Must(s.Vote(s.Person(gatetest.Moss), id, reset.Deny)) },
		"expired": func(s *site, id string) { s.Pass(25 * time.Hour); s.Must(s.Gate.Expire(s.T.Context(), id)) },
	} {
		s := newSite(t)
		v := s.Open(gatetest.Wren, identity.PasswordReset)
		sorrel := s.staff(gatetest.Sorrel)
		sorrel.get("/requests/" + v.ID).says(open).never(gone)
		end(s, v.ID)
		t.Log(name)
		s.staff(gatetest.Sorrel).get("/requests/"+v.ID).is(http.StatusOK).never(open, gone)
	}
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	s.staff(gatetest.Finch).get("/requests/" + v.ID).says("take your own bookmark. Do not follow a link, not even one from me.")
	s.Must(s.Answer(s.Claim(v.Case), proof.TOTP, s.Code(seed)))
	s.staff(gatetest.Sorrel).get("/requests/" + v.ID).says(gone).never(open)
}

func TestTheReceiptIsShownWithoutASecret(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	request, token := s.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	s.Must(s.Do("dispatch", request))
	secrets, err := s.Gate.Reveal(t.Context(), token)
	s.Must(err)
	for _, p := range []identity.PersonID{gatetest.Finch, gatetest.Sorrel, s.Person(gatetest.Moss)} {
		s.staff(p).get("/requests/"+request).is(http.StatusOK).says("done", "Receipt", "applied", "Approved Moss Lee").never(secrets.Password, "Read and")
	}
}

func TestAProbationIsShownAndToldToWhoeverIsOnIt(t *testing.T) {
	s := openSite(t, gatetest.New(t, strings.Replace(gatetest.Policy, "      follow_up", "      probation: 24h\n      follow_up", 1)), nil)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	s.Invite(s.Person(gatetest.Wren), "Wren Ito", "", identity.Security)
	request, _ := s.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	s.staff(gatetest.Finch).get("/requests/" + request).never("Probation")
	s.Must(s.Do("dispatch", request))
	s.staff(gatetest.Finch).get("/requests/"+request).says("Probation until", "does not act for others")
	next := s.Open(gatetest.Moss, identity.Unlock)
	s.staff(s.Person(gatetest.Wren)).get("/requests/"+next.ID+"/sign?decision=approval").says("A credential of yours was reset", "ask a colleague")
}

func TestUnknownAndForeignRequestsAnswerAlike(t *testing.T) {
	s := newSite(t)
	s.Invite("staff:kite", "Kite", "nightline", identity.Agent)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	kite := s.staff("staff:kite")
	foreign := kite.get("/requests/" + v.ID).is(http.StatusNotFound)
	for _, id := range []string{"req_none", "roster", "%3Cscript%3E", "..%2Froster"} {
		if p := kite.get("/requests/" + id).is(http.StatusNotFound); p.body != foreign.body {
			t.Errorf("%s: the page differs", id)
		}
	}
}

const hostile = `<img src=x onerror=alert(1)>"'&{{.}}`

func TestHostileNamesAndTicketsAreText(t *testing.T) {
	s := newSite(t)
	moss, err := s.Directory.Find(t.Context(), gatetest.Moss)
	s.Must(err)
	_, err = s.Directory.Add(t.Context(), local.NewAccount{Login: "rook", Name: hostile, Manager: moss.ID, Password: gatetest.FirstPassword})
	s.Must(err)
	seed, _ := s.Enrol("rook", proof.TOTP)
	v, err := s.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: "rook", Action: identity.PasswordReset, Channel: identity.Phone, Ticket: hostile})
	s.Must(err)
	s.Must(s.Answer(s.Claim(v.Case), proof.TOTP, s.Code(seed)))
	boss := s.staff(s.Person(gatetest.Moss))
	for _, path := range []string{"/approvals", "/requests/" + v.ID, "/requests/" + v.ID + "/sign?decision=approval", "/requests/" + v.ID + "/sign?decision=denial"} {
		boss.get(path).is(http.StatusOK).never("<img src=x", hostile).says(v.Subject.Name)
	}
	s.Must(s.Vote(s.Person(gatetest.Moss), v.ID, reset.Deny))
	boss.get("/requests/"+v.ID).says("denied", "Denied Moss Lee").never("<img src=x")
}
