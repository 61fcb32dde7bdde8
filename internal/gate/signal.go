package gate

import (
	"context"
	"errors"

	"countersign/internal/identity"
	"countersign/internal/policy"
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
	now := g.now()
	err := g.signalled(ctx, p, signal{policy.Signal{Kind: kind, At: now}, "countersign"}, now)
	var full *Fault
	if errors.As(err, &full) {
		return nil // there are plenty already
	}
	return err
}
