package sqlite

import (
	"bytes"
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
	canonical, err := ledger.Canonical(r.State)
	switch {
	case p.Stream == "" || r.ID != p.Stream:
		return fmt.Errorf("the row is of %q", r.ID)
	case r.Version != p.Expect+uint64(len(p.Events)):
		return fmt.Errorf("the row is of version %d, the stream will be at %d", r.Version, p.Expect+uint64(len(p.Events)))
	case !wholeMillis(r.Opened) || !wholeMillis(r.Changed):
		return errors.New("the row's times are not whole milliseconds in UTC")
	case err != nil:
		return fmt.Errorf("the row's state: %w", err)
	case !bytes.Equal(canonical, r.State):
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

// batch is a transaction being filled.
type batch struct {
	s      *Store
	tx     *sql.Tx
	edge   edge
	now    int64 // Unix milliseconds, for items
	grown  bool
	jobs   []queued
	lasted map[*sql.Stmt]*sql.Stmt // statements bound to tx
}

func newBatch(s *Store, tx *sql.Tx) *batch {
	return &batch{s: s, tx: tx, edge: s.edge.clone(), now: s.opt.Now().UnixMilli(), lasted: map[*sql.Stmt]*sql.Stmt{}}
}

func (b *batch) stmt(st *sql.Stmt) *sql.Stmt {
	bound, ok := b.lasted[st]
	if !ok {
		bound = b.tx.Stmt(st)
		b.lasted[st] = bound
	}
	return bound
}

// add writes one request. It finds every conflict before it writes anything,
// so a request with a conflict leaves no trace.
func (b *batch) add(r *request) error {
	if r.do != nil {
		return r.do(b.tx)
	}
	c := r.commit
	if err := b.checkStream(c); err != nil {
		return err
	}
	versions, err := b.checkItems(c.Items)
	if err != nil {
		return err
	}
	if err := b.checkCase(c.Row); err != nil {
		return err
	}
	if r.result, err = b.events(c); err != nil {
		return err
	}
	if err := b.writeRow(c.Row); err != nil {
		return err
	}
	b.jobs = append(b.jobs, c.jobs...)
	return b.writeItems(c.Items, versions)
}

func (b *batch) checkStream(c *prepared) error {
	if c.Stream == "" {
		return nil
	}
	var version uint64
	err := b.stmt(b.s.st.version).QueryRow(c.Stream).Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("sqlite: reading the stream's version: %w", err)
	}
	if version != c.Expect {
		return fmt.Errorf("%w: the stream is at version %d, not %d", store.ErrConflict, version, c.Expect)
	}
	return nil
}

// checkCase keeps public case codes unique.
func (b *batch) checkCase(r *store.Row) error {
	if r == nil || r.Case == "" {
		return nil
	}
	var id string
	err := b.stmt(b.s.st.caseOf).QueryRow(r.Case).Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("sqlite: looking up the case code: %w", err)
	case id != r.ID:
		return fmt.Errorf("%w: the case code is taken", store.ErrConflict)
	}
	return nil
}

func (b *batch) events(c *prepared) ([]store.Record, error) {
	records := make([]store.Record, len(c.leaves))
	for i, l := range c.leaves {
		l.Seq = b.edge.frontier.Size()
		if l.Seq > maxSeq {
			return nil, errors.New("sqlite: the ledger is full")
		}
		leaf := l.Bytes()
		if _, err := b.stmt(b.s.st.event).Exec(l.Seq, l.Stream, l.Version, leaf); err != nil {
			return nil, fmt.Errorf("sqlite: writing entry %d: %w", l.Seq, err)
		}
		if c.private[i] != nil {
			if _, err := b.stmt(b.s.st.private).Exec(l.Seq, c.private[i]); err != nil {
				return nil, fmt.Errorf("sqlite: writing the private values of entry %d: %w", l.Seq, err)
			}
		}
		if err := b.edge.append(ledger.HashLeaf(leaf), b.writeTile); err != nil {
			return nil, err
		}
		b.grown = true
		records[i] = store.Record{Leaf: l, Private: c.Events[i].Private}
	}
	return records, nil
}

func (b *batch) writeTile(level int, t tile) error {
	if _, err := b.stmt(b.s.st.tile).Exec(tileID(level, t.n), t.hashes); err != nil {
		return fmt.Errorf("sqlite: writing hashes: %w", err)
	}
	return nil
}

// finish writes what the group has in common: the tiles it left open, the
// signed checkpoint and the jobs.
func (b *batch) finish() error {
	if b.grown {
		if err := b.writeHead(); err != nil {
			return err
		}
	}
	return b.s.enqueue(b.tx, b.jobs)
}

func (b *batch) writeHead() error {
	for level, t := range b.edge.open {
		old := b.s.edge.open[level]
		if len(t.hashes) == 0 || t.n == old.n && len(t.hashes) == len(old.hashes) {
			continue
		}
		if err := b.writeTile(level, t); err != nil {
			return err
		}
	}
	f := b.edge.frontier
	signed, err := ledger.Sign(ledger.Checkpoint{Origin: b.s.opt.Origin, Size: f.Size(), Root: f.Root()}, b.s.opt.Signer)
	if err != nil {
		return err
	}
	if _, err := b.stmt(b.s.st.head).Exec(f.Size(), signed); err != nil {
		return fmt.Errorf("sqlite: writing the checkpoint: %w", err)
	}
	return nil
}
