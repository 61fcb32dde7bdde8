package gate

import (
	"context"
	"time"

	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// changedOrMaybe are the statuses in which a request may have changed its
// subject's credential, so that its probation counts.
var changedOrMaybe = []string{string(reset.Dispatching), string(reset.Uncertain), string(reset.Done)}

// probation is when the person's probation ends: the latest of all their
// resets'. It is zero when they are on none. It rests on the requests' rows
// alone, which are rebuilt from the ledger.
func (g *Gate) probation(ctx context.Context, p identity.PersonID, at time.Time) (until time.Time, err error) {
	err = g.eachRow(ctx, store.RowQuery{Person: p, Statuses: changedOrMaybe}, func(r store.Row) error {
		s, err := stateOf(r)
		if err != nil {
			return err
		}
		if s.OnProbation(at) && s.Probation.After(until) {
			until = *s.Probation
		}
		return nil
	})
	return until, err
}

// trusted refuses a person on probation, who acts for nobody but themselves:
// whoever took an account over by way of a reset gains nothing beyond it.
// What only stops something (a denial, a cancellation, a token's end) stays
// open to them.
func (g *Gate) trusted(ctx context.Context, p identity.PersonID) error {
	until, err := g.probation(ctx, p, g.now())
	if err != nil || until.IsZero() {
		return err
	}
	return &Fault{"on_probation", "a credential of yours was reset; until " + until.UTC().Format(time.RFC3339) + " you do not act for others, so ask a colleague"}
}

// governor is the caller's place on the roster, if they may change who does
// what: an officer who is not on probation.
func (g *Gate) governor(ctx context.Context, c Caller) (roster.Member, roster.State, error) {
	m, chain, err := g.member(ctx, c)
	if err == nil && !m.Has(identity.Officer) {
		err = ErrForbidden
	}
	if err == nil {
		err = g.trusted(ctx, m.Person)
	}
	return m, chain, err
}
