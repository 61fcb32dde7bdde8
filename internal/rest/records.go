package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/evidence"
	"countersign/internal/gate"
)

type timelineOutput struct {
	Body struct {
		Moments []gate.Moment `json:"moments" nullable:"false"`
	}
}

type bundleOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

type genesisOutput struct{ Body evidence.Genesis }

func (a *api) records(h huma.API) {
	staff(a, h, get("/requests/{id}/timeline", "show-timeline", "Everything that happened to a request, as it stands on the ledger"), a.showTimeline)
	bundle := get("/requests/{id}/bundle", "fetch-bundle", "The file that proves a request, for countersign-verify")
	bundle.Responses = map[string]*huma.Response{"200": {
		Description: "an evidence bundle", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}},
	}}
	staff(a, h, bundle, a.fetchBundle)
	public(a, h, get("/genesis", "fetch-genesis", "The roster's founding entry, to be pinned by auditors"), a.fetchGenesis)
}

func (a *api) showTimeline(ctx context.Context, c gate.Caller, in *requestInput) (*timelineOutput, error) {
	if err := known(in.ID); err != nil {
		return nil, err
	}
	moments, err := a.gate.Timeline(ctx, c, in.ID)
	out := &timelineOutput{}
	out.Body.Moments = moments
	return out, err
}

// fetchBundle sends the bundle byte for byte as it was made: it is a file.
func (a *api) fetchBundle(ctx context.Context, c gate.Caller, in *requestInput) (*bundleOutput, error) {
	if err := known(in.ID); err != nil {
		return nil, err
	}
	b, err := a.gate.Bundle(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	raw, err := b.Bytes()
	return &bundleOutput{"application/json", `attachment; filename="` + in.ID + `.countersign.json"`, raw}, err
}

func (a *api) fetchGenesis(ctx context.Context, _ *none) (*genesisOutput, error) {
	g, err := a.gate.Genesis(ctx)
	return &genesisOutput{g}, err
}
