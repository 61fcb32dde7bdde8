// Ratios turns the output of `go test -bench` into the tables of
// docs/performance.md. It reads the benchmarks from standard input, takes the
// median of each one's runs, and writes every figure beside its ratio to the
// first of its group, because only figures of the same run can be compared.
//
// With -into FILE it replaces what stands in FILE between the two marker lines;
// otherwise it prints.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

const (
	begin = "<!-- bench:begin -->"
	end   = "<!-- bench:end -->"
)

func main() {
	into := flag.String("into", "", "replace the tables in this file")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *into); err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, into string) error {
	tables, err := read(in)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	tables.print(&text)
	if into == "" {
		_, err := text.WriteTo(out)
		return err
	}
	old, err := os.ReadFile(into)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(old), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no %s … %s", into, begin, end)
	}
	return os.WriteFile(into, []byte(head+begin+"\n\n"+text.String()+"\n"+end+tail), 0o644)
}

// question is a group of benchmarks that are compared: BenchmarkDecide, or
// BenchmarkDurable at one number of writers.
type question struct {
	bench string // the benchmark's name, and after a slash its variant if it has any
	title string
	note  string
	base  string // what the ratio is to
	unit  string
	show  func(float64) string
	more  bool // a larger figure is a better one
}

var questions = []question{
	{"Decide", "One policy decision, 40 rules", "Countersign answers with the joined plan and its reasons, the others with the rules that apply.",
		"go", "ns/op", micro, false},
	{"Decide/rules=1000", "One policy decision, 1,000 rules", "To each request the same rules apply as of the forty.", "go", "ns/op", micro, false},
	{"Prove", "Proving the standard set of statements, for every possible request", "The same policies as above.", "forty", "ns/op", seconds, false},
	{"Durable/writers=1", "Durable events of 1 KiB, one writer", "", "raw", "events/s", perSecond, true},
	{"Durable/writers=64", "Durable events of 1 KiB, 64 writers", "", "raw", "events/s", perSecond, true},
	{"Durable/writers=256", "Durable events of 1 KiB, 256 writers", "", "raw", "events/s", perSecond, true},
	{"Resets/crowd=1", "Whole resets over HTTP, one at a time", "The wait is for the job queue, which looks for work every 50 ms.", "argon2", "resets/s", each, true},
	{"Resets/crowd=16", "Whole resets over HTTP, 16 under way", "", "argon2", "resets/s", each, true},
	{"Issue", "Making a challenge", "One at a time, with the commit that records it, its letter if there is one, and the argon2id hash of its code if it has one.",
		"argon2", "proofs/s", rate, true},
	{"Check", "Checking a right answer", "One at a time, with the commit that records the proof. A recovery code is hashed twice: the one that was typed, and the one that takes its place.",
		"argon2", "proofs/s", rate, true},
	{"Load", "A request that hashes nothing, beside a crowd of 64 whose wrong passwords are hashed", "", "idle", "proofs/s", rate, true},
	{"Honest", "A right code by mail, beside the same crowd", "The crowd asks in one name, so a right code waits for those that run and for one more of theirs.", "idle", "proofs/s", rate, true},
	{"Pages/requests=few", "Making a page of the console, few requests", "From the request to the last byte, without the network.", "front", "ns/page", milli, false},
	{"Pages/requests=million", "Making a page of the console, a million requests", "", "front", "ns/page", milli, false},
	{"Press", "From a press in a browser to the answer", "The answer has what was committed; the page is not drawn yet.", "bare", "ns/answer", milli, false},
	{"Press", "From a press in a browser to the painted page", "The same presses. Chromium drew in software, without a graphics processor, on the processor that the server ran on.", "bare", "ns/paint", milli, false},
	{"Audit", "Verifying an exported ledger of 100,000 events", "", "sha256", "MB/s", func(v float64) string { return fmt.Sprintf("%.0f MB/s", v) }, true},
}

func micro(v float64) string { return fmt.Sprintf("%.1f µs", v/1000) }

func milli(v float64) string { return fmt.Sprintf("%.2f ms", v/1e6) }

func seconds(v float64) string { return fmt.Sprintf("%.2f s", v/1e9) }

func perSecond(v float64) string {
	if v >= 10_000 {
		return fmt.Sprintf("%.0f k/s", v/1000)
	}
	return fmt.Sprintf("%.0f /s", v)
}

func rate(v float64) string {
	if v >= 100 {
		return perSecond(v)
	}
	return each(v)
}

func each(v float64) string { return fmt.Sprintf("%.1f /s", v) }

