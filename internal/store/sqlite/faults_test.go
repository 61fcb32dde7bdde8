package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/store"
	"countersign/internal/store/storetest"
)

const testOrigin = "ledger.example.test/faults"

func openTest(t *testing.T, path string) *Store {
	t.Helper()
	signer, verifier := storetest.Keys(t, testOrigin)
	s, err := Open(t.Context(), Options{Path: path, Origin: testOrigin, Signer: signer, Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func sound(t *testing.T, s *Store, entries uint64) {
	t.Helper()
	_, verifier := storetest.Keys(t, testOrigin)
	fold := func(string, []store.Record) (*store.Row, error) { return nil, nil }
	report, err := store.Check(t.Context(), s, testOrigin, note.VerifierList(verifier), fold)
	if err != nil || !report.OK() || report.Entries != entries {
		t.Errorf("want %d entries: %+v, %v", entries, report, err)
	}
}

var errBroken = errors.New("the disk is broken")

func TestACommitThatTheDatabaseRefusesIsNotAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openTest(t, path)
	mustCommit(t, s, "req_1", 0)
	s.commit = func(tx *sql.Tx) error { tx.Rollback(); return errBroken }
	for range 3 {
		if _, err := s.Commit(t.Context(), storetest.Commit("req_1", 1, 2)); !errors.Is(err, errBroken) || errors.Is(err, store.ErrClosed) {
			t.Fatalf("error %v", err)
		}
	}
	if err := s.Ping(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("ping: %v", err)
	}
	s.commit = (*sql.Tx).Commit
	mustCommit(t, s, "req_1", 1)
	sound(t, s, 2)
}

func TestACommitThatFailedAndYetHappenedDoesNotConfuseTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openTest(t, path)
	s.commit = func(tx *sql.Tx) error { return errors.Join(tx.Commit(), errBroken) }
	if _, err := s.Commit(t.Context(), storetest.Commit("req_1", 0, 300)); !errors.Is(err, errBroken) {
		t.Fatalf("error %v", err)
	}
	s.commit = (*sql.Tx).Commit
	if _, err := s.Commit(t.Context(), storetest.Commit("req_1", 0, 1)); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("error %v", err)
	}
	mustCommit(t, s, "req_1", 300)
	sound(t, s, 301)
	s.Close()
	sound(t, openTest(t, path), 301)
}

// refusal is an error with a code of SQLite's.
type refusal int

func (r refusal) Error() string { return fmt.Sprint("disk I/O error ", int(r)) }
func (r refusal) Code() int     { return int(r) }

func TestAFlushThatTheDiskDoesNotConfirmClosesTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openTest(t, path)
	mustCommit(t, s, "req_1", 0)
	const ioerrFsync = 1034
	s.commit = func(tx *sql.Tx) error { tx.Rollback(); return refusal(ioerrFsync) }
	for range 2 {
		_, err := s.Commit(t.Context(), storetest.Commit("req_1", 1, 1))
		if !errors.Is(err, store.ErrClosed) || !strings.Contains(err.Error(), "disk did not confirm a flush") {
			t.Fatalf("error %v", err)
		}
	}
	if got, err := s.Stream(t.Context(), "req_1"); err != nil || len(got) != 1 {
		t.Errorf("reading: %d, %v", len(got), err)
	}
	s.Close()
	again := openTest(t, path)
	mustCommit(t, again, "req_1", 1)
	sound(t, again, 2)
}

func TestALedgerThatCannotBeReadBackClosesTheStore(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	mustCommit(t, s, "req_1", 0)
	s.commit = func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM tiles`)
		return errors.Join(err, tx.Commit(), errBroken)
	}
	_, err := s.Commit(t.Context(), storetest.Commit("req_1", 1, 1))
	if !errors.Is(err, store.ErrClosed) || !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "reading the ledger back") {
		t.Errorf("error %v", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("ping: %v", err)
	}
}

func TestAFullDiskIsSaidAndOvercome(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	var pages int
	if err := s.write.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		if _, err := s.write.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, n)); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages + 20)
	var mu sync.Mutex
	acknowledged, refused := uint64(0), 0
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			c := storetest.Commit(fmt.Sprint("req_", i), 0, 1)
			c.Events[0].Open = fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", 40_000))
			_, err := s.Commit(context.Background(), c)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				acknowledged++
			case strings.Contains(err.Error(), "full") && !errors.Is(err, store.ErrClosed):
				refused++
			default:
				t.Errorf("error %v", err)
			}
		})
	}
	wg.Wait()
	if acknowledged == 0 || refused == 0 {
		t.Errorf("%d acknowledged, %d refused", acknowledged, refused)
	}
	sound(t, s, acknowledged)
	limit(1 << 20)
	mustCommit(t, s, "req_later", 0)
	sound(t, s, acknowledged+1)
}

func TestARequestThatCannotBeWrittenDoesNotTakeItsGroupDown(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "ledger.db"))
	prepared := func(c store.Commit) *request {
		p, err := prepare(c)
		if err != nil {
			t.Fatal(err)
		}
		return &request{commit: p, done: make(chan struct{})}
	}
	group := []*request{
		prepared(storetest.Commit("req_1", 0, 2)),
		prepared(storetest.Commit("req_1", 0, 2)), // conflicts
		{do: func(*sql.Tx) error { return errBroken }, done: make(chan struct{})},
		prepared(storetest.Commit("req_2", 0, 2)),
	}
	s.serve(group) // the sequencer is idle
	for i, want := range []error{nil, store.ErrConflict, errBroken, nil} {
		<-group[i].done
		if !errors.Is(group[i].err, want) || (want == nil) != (len(group[i].result) == 2) {
			t.Errorf("request %d: %v, %d records", i, group[i].err, len(group[i].result))
		}
	}
	sound(t, s, 4)
}

func TestPausesGrowToFiveMinutes(t *testing.T) {
	want := []string{"5m0s", "1s", "2s", "4s", "8s", "16s", "32s", "1m4s", "2m8s", "4m16s", "5m0s", "5m0s"}
	for attempt, pauseWanted := range want {
		if got := pause(attempt).String(); got != pauseWanted {
			t.Errorf("after attempt %d: %s, want %s", attempt, got, pauseWanted)
		}
	}
	if pause(1<<30) != maxPause {
		t.Error("a great number of attempts overflows")
	}
}

func mustCommit(t *testing.T, s *Store, stream string, expect uint64) {
	t.Helper()
	if _, err := s.Commit(t.Context(), storetest.Commit(stream, expect, 1)); err != nil {
		t.Fatal(err)
	}
}
