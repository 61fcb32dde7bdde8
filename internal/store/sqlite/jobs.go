package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"countersign/internal/store"
)

const (
	maxAttempts = 50
	maxPause    = 5 * time.Minute
	workers     = 32
	pollEvery   = 50 * time.Millisecond
	// graceTime is how long a handler may go on when Work's context has ended.
	graceTime = 5 * time.Second
	// jobTimeout ends a handler that sets itself no deadline and hangs.
	jobTimeout = 15 * time.Minute
	// soon is how far ahead River's scheduler looks at the latest.
	soon = 10 * time.Second
)

// jobArgs is a job as River keeps it.
type jobArgs struct {
	kind   string
	Body   json.RawMessage `json:"body,omitempty"`
	RunAt  time.Time       `json:"run_at,omitzero"`
	Unique string          `json:"unique,omitempty" river:"unique"`
}

// Kind implements river.JobArgs.
func (a jobArgs) Kind() string { return a.kind }

// queued is a job that has been checked.
type queued struct{ jobArgs }

// goodKind is what River accepts when it works jobs, which is stricter than
// when it takes them.
var goodKind = regexp.MustCompile(`\A\w[\w\-/.:]{1,99}\z`)

func queue(jobs []store.Job) ([]queued, error) {
	out := make([]queued, len(jobs))
	for i, j := range jobs {
		switch {
		case !goodKind.MatchString(j.Kind):
			return nil, fmt.Errorf("job kind %q is not a word", j.Kind)
		case len(j.Args) > 0 && (!json.Valid(j.Args) || !utf8.Valid(j.Args)):
			return nil, fmt.Errorf("the arguments of job %s are not valid JSON", j.Kind)
		case !utf8.ValidString(j.Unique):
			return nil, fmt.Errorf("the unique text of job %s is not valid UTF-8", j.Kind)
		}
		out[i] = queued{jobArgs{j.Kind, j.Args, j.RunAt, j.Unique}}
	}
	return out, nil
}

// insertion is what River takes. Unfinished jobs alone count for uniqueness: a
// job may be asked for again when the one before is done.
func (q queued) insertion() river.InsertManyParams {
	opts := &river.InsertOpts{ScheduledAt: q.RunAt}
	if q.Unique != "" {
		opts.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
			rivertype.JobStateRunning, rivertype.JobStateScheduled,
		}}
	}
	return river.InsertManyParams{Args: q.jobArgs, InsertOpts: opts}
}

// enqueue stores the jobs of a group in its transaction. Those that are due need
// no look at what River made of them.
func (s *Store) enqueue(tx *sql.Tx, jobs []queued) error {
	due, later := split(jobs, time.Now())
	if len(due) > 0 {
		if _, err := s.jobs.InsertManyFastTx(context.Background(), tx, due); err != nil {
			return fmt.Errorf("sqlite: enqueueing jobs: %w", err)
		}
	}
	if len(later) == 0 {
		return nil
	}
	inserted, err := s.jobs.InsertManyTx(context.Background(), tx, later)
	if err != nil {
		return fmt.Errorf("sqlite: enqueueing jobs: %w", err)
	}
	for _, j := range inserted {
		if j.Job.State != rivertype.JobStateScheduled || time.Until(j.Job.ScheduledAt) > soon {
			continue
		}
		if _, err := tx.Exec(readyJob, j.Job.ID); err != nil {
			return fmt.Errorf("sqlite: enqueueing jobs: %w", err)
		}
	}
	return nil
}

// split tells the jobs that are due from those that are not, without the twins
// of unique ones: River refuses twins within one call.
func split(jobs []queued, now time.Time) (due, later []river.InsertManyParams) {
	type name struct{ kind, unique string }
	seen := map[name]bool{}
	for _, q := range jobs {
		n := name{q.kind, q.Unique}
		if q.Unique != "" && seen[n] {
			continue
		}
		seen[n] = true
		if q.RunAt.After(now) {
			later = append(later, q.insertion())
		} else {
			due = append(due, q.insertion())
		}
	}
	return due, later
}

func (s *Store) riverConfig() *river.Config {
	return &river.Config{
		Logger:              s.opt.Logger,
		MaxAttempts:         maxAttempts,
		PollOnly:            true,
		FetchPollInterval:   pollEvery,
		FetchCooldown:       pollEvery,
		FetchOnlyKnownKinds: true,
		RetryPolicy:         pauses{},
		JobTimeout:          jobTimeout,
		SoftStopTimeout:     graceTime,
		// Arguments may name persons: finished work is not kept for long.
		CompletedJobRetentionPeriod: time.Hour,
		ReindexerIndexNames:         []string{},
	}
}

// Work implements store.Store. Handlers of one process should all be given to
// one call: River's leader gives up jobs stuck for an hour whose kind it does
// not know.
func (s *Store) Work(ctx context.Context, handlers map[string]store.Handler) error {
	if err := s.enter(); err != nil {
		return fmt.Errorf("sqlite: working: %w", err)
	}
	defer s.work.Done()
	if len(handlers) == 0 {
		s.untilEnd(ctx)
		return nil
	}
	client, err := s.workClient(handlers)
	if err != nil {
		return fmt.Errorf("sqlite: working: %w", err)
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("sqlite: working: %w", err)
	}
	s.untilEnd(ctx)
	if err := client.Stop(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("sqlite: stopping work: %w", err)
	}
	return nil
}

// enter counts a Work that Close has to wait for.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause == nil {
		s.work.Add(1)
	}
	return s.cause
}

func (s *Store) workClient(handlers map[string]store.Handler) (*river.Client[*sql.Tx], error) {
	config := s.riverConfig()
	config.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}}
	config.Workers = river.NewWorkers()
	for kind, h := range handlers {
		river.AddWorkerArgs(config.Workers, jobArgs{kind: kind}, &worker{handler: h})
	}
	return river.NewClient(riversqlite.New(s.write), config)
}

// untilEnd waits for the end of ctx or of the store.
func (s *Store) untilEnd(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.closing:
	}
}

// worker hands River's jobs to a handler.
type worker struct {
	river.WorkerDefaults[jobArgs]
	handler store.Handler
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, job *river.Job[jobArgs]) error {
	err := w.handler(ctx, store.Attempt{
		Job:    store.Job{Kind: job.Kind, Args: job.Args.Body, RunAt: job.Args.RunAt, Unique: job.Args.Unique},
		Number: job.Attempt,
		Max:    job.MaxAttempts,
	})
	if errors.Is(err, store.ErrDrop) {
		return river.JobCancel(err)
	}
	return err
}

// pauses between attempts: 1 s, 2 s, 4 s … up to maxPause.
type pauses struct{}

// NextRetry implements river.ClientRetryPolicy.
func (pauses) NextRetry(job *rivertype.JobRow) time.Time { return time.Now().Add(pause(job.Attempt)) }

func pause(attempt int) time.Duration {
	if attempt < 1 || attempt > 9 {
		return maxPause
	}
	return min(time.Second<<(attempt-1), maxPause)
}
