// Package audit asks how fast a whole exported ledger of 100,000 events is
// verified, beside the rate at which this machine can hash the same bytes at
// all.
package audit

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"countersign/internal/ledger"
)

const (
	origin = "bench.example/ledger"
	events = 100_000
)

// export is a ledger as files, and the size of its leaves.
type export struct {
	files    map[string][]byte
	bytes    int64
	verifier note.Verifiers
}

func (e export) read(path string) ([]byte, error) {
	if data, ok := e.files[path]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("no file %s", path)
}

func make100k(tb testing.TB) export {
	tb.Helper()
	e := export{files: map[string][]byte{}}
	var frontier ledger.Frontier
	var nodes []ledger.Hash
	leaves := make([][]byte, events)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range leaves {
		leaves[i] = leaf(uint64(i), at.Add(time.Duration(i)*time.Millisecond)).Bytes()
		e.bytes += int64(len(leaves[i]))
		nodes = append(nodes, frontier.Append(ledger.HashLeaf(leaves[i]))...)
	}
	secret, public, err := note.GenerateKey(rand.Reader, origin)
	check(tb, err)
	signer, err := note.NewSigner(secret)
	check(tb, err)
	verifier, err := note.NewVerifier(public)
	check(tb, err)
	e.verifier = note.VerifierList(verifier)
	signed, err := ledger.Sign(ledger.Checkpoint{Origin: origin, Size: events, Root: frontier.Root()}, signer)
	check(tb, err)
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, n := range indexes {
			out[i] = nodes[n]
		}
		return out, nil
	})
	check(tb, ledger.Export(events, signed, reader,
		func(from uint64, n int) ([][]byte, error) { return leaves[from : from+uint64(n)], nil },
		func(path string, data []byte) error { e.files[path] = bytes.Clone(data); return nil }))
	return e
}

func leaf(seq uint64, at time.Time) ledger.Leaf {
	body, _ := json.Marshal(map[string]string{"note": string(bytes.Repeat([]byte("x"), 800))})
	return ledger.Leaf{
		Seq: seq, Stream: fmt.Sprintf("req_%08d", seq/8), Version: seq%8 + 1,
		Type: "bench.happened", At: at, Actor: "system", Body: body,
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func BenchmarkAudit(b *testing.B) {
	e := make100k(b)
	b.Run("countersign", func(b *testing.B) {
		b.SetBytes(e.bytes)
		for b.Loop() {
			report, err := ledger.CheckExport(origin, e.verifier, e.read)
			if err != nil || report.Entries != events {
				b.Fatalf("%d entries: %v", report.Entries, err)
			}
		}
	})
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(e.bytes)
		for b.Loop() {
			for path, data := range e.files {
				if bytes.HasPrefix([]byte(path), []byte("tile/entries/")) {
					sha256.Sum256(data)
				}
			}
		}
	})
}

func TestAChangedByteIsFound(t *testing.T) {
	e := make100k(t)
	e.files["tile/entries/100"][500] ^= 1
	if _, err := ledger.CheckExport(origin, e.verifier, e.read); err == nil {
		t.Error("the verifier that is measured does not verify")
	}
}
