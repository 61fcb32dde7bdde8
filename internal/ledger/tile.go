package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// TileWidth is how many hashes a full tile holds, and how many entries a full
// bundle.
const TileWidth = 256

const (
	tileHeight   = 8
	maxTileLevel = 5
)

// CheckpointPath is where the newest signed checkpoint is served.
const CheckpointPath = "checkpoint"

// Tile names one file of the C2SP tlog-tiles layout: a run of hashes at one
// level of the tree, or a bundle of entries.
type Tile struct {
	Entries bool   // a bundle of leaves instead of hashes; Level is 0
	Level   int    // hashes of subtrees with 256^Level leaves each; 0 to 5
	N       uint64 // position on its level, counted in full tiles
	Width   int    // 1 to 256; fewer than 256 is a partial tile
}

// Path is the tile's path: tile/<L>/<N> or tile/entries/<N>, with N in groups
// of three digits and .p/<W> behind a partial tile.
func (t Tile) Path() string {
	kind := "entries"
	if !t.Entries {
		kind = strconv.Itoa(t.Level)
	}
	n := fmt.Sprintf("%03d", t.N%1000)
	for rest := t.N / 1000; rest > 0; rest /= 1000 {
		n = fmt.Sprintf("x%03d/%s", rest%1000, n)
	}
	if t.Width < TileWidth {
		n += ".p/" + strconv.Itoa(t.Width)
	}
	return "tile/" + kind + "/" + n
}

// ParseTile reads a path that Path wrote, and no other.
func ParseTile(path string) (Tile, error) {
	t, ok := parseTile(path)
	if !ok || t.Path() != path {
		return Tile{}, fmt.Errorf("ledger: %q is not the path of a tile", path)
	}
	return t, nil
}

func parseTile(path string) (Tile, bool) {
	rest, ok := strings.CutPrefix(path, "tile/")
	kind, rest, found := strings.Cut(rest, "/")
	if !ok || !found {
		return Tile{}, false
	}
	t := Tile{Entries: kind == "entries", Width: TileWidth}
	if !t.Entries {
		if len(kind) != 1 || kind[0] < '0' || kind[0] > '0'+maxTileLevel {
			return Tile{}, false
		}
		t.Level = int(kind[0] - '0')
	}
	rest, width, partial := strings.Cut(rest, ".p/")
	if partial {
		w, err := strconv.Atoi(width)
		if err != nil || w < 1 || w >= TileWidth {
			return Tile{}, false
		}
		t.Width = w
	}
	for group := range strings.SplitSeq(rest, "/") {
		n, err := strconv.ParseUint(strings.TrimPrefix(group, "x"), 10, 10)
		if err != nil || n > 999 || t.N > maxInteger/1000 {
			return Tile{}, false
		}
		t.N = t.N*1000 + n
	}
	return t, true
}

// Within reports whether a ledger of this size has every hash or entry of the
// tile.
func (t Tile) Within(size uint64) bool {
	onLevel := size >> (tileHeight * t.Level)
	return t.N <= onLevel/TileWidth && t.N*TileWidth+uint64(t.Width) <= onLevel
}

// HashTile reads the hashes of a tile: width times 32 bytes.
func HashTile(level int, n uint64, width int, r HashReader) ([]byte, error) {
	t := Tile{Level: level, N: n, Width: width}
	if level < 0 || level > maxTileLevel || width < 1 || width > TileWidth || n > maxInteger>>tileHeight>>(tileHeight*level) {
		return nil, fmt.Errorf("ledger: there is no tile %d of level %d with width %d", n, level, width)
	}
	data, err := tlog.ReadTileData(tlog.Tile{H: tileHeight, L: level, N: int64(n), W: width}, r)
	if err != nil {
		return nil, fmt.Errorf("ledger: reading %s: %w", t.Path(), err)
	}
	return data, nil
}

// EncodeBundle writes 1 to 256 leaves as a C2SP entry bundle: each preceded by
// its length in sixteen bits, big-endian.
func EncodeBundle(leaves [][]byte) ([]byte, error) {
	if len(leaves) == 0 || len(leaves) > TileWidth {
		return nil, fmt.Errorf("ledger: a bundle holds 1 to %d entries, not %d", TileWidth, len(leaves))
	}
	var out []byte
	for i, leaf := range leaves {
		if len(leaf) > MaxLeaf {
			return nil, fmt.Errorf("ledger: entry %d of a bundle has %d bytes, at most %d are allowed", i, len(leaf), MaxLeaf)
		}
		out = binary.BigEndian.AppendUint16(out, uint16(len(leaf)))
		out = append(out, leaf...)
	}
	return out, nil
}

// ParseBundle reads an entry bundle. The leaves share data's memory.
func ParseBundle(data []byte) ([][]byte, error) {
	var leaves [][]byte
	for len(data) > 0 {
		leaf, rest, ok := cutEntry(data)
		if !ok {
			return nil, fmt.Errorf("ledger: entry %d of a bundle is cut short", len(leaves))
		}
		if len(leaves) == TileWidth {
			return nil, fmt.Errorf("ledger: a bundle has more than %d entries", TileWidth)
		}
		leaves, data = append(leaves, leaf), rest
	}
	if len(leaves) == 0 {
		return nil, errors.New("ledger: a bundle without entries")
	}
	return leaves, nil
}

// cutEntry takes the first entry off a bundle that is not empty.
func cutEntry(data []byte) (entry, rest []byte, ok bool) {
	if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
		return nil, nil, false
	}
	end := 2 + int(binary.BigEndian.Uint16(data))
	return data[2:end:end], data[end:], true
}
