package console

import (
	"net/http"

	"countersign/internal/gate"
	"countersign/internal/signin"
)

type notMinePage struct {
	Said bool
	gate.Disowned
	What message
}

// notMineAsk explains what the link does. It does nothing, and asks nobody
// whether the token is known: mail scanners follow every link.
func (c *console) notMineAsk(w http.ResponseWriter, r *http.Request) error {
	return c.show(w, r, http.StatusOK, "not_mine", frame{Title: msg("This wasn’t me"), Body: notMinePage{}})
}

// notMine takes away what was registered, and whoever is signed in with it.
func (c *console) notMine(w http.ResponseWriter, r *http.Request) error {
	err := c.Signin.Admit(r, signin.Claims)
	var gone gate.Disowned
	if err == nil {
		gone, err = c.Gate.Disown(r.Context(), r.PathValue("token"))
	}
	if err != nil {
		t := c.note(w, r, err)
		if t.Status == http.StatusNotFound {
			t.Title, t.Text = msg("This link is not known, or has lapsed"), msg("Open it again from the message, whole. If something was changed that you know nothing of, call the desk by a number that you know.")
		}
		return c.show(w, r, t.Status, "not_mine", frame{Title: msg("This wasn’t me"), Alert: &t, Body: notMinePage{}})
	}
	return c.show(w, r, http.StatusOK, "not_mine", frame{Title: msg("Thank you"), Body: notMinePage{true, gone, msg(say(ownWords, gone.Method))}})
}
