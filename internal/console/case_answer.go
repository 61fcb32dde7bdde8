package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/internal/gate"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/signin"
)

// answerPage is a challenge as its claimant sees it: what to do, and the card.
type answerPage struct {
	gate.Prompt
	Sign  *signing        // a passkey's
	Lines []statementLine // a device's
	Waits bool            // somebody else answers
	Still bool            // the reader asked the page not to look again by itself
}

// At is the address of the page, and File that of its text.
func (p answerPage) At() string { return answerAt(p.Challenge) }
func (p answerPage) File() string {
	return "/case/answer/statement?" + url.Values{"challenge": {p.Challenge}}.Encode()
}

// LookAgain is after how many seconds a page without a script looks whether
// somebody else has answered.
func (p answerPage) LookAgain() int { return 10 }

// answeredElsewhere are the methods whose answer does not come over this page.
var answeredElsewhere = []proof.Method{proof.Vouch, proof.InPerson, proof.Callback}

// caseChallenge asks for a proof: the server picks the factor or destination
// and, for a code, sends it. What there is to be told is on the next page,
// which can be loaded again without asking again.
func (c *console) caseChallenge(w http.ResponseWriter, r *http.Request) error {
	token, err := c.requester(r, signin.Answers)
	var p gate.Prompt
	if err == nil {
		p, err = c.Gate.Challenge(r.Context(), token, proof.Method(r.PostForm.Get("method")))
	}
	if err != nil {
		return c.caseTrouble(w, r, err)
	}
	http.Redirect(w, r, answerAt(p.Challenge), http.StatusSeeOther)
	return nil
}

// answerAt is the address of a challenge. Its id is no secret: it is worth
// nothing without the requester's session.
func answerAt(challenge string) string {
	return "/case/answer?" + url.Values{"challenge": {challenge}}.Encode()
}

// caseAsk shows what the challenge asks for.
func (c *console) caseAsk(w http.ResponseWriter, r *http.Request) error {
	return c.askAnswer(w, r, r.URL.Query().Get("challenge"), nil)
}

// caseAnswer takes the answer.
func (c *console) caseAnswer(w http.ResponseWriter, r *http.Request) error {
	token, err := c.requester(r, signin.Answers)
	if err != nil {
		return c.caseTrouble(w, r, err)
	}
	challenge := r.PostForm.Get("challenge")
	_, err = c.Gate.Answer(r.Context(), token, challenge, gate.Reply{Text: strings.TrimSpace(r.PostForm.Get("answer"))})
	if retypable(err) {
		return c.askAnswer(w, r, challenge, err)
	}
	if err != nil {
		return c.movedOn(w, r, err) // pressed twice, perhaps
	}
	http.Redirect(w, r, "/case", http.StatusSeeOther)
	return nil
}

// retypable reports whether the same challenge may be answered again.
func retypable(err error) bool {
	var f *gate.Fault
	return errors.Is(err, gate.ErrAnswer) || errors.Is(err, gate.ErrBusy) || errors.As(err, &f) && f.Code == "invalid"
}

// askAnswer shows a challenge, together with what was wrong with the last
// answer, if anything was.
func (c *console) askAnswer(w http.ResponseWriter, r *http.Request, challenge string, why error) error {
	prompt, err := c.prompted(r, challenge)
	if err != nil {
		return c.movedOn(w, r, err)
	}
	p, err := newAnswerPage(prompt)
	if err != nil {
		return err
	}
	p.Still = r.URL.Query().Has("still")
	f, status := frame{Title: msg(say(methodWords, p.Method)), Body: p}, http.StatusOK
	if why != nil {
		t := c.note(w, r, why)
		f.Alert, status = &t, t.Status
	}
	return c.show(w, r, status, "case_answer", f)
}

func newAnswerPage(prompt gate.Prompt) (answerPage, error) {
	p := answerPage{Prompt: prompt, Waits: slices.Contains(answeredElsewhere, prompt.Method)}
	switch prompt.Method {
	case proof.Device:
		p.Lines = statementLines(prompt.Statement)
	case proof.Passkey:
		s, err := signing{
			Button: msg("Sign with my passkey"), Back: "/case", BackText: "Choose another way", Lost: "/case",
			Without: "Or choose a way that needs none.",
		}.of(prompt.Statement, prompt.Options, signTask{
			Post: "/api/v1/case/challenges/" + url.PathEscape(prompt.Challenge) + "/answer", Fields: map[string]string{}, Next: "/case",
		})
		p.Sign = &s
		return p, err
	}
	return p, nil
}

func (c *console) prompted(r *http.Request, challenge string) (gate.Prompt, error) {
	token, err := c.Signin.CaseToken(r)
	if err != nil {
		return gate.Prompt{}, err
	}
	return c.Gate.Prompted(r.Context(), token, challenge)
}

// movedOn is where a challenge leads that is not open any more: back to the
// case, without a word where it was answered.
func (c *console) movedOn(w http.ResponseWriter, r *http.Request, why error) error {
	v, err := c.ownCase(r)
	answered := err == nil && v.Mine && reset.CodeOf(why) == reset.ChallengeUnknown
	if err == nil && (answered || v.Status != string(reset.Proving)) {
		http.Redirect(w, r, "/case", http.StatusSeeOther)
		return nil
	}
	return c.caseTrouble(w, r, why)
}

// caseStatement is the statement as a file, for a device to sign.
func (c *console) caseStatement(w http.ResponseWriter, r *http.Request) error {
	p, err := c.prompted(r, r.URL.Query().Get("challenge"))
	if err != nil {
		return err
	}
	if p.Method != proof.Device {
		return errNowhere
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="statement.txt"`)
	_, _ = w.Write([]byte(p.Statement)) // the reader may have gone
	return nil
}

// requester finds the requester's session token and reads the form.
func (c *console) requester(r *http.Request, d signin.Door) (string, error) {
	if err := r.ParseForm(); err != nil {
		return "", errForm
	}
	if err := c.Signin.Admit(r, d); err != nil {
		return "", err
	}
	return c.Signin.CaseToken(r)
}
