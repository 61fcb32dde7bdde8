package ledger

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func audit(t testing.TB, f files) *Audit {
	t.Helper()
	_, verifier := keys(t, testOrigin)
	a, err := NewAudit(testOrigin, note.VerifierList(verifier), f.read)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPiecesCheckedSideBySideGiveTheSameReport(t *testing.T) {
	for _, n := range []int{0, 1, 300, 2000} {
		dir := export(t, events(n))
		a := audit(t, dir)
		bundles := slices.Collect(a.Bundles())
		pieces := make([]Piece, len(bundles))
		var all sync.WaitGroup
		for i, b := range bundles {
			all.Go(func() { pieces[i] = a.Check(b) })
		}
		all.Wait()
		for _, p := range pieces {
			if err := a.Add(p); err != nil {
				t.Fatal(err)
			}
		}
		report, err := a.Finish()
		want, wantErr := check(t, dir)
		if err != nil || wantErr != nil || report != want || report != a.Report() {
			t.Errorf("%d entries: %+v, %v; CheckExport: %+v, %v", n, report, err, want, wantErr)
		}
	}
}

func TestAnAuditIsNotOverBeforeEveryPieceWasAdded(t *testing.T) {
	a := audit(t, export(t, events(300)))
	first := slices.Collect(a.Bundles())[0]
	if _, err := a.Finish(); err == nil {
		t.Error("a ledger of which nothing was checked is called whole")
	}
	if err := a.Add(a.Check(first)); err != nil {
		t.Fatal(err)
	}
	if report, err := a.Finish(); err == nil || report.Entries != 256 {
		t.Errorf("a ledger of which half was checked: %+v, %v", report, err)
	}
}

func TestPiecesCountOnlyInTheirTurn(t *testing.T) {
	a := audit(t, export(t, events(600)))
	bundles := slices.Collect(a.Bundles())
	if err := a.Add(a.Check(bundles[1])); err == nil {
		t.Error("the second piece was taken first")
	}
	if err := a.Add(Piece{bundle: bundles[0]}); err == nil {
		t.Error("a piece that nobody checked was taken")
	}
	if err := a.Add(a.Check(bundles[0])); err != nil {
		t.Fatal(err)
	}
	if err := a.Add(a.Check(bundles[0])); err == nil {
		t.Error("the first piece was taken twice")
	}
	for _, b := range bundles[1:] {
		if err := a.Add(a.Check(b)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Finish(); err != nil {
		t.Error(err)
	}
}

// Whatever single byte of whatever file is changed, the audit fails. The
// checkpoint is left out: its signature is judged by the tests of notes.
func TestNoByteOfAnExportCanChangeUnseen(t *testing.T) {
	good := export(t, events(260))
	for path := range good {
		if path == CheckpointPath {
			continue
		}
		for at := 0; at < len(good[path]); at += 97 {
			dir := maps.Clone(good)
			dir[path] = bytes.Clone(dir[path])
			dir[path][at] ^= 0x20
			if _, err := check(t, dir); err == nil {
				t.Errorf("byte %d of %s changed unseen", at, path)
			}
		}
	}
}

func TestAFileWithMoreThanItsEntriesIsRefused(t *testing.T) {
	dir := export(t, events(3))
	const path = "tile/entries/000.p/3"
	extra, err := EncodeBundle(events(1))
	if err != nil {
		t.Fatal(err)
	}
	dir[path] = slices.Concat(dir[path], extra)
	if _, err := check(t, dir); err == nil || !strings.Contains(err.Error(), "more than 3 entries") {
		t.Errorf("error %v", err)
	}
}

func TestAKeyIsReadWithTheLedgersName(t *testing.T) {
	_, text, err := note.GenerateKey(strings.NewReader(strings.Repeat("chance", 20)), "ledger.example")
	if err != nil {
		t.Fatal(err)
	}
	origin, v, err := ReadKey(" " + text + "\n")
	if err != nil || origin != "ledger.example" || v == nil {
		t.Errorf("%q, %v", origin, err)
	}
	for _, bad := range []string{"", "ledger.example", text[:len(text)-3], "PRIVATE+KEY+" + text} {
		if _, _, err := ReadKey(bad); err == nil {
			t.Errorf("%q was taken for a key", bad)
		}
	}
}
