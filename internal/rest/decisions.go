package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
)

type (
	decision reset.Decision
	verdict  reset.Decision
	judgment reset.Decision
)

// Schema lists the words.
func (decision) Schema(huma.Registry) *huma.Schema {
	return words("what is decided", []reset.Decision{reset.Approve, reset.Deny})
}

// Schema lists the words.
func (verdict) Schema(huma.Registry) *huma.Schema {
	return words("what the review found", []reset.Decision{reset.InOrder, reset.Suspect})
}

// Schema lists the words.
func (judgment) Schema(huma.Registry) *huma.Schema {
	return words("what the statement is to say", []reset.Decision{reset.Approve, reset.Deny, reset.InOrder, reset.Suspect})
}

type statementInput struct {
	ID       string   `path:"id" maxLength:"100"`
	Decision judgment `query:"decision" required:"true"`
}

type paperOutput struct {
	ETag string `header:"ETag"`
	Body gate.Paper
}

// Signed is what every signature over a statement carries.
type Signed struct {
	StatementID string        `json:"statement_id" maxLength:"100" doc:"of the statement that was read"`
	Note        string        `json:"note,omitempty" maxLength:"300" doc:"one line for the record"`
	Assertion   browserAnswer `json:"assertion"`
}

type decideInput struct {
	Change
	Body struct {
		Decision decision `json:"decision"`
		Signed
	}
}

type reviewInput struct {
	Change
	Body struct {
		Decision verdict `json:"decision"`
		Signed
	}
}

func (a *api) decisions(h huma.API) {
	staff(a, h, get("/requests/{id}/statement", "show-statement", "Read the statement that a decision signs"), a.showStatement)
	staff(a, h, post("/requests/{id}/decisions", "decide", "Approve or deny a request by signing its statement", 200), a.decide)
	staff(a, h, post("/requests/{id}/reviews", "review", "Review a request by signing its statement", 200), a.review)
}

func (a *api) showStatement(ctx context.Context, c gate.Caller, in *statementInput) (*paperOutput, error) {
	if err := known(in.ID); err != nil {
		return nil, err
	}
	p, err := a.gate.Statement(ctx, c, in.ID, reset.Decision(in.Decision))
	return &paperOutput{etag(p.Version), p}, err
}

func (a *api) decide(ctx context.Context, c gate.Caller, in *decideInput) (*viewOutput, error) {
	if err := a.fresh(ctx, c, &in.Change); err != nil {
		return nil, err
	}
	b := in.Body
	return viewed(a.gate.Vote(ctx, c, in.ID, reset.Decision(b.Decision), b.StatementID, b.Note, b.assertion()))
}

func (a *api) review(ctx context.Context, c gate.Caller, in *reviewInput) (*viewOutput, error) {
	if err := a.fresh(ctx, c, &in.Change); err != nil {
		return nil, err
	}
	b := in.Body
	return viewed(a.gate.Review(ctx, c, in.ID, reset.Decision(b.Decision), b.StatementID, b.Note, b.assertion()))
}

// assertion reads the browser's answer. One that does not read is the empty
// assertion, which nobody's passkey made: the gate first says whether the
// caller may sign at all, and then refuses the signature.
func (s Signed) assertion() passkey.Assertion {
	a, err := passkey.ParseAssertion(s.Assertion)
	if err != nil {
		return passkey.Assertion{}
	}
	return a
}
