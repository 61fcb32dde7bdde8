package gate

import (
	"context"
	"time"
)

// SimulateLately is Simulate for the requests of the last while.
func (g *Gate) SimulateLately(ctx context.Context, c Caller, policyText string, span time.Duration) (Simulation, error) {
	until := g.now().Add(time.Millisecond)
	return g.Simulate(ctx, c, policyText, until.Add(-span), until)
}
