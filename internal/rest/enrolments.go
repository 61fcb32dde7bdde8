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
		Method    string `json:"method" enum:"totp,recovery_code,device,idv"`
		Key       string `json:"key,omitempty" maxLength:"16384" doc:"of a device: its public key, or a certificate of the configured authority, in PEM"`
		Subject   string `json:"subject,omitempty" maxLength:"200" doc:"for idv: whom the identity-proofing provider knows"`
		Label     string `json:"label,omitempty" maxLength:"60" doc:"what the owner will know it by"`
	}
}

type factorOutput struct{ Body gate.Factor }

func (a *api) enrolments(h huma.API) {
	staff(a, h, post("/enrolments", "enrol", "Register a factor for an account's owner (scope enrolments:write)", 201).withSecret(), a.enrol)
}

func (a *api) enrol(ctx context.Context, c gate.Caller, in *enrolInput) (*factorOutput, error) {
	f, err := a.gate.Enrol(ctx, c, gate.Registering{
		Directory: in.Body.Directory, Login: in.Body.Login, Method: proof.Method(in.Body.Method),
		Key: in.Body.Key, Subject: in.Body.Subject, Label: in.Body.Label,
	})
	return &factorOutput{f}, err
}
