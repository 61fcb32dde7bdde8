package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"countersign/internal/ledger"
)

// exported writes a ledger of n entries and its key into a new folder, as
// `countersign ledger export` does, and returns the paths of both.
func exported(t *testing.T, n int) (key, dir string) {
	t.Helper()
	skey, vkey := keyOf(t, "ledger.example", "the log")
	dir = filepath.Join(t.TempDir(), "ledger")
	signer, err := note.NewSigner(skey)
	must(t, err)
	var frontier ledger.Frontier
	var nodes []ledger.Hash
	leaves := make([][]byte, n)
	for i := range leaves {
		leaves[i] = ledger.Leaf{
			Seq: uint64(i), Stream: "req_1", Version: uint64(i) + 1, Type: "test.happened",
			At: time.UnixMilli(1_770_000_000_000).UTC(), Actor: "system", Body: json.RawMessage(`{"a":1}`),
		}.Bytes()
		nodes = append(nodes, frontier.Append(ledger.HashLeaf(leaves[i]))...)
	}
	signed, err := ledger.Sign(ledger.Checkpoint{Origin: "ledger.example", Size: uint64(n), Root: frontier.Root()}, signer)
	must(t, err)
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			out[i] = nodes[at]
		}
		return out, nil
	})
	must(t, ledger.Export(uint64(n), signed, reader,
		func(from uint64, n int) ([][]byte, error) { return leaves[from:][:n], nil },
		func(path string, data []byte) error { return write(in(dir, path), data) }))
	key = filepath.Join(t.TempDir(), "log.vkey")
	must(t, write(key, []byte(vkey+"\n")))
	return key, dir
}

func keyOf(t *testing.T, origin, seed string) (skey, vkey string) {
	t.Helper()
	chance := sha256.Sum256([]byte(seed))
	skey, vkey, err := note.GenerateKey(bytes.NewReader(chance[:]), origin)
	must(t, err)
	return skey, vkey
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// in is a file of the ledger, by the path it is published under.
func in(dir, path string) string { return filepath.Join(dir, filepath.FromSlash(path)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// say runs the program.
func say(args ...string) (exit int, out, errs string) {
	var stdout, stderr strings.Builder
	exit = run(args, strings.NewReader(""), &stdout, &stderr, time.Unix(1_770_000_000, 0))
	return exit, stdout.String(), stderr.String()
}

func TestAWholeLedgerIsSaidToBeWhole(t *testing.T) {
	for _, n := range []int{0, 1, 256, 700} {
		key, dir := exported(t, n)
		exit, out, errs := say("--log-key", key, dir)
		if exit != exitAllowed || errs != "" || !strings.HasPrefix(out, "ledger ledger.example\n") ||
			!strings.Contains(out, fmt.Sprintf("\nwhole: %d entries, tree root ", n)) {
			t.Errorf("%d entries: exit %d\n%s%s", n, exit, out, errs)
		}
	}
}

func TestTheReportIsToBeHadAsJSON(t *testing.T) {
	key, dir := exported(t, 300)
	exit, out, _ := say("--json", dir, "--log-key", key)
	var r ledgerReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if exit != exitAllowed || r.Verdict != "whole" || r.Entries != 300 || r.Size != 300 || r.Tiles != 3 || len(r.Root) != 44 || len(r.Steps) != 3 {
		t.Errorf("exit %d, %+v", exit, r)
	}
	spoil(t, in(dir, "tile/entries/000"), 50)
	exit, out, _ = say("--json", dir, "--log-key", key)
	must(t, json.Unmarshal([]byte(out), &r))
	if last := r.Steps[len(r.Steps)-1]; exit != exitNot || r.Verdict != "not whole" || r.Entries != 0 || last.OK || last.Name != "entries" {
		t.Errorf("exit %d, %+v", exit, r)
	}
}

func spoil(t *testing.T, path string, at int) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	data[at] ^= 1
	must(t, os.WriteFile(path, data, 0o600))
}

func TestWhatIsWrongFirstIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string
	}{
		"a byte of an entry": {func(t *testing.T, dir string) { spoil(t, in(dir, "tile/entries/001"), 60) },
			"not whole: entries: checking the export: entry 256 in tile/entries/001"},
		"two bytes": {func(t *testing.T, dir string) {
			spoil(t, in(dir, "tile/entries/002.p/188"), 60)
			spoil(t, in(dir, "tile/entries/000"), 60)
		}, "entry 0 in tile/entries/000"},
		"a hash":        {func(t *testing.T, dir string) { spoil(t, in(dir, "tile/0/001"), 32) }, "entry 257 in"},
		"a hash of two": {func(t *testing.T, dir string) { spoil(t, in(dir, "tile/1/000.p/2"), 1) }, "not whole: root: checking the export: tile/1/000.p/2"},
		"the checkpoint": {func(t *testing.T, dir string) { spoil(t, in(dir, "checkpoint"), 16) },
			"not whole: checkpoint: "},
		"a missing tile":   {func(t *testing.T, dir string) { must(t, os.Remove(in(dir, "tile/0/001"))) }, "tile/0/001"},
		"a missing bundle": {func(t *testing.T, dir string) { must(t, os.Remove(in(dir, "tile/entries/001"))) }, "tile/entries/001"},
		"a missing upper tile": {func(t *testing.T, dir string) { must(t, os.Remove(in(dir, "tile/1/000.p/2"))) },
			"not whole: root: checking the export: reading tile/1/000.p/2"},
		"a folder for a tile": {func(t *testing.T, dir string) {
			must(t, os.Remove(in(dir, "tile/0/001")))
			must(t, os.Mkdir(in(dir, "tile/0/001"), 0o750))
		}, "not a regular file"},
		"an endless file": {func(t *testing.T, dir string) { must(t, os.Truncate(in(dir, "tile/0/001"), 1<<40)) }, "tile/0/001: 1099511627776 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			key, dir := exported(t, 700)
			c.spoil(t, dir)
			exit, out, errs := say("--log-key", key, dir)
			if exit != exitNot || errs != "" || !strings.Contains(out, c.want) || strings.Contains(out, "\nwhole") {
				t.Errorf("exit %d, wanted %q in\n%s%s", exit, c.want, out, errs)
			}
		})
	}
}

