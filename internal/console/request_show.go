package console

import (
	"net/http"
	"slices"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/reset"
)

type requestPage struct {
	gate.View
	CanApprove, CanDeny bool
}

// requestShow is the plain facts of a request, for those who may see it.
func (c *console) requestShow(w http.ResponseWriter, r *http.Request, v visitor) error {
	view, err := c.Gate.Request(r.Context(), v.Caller, r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.show(w, http.StatusOK, "request_show", frame{Title: "Case " + view.Case, Me: &v.Me, Body: newRequestPage(view, v.Me)})
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
	return p
}
