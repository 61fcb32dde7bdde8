package sqlite_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/store"
	"countersign/internal/store/sqlite"
	"countersign/internal/store/storetest"
)

// childEnv makes the test binary a process that works on a ledger until it is
// killed; doingEnv says what it does.
const (
	childEnv = "COUNTERSIGN_TEST_CHILD"
	doingEnv = "COUNTERSIGN_TEST_DOING"
)

var doings = map[string]func(*sqlite.Store) error{"commits": commitForEver, "a job": workForEver}

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := child(path, doings[os.Getenv(doingEnv)]); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// sameName makes another key under the ledger's name.
func sameName(t *testing.T) (note.Signer, note.Verifier) {
	seed := sha256.Sum256([]byte("another seed"))
	skey, vkey, err := note.GenerateKey(strings.NewReader(string(seed[:])), origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

func child(path string, do func(*sqlite.Store) error) error {
	signer, verifier := storetest.Keys(new(testing.T), origin)
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path, Origin: origin, Signer: signer, Verifier: verifier})
	if err != nil {
		return err
	}
	return do(s)
}

// workForEver takes a job and never finishes it.
func workForEver(s *sqlite.Store) error {
	job := store.Job{Kind: "some.work", Unique: "the only one"}
	if _, err := s.Commit(context.Background(), store.Commit{Jobs: []store.Job{job}}); err != nil {
		return err
	}
	return s.Work(context.Background(), map[string]store.Handler{"some.work": func(context.Context, store.Attempt) error {
		fmt.Println("begun")
		select {}
	}})
}

// commitForEver prints a line for every event it was told is safe.
func commitForEver(s *sqlite.Store) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for writer := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				stream := fmt.Sprintf("req_%d_%d_%d", os.Getpid(), writer, n)
				c := storetest.Commit(stream, 0, 3)
				c.Row = storetest.Row(stream, 3)
				c.Jobs = []store.Job{{Kind: "never.run"}}
				records, err := s.Commit(context.Background(), c)
				if err != nil {
					return
				}
				mu.Lock()
				for _, r := range records {
					fmt.Printf("%d %s %s\n", r.Seq, r.Hash(), r.Stream)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return nil
}

func TestNothingAcknowledgedIsLostToAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	told := map[uint64]string{}
	for round := range 4 {
		killAfter(t, path, 200*(round+1), told)
		s, err := sqlite.Open(t.Context(), options(t, path))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for seq, hash := range told {
			got, err := s.Records(t.Context(), seq, 1)
			if err != nil || len(got) != 1 || got[0].Seq != seq || got[0].Hash().String() != hash {
				t.Fatalf("round %d: entry %d was acknowledged: %+v, %v", round, seq, got, err)
			}
		}
		report, err := store.Check(t.Context(), s, origin, verifiers(t), storetest.Fold)
		if err != nil || !report.OK() || report.Entries < uint64(len(told)) || report.Rows*3 != int(report.Entries) {
			t.Fatalf("round %d: %+v, %v", round, report, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAJobThatAKillInterruptedRunsAgainAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if lines := runAndKill(t, path, "a job", 1); len(lines) != 1 {
		t.Fatalf("the child printed %q", lines)
	}
	s := open(t, path)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var again store.Attempt
	err := s.Work(ctx, map[string]store.Handler{"some.work": func(_ context.Context, a store.Attempt) error {
		again = a
		stop()
		return nil
	}})
	if err != nil || again.Number != 2 || again.Unique != "the only one" {
		t.Errorf("%+v, %v", again, err)
	}
}

// killAfter kills a child that has acknowledged this many events and adds all
// that it acknowledged to told.
func killAfter(t *testing.T, path string, lines int, told map[uint64]string) {
	t.Helper()
	for _, line := range runAndKill(t, path, "commits", lines) {
		var seq uint64
		var hash, stream string
		if _, err := fmt.Sscanf(line, "%d %s %s", &seq, &hash, &stream); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if told[seq] != "" {
			t.Fatalf("entry %d was acknowledged twice", seq)
		}
		told[seq] = hash
	}
}

// runAndKill runs a child, kills it when it has printed this many lines, and
// returns all whole lines that it printed.
func runAndKill(t *testing.T, path, doing string, lines int) []string {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path, doingEnv+"="+doing)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(out)
	var printed []string
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			break // a last line without its end was cut by the kill
		}
		if printed = append(printed, line); len(printed) == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	child.Wait()
	if len(printed) < lines {
		t.Fatalf("the child ended by itself after %d lines", len(printed))
	}
	return printed
}