func TestAnotherLedgersKeyVouchesForNothing(t *testing.T) {
	_, dir := exported(t, 3)
	for name, origin := range map[string]string{"another key of the same name": "ledger.example", "a key of another name": "other.example"} {
		_, vkey := keyOf(t, origin, "somebody else")
		key := filepath.Join(t.TempDir(), "other.vkey")
		must(t, write(key, []byte(vkey)))
		exit, out, _ := say("--log-key", key, dir)
		if exit != exitNot || !strings.Contains(out, "not whole: checkpoint: ") {
			t.Errorf("%s: exit %d\n%s", name, exit, out)
		}
	}
}

func TestAFileOutsideTheFolderIsNotPartOfTheLedger(t *testing.T) {
	key, dir := exported(t, 3)
	tile := in(dir, "tile/0/000.p/3")
	elsewhere := filepath.Join(t.TempDir(), "tile")
	must(t, os.Rename(tile, elsewhere))
	if err := os.Symlink(elsewhere, tile); err != nil {
		t.Skip("no symbolic links here")
	}
	if exit, out, errs := say("--log-key", key, dir); exit == exitAllowed {
		t.Errorf("%s%s", out, errs)
	}
}

func TestNothingCanBeSaidWithoutAKeyOrALedger(t *testing.T) {
	key, dir := exported(t, 3)
	noKey := filepath.Join(t.TempDir(), "no.vkey")
	must(t, write(noKey, []byte("no key")))
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no key":                   {[]string{dir}, "--log-key is missing"},
		"a key that is none":       {[]string{"--log-key", noKey, dir}, "not a verifier key"},
		"a key that is not there":  {[]string{"--log-key", noKey + "x", dir}, "no such file"},
		"a founding entry":         {[]string{"--log-key", key, "--genesis", key, dir}, "--genesis is for a bundle"},
		"two ledgers":              {[]string{"--log-key", key, dir, dir}, "name one"},
		"a folder without ledger":  {[]string{"--log-key", key, filepath.Dir(key)}, "holds no ledger"},
		"a file and no genesis":    {[]string{"--log-key", key, key}, "--genesis is missing"},
		"a folder that is missing": {[]string{"--log-key", key, "--genesis", key, dir + "x"}, "no such file"},
	} {
		exit, out, errs := say(c.args...)
		if exit != exitCannotSay || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, wanted %q in\n%s%s", name, exit, c.want, out, errs)
		}
	}
}
