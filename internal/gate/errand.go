package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"countersign/internal/store"
)

// What anybody may ask for without being known is not done while they wait: it
// is left as a job. The answer then costs one durable write, whatever there is
// to be found, and neither it nor its time tells anything.

const (
	shelfErrand = "errand" // key: hash of the kind and the content; owner: the kind; value: the content, sealed
	errandLife  = time.Hour
)

// errand leaves something for a job to do. The same again while it waits is
// one.
func (g *Gate) errand(ctx context.Context, kind string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("gate: writing an errand: %w", err)
	}
	sealed, err := g.box.Seal(raw)
	if err != nil {
		return err
	}
	key := hashed(kind + "\x00" + string(raw))
	args, err := json.Marshal(JobArgs{Errand: key})
	if err != nil {
		return fmt.Errorf("gate: writing an errand: %w", err)
	}
	_, err = g.store.Commit(ctx, store.Commit{
		Items: []store.ItemChange{{Item: store.Item{Shelf: shelfErrand, Key: key, Owner: kind, Value: sealed, Expires: g.now().Add(errandLife)}, Expect: store.AnyVersion}},
		Jobs:  []store.Job{{Kind: kind, Args: args, Unique: key}},
	})
	if err != nil {
		return fmt.Errorf("gate: leaving an errand: %w", err)
	}
	return nil
}

// errandOf reads what is to be done. ok is false when it was done before a
// crash, or is no longer of use.
func (g *Gate) errandOf(ctx context.Context, key string, into any) (item store.Item, ok bool, err error) {
	item, err = g.store.Item(ctx, shelfErrand, key, g.now())
	if errors.Is(err, store.ErrNotFound) {
		return item, false, nil
	}
	if err != nil {
		return item, false, fmt.Errorf("gate: reading an errand: %w", err)
	}
	raw, err := g.box.Open(item.Value)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return item, false, fmt.Errorf("%w: an errand does not read: %w", store.ErrDrop, err)
	}
	return item, true, nil
}

// besidesOnly writes items and jobs that belong to no stream.
func (g *Gate) besidesOnly(ctx context.Context, more besides) error {
	if len(more.items) == 0 && len(more.jobs) == 0 {
		return nil
	}
	if _, err := g.store.Commit(ctx, store.Commit{Items: more.items, Jobs: more.jobs}); err != nil {
		return fmt.Errorf("gate: keeping what was counted: %w", err)
	}
	return nil
}

// room counts one more towards a bound if there is room for it.
func (g *Gate) room(ctx context.Context, more *besides, what string, b bound, at time.Time) (bool, error) {
	t, err := g.tally(ctx, what, at)
	if err != nil || !t.full(b, at).IsZero() {
		return false, err
	}
	_, item := t.plus(at, b)
	more.items = append(more.items, item)
	return true, nil
}
