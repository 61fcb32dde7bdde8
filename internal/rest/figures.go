package rest

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
)

type figuresInput struct {
	Since string `query:"since" format:"date" doc:"the first day, in UTC; without it, 29 days before the last"`
	Until string `query:"until" format:"date" doc:"the last day, included, at most 366 in all; without it, today"`
}

type figuresOutput struct{ Body gate.Figures }

func (a *api) figures(h huma.API) {
	staff(a, h, get("/figures", "read-figures", "What happened on these days, in numbers (oversight, or scope ledger:read)"), a.readFigures)
}

func (a *api) readFigures(ctx context.Context, c gate.Caller, in *figuresInput) (*figuresOutput, error) {
	var span gate.FigureSpan
	for _, day := range []struct {
		text string
		into *time.Time
	}{{in.Since, &span.Since}, {in.Until, &span.Until}} {
		if day.text == "" {
			continue
		}
		var err error
		if *day.into, err = time.Parse(time.DateOnly, day.text); err != nil {
			return nil, newProblem("invalid", "a day is written as 2026-03-02")
		}
	}
	f, err := a.gate.Figures(ctx, c, span)
	return &figuresOutput{f}, err
}
