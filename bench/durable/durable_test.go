package durable

import (
	"fmt"
	"io"
	"os"
	"testing"

	"k8s.io/klog/v2"
)

// groups are how many writers wait at the same time.
var groups = []int{1, 64, 256}

// Tessera's log lines would stand in the middle of the results.
func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	os.Exit(m.Run())
}

func BenchmarkDurable(b *testing.B) {
	for _, n := range groups {
		b.Run(fmt.Sprintf("raw/writers=%d", n), func(b *testing.B) {
			g, err := newGroup(b.TempDir(), n)
			if err != nil {
				b.Fatal(err)
			}
			drive(b, n, g.add)
			b.StopTimer()
			if err := g.close(); err != nil {
				b.Fatal(err)
			}
		})
		b.Run(fmt.Sprintf("countersign/writers=%d", n), func(b *testing.B) {
			write, stop, err := newCountersign(b.Context(), b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			drive(b, n, write)
			b.StopTimer()
			if err := stop(); err != nil {
				b.Fatal(err)
			}
		})
		b.Run(fmt.Sprintf("tessera/writers=%d", n), func(b *testing.B) {
			write, stop, err := newTessera(b.Context(), b.TempDir(), uint(n))
			if err != nil {
				b.Fatal(err)
			}
			drive(b, n, write)
			b.StopTimer()
			if err := stop(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
