package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const output = `cpu: A Processor
BenchmarkDecide/go-2     	 100	 1000 ns/op	 600 B/op	 4 allocs/op
BenchmarkDecide/go-2     	 100	 3000 ns/op	 600 B/op	 4 allocs/op
BenchmarkDecide/go-2     	 100	 2000 ns/op	 600 B/op	 4 allocs/op
BenchmarkDecide/opa-2    	 100	 8000 ns/op	 600 B/op	 4 allocs/op
BenchmarkDurable/raw/writers=64-2         	 100	 10 ns/op	 20000 events/s
BenchmarkDurable/countersign/writers=64-2 	 100	 10 ns/op	 5000 events/s
PASS
`

func TestFiguresStandBesideTheRatioToTheirBase(t *testing.T) {
	var out strings.Builder
	if err := run(strings.NewReader(output), &out, ""); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| hand-written Go | 2.0 µs | 1.00 | ±50 % |\n| OPA | 8.0 µs | 4.00 | ±0 % |",
		"| raw file, grouped `fdatasync` | 20 k/s | 1.00 | ±0 % |\n| **Countersign** | 5000 /s | 0.25 | ±0 % |",
		"A Processor",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in:\n%s", want, out.String())
		}
	}
}

func TestTablesReplaceWhatStandsBetweenTheMarkers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "performance.md")
	write(t, file, "before\n"+begin+"\nold\n"+end+"\nafter\n")
	if err := run(strings.NewReader(output), nil, file); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(file)
	if s := string(got); !strings.HasPrefix(s, "before\n") || !strings.HasSuffix(s, end+"\nafter\n") || strings.Contains(s, "old") || !strings.Contains(s, "OPA") {
		t.Errorf("got:\n%s", s)
	}
}

func TestAFileWithoutMarkersIsLeftAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "performance.md")
	write(t, file, "by hand\n")
	if err := run(strings.NewReader(output), nil, file); err == nil {
		t.Error("no error")
	}
	if got, _ := os.ReadFile(file); string(got) != "by hand\n" {
		t.Errorf("got %q", got)
	}
}

func TestARunWithoutBenchmarksIsAnError(t *testing.T) {
	if err := run(strings.NewReader("FAIL\n"), nil, ""); err == nil {
		t.Error("no error")
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
