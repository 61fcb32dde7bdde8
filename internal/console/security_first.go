package console

import (
	"net/http"

	"countersign/internal/gate"
	"countersign/internal/proof"
	"countersign/internal/signin"
)

// firstPage leads through a first enrolment, one thing at a time.
type firstPage struct {
	securityPage
	Steps []step
	Now   int // which step is to be done; 3 when all are
}

// caseEnrolment goes on from a case of a first enrolment that was carried out
// to registering the first factors.
func (c *console) caseEnrolment(w http.ResponseWriter, r *http.Request) error {
	token, err := c.requester(r, signin.Answers)
	var o gate.Owner
	if err == nil {
		o, err = c.Gate.BeginEnrolment(r.Context(), token)
	}
	var session string
	if err == nil {
		session, err = c.Signin.OpenOwner(r.Context(), o)
	}
	if err != nil {
		return c.caseTrouble(w, r, err)
	}
	c.Signin.SetOwnerCookie(w, session)
	http.Redirect(w, r, "/security/first", http.StatusSeeOther)
	return nil
}

// securityFirst shows how far somebody has come, and the next step.
func (c *console) securityFirst(w http.ResponseWriter, r *http.Request, o gate.Owner) error {
	v, err := c.Gate.Mine(r.Context(), o)
	if err != nil {
		return err
	}
	p := firstPage{securityPage: newSecurityPage(v)}
	p.Did = didWords[r.URL.Query().Get("done")]
	have, places := map[proof.Method]bool{}, 0
	for _, f := range v.Factors {
		have[f.Method] = true
		places += count(f.Method == proof.EmailCode || f.Method == proof.SMSCode)
	}
	for _, x := range v.Contacts {
		places += count(!x.Own)
	}
	done := []bool{have[proof.Passkey], have[proof.RecoveryCode], places >= 2}
	p.Steps = []step{{Text: msg("A passkey")}, {Text: msg("A printed recovery code")}, {Text: msg("Two addresses where you are told")}}
	p.Now = len(done)
	for i := len(done) - 1; i >= 0; i-- {
		p.Steps[i].State = map[bool]string{true: "done", false: "later"}[done[i]]
		if !done[i] {
			p.Now = i
		}
	}
	if p.Now < len(done) {
		p.Steps[p.Now].State = "now"
	}
	if !v.Fresh && p.Now < len(done) {
		return c.showOwnerSignIn(w, r, ownerSignInPage{Next: "/security/first", Again: true}, nil)
	}
	return c.show(w, r, http.StatusOK, "security_first", frame{Title: msg("Your first enrolment"), Body: p})
}
