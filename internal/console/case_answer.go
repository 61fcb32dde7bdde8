package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/internal/gate"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/signin"
)

type answerPage struct {
	Challenge string
	Method    proof.Method
	Minutes   int // how long the challenge may be answered
}

// caseChallenge asks for a proof: the server picks the factor or destination
// and, for a code, sends it.
func (c *console) caseChallenge(w http.ResponseWriter, r *http.Request) error {
	token, err := c.requester(r, signin.Answers)
	var p gate.Prompt
	if err == nil {
		p, err = c.Gate.Challenge(r.Context(), token, proof.Method(r.PostForm.Get("method")))
	}
	if err != nil {
		return c.caseTrouble(w, r, err)
	}
	q := url.Values{"challenge": {p.Challenge}, "method": {string(p.Method)}}
	http.Redirect(w, r, "/case/answer?"+q.Encode(), http.StatusSeeOther)
	return nil
}

// caseAsk is the form for the answer. The id of the challenge in its address
// is no secret: it is worth nothing without the requester's session.
func (c *console) caseAsk(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.ownCase(r); err != nil {
		return c.caseTrouble(w, r, err)
	}
	q := r.URL.Query()
	return c.askAnswer(w, r, q.Get("challenge"), q.Get("method"), nil)
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
		return c.askAnswer(w, r, challenge, r.PostForm.Get("method"), err)
	}
	if err != nil {
		return c.caseTrouble(w, r, err)
	}
	http.Redirect(w, r, "/case", http.StatusSeeOther)
	return nil
}

// retypable reports whether the same challenge may be answered again.
func retypable(err error) bool {
	var f *gate.Fault
	return errors.Is(err, gate.ErrAnswer) || errors.Is(err, gate.ErrBusy) || errors.As(err, &f) && f.Code == "invalid"
}

func (c *console) askAnswer(w http.ResponseWriter, r *http.Request, challenge, method string, why error) error {
	spec, ok := proof.SpecOf(proof.Method(method))
	if !ok || len(challenge) > 100 {
		return c.caseTrouble(w, r, &reset.Refusal{Code: reset.ChallengeUnknown})
	}
	f, status := frame{Title: say(methodWords, spec.Method), Body: answerPage{challenge, spec.Method, int(spec.Life / time.Minute)}}, http.StatusOK
	if why != nil {
		t := c.note(w, r, why)
		f.Alert, status = &t, t.Status
	}
	return c.show(w, status, "case_answer", f)
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
