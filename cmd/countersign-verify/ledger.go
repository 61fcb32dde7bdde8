package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"countersign/internal/evidence"
	"countersign/internal/identity"
	"countersign/internal/ledger"
)

// ledgerReport is the answer about a whole ledger. Its steps end with the first
// that failed.
type ledgerReport struct {
	Verdict string          `json:"verdict"` // whole, or not whole
	Ledger  string          `json:"ledger"`  // the origin that the key is named for
	Entries uint64          `json:"entries"` // found right
	Size    uint64          `json:"size"`    // that the checkpoint says
	Root    string          `json:"root"`    // that the checkpoint says
	Bytes   uint64          `json:"bytes"`   // of the entries found right
	Tiles   int             `json:"tiles"`   // found right
	Steps   []evidence.Step `json:"steps"`
}

const whole, notWhole = "whole", "not whole"

// step records one thing that was checked, and reports whether to go on.
func (r *ledgerReport) step(name string, err error, detail string, args ...any) bool {
	s := evidence.Step{Name: name, OK: err == nil, Detail: fmt.Sprintf(detail, args...)}
	if err != nil {
		r.Verdict, s.Detail = notWhole, identity.Line(strings.TrimPrefix(err.Error(), "ledger: "), 2000)
	}
	r.Steps = append(r.Steps, s)
	return s.OK
}

// isLedger reports whether the file to verify is a folder: then it is a ledger,
// as `countersign ledger export` writes it.
func (o options) isLedger() bool {
	info, err := os.Stat(o.bundle)
	return err == nil && info.IsDir()
}

// checkLedger answers for every file that the signed checkpoint asks for; what
// else may stand in the folder is not looked at. An error means that nothing
// can be said.
func (o options) checkLedger() (ledgerReport, error) {
	key, err := os.ReadFile(o.logKey)
	if err != nil {
		return ledgerReport{}, err
	}
	origin, verifiers, err := ledger.ReadKey(string(key))
	if err != nil {
		return ledgerReport{}, fmt.Errorf("%s: %w", o.logKey, err)
	}
	dir, err := os.OpenRoot(o.bundle)
	if err != nil {
		return ledgerReport{}, err
	}
	defer dir.Close()
	r := ledgerReport{Verdict: whole, Ledger: origin}
	audit, err := ledger.NewAudit(origin, verifiers, func(path string) ([]byte, error) { return readFrom(dir, path) })
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s holds no ledger: it has no file named checkpoint", o.bundle)
	}
	if unreadable(err) {
		return r, err
	}
	if !r.step("checkpoint", err, "signed with the key of %s", origin) {
		return r, nil
	}
	return r, r.check(audit)
}

func (r *ledgerReport) check(audit *ledger.Audit) error {
	head := audit.Report().Checkpoint
	r.Size, r.Root = head.Size, head.Root.String()
	err := sideBySide(audit, runtime.GOMAXPROCS(0))
	done := audit.Report()
	r.Entries, r.Bytes, r.Tiles = done.Entries, done.Bytes, done.Tiles
	if unreadable(err) {
		return err
	}
	if !r.step("entries", err, "%d read, %s; each is an event in its own place, with the hash that its tile gives it", done.Entries, size(done.Bytes)) {
		return nil
	}
	done, err = audit.Finish()
	r.Tiles = done.Tiles
	if unreadable(err) {
		return err
	}
	r.step("root", err, "%d tiles of hashes lead from the entries to the signed root", done.Tiles)
	return nil
}

// sideBySide checks as many bundles at the same time as there are workers, and
// adds them in their order, so that the first fault is the one that is named.
func sideBySide(audit *ledger.Audit, workers int) error {
	turns := make(chan chan ledger.Piece, workers)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		defer close(turns)
		for bundle := range audit.Bundles() {
			turn := make(chan ledger.Piece, 1)
			select {
			case turns <- turn:
				go func() { turn <- audit.Check(bundle) }()
			case <-stop:
				return
			}
		}
	}()
	for turn := range turns {
		if err := audit.Add(<-turn); err != nil {
			return err
		}
	}
	return nil
}

// readFrom reads a file of the ledger; one that cannot be part of any is
// refused before it is read.
func readFrom(dir *os.Root, path string) ([]byte, error) {
	name := filepath.FromSlash(path)
	info, err := dir.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case info.Size() > ledger.MaxFile:
		return nil, fmt.Errorf("%d bytes, no file of a ledger has more than %d", info.Size(), ledger.MaxFile)
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, info.Size())
	_, err = io.ReadFull(f, data)
	return data, err
}

// unreadable tells a file that cannot be read, about which nothing can be said,
// from one that is not there, which no whole ledger lacks.
func unreadable(err error) bool {
	var fault *fs.PathError
	return errors.As(err, &fault) && !errors.Is(err, fs.ErrNotExist)
}

func size(bytes uint64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}

func (o options) printLedger(out io.Writer, r ledgerReport) error {
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	_, err := io.WriteString(out, r.text(terminal(out)))
	return err
}

// text speaks as the report about a bundle does.
func (r ledgerReport) text(screen bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ledger %s\n\n", r.Ledger)
	sentence := fmt.Sprintf("whole: %d entries, tree root %s", r.Entries, r.Root)
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "  %s %-10s  %s\n", mark(s.OK, screen), s.Name, s.Detail)
		if !s.OK {
			sentence = r.Verdict + ": " + s.Name + ": " + s.Detail
		}
	}
	return b.String() + "\n" + paint(r.Verdict == whole, screen, sentence) + "\n"
}

func mark(ok, screen bool) string {
	switch {
	case screen && ok:
		return paint(ok, screen, "✓")
	case screen:
		return paint(ok, screen, "✗")
	case ok:
		return "ok"
	}
	return "NO"
}

func paint(ok, screen bool, text string) string {
	switch {
	case !screen:
		return text
	case ok:
		return "\x1b[32m" + text + "\x1b[0m"
	}
	return "\x1b[31m" + text + "\x1b[0m"
}
