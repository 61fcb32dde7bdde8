package console

import (
	"net/http"
	"slices"

	"countersign/internal/gate"
	"countersign/internal/identity"
)

type approvalsPage struct {
	Requests  []gate.Summary
	Proposals []gate.ProposalView
	More      string // the cursor of the next page
}

// signedAtOnce is how many a page lists: each is read before it is signed.
const signedAtOnce = 12

// approvals lists what waits for the visitor's signature.
func (c *console) approvals(w http.ResponseWriter, r *http.Request, v visitor) error {
	list, more, err := c.Gate.List(r.Context(), v.Caller, gate.Filter{Mine: true, Cursor: r.URL.Query().Get("after"), Limit: signedAtOnce})
	if err != nil {
		return err
	}
	p := approvalsPage{Requests: list, More: more}
	if p.Proposals, err = c.unsigned(r, v); err != nil {
		return err
	}
	return c.show(w, r, http.StatusOK, "approvals", frame{Title: msg("To sign"), Me: &v.Me, Here: "approvals", Live: "requests", Body: p})
}

// unsigned are the changes of the roster that an officer has not signed yet.
func (c *console) unsigned(r *http.Request, v visitor) ([]gate.ProposalView, error) {
	if !slices.Contains(v.Me.Roles, identity.Officer) {
		return nil, nil
	}
	roster, err := c.Gate.Roster(r.Context(), v.Caller)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(roster.Proposals, func(p gate.ProposalView) bool { return slices.Contains(p.Signers, v.Me.Person) }), nil
}
