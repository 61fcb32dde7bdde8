// Package durable asks how many events of a kilobyte a second become durable,
// for writers that each wait for theirs: a raw file with grouped fdatasync,
// which is the floor of the machine; Tessera's POSIX driver; and Countersign's
// store, which commits the event, its Merkle nodes, a signed checkpoint and the
// read row together.
package durable

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const (
	origin    = "bench.example/ledger"
	eventSize = 1024
)

// add returns when the n-th event is durable.
type add func(n int64, event []byte) error

// drive lets the writers add b.N events and reports them per second.
func drive(b *testing.B, writers int, add add) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	start := time.Now()
	for range writers {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				if err := add(n, event(n)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "events/s")
}

// event is a kilobyte that differs from its neighbours.
func event(n int64) []byte {
	head := strconv.AppendInt(nil, n, 10)
	return append(head, bytes.Repeat([]byte("x"), eventSize-len(head))...)
}

// group is a file that takes what is waiting and syncs it once.
type group struct {
	file  *os.File
	queue chan entry
	done  chan struct{}
}

type entry struct {
	data   []byte
	result chan error
}

func newGroup(dir string, most int) (*group, error) {
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		return nil, err
	}
	g := &group{file: f, queue: make(chan entry, most), done: make(chan struct{})}
	go g.run(most)
	return g, nil
}

func (g *group) add(_ int64, data []byte) error {
	e := entry{data, make(chan error, 1)}
	g.queue <- e
	return <-e.result
}

func (g *group) run(most int) {
	defer close(g.done)
	for first := range g.queue {
		batch := []entry{first}
		for len(batch) < most && len(g.queue) > 0 {
			batch = append(batch, <-g.queue)
		}
		var text []byte
		for _, e := range batch {
			text = append(text, e.data...)
		}
		_, err := g.file.Write(text)
		err = errors.Join(err, syscall.Fdatasync(int(g.file.Fd())))
		for _, e := range batch {
			e.result <- err
		}
	}
}

func (g *group) close() error {
	close(g.queue)
	<-g.done
	return g.file.Close()
}

// newTessera opens a log whose futures resolve when an entry is durable and
// integrated. A checkpoint over it follows within 100 ms, which is not waited
// for here. A batch is as large as there are writers, so it is always full and
// its age never matters: with a short age Tessera spends itself on small ones.
func newTessera(ctx context.Context, dir string, batch uint) (add, func() error, error) {
	key, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, nil, fmt.Errorf("durable: making a key: %w", err)
	}
	signer, err := note.NewSigner(key)
	if err != nil {
		return nil, nil, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, nil, err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(batch, 50*time.Millisecond).
		WithCheckpointInterval(100 * time.Millisecond)
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return nil, nil, err
	}
	write := func(_ int64, data []byte) error {
		_, err := appender.Add(ctx, tessera.NewEntry(data))()
		return err
	}
	return write, func() error { return shutdown(ctx) }, nil
}
