package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
)

type observation string

// Schema lists the words.
func (observation) Schema(huma.Registry) *huma.Schema {
	return words("what somebody took for a proof; none of these is one", gate.Observations)
}

type observeInput struct {
	Keyed
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Kind observation `json:"kind"`
	}
}

func (a *api) observations(h huma.API) {
	staff(a, h, post("/requests/{id}/observations", "observe", "Offer what is no proof: always refused with the reason, and noted", 204), a.observe)
}

func (a *api) observe(ctx context.Context, c gate.Caller, in *observeInput) (*none, error) {
	if err := known(in.ID); err != nil {
		return nil, err
	}
	return nil, a.gate.Observe(ctx, c, in.ID, gate.Observation{Kind: string(in.Body.Kind)})
}
