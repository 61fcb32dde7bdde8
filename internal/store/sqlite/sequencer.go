package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"runtime"

	lib "modernc.org/sqlite/lib"

	"countersign/internal/store"
)

// groupSize bounds how many requests share a transaction: enough to make the
// disk's flush cheap for each, few enough to keep every caller's wait short.
const groupSize = 256

// request is one caller's wish and, when done is closed, its outcome.
type request struct {
	commit *prepared              // either a commit
	do     func(tx *sql.Tx) error // or something else to do in the transaction
	done   chan struct{}
	result []store.Record
	err    error
}

// submit hands a request to the sequencer and waits for its outcome. A caller
// whose ctx ends while the request still waits gets ctx's error and nothing is
// written; once the sequencer has taken it, submit waits for the outcome, for
// otherwise the caller could not know it.
func (s *Store) submit(ctx context.Context, r *request) error {
	r.done = make(chan struct{})
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return s.fate()
	}
	<-r.done
	return r.err
}

func (s *Store) sequence() {
	defer close(s.stopped)
	company := false
	for {
		select {
		case <-s.closing:
			return
		case first := <-s.requests:
			group := s.gather(first, company)
			company = len(group) > 1
			s.serve(group)
		}
	}
}

// gather adds to the first request those that wait already. In company, which
// is when the group before had several, it first lets the callers who were just
// answered come back with what they want next: otherwise they would miss this
// group, and groups would be half as large as the crowd.
func (s *Store) gather(first *request, company bool) []*request {
	group := []*request{first}
	for grown := true; grown; {
		if company {
			runtime.Gosched()
		}
		before := len(group)
		group = s.collect(group)
		grown = company && len(group) > before && len(group) < groupSize
	}
	return group
}

func (s *Store) collect(group []*request) []*request {
	for len(group) < groupSize {
		select {
		case r := <-s.requests:
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// serve writes a group and answers it. When the group as a whole fails, each
// request is tried by itself, so that one that cannot be written does not take
// the others down.
func (s *Store) serve(group []*request) {
	err := s.transact(group)
	for _, r := range group {
		if err != nil && len(group) > 1 && s.fate() == nil {
			if err := s.transact([]*request{r}); err != nil {
				r.err = err
			}
		} else if err != nil {
			r.err = err
		}
		if r.err != nil {
			r.result = nil
		}
		close(r.done)
	}
}

// transact writes a group in one transaction. Requests that conflict get their
// own error and leave no trace; an error of transact means that nothing of the
// group was written, as far as the database knows.
func (s *Store) transact(group []*request) error {
	tx, err := s.write.BeginTx(context.Background(), nil)
	if err != nil {
		return fmt.Errorf("sqlite: beginning a transaction: %w", err)
	}
	b := newBatch(s, tx)
	if err := b.fill(group); err != nil {
		return s.abandon(tx, err)
	}
	if err := s.commit(tx); err != nil {
		return s.reread(fmt.Errorf("sqlite: committing: %w", err))
	}
	s.edge = b.edge
	s.heads.learn(b.heads)
	maps.Copy(s.figures, b.figures)
	return nil
}

// fill writes a group into its transaction.
func (b *batch) fill(group []*request) error {
	if err := b.load(group); err != nil {
		return err
	}
	for _, r := range group {
		r.result, r.err = nil, nil
		err := b.answer(r)
		if errors.Is(err, store.ErrConflict) {
			r.err = err
		} else if err != nil {
			return err
		}
	}
	return b.finish()
}

func (b *batch) answer(r *request) error {
	if r.do != nil {
		return r.do(b.tx)
	}
	return b.add(r)
}

// abandon rolls back. The edge in memory was not touched.
func (s *Store) abandon(tx *sql.Tx, cause error) error {
	if err := tx.Rollback(); err != nil {
		return s.reread(errors.Join(cause, fmt.Errorf("sqlite: rolling back: %w", err)))
	}
	return cause
}

// reread is called when it is unknown what the disk holds: it reads the edge
// anew. When that fails, or the disk could not promise to keep what it was
// given, the store closes itself: a later flush may report success for pages
// that the failed one has lost.
func (s *Store) reread(cause error) error {
	clear(s.heads)
	clear(s.figures)
	var failure interface{ Code() int } // *sqlite.Error
	if errors.As(cause, &failure) {
		switch failure.Code() {
		case lib.SQLITE_IOERR_FSYNC, lib.SQLITE_IOERR_DIR_FSYNC:
			return s.fail(fmt.Errorf("the disk did not confirm a flush: %w", cause))
		}
	}
	e, err := s.load(context.Background(), s.write)
	if err != nil {
		return s.fail(fmt.Errorf("%w; then reading the ledger back: %w", cause, err))
	}
	s.edge = e
	return cause
}

func (s *Store) fail(cause error) error {
	err := fmt.Errorf("%w: %w", store.ErrClosed, cause)
	s.opt.Logger.Error("the store has closed itself; restart after the cause is mended", "err", cause)
	s.shut(err)
	return err
}