// labels say in words what a benchmark's name stands for.
var labels = map[string]string{
	"forty": "**Countersign**, 40 rules", "thousand": "**Countersign**, 1,000 rules", "countersign": "**Countersign**", "go": "hand-written Go", "opa": "OPA", "cedar": "cedar-go",
	"raw": "raw file, grouped `fdatasync`", "tessera": "Tessera, POSIX driver", "sha256": "SHA-256 of the same bytes, one core",
	"sha256all": "SHA-256 of the same bytes, all cores", "program": "**countersign-verify**, all cores, from files",
	"check": "**Countersign**, the check alone, one core", "argon2": "one argon2id hash",
	"es256": "one ES256 signature verified", "idle": "alone", "saturated": "beside the crowd",
	"front": "front page, which asks for nothing", "desk": "desk", "request": "a request under way", "finished": "a finished request", "requests": "requests",
	"approvals": "to sign", "reports": "reports, 90 days", "ledger": "ledger", "entry": "an entry of the ledger", "roster": "roster", "policy": "policy", "parts": "directories and channels",
	"bare": "a page of one line, which commits nothing", "look": "looking somebody up", "open": "opening a request", "prove": "proving with a code", "sign": "signing with a passkey",
	"passkey": "`passkey`", "totp": "`totp`", "email_code": "`email_code`", "sms_code": "`sms_code`", "voice_code": "`voice_code`", "recovery_code": "`recovery_code`",
	"recovery_contact": "`recovery_contact`", "vouch": "`vouch`", "callback": "`callback`", "in_person": "`in_person`", "oidc": "`oidc`", "device": "`device`", "idv": "`idv`",
}

type tables struct {
	cpu  string
	runs map[string]map[string]map[string][]float64 // question, contender, unit
}

var line = regexp.MustCompile(`^Benchmark(\w+)/(\w+)(?:/(\S+?))?(?:-\d+)?\s+\d+\s+(.*)$`)

func read(in io.Reader) (tables, error) {
	t := tables{runs: map[string]map[string]map[string][]float64{}}
	scan := bufio.NewScanner(in)
	for scan.Scan() {
		if cpu, ok := strings.CutPrefix(scan.Text(), "cpu: "); ok {
			t.cpu = cpu
		}
		if m := line.FindStringSubmatch(scan.Text()); m != nil {
			t.add(m[1], m[2], m[3], m[4])
		}
	}
	if scan.Err() == nil && len(t.runs) == 0 {
		return t, errors.New("no benchmark in the input")
	}
	return t, scan.Err()
}

func (t tables) add(bench, name, variant, figures string) {
	if variant != "" {
		bench += "/" + variant
	}
	if t.runs[bench] == nil {
		t.runs[bench] = map[string]map[string][]float64{}
	}
	if t.runs[bench][name] == nil {
		t.runs[bench][name] = map[string][]float64{}
	}
	words := strings.Fields(figures)
	for i := 0; i+1 < len(words); i += 2 {
		if v, err := strconv.ParseFloat(words[i], 64); err == nil {
			t.runs[bench][name][words[i+1]] = append(t.runs[bench][name][words[i+1]], v)
		}
	}
}

func (t tables) print(w io.Writer) {
	fmt.Fprintf(w, "Medians of one run on: %s, %d cores, %s.\n", cmp.Or(t.cpu, "an unnamed processor"), runtime.NumCPU(), runtime.Version())
	for _, q := range questions {
		if runs := t.runs[q.bench]; runs != nil {
			q.print(w, runs)
		}
	}
}

func (q question) print(w io.Writer, runs map[string]map[string][]float64) {
	fmt.Fprintf(w, "\n### %s\n\n", q.title)
	if q.note != "" {
		fmt.Fprintf(w, "%s\n\n", q.note)
	}
	base := median(runs[q.base][q.unit])
	fmt.Fprintf(w, "| | median | ratio | spread |\n|---|---:|---:|---:|\n")
	for _, name := range q.order(runs) {
		v := median(runs[name][q.unit])
		fmt.Fprintf(w, "| %s | %s | %.2f | ±%.0f %% |\n", cmp.Or(labels[name], name), q.show(v), v/base, spread(runs[name][q.unit]))
	}
}

// order is from best to worst.
func (q question) order(runs map[string]map[string][]float64) []string {
	var names []string
	for name := range runs {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		c := cmp.Compare(median(runs[a][q.unit]), median(runs[b][q.unit]))
		if q.more {
			return -c
		}
		return c
	})
	return names
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// spread is half the distance between the extremes, in percent of the median.
func spread(v []float64) float64 {
	m := median(v)
	if m == 0 {
		return 0
	}
	return (slices.Max(v) - slices.Min(v)) / 2 / m * 100
}
