package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/signin"
)

type claimInput struct {
	Body struct {
		Case string `json:"case" minLength:"1" maxLength:"40" doc:"the code that the helpdesk read out"`
		As   string `json:"as,omitempty" enum:"token,cookie" doc:"how the session is handed over: token (the default) in the answer, cookie to a browser"`
	}
}

type claimOutput struct {
	Body struct {
		Token string        `json:"token,omitempty" doc:"for Authorization: Bearer; a new secret is sealed to it, so keep it until the end; absent with as=cookie"`
		Case  gate.CaseView `json:"case"`
	}
}

type caseOutput struct{ Body gate.CaseView }

type secretOutput struct{ Body gate.Secrets }

type repudiateInput struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200" doc:"from the link in the notice"`
	}
}

func (a *api) cases(h huma.API) {
	public(a, h, post("/cases/claim", "claim-case", "Come forward with a case code", 201).withSecret(), a.claimCase)
	requester(a, h, get("/case", "show-case", "Your case"), a.showCase)
	requester(a, h, post("/case/cancel", "cancel-case", "End your own request", 200), a.cancelCase)
	requester(a, h, post("/case/secret", "reveal-secret", "See the new secret, once", 200).withSecret(), a.revealSecret)
	public(a, h, post("/repudiations", "repudiate", "“This wasn't me”: stop a request by the link in a notice", 204), a.repudiate)
}

func (a *api) claimCase(ctx context.Context, in *claimInput) (*claimOutput, error) {
	c := callOf(ctx)
	if err := a.signin.Admit(c.r, signin.Claims); err != nil {
		return nil, err
	}
	token, v, err := a.gate.Claim(ctx, in.Body.Case)
	if err != nil {
		return nil, err
	}
	return a.handed(ctx, token, v, in.Body.As), nil
}

// handed hands a requester's session over.
func (a *api) handed(ctx context.Context, token string, v gate.CaseView, as string) *claimOutput {
	out := &claimOutput{}
	out.Body.Case = v
	if as == "cookie" {
		a.signin.SetCaseCookie(callOf(ctx).w, token)
	} else {
		out.Body.Token = token
	}
	return out
}

func (a *api) showCase(ctx context.Context, token string, _ *none) (*caseOutput, error) {
	v, err := a.gate.Case(ctx, token)
	return &caseOutput{v}, err
}

func (a *api) cancelCase(ctx context.Context, token string, _ *none) (*caseOutput, error) {
	v, err := a.gate.CancelCase(ctx, token)
	return &caseOutput{v}, err
}

func (a *api) revealSecret(ctx context.Context, token string, _ *none) (*secretOutput, error) {
	s, err := a.gate.Reveal(ctx, token)
	return &secretOutput{s}, err
}

func (a *api) repudiate(ctx context.Context, in *repudiateInput) (*none, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Claims); err != nil {
		return nil, err
	}
	return nil, a.gate.Repudiate(ctx, in.Body.Token)
}
