package sqlite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"countersign/internal/store"
	"countersign/internal/store/storetest"
)

// event is one new request of about a kilobyte, with its row.
func event(n int64, jobs bool) store.Commit {
	stream := fmt.Sprintf("req_%020d", n)
	c := storetest.Commit(stream, 0, 1)
	c.Events[0].Open = json.RawMessage(`{"text":"` + strings.Repeat("x", 800) + `"}`)
	c.Row = storetest.Row(stream, 1)
	if jobs {
		c.Jobs = []store.Job{{Kind: "some.work", Args: json.RawMessage(`{"request":"` + stream + `"}`), Unique: stream}}
	}
	return c
}

func BenchmarkCommit(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		s := open(b, filepath.Join(b.TempDir(), "ledger.db"))
		n := int64(0)
		for b.Loop() {
			n++
			if _, err := s.Commit(context.Background(), event(n, false)); err != nil {
				b.Fatal(err)
			}
		}
		rate(b)
	})
	for _, crowd := range []int{16, 256, 1024} {
		for _, jobs := range []bool{false, true} {
			b.Run(fmt.Sprintf("crowd=%d/jobs=%v", crowd, jobs), func(b *testing.B) {
				benchmarkCrowd(b, crowd, func(n int64) store.Commit { return event(n, jobs) })
			})
		}
	}
	b.Run("crowd=256/events only", func(b *testing.B) {
		benchmarkCrowd(b, 256, func(n int64) store.Commit { c := event(n, false); c.Row = nil; return c })
	})
	b.Run("50 events each", func(b *testing.B) {
		s := open(b, filepath.Join(b.TempDir(), "ledger.db"))
		n := int64(0)
		for b.Loop() {
			n++
			c := event(n, false)
			for len(c.Events) < 50 {
				c.Events = append(c.Events, c.Events[0])
			}
			c.Row.Version = 50
			if _, err := s.Commit(context.Background(), c); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*50/b.Elapsed().Seconds(), "events/s")
	})
}

func benchmarkCrowd(b *testing.B, crowd int, next func(n int64) store.Commit) {
	s := open(b, filepath.Join(b.TempDir(), "ledger.db"))
	var n atomic.Int64
	b.SetParallelism(crowd / 2)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Commit(context.Background(), next(n.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	rate(b)
}

// BenchmarkRawFile is the disk's own speed: the same bytes appended to a file
// and flushed in groups.
func BenchmarkRawFile(b *testing.B) {
	for _, group := range []int{1, 256} {
		b.Run(fmt.Sprintf("group=%d", group), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			block := make([]byte, group<<10)
			b.ResetTimer()
			for i := 0; i < b.N; i += group {
				if _, err := f.Write(block); err != nil {
					b.Fatal(err)
				}
				if err := syscall.Fdatasync(int(f.Fd())); err != nil {
					b.Fatal(err)
				}
			}
			rate(b)
		})
	}
}

func rate(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
