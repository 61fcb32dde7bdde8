package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/signin"
)

type vouchToken struct {
	Token string `json:"token" minLength:"1" maxLength:"200" doc:"from the link in the letter"`
}

type vouchCode struct {
	Token string `json:"token" minLength:"1" maxLength:"200" doc:"from the link in the letter"`
	Code  string `json:"code" minLength:"1" maxLength:"40" doc:"that the requester sees and has told you"`
}

type vouchingInput struct{ Body vouchToken }

type vouchPaperInput struct{ Body vouchCode }

// The schema is made of exported fields alone: what is embedded has to be
// written out.
type vouchInput struct {
	Body struct {
		Token     string        `json:"token" minLength:"1" maxLength:"200" doc:"from the link in the letter"`
		Code      string        `json:"code" minLength:"1" maxLength:"40" doc:"that the requester sees and has told you"`
		Assertion browserAnswer `json:"assertion"`
	}
}

type document string

// Schema lists the words.
func (document) Schema(huma.Registry) *huma.Schema {
	return words("the kind of document that was shown", reset.Documents)
}

type proofingInput struct {
	Body struct {
		Case string `json:"case" minLength:"1" maxLength:"40"`
	}
}

type proofingPaper struct {
	Case     string   `json:"case" minLength:"1" maxLength:"40"`
	Code     string   `json:"code" minLength:"1" maxLength:"40" doc:"on the requester's screen"`
	Document document `json:"document"`
}

type proofingPaperInput struct{ Body proofingPaper }

type attestInput struct {
	Body struct {
		Case      string        `json:"case" minLength:"1" maxLength:"40"`
		Code      string        `json:"code" minLength:"1" maxLength:"40" doc:"on the requester's screen"`
		Document  document      `json:"document"`
		Assertion browserAnswer `json:"assertion"`
	}
}

type callbackInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"40" doc:"that the requester heard on the call, and has read back to you"`
	}
}

type attestingOutput struct{ Body gate.Attesting }

func (a *api) attestations(h huma.API) {
	public(a, h, post("/vouches/show", "show-vouch", "What somebody asks you to vouch for", 200), a.showVouch)
	public(a, h, post("/vouches/statement", "vouch-statement", "Read the statement that vouching signs", 200), a.vouchStatement)
	public(a, h, post("/vouches", "vouch", "Vouch for somebody by signing the statement", 204), a.vouch)
	public(a, h, post("/vouches/decline", "disclaim", "“That is not them”: stop the request", 204), a.disclaim)
	staff(a, h, post("/requests/{id}/callback", "answer-callback", "Enter the code that came back over the call to the number on record", 200), a.answerCallback)
	staff(a, h, post("/proofings/show", "show-proofing", "The case of the person who stands before you (proofing officers)", 200).reading(), a.showProofing)
	staff(a, h, post("/proofings/statement", "proofing-statement", "Read the statement that attesting signs", 200).reading(), a.proofingStatement)
	staff(a, h, post("/proofings", "attest", "Attest in person who somebody is, by signing the statement", 204), a.attest)
}

func (a *api) showVouch(ctx context.Context, in *vouchingInput) (*attestingOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Claims); err != nil {
		return nil, err
	}
	v, err := a.gate.Vouching(ctx, in.Body.Token)
	return &attestingOutput{v}, err
}

func (a *api) vouchStatement(ctx context.Context, in *vouchPaperInput) (*paperOutput, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Answers); err != nil {
		return nil, err
	}
	p, err := a.gate.VouchPaper(ctx, in.Body.Token, in.Body.Code)
	return &paperOutput{etag(p.Version), p}, err
}

func (a *api) vouch(ctx context.Context, in *vouchInput) (*none, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Answers); err != nil {
		return nil, err
	}
	signed, err := passkey.ParseAssertion(in.Body.Assertion)
	if err != nil {
		return nil, errNoAssertion()
	}
	return nil, a.gate.Vouch(ctx, in.Body.Token, in.Body.Code, signed)
}

func (a *api) disclaim(ctx context.Context, in *vouchingInput) (*none, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Claims); err != nil {
		return nil, err
	}
	return nil, a.gate.Disclaim(ctx, in.Body.Token)
}

func (a *api) showProofing(ctx context.Context, c gate.Caller, in *proofingInput) (*attestingOutput, error) {
	v, err := a.gate.Proofing(ctx, c, in.Body.Case)
	return &attestingOutput{v}, err
}

func (a *api) proofingStatement(ctx context.Context, c gate.Caller, in *proofingPaperInput) (*paperOutput, error) {
	p, err := a.gate.ProofingPaper(ctx, c, in.Body.Case, in.Body.Code, string(in.Body.Document))
	return &paperOutput{etag(p.Version), p}, err
}

func (a *api) attest(ctx context.Context, c gate.Caller, in *attestInput) (*none, error) {
	signed, err := passkey.ParseAssertion(in.Body.Assertion)
	if err != nil {
		// Whether the caller may attest at all comes first.
		if _, err := a.gate.Proofing(ctx, c, in.Body.Case); err != nil {
			return nil, err
		}
		return nil, errNoAssertion()
	}
	return nil, a.gate.Attest(ctx, c, in.Body.Case, in.Body.Code, string(in.Body.Document), signed)
}

func (a *api) answerCallback(ctx context.Context, c gate.Caller, in *callbackInput) (*viewOutput, error) {
	if err := known(in.ID); err != nil {
		return nil, err
	}
	return viewed(a.gate.Callback(ctx, c, in.ID, in.Body.Code))
}
