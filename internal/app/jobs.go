package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"countersign/internal/gate"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// handlers are all jobs of a server: the door's and the hands'.
func (a *App) handlers() map[string]store.Handler {
	all := map[string]store.Handler{
		gate.JobAuthorise: a.authorise,
		gate.JobExpire:    job(func(ctx context.Context, j gate.JobArgs, _ store.Attempt) error { return a.gate.Expire(ctx, j.Request) }),
		gate.JobNotice: job(func(ctx context.Context, j gate.JobArgs, _ store.Attempt) error {
			return a.gate.Notice(ctx, j.Request, j.Notice)
		}),
		gate.JobLetter: job(func(ctx context.Context, j gate.JobArgs, t store.Attempt) error {
			return a.gate.SendLetter(ctx, j.Letter, t.Number >= t.Max)
		}),
		gate.JobSelf: job(func(ctx context.Context, j gate.JobArgs, _ store.Attempt) error {
			return a.gate.SelfServe(ctx, j.Errand)
		}),
		gate.JobReport: job(func(ctx context.Context, j gate.JobArgs, _ store.Attempt) error {
			return a.gate.CallerReported(ctx, j.Errand)
		}),
	}
	maps.Copy(all, a.hands.Handlers())
	for kind, h := range all {
		all[kind] = a.metrics.job(kind, h)
	}
	return all
}

// job reads the arguments; one that cannot be read will not get better.
func job(do func(context.Context, gate.JobArgs, store.Attempt) error) store.Handler {
	return func(ctx context.Context, t store.Attempt) error {
		var args gate.JobArgs
		if err := json.Unmarshal(t.Args, &args); err != nil {
			return fmt.Errorf("app: reading the arguments of a %s job: %w: %w", t.Kind, store.ErrDrop, err)
		}
		err := do(ctx, args, t)
		if errors.Is(err, gate.ErrNoRequest) {
			return fmt.Errorf("%w: %w", store.ErrDrop, err)
		}
		return err
	}
}

// authorise asks the door for the order. What is still missing is no fault of
// the job: the event that supplies it asks again. Only time passes without an
// event, so a cooling-off that is nearly over is worth another try.
func (a *App) authorise(ctx context.Context, t store.Attempt) error {
	return job(func(ctx context.Context, j gate.JobArgs, _ store.Attempt) error {
		s, err := a.gate.Authorise(ctx, j.Request)
		switch reset.CodeOf(err) {
		case "", reset.ClockStep:
			return err
		case reset.CoolingOff:
			if left := s.WaitUntil().Sub(a.now()); left < time.Minute {
				return err
			}
		}
		a.log.Debug("not authorised yet", "request", j.Request, "why", err)
		return nil
	})(ctx, t)
}
