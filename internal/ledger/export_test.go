package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// files is a tile directory in memory.
type files map[string][]byte

func (f files) read(path string) ([]byte, error) {
	if data, ok := f[path]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
}

func (f files) write(path string, data []byte) error {
	f[path] = bytes.Clone(data)
	return nil
}

func events(n int) [][]byte {
	leaves := make([][]byte, n)
	for i := range leaves {
		l := plainLeaf()
		l.Seq = uint64(i)
		leaves[i] = l.Bytes()
	}
	return leaves
}

// export publishes these leaves and returns the directory.
func export(t testing.TB, leaves [][]byte) files {
	t.Helper()
	s, f := grow(leaves)
	signer, _ := keys(t, testOrigin)
	checkpoint, err := Sign(Checkpoint{testOrigin, f.Size(), f.Root()}, signer)
	if err != nil {
		t.Fatal(err)
	}
	out := files{}
	err = Export(f.Size(), checkpoint, s, func(from uint64, n int) ([][]byte, error) { return leaves[from:][:n], nil }, out.write)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func check(t testing.TB, f files) (Report, error) {
	_, verifier := keys(t, testOrigin)
	return CheckExport(testOrigin, note.VerifierList(verifier), f.read)
}

func TestAnExportOfAnySizePassesItsCheck(t *testing.T) {
	for _, n := range []int{0, 1, 2, 255, 256, 257, 512, 600, 66_000} {
		leaves := events(n)
		dir := export(t, leaves)
		report, err := check(t, dir)
		if err != nil || report.Entries != uint64(n) || report.Checkpoint.Size != uint64(n) || len(dir) != report.Tiles+(n+255)/256+1 {
			t.Errorf("%d entries: %+v, %d files, %v", n, report, len(dir), err)
		}
	}
}

// Somebody else's reader of the same layout judges our files.
func TestTheTilesServeAReaderWeDidNotWrite(t *testing.T) {
	leaves := events(700)
	dir := export(t, leaves)
	tree := tlog.Tree{N: 700, Hash: mth(leaves)}
	r := tlog.TileHashReader(tree, tileReader{dir})
	for _, i := range []int64{0, 255, 256, 511, 699} {
		hashes, err := r.ReadHashes([]int64{tlog.StoredHashIndex(0, i)})
		if err != nil || hashes[0] != HashLeaf(leaves[i]) {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}

type tileReader struct{ dir files }

func (tileReader) Height() int                     { return 8 }
func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range tiles {
		data, err := r.dir.read(strings.Replace(t.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

func TestCheckExportNamesTheFirstThingWrong(t *testing.T) {
	leaves := events(66_000)
	good := export(t, leaves)
	flip := func(path string, at int) func(files) {
		return func(f files) {
			f[path] = bytes.Clone(f[path])
			f[path][at] ^= 1
		}
	}
	for name, c := range map[string]struct {
		spoil func(files)
		want  string
	}{
		"a byte of an entry":       {flip("tile/entries/001", 40), "entry 256 in tile/entries/001"},
		"a hash at level 0":        {flip("tile/0/002", 33), "entry 513 in"},
		"a hash at level 1":        {flip("tile/1/000", 64), "tile/1/000"},
		"a hash in a partial tile": {flip("tile/1/001.p/1", 1), "tile/1/001.p/1"},
		"a hash at level 2":        {flip("tile/2/000.p/1", 1), "tile/2/000.p/1"},
		"a missing tile":           {func(f files) { delete(f, "tile/0/007") }, "tile/0/007"},
		"a missing bundle":         {func(f files) { delete(f, "tile/entries/007") }, "tile/entries/007"},
		"a missing upper tile":     {func(f files) { delete(f, "tile/1/000") }, "tile/1/000"},
		"a missing checkpoint":     {func(f files) { delete(f, "checkpoint") }, "checkpoint"},
		"a tile cut short":         {func(f files) { f["tile/0/001"] = f["tile/0/001"][:8000] }, "tile/0/001"},
		"a bundle cut short":       {func(f files) { f["tile/entries/001"] = f["tile/entries/001"][:800] }, "tile/entries/001"},
		"a bundle of one too few":  {func(f files) { f["tile/entries/001"] = f["tile/entries/257.p/208"] }, "tile/entries/001"},
		"the checkpoint":           {flip("checkpoint", len(testOrigin)+2), "checkpoint"},
		"bundles exchanged": {func(f files) {
			f["tile/entries/001"], f["tile/entries/002"] = f["tile/entries/002"], f["tile/entries/001"]
		}, "entry 256"},
		"bundles and tiles exchanged": {func(f files) {
			f["tile/entries/001"], f["tile/entries/002"] = f["tile/entries/002"], f["tile/entries/001"]
			f["tile/0/001"], f["tile/0/002"] = f["tile/0/002"], f["tile/0/001"]
		}, "entry 256 says that it is entry 512"},
	} {
		dir := maps.Clone(good)
		c.spoil(dir)
		if _, err := check(t, dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not name %q", name, err, c.want)
		}
	}
}

func TestARewrittenHistoryDoesNotReachTheSignedRoot(t *testing.T) {
	leaves := events(300)
	signed := export(t, leaves)["checkpoint"]
	l := plainLeaf()
	l.Seq, l.Actor = 17, "nobody"
	leaves[17] = l.Bytes()
	forged := export(t, leaves)
	forged["checkpoint"] = signed
	if _, err := check(t, forged); err == nil || !strings.Contains(err.Error(), "the root over 300 entries") {
		t.Errorf("error %v", err)
	}
}

func TestASignedEntryThatIsNoLeafIsRefused(t *testing.T) {
	leaves := events(3)
	leaves[1] = []byte(`{"seq":1}`)
	if _, err := check(t, export(t, leaves)); err == nil || !strings.Contains(err.Error(), "entry 1") {
		t.Errorf("error %v", err)
	}
}

func TestExportStopsAtTheFirstFault(t *testing.T) {
	leaves := events(3)
	s, _ := grow(leaves)
	full := errors.New("disk full")
	all := func(from uint64, n int) ([][]byte, error) { return leaves[from:][:n], nil }
	if err := Export(3, nil, s, all, func(string, []byte) error { return full }); !errors.Is(err, full) {
		t.Errorf("writing: %v", err)
	}
	if err := Export(3, nil, s, func(uint64, int) ([][]byte, error) { return nil, full }, files{}.write); !errors.Is(err, full) {
		t.Errorf("reading: %v", err)
	}
	if err := Export(3, nil, s, func(uint64, int) ([][]byte, error) { return leaves[:2], nil }, files{}.write); err == nil {
		t.Error("a missing leaf went unseen")
	}
	if err := Export(4, nil, s, all, files{}.write); err == nil {
		t.Error("a missing hash went unseen")
	}
}

// The two are to be read as a ratio: nothing can be verified faster than its
// bytes are hashed.
func BenchmarkCheckExport(b *testing.B) {
	leaves := events(20_000)
	bytes := int64(0)
	for i := range leaves {
		l := plainLeaf()
		l.Seq = uint64(i)
		l.Body, _ = Marshal(map[string]string{"note": strings.Repeat("x", 880)})
		leaves[i] = l.Bytes()
		bytes += int64(len(leaves[i]))
	}
	dir := export(b, leaves)
	b.Run("check", func(b *testing.B) {
		b.SetBytes(bytes)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := check(b, dir); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(bytes)
		for b.Loop() {
			for t := range tilesOf(0, uint64(len(leaves))) {
				t.Entries = true
				sha256.Sum256(dir[t.Path()])
			}
		}
	})
}
