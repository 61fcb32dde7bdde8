package console

import "net/http"

type frontPage struct {
	Case     string // the case this browser has open, if any
	SignedIn bool
}

// front is where everybody arrives.
func (c *console) front(w http.ResponseWriter, r *http.Request) error {
	if shown, err := c.unfounded(w, r); shown || err != nil {
		return err
	}
	var p frontPage
	if token, err := c.Signin.CaseToken(r); err == nil {
		if v, err := c.Gate.Case(r.Context(), token); err == nil {
			p.Case = v.Case
		}
	}
	caller, err := c.Signin.Caller(r)
	p.SignedIn = err == nil && caller.Person != ""
	return c.show(w, r, http.StatusOK, "front", frame{Title: msg("Welcome"), Public: true, Body: p})
}
