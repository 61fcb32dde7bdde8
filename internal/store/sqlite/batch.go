package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	"countersign/internal/ledger"
	"countersign/internal/store"
)

// batch is a transaction being filled. What its requests have to be judged by is
// read at once for all of them, they are judged in memory one after the other,
// and what they write is written together.
type batch struct {
	s      *Store
	tx     *sql.Tx
	edge   edge
	now    int64 // Unix milliseconds, for items
	bound  map[*sql.Stmt]*sql.Stmt
	heads  heads             // of the group's streams, as it leaves them
	owners map[string]string // of the group's case codes: the row that has it

	events, privates, rows []any          // values for the bulks
	rowAt                  map[string]int // where a row's values begin
	jobs                   []queued
	counts                 counts
	figures                map[figure]int64 // ids that the group learnt
}

func newBatch(s *Store, tx *sql.Tx) *batch {
	return &batch{
		s: s, tx: tx, edge: s.edge.clone(), now: s.opt.Now().UnixMilli(), bound: map[*sql.Stmt]*sql.Stmt{},
		heads: heads{}, owners: map[string]string{}, rowAt: map[string]int{}, counts: counts{}, figures: map[figure]int64{},
	}
}

// stmt is a statement bound to the transaction.
func (b *batch) stmt(st *sql.Stmt) *sql.Stmt {
	bound, ok := b.bound[st]
	if !ok {
		bound = b.tx.Stmt(st)
		b.bound[st] = bound
	}
	return bound
}

// add judges one request and keeps what it writes. It finds every conflict
// before it keeps or writes anything, so a request with a conflict leaves no
// trace.
func (b *batch) add(r *request) error {
	c := r.commit
	if err := b.checkStream(c); err != nil {
		return err
	}
	if err := b.checkCase(c.Row); err != nil {
		return err
	}
	versions, err := b.checkItems(c.Items)
	if err != nil {
		return err
	}
	if r.result, err = b.keepEvents(c); err != nil {
		return err
	}
	b.keepRow(c.Row)
	b.keepHead(c)
	b.jobs = append(b.jobs, c.jobs...)
	b.counts.add(c.counts)
	return b.writeItems(c.Items, versions)
}

func (b *batch) keepEvents(c *prepared) ([]store.Record, error) {
	records := make([]store.Record, len(c.leaves))
	for i, l := range c.leaves {
		l.Seq = b.edge.frontier.Size()
		if l.Seq > maxSeq {
			return nil, errors.New("sqlite: the ledger is full")
		}
		leaf := l.Bytes()
		b.events = append(b.events, l.Seq, l.Stream, l.Version, leaf)
		if c.private[i] != nil {
			b.privates = append(b.privates, l.Seq, c.private[i])
		}
		if err := b.edge.append(ledger.HashLeaf(leaf), b.writeTile); err != nil {
			return nil, err
		}
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

// finish writes what was kept, and what the group has in common: the tiles it
// left open, the signed checkpoint and the jobs.
func (b *batch) finish() error {
	if err := b.write(&b.s.st.events, b.events); err != nil {
		return fmt.Errorf("sqlite: writing events: %w", err)
	}
	if err := b.write(&b.s.st.privates, b.privates); err != nil {
		return fmt.Errorf("sqlite: writing private values: %w", err)
	}
	if err := b.write(&b.s.st.rows, b.rows); err != nil {
		return fmt.Errorf("sqlite: writing rows: %w", err)
	}
	if err := b.writeCounts(); err != nil {
		return fmt.Errorf("sqlite: writing counts: %w", err)
	}
	if len(b.events) > 0 {
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
