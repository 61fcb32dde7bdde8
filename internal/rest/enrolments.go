package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/proof"
)

type enrolInput struct {
	Keyed
	Body struct {
		Directory string `json:"directory,omitempty" maxLength:"100"`
		Login     string `json:"login" minLength:"1" maxLength:"256"`
		Method    string `json:"method" enum:"totp,recovery_code"`
	}
}

type factorOutput struct{ Body gate.Factor }

func (a *api) enrolments(h huma.API) {
	staff(a, h, post("/enrolments", "enrol", "Register a factor for an account's owner (scope enrolments:write)", 201).withSecret(), a.enrol)
}

func (a *api) enrol(ctx context.Context, c gate.Caller, in *enrolInput) (*factorOutput, error) {
	f, err := a.gate.Enrol(ctx, c, in.Body.Directory, in.Body.Login, proof.Method(in.Body.Method))
	return &factorOutput{f}, err
}
