package rest

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
)

type figuresInput struct {
	Since string `query:"since" required:"true" format:"date" doc:"the first day, in UTC"`
	Until string `query:"until" required:"true" format:"date" doc:"the last day, included; at most 366 days"`
}

type figuresOutput struct{ Body gate.Figures }

func (a *api) figures(h huma.API) {
	staff(a, h, get("/figures", "read-figures", "What happened on these days, in numbers (oversight, or scope ledger:read)"), a.readFigures)
}

func (a *api) readFigures(ctx context.Context, c gate.Caller, in *figuresInput) (*figuresOutput, error) {
	since, err := time.Parse(time.DateOnly, in.Since)
	if err != nil {
		return nil, newProblem("invalid", "since: a day is written as 2026-03-02")
	}
	until, err := time.Parse(time.DateOnly, in.Until)
	if err != nil {
		return nil, newProblem("invalid", "until: a day is written as 2026-03-02")
	}
	f, err := a.gate.Figures(ctx, c, since, until)
	return &figuresOutput{f}, err
}
