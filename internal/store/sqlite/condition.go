package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"countersign/internal/store"
)

// River writes its times as text; these are Unix milliseconds, 0 for none.
const (
	// A job that is due but that River has not looked at since counts as waiting.
	selectQueues = `SELECT kind,
		sum(attempt = 0 AND due),
		coalesce(min(CASE WHEN attempt = 0 AND due THEN at END), 0),
		sum(state = 'running'),
		sum(attempt = 0 AND NOT due AND state IN ('scheduled', 'available', 'pending')),
		sum(attempt > 0 AND state IN ('available', 'retryable', 'scheduled', 'pending')),
		sum(state IN ('discarded', 'cancelled'))
		FROM (SELECT kind, state, attempt, at, at <= ? AND state IN ('available', 'scheduled', 'pending') AS due
			FROM (SELECT kind, state, attempt, CAST(1000 * unixepoch(scheduled_at, 'subsec') AS INTEGER) AS at
				FROM river_job WHERE state IN ('available', 'scheduled', 'pending', 'running', 'retryable', 'discarded', 'cancelled')))
		GROUP BY kind ORDER BY kind`

	selectStuck = `SELECT kind, json(args), attempt, max_attempts,
		CAST(1000 * unixepoch(created_at, 'subsec') AS INTEGER),
		coalesce(CAST(1000 * unixepoch(attempted_at, 'subsec') AS INTEGER), 0),
		CASE WHEN finalized_at IS NULL THEN CAST(1000 * unixepoch(scheduled_at, 'subsec') AS INTEGER) ELSE 0 END AS next
		FROM river_job WHERE state IN ('discarded', 'cancelled')
			OR attempt > 0 AND state IN ('available', 'retryable', 'scheduled', 'pending')
		ORDER BY next > 0, created_at LIMIT ?`
)

// Condition implements store.Store.
func (s *Store) Condition(ctx context.Context) (c store.Condition, err error) {
	if c.Queues, err = gather(ctx, s, "counting jobs", scanQueue, selectQueues, time.Now().UnixMilli()); err != nil {
		return c, err
	}
	if c.Stuck, err = gather(ctx, s, "listing jobs", scanStuck, selectStuck, store.MaxStuck); err != nil {
		return c, err
	}
	c.Size, c.Free = size(s.opt.Path), free(s.opt.Path)
	return c, nil
}

// Shelf implements store.Store.
func (s *Store) Shelf(ctx context.Context, shelf string, now time.Time, limit int) ([]store.Item, error) {
	return gather(ctx, s, fmt.Sprintf("listing shelf %q", shelf), scanItem, selectShelf, shelf, now.UnixMilli(), limit)
}

// gather reads all rows of a query.
func gather[T any](ctx context.Context, s *Store, doing string, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.readFault(doing, err)
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, s.readFault(doing, err)
		}
		out = append(out, one)
	}
	if err := rows.Err(); err != nil {
		return nil, s.readFault(doing, err)
	}
	return out, nil
}

func scanQueue(from scanner) (q store.Queue, err error) {
	var oldest int64
	err = from.Scan(&q.Kind, &q.Waiting, &oldest, &q.Running, &q.Later, &q.Retrying, &q.GivenUp)
	q.Oldest = momentOf(oldest)
	return q, err
}

func scanStuck(from scanner) (j store.Stuck, err error) {
	var raw []byte
	var since, last, next int64
	if err := from.Scan(&j.Kind, &raw, &j.Attempts, &j.Max, &since, &last, &next); err != nil {
		return j, err
	}
	var args jobArgs
	if json.Unmarshal(raw, &args) == nil { // of another version perhaps: it is stuck all the same
		j.Args = args.Body
	}
	j.Since, j.Last, j.Next = momentOf(since), momentOf(last), momentOf(next)
	return j, nil
}

func momentOf(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// size is how much room the database takes.
func size(path string) int64 {
	var all int64 = -1
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(path + suffix); err == nil {
			all = max(all, 0) + info.Size()
		}
	}
	return all
}
