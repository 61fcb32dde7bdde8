package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/signin"
)

type selfInput struct {
	Body struct {
		Directory string `json:"directory,omitempty" maxLength:"100" doc:"may be left out where there is only one"`
		Login     string `json:"login" minLength:"1" maxLength:"256" doc:"the account's exact login name"`
		Action    action `json:"action"`
	}
}

func (a *api) self(h huma.API) {
	public(a, h, post("/self-requests", "self-open",
		"Ask for a reset of your own account; what comes of it is told to the account's registered addresses alone", 202), a.selfOpen)
}

func (a *api) selfOpen(ctx context.Context, in *selfInput) (*accepted, error) {
	if err := a.signin.Admit(callOf(ctx).r, signin.Claims); err != nil {
		return nil, err
	}
	return &accepted{}, a.gate.SelfOpen(ctx, gate.SelfWish{Directory: in.Body.Directory, Login: in.Body.Login, Action: identity.Action(in.Body.Action)})
}
