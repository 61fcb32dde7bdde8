package ledger

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func TestTilePathsAreThoseOfTlogTiles(t *testing.T) {
	for _, c := range []struct {
		tile Tile
		path string
	}{
		{Tile{Level: 0, N: 0, Width: 256}, "tile/0/000"},
		{Tile{Level: 4, N: 1234067, Width: 1}, "tile/4/x001/x234/067.p/1"},
		{Tile{Level: 5, N: 1000, Width: 255}, "tile/5/x001/000.p/255"},
		{Tile{Entries: true, N: 999, Width: 256}, "tile/entries/999"},
		{Tile{Entries: true, N: 273, Width: 112}, "tile/entries/273.p/112"},
	} {
		if got := c.tile.Path(); got != c.path {
			t.Errorf("got %s, want %s", got, c.path)
		}
		if back, err := ParseTile(c.path); err != nil || back != c.tile {
			t.Errorf("%s read as %+v, %v", c.path, back, err)
		}
	}
}

func TestParseTileRefusesEveryOtherSpelling(t *testing.T) {
	for _, p := range []string{
		"", "tile", "tile/", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile/00/000", "tile/6/000", "tile/-1/000",
		"tile/x/000", "tile/0/0", "tile/0/0000", "tile/0/x000/000", "tile/0/x001", "tile/0/001/000", "tile/0/x001/x000",
		"tile/0/+01", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p", "tile/0/000.p/1/",
		"tile/0/000.p/1.p/1", "tile/data/000", "tile/entries", "tile/entries/..", "tile/0/../000", "tile/8/0/000",
		"tile/0/" + strings.Repeat("x999/", 12) + "999", "tile/0/ 00", "tile/0/000\n",
	} {
		if got, err := ParseTile(p); err == nil {
			t.Errorf("%q was read as %+v", p, got)
		}
	}
}

func FuzzParseTile(f *testing.F) {
	f.Add("tile/0/x001/x234/067.p/7")
	f.Add("tile/entries/000")
	f.Fuzz(func(t *testing.T, p string) {
		if tile, err := ParseTile(p); err == nil && tile.Path() != p {
			t.Fatalf("%q reads as %q", p, tile.Path())
		}
	})
}

func TestEveryTilePathReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tile := Tile{
			Level: rapid.IntRange(0, 5).Draw(t, "level"),
			N:     rapid.Uint64Range(0, 1<<40).Draw(t, "n"),
			Width: rapid.IntRange(1, 256).Draw(t, "width"),
		}
		if rapid.Bool().Draw(t, "entries") {
			tile.Entries, tile.Level = true, 0
		}
		if back, err := ParseTile(tile.Path()); err != nil || back != tile {
			t.Fatalf("%+v came back as %+v, %v", tile, back, err)
		}
	})
}

func TestATileIsWithinALedgerThatHasAllOfIt(t *testing.T) {
	for _, c := range []struct {
		tile Tile
		size uint64
		want bool
	}{
		{Tile{N: 0, Width: 1}, 0, false},
		{Tile{N: 0, Width: 1}, 1, true},
		{Tile{N: 0, Width: 256}, 255, false},
		{Tile{N: 0, Width: 256}, 256, true},
		{Tile{N: 0, Width: 200}, 256, true},
		{Tile{N: 1, Width: 1}, 256, false},
		{Tile{Level: 1, N: 0, Width: 1}, 255, false},
		{Tile{Level: 1, N: 0, Width: 1}, 256, true},
		{Tile{Level: 1, N: 0, Width: 2}, 511, false},
		{Tile{N: 1 << 60, Width: 256}, 1 << 40, false},
		{Tile{N: 1<<64 - 1, Width: 256}, 1<<53 - 1, false},
	} {
		if got := c.tile.Within(c.size); got != c.want {
			t.Errorf("%+v within %d: %v", c.tile, c.size, got)
		}
	}
}

func TestAHashTileHoldsTheHashesOfItsLevel(t *testing.T) {
	leaves := numbered(600)
	s, _ := grow(leaves)
	data, err := HashTile(1, 0, 2, s)
	first, second := mth(leaves[:256]), mth(leaves[256:512])
	if err != nil || !bytes.Equal(data, append(first[:], second[:]...)) {
		t.Errorf("level 1: %v", err)
	}
	data, err = HashTile(0, 2, 88, s)
	if last := HashLeaf(leaves[599]); err != nil || len(data) != 88*tlog.HashSize || !bytes.Equal(data[87*32:], last[:]) {
		t.Errorf("level 0: %v", err)
	}
	for _, bad := range []Tile{{Level: -1, Width: 1}, {Level: 6, Width: 1}, {Width: 0}, {Width: 257}, {N: 1 << 60, Width: 1}, {N: 2, Width: 89}} {
		if _, err := HashTile(bad.Level, bad.N, bad.Width, s); err == nil {
			t.Errorf("%+v was read", bad)
		}
	}
}

func TestABundleHoldsLeavesWithTheirLengths(t *testing.T) {
	got, err := EncodeBundle([][]byte{[]byte("ab"), {}, bytes.Repeat([]byte("x"), 258)})
	if err != nil || !bytes.HasPrefix(got, []byte("\x00\x02ab\x00\x00\x01\x02x")) {
		t.Errorf("got %q, %v", got, err)
	}
	for name, leaves := range map[string][][]byte{
		"nothing":  nil,
		"too many": make([][]byte, 257),
		"too long": {make([]byte, MaxLeaf+1)},
	} {
		if _, err := EncodeBundle(leaves); err == nil {
			t.Errorf("%s was encoded", name)
		}
	}
	for name, data := range map[string][]byte{
		"nothing":          nil,
		"half a length":    {0},
		"a leaf cut short": {0, 2, 1},
		"a stray byte":     {0, 1, 7, 9},
		"257 entries":      make([]byte, 2*257),
	} {
		if _, err := ParseBundle(data); err == nil {
			t.Errorf("%s was parsed", name)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	f.Add([]byte("\x00\x02ab\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		leaves, err := ParseBundle(data)
		if err != nil {
			return
		}
		if back, err := EncodeBundle(leaves); err != nil || !bytes.Equal(back, data) {
			t.Fatalf("%q came back as %q, %v", data, back, err)
		}
	})
}
