package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
)

type lookUpInput struct {
	Keyed
	Body struct {
		Login     string `json:"login" minLength:"1" maxLength:"256" doc:"the account's exact login name; parts of one find nothing"`
		Directory string `json:"directory,omitempty" maxLength:"100" doc:"all of them when left out"`
	}
}

type lookUpOutput struct{ Body gate.Findings }

func (a *api) lookUps(h huma.API) {
	staff(a, h, post("/look-ups", "look-up", "Find the account that a request would be about, for agents; counted and noted on the ledger", 200).reading(), a.lookUp)
}

func (a *api) lookUp(ctx context.Context, c gate.Caller, in *lookUpInput) (*lookUpOutput, error) {
	out, err := a.gate.LookUp(ctx, c, gate.LookUp{Directory: in.Body.Directory, Login: in.Body.Login})
	return &lookUpOutput{out}, err
}
