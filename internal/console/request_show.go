package console

import (
	"net/http"
	"net/url"
	"slices"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/signin"
)

type requestPage struct {
	gate.View
	CanApprove, CanDeny bool
	Talks               bool // the visitor is the one who talks with the requester
}

// requestShow is the plain facts of a request, for those who may see it.
func (c *console) requestShow(w http.ResponseWriter, r *http.Request, v visitor) error {
	view, err := c.Gate.Request(r.Context(), v.Caller, r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.showRequest(w, r, http.StatusOK, v, view, nil)
}

func (c *console) showRequest(w http.ResponseWriter, r *http.Request, status int, v visitor, view gate.View, t *trouble) error {
	return c.show(w, r, status, "request_show", frame{Title: msg("Case %s", view.Case), Me: &v.Me, Alert: t, Body: newRequestPage(view, v.Me)})
}

// requestCallback takes the code that came back over a call. It is the one
// code that ever passes through an agent's hands, and spent when it is right.
func (c *console) requestCallback(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	id := r.PathValue("id")
	err := c.Signin.Admit(r, signin.Answers)
	if err == nil {
		_, err = c.Gate.Callback(r.Context(), v.Caller, id, r.PostForm.Get("code"))
	}
	if err == nil {
		http.Redirect(w, r, "/requests/"+url.PathEscape(id), http.StatusSeeOther)
		return nil
	}
	view, unseen := c.Gate.Request(r.Context(), v.Caller, id)
	if unseen != nil {
		return unseen
	}
	t := c.note(w, r, err)
	if t.Status == http.StatusNotFound {
		t.Title, t.Text = "No call is under way", "The requester has to choose “We call you back” on their own screen first, or its time has passed."
	}
	return c.showRequest(w, r, t.Status, v, view, &t)
}

// requestCallbackAsk is where somebody arrives who had to sign in before the
// code was taken.
func (c *console) requestCallbackAsk(w http.ResponseWriter, r *http.Request, _ visitor) error {
	http.Redirect(w, r, "/requests/"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
	return nil
}

// newRequestPage offers what the visitor could sign. The gate decides when it
// is asked; this only keeps pages free of buttons that lead nowhere.
func newRequestPage(view gate.View, me gate.Me) requestPage {
	p := requestPage{View: view}
	signs := slices.ContainsFunc(me.Roles, func(r identity.Role) bool {
		return r == identity.Security || r == identity.ResourceOwner || r == identity.Manager
	})
	signed := slices.ContainsFunc(view.Approvals, func(a gate.ApprovalView) bool { return a.Person == me.Person && a.Counts })
	open := slices.Contains([]reset.Status{reset.Proving, reset.Approving, reset.Waiting, reset.Ready, reset.OrderedUp}, view.Status)
	p.CanApprove = signs && !signed && view.Status == reset.Approving
	p.CanDeny = signs && open
	p.Talks = slices.Contains(me.Roles, identity.Agent) && me.Desk == view.Desk && me.Desk != "" && open
	return p
}
