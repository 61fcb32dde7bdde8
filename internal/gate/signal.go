package gate

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/store"
)

// The signals that Countersign itself notes about a person. As every signal,
// they can raise what a policy demands and never lower it.
const (
	SignalDisclaimed = "vouch_disclaimed"   // who was asked to vouch said that it is not them
	SignalNotProof   = "not_proof"          // something that proves nothing was offered as proof
	SignalLocked     = "proof_locked"       // a method was locked after wrong answers
	SignalReported   = "desk_call_reported" // the owner reported a caller who claimed to be the desk
	SignalDisowned   = "factor_disowned"    // the owner says that a factor was not registered by them
	SignalFlood      = "recovery_flood"     // too many requests or challenges about one person
)

// warn notes a signal about a person, from Countersign itself.
func (g *Gate) warn(ctx context.Context, p identity.PersonID, kind string) error {
	return g.again(func() error {
		items, err := g.warning(ctx, p, kind, g.now())
		if err != nil || len(items) == 0 {
			return err
		}
		if err := g.store.Change(ctx, items...); err != nil {
			return fmt.Errorf("gate: keeping a signal: %w", err)
		}
		return nil
	})
}

// warning is what keeps a signal, as part of a commit. It is empty when the
// same was noted within the hour, or when there are plenty: each kind has slots
// of its own, so that whoever can cause one kind does not keep out the others.
func (g *Gate) warning(ctx context.Context, p identity.PersonID, kind string, at time.Time) ([]store.ItemChange, error) {
	have, taken, err := g.signals(ctx, p, at)
	if err != nil {
		return nil, err
	}
	s, own := signal{policy.Signal{Kind: kind, At: at}, "countersign:" + kind}, 0
	for _, o := range have {
		if o.Source != s.Source {
			continue
		}
		if own++; at.Sub(o.At) < time.Hour {
			return nil, nil
		}
	}
	if own >= maxSignalsOf || len(have) >= maxSignals {
		return nil, nil
	}
	return []store.ItemChange{put(shelfSignal, free(p, taken), string(p), s, 0, at.Add(signalLife))}, nil
}
