package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/proof/passkey"
	"countersign/internal/roster"
)

type role identity.Role

// Schema lists the words.
func (role) Schema(huma.Registry) *huma.Schema {
	return words("what a person on the roster may do", identity.Roles)
}

func rolesOf(in []role) []identity.Role {
	var out []identity.Role
	for _, r := range in {
		out = append(out, identity.Role(r))
	}
	return out
}

type rosterOutput struct{ Body gate.RosterView }

type rosterHistoryInput struct {
	Before uint64 `query:"before" doc:"what the page before named; newest first without it"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"25"`
}

type rosterHistoryOutput struct{ Body gate.RosterHistory }

type proposeInput struct {
	Keyed
	Body struct {
		Kind       string            `json:"kind" enum:"set_roles,remove_member,publish_policy"`
		Person     identity.PersonID `json:"person,omitempty" maxLength:"200"`
		Roles      []role            `json:"roles,omitempty" maxItems:"10" nullable:"false"`
		Desk       string            `json:"desk,omitempty" maxLength:"60"`
		PolicyText string            `json:"policy_text,omitempty"`
	}
}

type proposedOutput struct {
	Location string `header:"Location"`
	Body     struct {
		Proposal string `json:"proposal"`
	}
}

type proposalInput struct {
	ID string `path:"id" maxLength:"100"`
}

type countersignInput struct {
	Keyed
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Assertion browserAnswer `json:"assertion"`
	}
}

func (a *api) roster(h huma.API) {
	staff(a, h, get("/roster", "show-roster", "Who may sign, and which changes wait for signatures"), a.showRoster)
	staff(a, h, get("/roster/history", "show-roster-history", "How the roster came to be, newest first"), a.showRosterHistory)
	propose := post("/roster/proposals", "propose-change", "Propose new roles, a removal or a policy", 201)
	propose.limit = maxPolicy
	staff(a, h, propose, a.proposeChange)
	staff(a, h, get("/roster/proposals/{id}/statement", "show-proposal-statement", "Read the statement that countersigns a change"), a.showProposal)
	staff(a, h, post("/roster/proposals/{id}/signatures", "countersign-change", "Countersign a change", 200), a.countersign)
}

func (a *api) showRoster(ctx context.Context, c gate.Caller, _ *none) (*rosterOutput, error) {
	v, err := a.gate.Roster(ctx, c)
	return &rosterOutput{v}, err
}

func (a *api) showRosterHistory(ctx context.Context, c gate.Caller, in *rosterHistoryInput) (*rosterHistoryOutput, error) {
	h, err := a.gate.RosterHistory(ctx, c, in.Before, in.Limit)
	return &rosterHistoryOutput{h}, err
}

func (a *api) proposeChange(ctx context.Context, c gate.Caller, in *proposeInput) (*proposedOutput, error) {
	id, err := a.gate.ProposeChange(ctx, c, roster.Proposed{
		Kind: roster.Kind(in.Body.Kind), Person: in.Body.Person, Roles: rolesOf(in.Body.Roles), Desk: in.Body.Desk, PolicyText: in.Body.PolicyText,
	})
	out := &proposedOutput{Location: base + "/roster/proposals/" + id + "/statement"}
	out.Body.Proposal = id
	return out, err
}

func (a *api) showProposal(ctx context.Context, c gate.Caller, in *proposalInput) (*paperOutput, error) {
	p, err := a.gate.ProposalPaper(ctx, c, in.ID)
	return &paperOutput{etag(p.Version), p}, err
}

func (a *api) countersign(ctx context.Context, c gate.Caller, in *countersignInput) (*rosterOutput, error) {
	s, err := passkey.ParseAssertion(in.Body.Assertion)
	if err != nil {
		// Whether the caller may sign at all comes first.
		if _, err := a.gate.ProposalPaper(ctx, c, in.ID); err != nil {
			return nil, err
		}
		return nil, errNoAssertion()
	}
	v, err := a.gate.Countersign(ctx, c, in.ID, s)
	return &rosterOutput{v}, err
}

func errNoAssertion() error {
	return newProblem("signature_refused", "the assertion is not one that a browser makes")
}
