package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"countersign/internal/ledger"
	"countersign/internal/store"
)

// maxSeq is the largest position a leaf can name.
const maxSeq = 1<<53 - 1

// prepared is a commit that has been checked as far as is possible without the
// database.
type prepared struct {
	store.Commit
	leaves  []ledger.Leaf // still without Seq
	private [][]byte      // as stored; nil where there is none
	jobs    []queued
	counts  counts
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, c store.Commit) ([]store.Record, error) {
	p, err := prepare(c)
	if err != nil {
		return nil, fmt.Errorf("sqlite: commit to %q: %w", c.Stream, err)
	}
	r := &request{commit: p}
	if err := s.submit(ctx, r); err != nil {
		return nil, fmt.Errorf("sqlite: commit to %q: %w", c.Stream, err)
	}
	return r.result, nil
}

// Change implements store.Store.
func (s *Store) Change(ctx context.Context, changes ...store.ItemChange) error {
	_, err := s.Commit(ctx, store.Commit{Items: changes})
	return err
}

// Sweep implements store.Store.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	return s.run(ctx, "sweeping", sweepItems, now.UnixMilli())
}

// Ping implements store.Store by writing.
func (s *Store) Ping(ctx context.Context) error {
	return s.run(ctx, "ping", ping)
}

// run has the sequencer execute one statement.
func (s *Store) run(ctx context.Context, doing, query string, args ...any) error {
	err := s.submit(ctx, &request{do: func(tx *sql.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}})
	if err != nil {
		return fmt.Errorf("sqlite: %s: %w", doing, err)
	}
	return nil
}

func prepare(c store.Commit) (*prepared, error) {
	p := &prepared{Commit: c}
	if len(c.Events) > 0 && (c.Stream == "" || c.At.IsZero()) {
		return nil, errors.New("events without a stream or a time")
	}
	for i, d := range c.Events {
		if err := p.event(i, d); err != nil {
			return nil, err
		}
	}
	if err := p.row(); err != nil {
		return nil, err
	}
	if err := p.items(); err != nil {
		return nil, err
	}
	var err error
	if p.counts, err = count(c.Counts); err != nil {
		return nil, err
	}
	p.jobs, err = queue(c.Jobs)
	return p, err
}

func (p *prepared) event(i int, d store.Draft) error {
	l := ledger.Leaf{
		// Checked with the longest possible position, so that whether an event
		// fits does not depend on when it comes.
		Seq: maxSeq, Stream: p.Stream, Version: p.Expect + uint64(i) + 1, Type: d.Type,
		At: p.At.UTC().Truncate(time.Millisecond), Actor: p.Actor, Body: d.Open,
	}
	if err := l.Check(); err != nil {
		return fmt.Errorf("event %d (%s): %w", i+1, d.Type, err)
	}
	var kept []byte
	if len(d.Private) > 0 {
		err := ledger.CheckPrivate(d.Open, d.Private)
		if err != nil {
			return fmt.Errorf("event %d (%s): %w", i+1, d.Type, err)
		}
		if kept, err = json.Marshal(d.Private); err != nil {
			return fmt.Errorf("event %d (%s): %w", i+1, d.Type, err)
		}
	}
	p.leaves = append(p.leaves, l)
	p.private = append(p.private, kept)
	return nil
}

func (p *prepared) row() error {
	r := p.Row
	if r == nil {
		return nil
	}
	switch {
	case p.Stream == "" || r.ID != p.Stream:
		return fmt.Errorf("the row is of %q", r.ID)
	case r.Version != p.Expect+uint64(len(p.Events)):
		return fmt.Errorf("the row is of version %d, the stream will be at %d", r.Version, p.Expect+uint64(len(p.Events)))
	case !wholeMillis(r.Opened) || !wholeMillis(r.Changed):
		return errors.New("the row's times are not whole milliseconds in UTC")
	case !ledger.IsCanonical(r.State):
		return errors.New("the row's state is not canonical JSON")
	}
	for _, text := range []string{string(r.Subject), string(r.Person), string(r.Action), r.Status, string(r.Tier), r.Desk, string(r.Agent), r.Case} {
		if !utf8.ValidString(text) {
			return errors.New("the row has text that is not valid UTF-8")
		}
	}
	return nil
}

func wholeMillis(t time.Time) bool {
	return t.Location() == time.UTC && t.Equal(t.Truncate(time.Millisecond))
}

func (p *prepared) items() error {
	type name struct{ shelf, key string }
	seen := map[name]bool{}
	for _, c := range p.Items {
		n := name{c.Shelf, c.Key}
		switch {
		case c.Shelf == "":
			return errors.New("an item without a shelf")
		case !utf8.ValidString(c.Shelf) || !utf8.ValidString(c.Key) || !utf8.ValidString(c.Owner):
			return fmt.Errorf("an item of shelf %q has a name that is not valid UTF-8", c.Shelf)
		case c.Expect < store.AnyVersion:
			return fmt.Errorf("an item of shelf %q expects version %d", c.Shelf, c.Expect)
		case seen[n]:
			return fmt.Errorf("an item of shelf %q is changed twice", c.Shelf)
		}
		seen[n] = true
	}
	return nil
}
