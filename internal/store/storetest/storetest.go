// Package storetest is the suite that judges an implementation of
// store.Store. An implementation calls Run from a test of its own:
//
//	storetest.Run(t, func(t *testing.T) storetest.Fixture { … })
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/store"
)

// Fixture is one empty database. Open opens it; the suite closes what it opens
// and opens it again to see what lasted.
type Fixture struct {
	Open      func() store.Store
	Origin    string
	Verifiers note.Verifiers
}

// Run judges the stores that fresh makes, each time a new empty one.
func Run(t *testing.T, fresh func(t *testing.T) Fixture) {
	for _, group := range []map[string]func(*testing.T, *kit){commits, reads, items, crowds, jobs, conditions, tallies} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := fresh(t)
				k := &kit{T: t, Fixture: f, ctx: t.Context(), Store: f.Open()}
				t.Cleanup(func() { k.Store.Close() })
				test(t, k)
			})
		}
	}
}

// Keys makes the signer and the verifier of a ledger, the same for each name.
func Keys(t testing.TB, origin string) (note.Signer, note.Verifier) {
	t.Helper()
	seed := sha256.Sum256([]byte(origin))
	skey, vkey, err := note.GenerateKey(bytes.NewReader(seed[:]), origin)
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

// Noon is the time of the suite's events.
var Noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// Commit is a commit of n plain events to a stream that is at version expect.
func Commit(stream string, expect uint64, n int) store.Commit {
	c := store.Commit{Stream: stream, Expect: expect, Actor: "person/1", At: Noon}
	for i := range n {
		c.Events = append(c.Events, store.Draft{Type: "test.happened", Open: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	return c
}

// Row is a row that fits Commit(stream, version-n, n). Fold makes the same.
func Row(stream string, version uint64) *store.Row {
	return &store.Row{
		ID: stream, Subject: "corp/" + identity.AccountID(stream), Person: "person/7", Action: identity.MFAReset,
		Status: "open", Tier: identity.Low, Desk: "nightline", Agent: "person/1", Case: "C-" + stream,
		Opened: Noon, Changed: Noon, Version: version, State: fmt.Appendf(nil, `{"events":%d}`, version),
	}
}

// Fold makes the row that the suite's commits store for a stream, for use with
// store.Check.
func Fold(stream string, records []store.Record) (*store.Row, error) {
	return Row(stream, uint64(len(records))), nil
}

// kit is a store under test.
type kit struct {
	*testing.T
	Fixture
	store.Store
	ctx context.Context
}

// reopen closes the store and opens it again.
func (k *kit) reopen() {
	k.Helper()
	if err := k.Store.Close(); err != nil {
		k.Fatalf("closing: %v", err)
	}
	k.Store = k.Open()
}

// must commits and expects success.
func (k *kit) must(c store.Commit) []store.Record {
	k.Helper()
	records, err := k.Commit(k.ctx, c)
	if err != nil {
		k.Fatalf("commit to %q at %d: %v", c.Stream, c.Expect, err)
	}
	if len(records) != len(c.Events) {
		k.Fatalf("commit of %d events returned %d records", len(c.Events), len(records))
	}
	return records
}

// refuse commits and expects an error that is target; nil takes any.
func (k *kit) refuse(c store.Commit, target error) error {
	k.Helper()
	records, err := k.Commit(k.ctx, c)
	if err == nil || records != nil {
		k.Fatalf("commit to %q at %d was accepted", c.Stream, c.Expect)
	}
	if target != nil && !errors.Is(err, target) {
		k.Fatalf("commit to %q at %d: %v, want %v", c.Stream, c.Expect, err, target)
	}
	return err
}

// head reads and verifies the checkpoint.
func (k *kit) head() ledger.Checkpoint {
	k.Helper()
	signed, err := k.Checkpoint(k.ctx)
	if err != nil {
		k.Fatalf("reading the checkpoint: %v", err)
	}
	head, err := ledger.ParseCheckpoint(k.Origin, signed, k.Verifiers)
	if err != nil {
		k.Fatal(err)
	}
	return head
}

// covered checks that the newest checkpoint covers a record.
func (k *kit) covered(r store.Record) error {
	signed, err := k.Checkpoint(k.ctx)
	if err != nil {
		return err
	}
	head, err := ledger.ParseCheckpoint(k.Origin, signed, k.Verifiers)
	if err != nil {
		return err
	}
	proof, err := ledger.ProveInclusion(head.Size, r.Seq, k.Nodes(k.ctx))
	if err != nil {
		return err
	}
	return ledger.CheckInclusion(proof, head.Size, head.Root, r.Seq, r.Hash())
}

// size is the number of entries that can be read.
func (k *kit) size() int {
	k.Helper()
	n := 0
	for {
		page, err := k.Records(k.ctx, uint64(n), 1000)
		if err != nil {
			k.Fatal(err)
		}
		if len(page) == 0 {
			return n
		}
		n += len(page)
	}
}

// sound runs store.Check.
func (k *kit) sound() store.IntegrityReport {
	k.Helper()
	report, err := store.Check(k.ctx, k.Store, k.Origin, k.Verifiers, Fold)
	if err != nil {
		k.Fatal(err)
	}
	return report
}

func equal(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
