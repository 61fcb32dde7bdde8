package console

import (
	"net/http"
	"slices"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/signin"
)

type proofingPage struct {
	Attesting *gate.Attesting // nil: no case yet
	Typed     proofingForm
	Sign      *signing
	Done      bool
}

// proofingForm is what the officer has typed so far.
type proofingForm struct{ Case, Code, Document string }

// proofingAsk asks for the case of the person who stands before the officer.
func (c *console) proofingAsk(w http.ResponseWriter, r *http.Request, v visitor) error {
	if !slices.Contains(v.Me.Roles, identity.Proofing) {
		return gate.ErrForbidden
	}
	return c.showProofing(w, r, http.StatusOK, v, proofingPage{Done: r.URL.Query().Has("done")}, nil)
}

// proofing goes on from there: first who it is about, and once the code and
// the document are there, the statement. Only the officer's passkey attests,
// over the API.
func (c *console) proofing(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	p := proofingPage{Typed: proofingForm{r.PostForm.Get("case"), r.PostForm.Get("code"), r.PostForm.Get("document")}}
	a, err := c.Gate.Proofing(r.Context(), v.Caller, p.Typed.Case)
	if err != nil {
		return c.proofingTrouble(w, r, v, p, err)
	}
	p.Attesting = &a
	if !r.PostForm.Has("code") {
		return c.showProofing(w, r, http.StatusOK, v, p, nil)
	}
	err = c.Signin.Admit(r, signin.Answers)
	var paper gate.Paper
	if err == nil {
		paper, err = c.Gate.ProofingPaper(r.Context(), v.Caller, p.Typed.Case, p.Typed.Code, p.Typed.Document)
	}
	if err != nil {
		return c.proofingTrouble(w, r, v, p, err)
	}
	s, err := signing{Button: msg("Attest with my passkey"), Back: "/proofing"}.of(paper.Statement, paper.Options, signTask{
		Post:   "/api/v1/proofings",
		Fields: map[string]string{"case": p.Typed.Case, "code": p.Typed.Code, "document": p.Typed.Document},
		Next:   "/proofing?done",
	})
	if err != nil {
		return err
	}
	p.Sign = &s
	return c.showProofing(w, r, http.StatusOK, v, p, nil)
}

func (c *console) proofingTrouble(w http.ResponseWriter, r *http.Request, v visitor, p proofingPage, why error) error {
	t := c.note(w, r, why)
	if t.Status == http.StatusNotFound {
		t.Title, t.Text = msg("Nobody waits for you under that code"), msg("Check it. The person has to choose “In person” on their own screen first.")
	}
	return c.showProofing(w, r, t.Status, v, p, &t)
}

func (c *console) showProofing(w http.ResponseWriter, r *http.Request, status int, v visitor, p proofingPage, t *trouble) error {
	return c.show(w, r, status, "proofing", frame{Title: msg("In person"), Me: &v.Me, Here: "proofing", Alert: t, Body: p})
}
