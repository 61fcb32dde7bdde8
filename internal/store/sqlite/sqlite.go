// Package sqlite is the embedded store: one SQLite file, written by one
// process at a time.
//
// All writes go through one goroutine, the sequencer. It takes the commits
// that are waiting, writes them in one transaction together with their Merkle
// hashes and the signed checkpoint over them, and answers their callers after
// the transaction is on the disk. Reads use connections of their own and see
// the newest commit. Jobs are River's, on the connection of the sequencer, so
// that SQLite's single writer is never contended for.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"golang.org/x/mod/sumdb/note"

	"countersign/internal/store"
)

// Options say which file to open and whose ledger it is.
type Options struct {
	// Path of the database file; it is made when absent, readable by its owner
	// only. Beside it stand Path-wal, Path-shm and Path.lock.
	Path string
	// Origin names the ledger. Signer and Verifier carry it as their name.
	Origin   string
	Signer   note.Signer
	Verifier note.Verifier
	Logger   *slog.Logger     // nil: silent
	Now      func() time.Time // by which items expire; nil: time.Now. Jobs run by the real clock.
	// Inspect opens an existing file for reading only, without Signer and
	// without the lock, even one that fails the checks of Open, so that
	// store.Check can say what is wrong with it. Writes return ErrClosed.
	Inspect bool
}

func (o Options) check() error {
	switch {
	case o.Path == "":
		return errors.New("no path")
	case o.Origin == "":
		return errors.New("no origin")
	case o.Verifier == nil || o.Signer == nil && !o.Inspect:
		return errors.New("no key")
	case o.Inspect:
		return nil
	case o.Signer.Name() != o.Origin || o.Verifier.Name() != o.Origin:
		return fmt.Errorf("the keys are of %q and %q, the ledger is %q", o.Signer.Name(), o.Verifier.Name(), o.Origin)
	case o.Signer.KeyHash() != o.Verifier.KeyHash():
		return fmt.Errorf("the signing key and the verifying key of %q do not belong together", o.Origin)
	}
	return nil
}

// Store implements store.Store. Open makes one.
type Store struct {
	opt   Options
	lock  *os.File
	write *sql.DB // one connection: the sequencer's and River's
	read  *sql.DB
	jobs  *river.Client[*sql.Tx] // enqueues only
	st    statements

	requests chan *request
	closing  chan struct{} // closed when no more requests are taken
	stopped  chan struct{} // closed when the sequencer has ended
	work     sync.WaitGroup

	edge    edge                // the sequencer's alone
	heads   heads               // likewise
	figures map[figure]int64    // likewise: their ids, as far as they were asked for
	commit  func(*sql.Tx) error // (*sql.Tx).Commit; tests make it fail

	mu     sync.Mutex
	cause  error // why closing is closed; nil while it is open
	closed bool  // by Close: reads fail too
}

var _ store.Store = (*Store)(nil)

// Open opens the database, makes or upgrades its tables, and checks that the
// newest checkpoint is signed by this ledger's key and agrees with the stored
// hashes and events. The file stays locked until Close.
func Open(ctx context.Context, opt Options) (*Store, error) {
	s, err := open(ctx, opt)
	if err != nil {
		return nil, fmt.Errorf("sqlite: opening %s: %w", opt.Path, err)
	}
	if opt.Inspect {
		close(s.stopped)
	} else {
		go s.sequence()
	}
	return s, nil
}

func open(ctx context.Context, opt Options) (_ *Store, err error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	s := &Store{
		opt: opt, commit: (*sql.Tx).Commit, heads: heads{}, figures: map[figure]int64{},
		requests: make(chan *request), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if opt.Inspect {
		return s, s.inspect(ctx)
	}
	if s.lock, err = acquire(opt.Path + ".lock"); err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	s.edge, err = s.load(ctx, s.write)
	return s, err
}

// inspect opens for reading what may be damaged.
func (s *Store) inspect(ctx context.Context) error {
	if _, err := os.Stat(s.opt.Path); err != nil {
		return err
	}
	if err := s.connectReaders(); err != nil {
		return err
	}
	if err := s.read.PingContext(ctx); err != nil {
		return err
	}
	cause := errors.New("it was opened for inspection")
	if _, err := s.load(ctx, s.read); err != nil {
		cause = err
	}
	s.shut(fmt.Errorf("%w: %w", store.ErrClosed, cause))
	return nil
}

// Close lets the commits under way finish, refuses new ones with ErrClosed,
// waits for Work to return, and closes the file. A second Close does nothing.
func (s *Store) Close() error {
	s.shut(store.ErrClosed)
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	<-s.stopped
	s.work.Wait()
	return s.release()
}

// shut stops taking requests. Only the first cause counts.
func (s *Store) shut(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause == nil {
		s.cause = cause
		close(s.closing)
	}
}

// fate is the reason that the store takes no requests, or nil.
func (s *Store) fate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

func (s *Store) release() error {
	var errs []error
	s.st.close()
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
