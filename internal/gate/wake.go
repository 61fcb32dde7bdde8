package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"countersign/internal/reset"
	"countersign/internal/store"
)

// idle is how long a request that ought to move may stand still before it is
// woken.
const idle = 15 * time.Minute

// Wake leaves the job again of every request that ought to be moving by itself
// and has not for a while: its job may have been given up after a long outage.
// Call it now and then; doing it twice an hour is once.
func (g *Gate) Wake(ctx context.Context) error {
	now := g.now()
	q := store.RowQuery{Statuses: []string{string(reset.Ready), string(reset.Waiting), string(reset.OrderedUp), string(reset.Dispatching), string(reset.Uncertain)}}
	return g.eachRow(ctx, q, func(r store.Row) error {
		if now.Sub(r.Changed) < idle {
			return nil
		}
		s, err := g.load(ctx, r.ID)
		if err != nil {
			return err
		}
		kind := JobDispatch
		switch s.Status() {
		case reset.Ready:
			kind = JobAuthorise
		case reset.Waiting:
			if s.WaitFrom == nil || now.Before(s.WaitUntil()) {
				return nil
			}
			kind = JobAuthorise
		}
		args, err := json.Marshal(JobArgs{Request: s.ID})
		if err != nil {
			return fmt.Errorf("gate: waking %s: %w", s.ID, err)
		}
		job := store.Job{Kind: kind, Args: args, Unique: fmt.Sprintf("%s/woken/%s", s.ID, now.Format("2006-01-02T15"))}
		_, err = g.store.Commit(ctx, store.Commit{Stream: s.ID, Expect: s.Version, Jobs: []store.Job{job}})
		if errors.Is(err, store.ErrConflict) {
			return nil // it moves
		}
		return err
	})
}
