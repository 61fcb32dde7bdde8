package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/directory"
	"countersign/internal/reset"
)

// enrolmentOpen is the receipt of an initial enrolment. It resets nothing: that
// the marker and this receipt are recorded is the whole effect, and the door
// lets the claimant register first factors because of them. So an interrupted
// one needs no reading: writing the receipt again changes nothing.
const enrolmentOpen = "enrolment is open to the session that proved itself"

// confirmFactors reads an account's second factors after the directory reported
// that they are gone: one that still lists old ones is not believed.
func (h *Hands) confirmFactors(ctx context.Context, d directory.Directory, s reset.State, began time.Time, r reset.Received) reset.Received {
	old, err := oldFactors(ctx, d, s, &began)
	switch {
	case err != nil:
		h.Log.Warn("second factors could not be read after their reset", "request", s.ID, "order", r.Order, "error", err)
		r.Notes = append(slices.Clone(r.Notes), "whether second factors remain could not be read")
	case old > 0:
		h.Log.Error("a directory reported success but still has old second factors", "request", s.ID, "order", r.Order, "remaining", old)
		r.Outcome, r.OldDead, r.Notes = reset.NotKnown, "alive", []string{"the directory reported success but still has old second factors"}
	default:
		r.OldDead, r.Notes = "dead", append(slices.Clone(r.Notes), "no old second factor was found")
	}
	return r
}

// learnFactors finds out whether the factors of an interrupted order are gone.
func (h *Hands) learnFactors(ctx context.Context, d directory.Directory, s reset.State) (reset.Outcome, string, error) {
	old, err := oldFactors(ctx, d, s, s.Order.MarkedAt)
	if err != nil {
		return "", "", err
	}
	if old > 0 {
		return reset.NotApplied, "old second factors were found", h.conclusive(s)
	}
	return reset.Applied, "no old second factor was found", nil
}

// oldFactors counts the second factors that were there when the change began.
// One that its owner has registered since is no sign that the old ones stayed;
// one without a date is taken for old.
func oldFactors(ctx context.Context, d directory.Directory, s reset.State, began *time.Time) (int, error) {
	l, ok := d.(directory.FactorLister)
	if !ok {
		return 0, errors.New("dispatch: this directory cannot tell which second factors there are")
	}
	list, err := l.Factors(ctx, s.Subject)
	if err != nil {
		return 0, fmt.Errorf("dispatch: reading second factors: %w", err)
	}
	old := 0
	for _, f := range list {
		if began == nil || !f.Since.After(*began) {
			old++
		}
	}
	return old, nil
}
