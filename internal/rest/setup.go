package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
)

type setupOutput struct{ Body gate.SetupView }

type readyPolicyInput struct {
	Name string `path:"name" maxLength:"60"`
}

type readyPolicyOutput struct {
	Body struct {
		Name string `json:"name"`
		Text string `json:"text"`
	}
}

func (a *api) setup(h huma.API) {
	staff(a, h, get("/setup", "show-setup", "How far the server is from its first reset"), a.showSetup)
	staff(a, h, get("/policy/ready/{name}", "show-ready-policy", "Read a ready-made policy, to propose it or to begin with"), a.readyPolicy)
}

func (a *api) showSetup(ctx context.Context, c gate.Caller, _ *none) (*setupOutput, error) {
	v, err := a.gate.Setup(ctx, c)
	return &setupOutput{v}, err
}

func (a *api) readyPolicy(ctx context.Context, c gate.Caller, in *readyPolicyInput) (*readyPolicyOutput, error) {
	out := &readyPolicyOutput{}
	out.Body.Name = in.Name
	var err error
	out.Body.Text, err = a.gate.ReadyPolicy(ctx, c, in.Name)
	return out, err
}
