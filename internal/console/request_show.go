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

// requestPage is a request as the visitor may see it.
type requestPage struct {
	gate.View
	Open                bool
	CanApprove, CanDeny bool
	CanCancel           bool
	CanReview           bool
	Decides             bool     // the visitor is one of those who decide, or oversee
	Oversees            bool     // the visitor may read the ledger
	Script              *script  // for the agent who talks with the requester
	Said                []moment // what happened, for those with oversight
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
	p := newRequestPage(view, v.Me)
	if p.Oversees {
		all, err := c.Gate.Timeline(r.Context(), v.Caller, view.ID)
		if err != nil {
			return err
		}
		p.Said = moments(all)
	}
	here := "requests"
	if p.Script != nil {
		here = "desk"
	}
	return c.show(w, r, status, "request_show", frame{Title: msg("Case %s", view.Case), Me: &v.Me, Here: here, Alert: t, Live: "request:" + view.ID, Body: p})
}

// requestCancel ends a request. On a page that has grown old the request may
// have ended by itself: then it is shown as it stands, and said.
func (c *console) requestCancel(w http.ResponseWriter, r *http.Request, v visitor) error {
	id := r.PathValue("id")
	_, err := c.Gate.Cancel(r.Context(), v.Caller, id)
	if err == nil {
		http.Redirect(w, r, "/requests/"+url.PathEscape(id), http.StatusSeeOther)
		return nil
	}
	view, unseen := c.Gate.Request(r.Context(), v.Caller, id)
	if unseen != nil {
		return unseen
	}
	t := c.note(w, r, err)
	switch codeOf(err) {
	case reset.RequestEnded:
		t.Title, t.Text = msg("It had ended already"), msg("Nothing was done. What you see is how it stands now.")
	case reset.IllegalTransition:
		t.Title, t.Text = msg("It is too late to cancel it"), msg("The directory has been asked already. What you see is how it stands now.")
	}
	return c.showRequest(w, r, t.Status, v, view, &t)
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
		t.Title, t.Text = msg("No call is under way"), msg("The requester has to choose “We call you back” on their own screen first, or its time has passed.")
	}
	return c.showRequest(w, r, t.Status, v, view, &t)
}

// requestBack is where somebody arrives who had to sign in before a form of the
// page was taken.
func (c *console) requestBack(w http.ResponseWriter, r *http.Request, _ visitor) error {
	http.Redirect(w, r, "/requests/"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
	return nil
}

// stoppable are the statuses in which nothing has gone out to the directory.
var stoppable = []reset.Status{reset.Proving, reset.Approving, reset.Waiting, reset.Ready, reset.OrderedUp}

// newRequestPage offers what the visitor could do. The gate decides when it is
// asked; this only keeps pages free of buttons that lead nowhere.
func newRequestPage(view gate.View, me gate.Me) requestPage {
	p := requestPage{View: view, Open: slices.Contains(reset.OpenStatuses, view.Status)}
	signs := holdsRole(me, identity.Security, identity.ResourceOwner, identity.Manager)
	signed := signedBy(view, me)
	stops := slices.Contains(stoppable, view.Status)
	talks := holdsRole(me, identity.Agent) && me.Desk == view.Desk && me.Desk != ""
	p.Oversees = holdsRole(me, overseeing...)
	p.Decides = signs || p.Oversees
	p.CanApprove = signs && !signed && view.Status == reset.Approving
	p.CanDeny = signs && stops
	p.CanCancel = stops && (talks || holdsRole(me, identity.Officer, identity.Security))
	p.CanReview = view.ReviewOwed && !signed && holdsRole(me, identity.Reviewer, identity.Security)
	if talks {
		s := scriptOf(view)
		p.Script = &s
	}
	return p
}

// signedBy reports whether a signature of theirs counts for the request.
func signedBy(view gate.View, me gate.Me) bool {
	return slices.ContainsFunc(view.Approvals, func(a gate.ApprovalView) bool { return a.Person == me.Person && a.Counts })
}
