package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/signin"
)

// requestNew opens a request from the desk's form. The form's key makes a
// double click, a form sent again and an impatient reload one request. A
// browser that sends a form a second time gives up the first, which is carried
// out all the same: the second leads to what came of it.
func (c *console) requestNew(w http.ResponseWriter, r *http.Request, v visitor) error {
	f, ctx := r.PostForm, context.WithoutCancel(r.Context())
	ticket, before, err := c.Signin.Hold(ctx, signin.Keyed{Caller: v.Caller, Key: "desk " + f.Get("key"), Method: r.Method, Path: r.URL.Path,
		Body: []byte(url.Values{"of": {f.Get("directory"), f.Get("login"), f.Get("action"), f.Get("channel"), f.Get("ticket")}}.Encode())})
	switch {
	case errors.Is(err, signin.ErrReplayPending), errors.Is(err, signin.ErrReplayUnknown), errors.Is(err, signin.ErrReplayMismatch):
		return c.deskTrouble(w, r, v, deskPage{Login: f.Get("login")}, err)
	case err != nil:
		return err
	case before != nil:
		http.Redirect(w, r, before.Header["Location"][0], http.StatusSeeOther)
		return nil
	}
	view, err := c.Gate.Open(ctx, v.Caller, gate.Wish{Directory: f.Get("directory"), Login: f.Get("login"),
		Action: identity.Action(f.Get("action")), Channel: identity.Channel(f.Get("channel")), Ticket: f.Get("ticket")})
	if err != nil {
		return c.notOpened(w, r, v, ticket, err)
	}
	to := "/requests/" + url.PathEscape(view.ID)
	if err := c.Signin.Keep(ctx, ticket, signin.Outcome{Status: http.StatusSeeOther, Header: map[string][]string{"Location": {to}}}); err != nil {
		c.Log.ErrorContext(r.Context(), "outcome not kept", "request", view.ID, "error", err) // it is open all the same
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// notOpened shows the form again where the gate refused, so that it can be
// corrected. What broke in between stays unknown, and so does its key.
func (c *console) notOpened(w http.ResponseWriter, r *http.Request, v visitor, ticket signin.Ticket, refused error) error {
	if codeOf(refused) == "" {
		return refused
	}
	if err := c.Signin.Release(context.WithoutCancel(r.Context()), ticket); err != nil {
		return err
	}
	f := r.PostForm
	p := deskPage{Login: f.Get("login")}
	if codeOf(refused) == "invalid" {
		return c.askAgain(w, r, v, p, refused)
	}
	return c.deskTrouble(w, r, v, p, refused)
}

// askAgain fills the form in as it was sent.
func (c *console) askAgain(w http.ResponseWriter, r *http.Request, v visitor, p deskPage, refused error) error {
	f := r.PostForm
	found, err := c.Gate.LookUp(r.Context(), v.Caller, gate.LookUp{Directory: f.Get("directory"), Login: f.Get("login")})
	if err != nil {
		return c.deskTrouble(w, r, v, p, refused)
	}
	for i, a := range found.Accounts {
		s := newSubject(a, i)
		s.Ticket = f.Get("ticket")
		if chosen := identity.Action(f.Get("action")); slices.Contains(a.Actions, chosen) {
			s.Chosen = chosen
		}
		if channel := identity.Channel(f.Get("channel")); slices.Contains(intake, channel) {
			s.Channel = channel
		}
		p.Found = append(p.Found, s)
	}
	t := trouble{http.StatusBadRequest, msg("The request was not opened"), msg("%s", sentence(saidBy(refused)))}
	return c.showDesk(w, r, t.Status, v, p, &t)
}
