// Package audit asks how fast a whole exported ledger of 100,000 events is
// verified: by countersign-verify, from files and with the process's start, and
// by the check alone on one core; beside the rate at which this machine can hash
// the same bytes at all.
package audit

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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
	files  map[string][]byte
	bytes  int64
	vkey   string
	origin string
	keys   note.Verifiers
}

func (e export) read(path string) ([]byte, error) {
	if data, ok := e.files[path]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("no file %s", path)
}

// write puts the files and the key where the program finds them.
func (e export) write(tb testing.TB) (key, dir string) {
	tb.Helper()
	dir = filepath.Join(tb.TempDir(), "ledger")
	for path, data := range e.files {
		file := filepath.Join(dir, path)
		check(tb, os.MkdirAll(filepath.Dir(file), 0o750))
		check(tb, os.WriteFile(file, data, 0o600))
	}
	key = filepath.Join(tb.TempDir(), "log.vkey")
	check(tb, os.WriteFile(key, []byte(e.vkey), 0o600))
	return key, dir
}

// bundles are the files that hold the leaves.
func (e export) bundles() [][]byte {
	var out [][]byte
	for path, data := range e.files {
		if strings.HasPrefix(path, "tile/entries/") {
			out = append(out, data)
		}
	}
	return out
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
	e.vkey = public
	e.origin, e.keys, err = ledger.ReadKey(public)
	check(tb, err)
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

// program builds countersign-verify.
func program(tb testing.TB) string {
	tb.Helper()
	bin := filepath.Join(tb.TempDir(), "countersign-verify")
	out, err := exec.CommandContext(tb.Context(), "go", "build", "-o", bin, "countersign/cmd/countersign-verify").CombinedOutput()
	if err != nil {
		tb.Fatalf("building countersign-verify: %v\n%s", err, out)
	}
	return bin
}

func BenchmarkAudit(b *testing.B) {
	e, bin := make100k(b), program(b)
	key, dir := e.write(b)
	bundles := e.bundles()
	b.Run("program", func(b *testing.B) {
		b.SetBytes(e.bytes)
		for b.Loop() {
			if out, err := exec.CommandContext(b.Context(), bin, "--log-key", key, dir).CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		b.SetBytes(e.bytes)
		for b.Loop() {
			report, err := ledger.CheckExport(e.origin, e.keys, e.read)
			if err != nil || report.Entries != events {
				b.Fatalf("%d entries: %v", report.Entries, err)
			}
		}
	})
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(e.bytes)
		for b.Loop() {
			for _, data := range bundles {
				sha256.Sum256(data)
			}
		}
	})
	b.Run("sha256all", func(b *testing.B) {
		b.SetBytes(e.bytes)
		for b.Loop() {
			hashSideBySide(bundles)
		}
	})
}

func hashSideBySide(bundles [][]byte) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(bundles)); i = next.Add(1) - 1 {
				sha256.Sum256(bundles[i])
			}
		})
	}
	wg.Wait()
}

// What is measured has to verify: a ledger that is whole, and then one that is
// not.
func TestAChangedByteIsFound(t *testing.T) {
	e, bin := make100k(t), program(t)
	key, dir := e.write(t)
	out, err := exec.CommandContext(t.Context(), bin, "--log-key", key, dir).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("whole: 100000 entries")) {
		t.Fatalf("%v\n%s", err, out)
	}
	const bundle = "tile/entries/100"
	e.files[bundle][500] ^= 1
	if _, err := ledger.CheckExport(e.origin, e.keys, e.read); err == nil {
		t.Error("the check that is measured does not check")
	}
	check(t, os.WriteFile(filepath.Join(dir, bundle), e.files[bundle], 0o600))
	if out, err := exec.CommandContext(t.Context(), bin, "--log-key", key, dir).CombinedOutput(); err == nil {
		t.Errorf("the program that is measured does not verify:\n%s", out)
	}
}
