package console

import (
	"net/http"

	"countersign/internal/signin"
)

type notMePage struct{ Said bool }

// notMeAsk explains what the link does. It does nothing, and asks nobody
// whether the token is known: mail scanners follow every link.
func (c *console) notMeAsk(w http.ResponseWriter, r *http.Request) error {
	return c.show(w, r, http.StatusOK, "not_me", frame{Title: msg("This wasn’t me"), Body: notMePage{}})
}

// notMe stops the request that a notice was about.
func (c *console) notMe(w http.ResponseWriter, r *http.Request) error {
	err := c.Signin.Admit(r, signin.Claims)
	if err == nil {
		err = c.Gate.Repudiate(r.Context(), r.PathValue("token"))
	}
	if err != nil {
		t := c.note(w, r, err)
		if t.Status == http.StatusNotFound {
			t.Title, t.Text = msg("This link is not known, or has lapsed"), msg("Open it again from the message, whole. If you did not ask for anything, call the desk by a number that you know.")
		}
		return c.show(w, r, t.Status, "not_me", frame{Title: msg("This wasn’t me"), Alert: &t, Body: notMePage{}})
	}
	return c.show(w, r, http.StatusOK, "not_me", frame{Title: msg("Stopped"), Body: notMePage{Said: true}})
}
