package console

import (
	"errors"
	"net/http"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/signin"
)

// checkPage answers somebody who was rung by "the helpdesk".
type checkPage struct {
	Typed string          // the code as they typed it
	Found *gate.DeskCheck // nil: there is no such request
	Said  bool            // a code was typed
	Note  string          // of a report that could not be taken
}

// checkAsk asks for the case code. People come here by their own bookmark.
func (c *console) checkAsk(w http.ResponseWriter, r *http.Request) error {
	return c.show(w, r, http.StatusOK, "check", frame{Title: msg("Check the desk"), Public: true, Body: checkPage{}})
}

// check says whether there is such a request, and whose it is.
func (c *console) check(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	if err := c.Signin.Admit(r, signin.Claims); err != nil {
		return c.checkAgain(w, r, err)
	}
	p := checkPage{Typed: identity.Line(r.PostForm.Get("code"), 20), Said: true}
	found, err := c.Gate.DeskCheck(r.Context(), p.Typed)
	switch {
	case errors.Is(err, gate.ErrNoRequest):
		return c.show(w, r, http.StatusNotFound, "check", frame{Title: msg("There is no such request"), Body: p})
	case err != nil:
		return c.checkAgain(w, r, err)
	}
	p.Found, p.Typed = &found, found.Card.Case
	return c.show(w, r, http.StatusOK, "check", frame{Title: msg("There is such a request"), Body: p})
}

// checkAgain asks once more; what was typed stays.
func (c *console) checkAgain(w http.ResponseWriter, r *http.Request, why error) error {
	t := c.note(w, r, why)
	return c.show(w, r, t.Status, "check", frame{Title: msg("Check the desk"), Alert: &t, Body: checkPage{
		Typed: identity.Line(r.PostForm.Get("code"), 20), Note: identity.Line(r.PostForm.Get("note"), 300),
	}})
}

// checkReport takes a report of a caller. Nothing in it has to be right, or
// there at all, and what comes of it is not told here.
func (c *console) checkReport(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	if err := c.Signin.Admit(r, signin.Claims); err != nil {
		return c.checkAgain(w, r, err)
	}
	err := c.Gate.ReportCaller(r.Context(), gate.CallerReport{
		Case: identity.Line(r.PostForm.Get("code"), 40), Login: identity.Line(r.PostForm.Get("login"), 256), Note: identity.Line(r.PostForm.Get("note"), 300),
	})
	if err != nil {
		return c.checkAgain(w, r, err)
	}
	return c.thank(w, r)
}

// thank is the answer to every report.
func (c *console) thank(w http.ResponseWriter, r *http.Request) error {
	return c.show(w, r, http.StatusOK, "reported", frame{Title: msg("Thank you")})
}
