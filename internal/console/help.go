package console

import (
	"errors"
	"net/http"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/signin"
)

type helpPage struct {
	Directories []string // only where there are several
	Actions     []identity.Action
	Wish        gate.SelfWish
	Asked       bool
}

// helpAsk is where people begin for themselves.
func (c *console) helpAsk(w http.ResponseWriter, r *http.Request) error {
	return c.helpForm(w, r, gate.SelfWish{}, nil)
}

// help takes the wish. The answer is the same whatever there is, and tells
// whoever asks nothing: what comes of it is written to the account's owner.
func (c *console) help(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	wish := gate.SelfWish{Directory: r.PostForm.Get("directory"), Login: r.PostForm.Get("login"), Action: identity.Action(r.PostForm.Get("action"))}
	err := c.Signin.Admit(r, signin.Claims)
	if err == nil {
		err = c.Gate.SelfOpen(r.Context(), wish)
	}
	if err != nil {
		return c.helpForm(w, r, wish, err)
	}
	return c.show(w, r, http.StatusOK, "help", frame{Title: msg("Check your mail and messages"), Body: helpPage{Asked: true}})
}

func (c *console) helpForm(w http.ResponseWriter, r *http.Request, wish gate.SelfWish, why error) error {
	p := helpPage{Wish: wish}
	p.Directories, p.Actions = c.Gate.Offers()
	if len(p.Directories) == 1 {
		p.Directories = nil
	}
	f, status := frame{Title: msg("I cannot sign in"), Public: true, Body: p}, http.StatusOK
	if why != nil {
		t := c.note(w, r, why)
		var fault *gate.Fault
		if errors.As(why, &fault) && fault.Code == "invalid" {
			t.Title = msg("Check what you have typed")
		}
		f.Alert, status = &t, t.Status
	}
	return c.show(w, r, status, "help", f)
}
