package rest

import (
	"context"
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
)

// simulating is how long a simulation may take: less than clients wait.
const simulating = 25 * time.Second

type simulateInput struct {
	Keyed
	Body struct {
		PolicyText string    `json:"policy_text" minLength:"1"`
		Since      time.Time `json:"since" doc:"requests opened from then on"`
		Until      time.Time `json:"until" doc:"and before; at most 366 days later"`
	}
}

type simulationOutput struct{ Body gate.Simulation }

func (a *api) simulations(h huma.API) {
	simulate := post("/policy/simulations", "simulate-policy", "Plan recorded requests again under another policy (oversight, or scope ledger:read)", 200)
	simulate.limit = maxPolicy
	staff(a, h, simulate.reading(), a.simulate)
}

func (a *api) simulate(ctx context.Context, c gate.Caller, in *simulateInput) (*simulationOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, simulating)
	defer cancel()
	s, err := a.gate.Simulate(ctx, c, in.Body.PolicyText, in.Body.Since, in.Body.Until)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, newProblem("request_timeout", "there are too many requests in this span of time to plan them all again; ask for a shorter one")
	}
	return &simulationOutput{s}, err
}
