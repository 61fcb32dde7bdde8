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

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/store"
	"countersign/internal/store/sqlite"
	"countersign/internal/store/storetest"
)

// childEnv makes the test binary a process that commits until it is killed.
const childEnv = "COUNTERSIGN_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := commitForEver(path); err != nil {
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

// commitForEver prints a line for every event it was told is safe.
func commitForEver(path string) error {
	signer, verifier := storetest.Keys(new(testing.T), origin)
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path, Origin: origin, Signer: signer, Verifier: verifier})
	if err != nil {
		return err
	}
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

// killAfter runs a child, kills it once it has printed this many lines, and
// adds all it printed to told.
func killAfter(t *testing.T, path string, lines int, told map[uint64]string) {
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(out)
	count := 0
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			break // a last line without its end was cut by the kill
		}
		var seq uint64
		var hash, stream string
		if _, err := fmt.Sscanf(line, "%d %s %s", &seq, &hash, &stream); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if told[seq] != "" {
			t.Fatalf("entry %d was acknowledged twice", seq)
		}
		told[seq] = hash
		if count++; count == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	child.Wait()
	if count < lines {
		t.Fatalf("the child ended by itself after %d lines", count)
	}
}
