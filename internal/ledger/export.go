package ledger

import (
	"bytes"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Export writes a ledger of this size as files of the C2SP tlog-tiles layout,
// the checkpoint last, so that a reader never sees a head without its tiles.
// leaves returns the bytes of n leaves from an index on; write stores one file
// under a slash-separated path.
func Export(size uint64, checkpoint []byte, r HashReader, leaves func(from uint64, n int) ([][]byte, error), write func(path string, data []byte) error) error {
	for level := range maxTileLevel + 1 {
		for t := range tilesOf(level, size) {
			data, err := HashTile(t.Level, t.N, t.Width, r)
			if err != nil {
				return err
			}
			if err := write(t.Path(), data); err != nil {
				return fmt.Errorf("ledger: exporting %s: %w", t.Path(), err)
			}
		}
	}
	for t := range tilesOf(0, size) {
		t.Entries = true
		if err := exportBundle(t, leaves, write); err != nil {
			return fmt.Errorf("ledger: exporting %s: %w", t.Path(), err)
		}
	}
	if err := write(CheckpointPath, checkpoint); err != nil {
		return fmt.Errorf("ledger: exporting the checkpoint: %w", err)
	}
	return nil
}

func exportBundle(t Tile, leaves func(uint64, int) ([][]byte, error), write func(string, []byte) error) error {
	entries, err := leaves(t.N*TileWidth, t.Width)
	if err != nil {
		return err
	}
	if len(entries) != t.Width {
		return fmt.Errorf("%d entries, not %d", len(entries), t.Width)
	}
	data, err := EncodeBundle(entries)
	if err != nil {
		return err
	}
	return write(t.Path(), data)
}

// tilesOf yields the tiles of one level of a ledger of this size, in order.
func tilesOf(level int, size uint64) func(yield func(Tile) bool) {
	onLevel := size >> (tileHeight * level)
	return func(yield func(Tile) bool) {
		for n := uint64(0); n*TileWidth < onLevel; n++ {
			width := int(min(onLevel-n*TileWidth, TileWidth))
			if !yield(Tile{Level: level, N: n, Width: width}) {
				return
			}
		}
	}
}

// Report says what CheckExport went through.
type Report struct {
	Checkpoint Checkpoint
	Entries    uint64 // leaves whose hash was recomputed and found right
	Tiles      int    // hash tiles compared, all levels
	Bytes      uint64 // of leaves
}

// CheckExport reads a ledger in the C2SP tlog-tiles layout and trusts none of
// it: the checkpoint must be signed for origin, every entry must be a leaf that
// knows its own place, and every hash in every tile, up to the signed root,
// must follow from the entries. The error names the first entry or tile that
// is wrong. Time is linear in the size, memory is a tile per level.
func CheckExport(origin string, v note.Verifiers, read func(path string) ([]byte, error)) (Report, error) {
	signed, err := read(CheckpointPath)
	if err != nil {
		return Report{}, fmt.Errorf("ledger: reading the checkpoint: %w", err)
	}
	c := checker{read: read}
	if c.report.Checkpoint, err = ParseCheckpoint(origin, signed, v); err != nil {
		return Report{}, err
	}
	for t := range tilesOf(0, c.report.Checkpoint.Size) {
		if err := c.bundle(t); err != nil {
			return c.report, fmt.Errorf("ledger: checking the export: %w", err)
		}
	}
	if err := c.finish(); err != nil {
		return c.report, fmt.Errorf("ledger: checking the export: %w", err)
	}
	return c.report, nil
}

// checker recomputes a ledger from the left.
type checker struct {
	read     func(path string) ([]byte, error)
	report   Report
	frontier Frontier
	levels   [maxTileLevel + 1]struct {
		n      uint64 // full tiles already compared
		hashes []byte // of the tile being filled
	}
}

// bundle checks the entries of one bundle against the level 0 tile beside it.
func (c *checker) bundle(t Tile) error {
	hashes, err := c.read(t.Path())
	if err != nil {
		return fmt.Errorf("reading %s: %w", t.Path(), err)
	}
	if len(hashes) != t.Width*tlog.HashSize {
		return fmt.Errorf("%s has %d bytes, not %d", t.Path(), len(hashes), t.Width*tlog.HashSize)
	}
	file := Tile{Entries: true, N: t.N, Width: t.Width}.Path()
	data, err := c.read(file)
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	entries, err := ParseBundle(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if len(entries) != t.Width {
		return fmt.Errorf("%s has %d entries, not %d", file, len(entries), t.Width)
	}
	for i, entry := range entries {
		h := HashLeaf(entry)
		if !bytes.Equal(h[:], hashes[i*tlog.HashSize:][:tlog.HashSize]) {
			return fmt.Errorf("entry %d in %s does not have the hash that %s gives it", t.N*TileWidth+uint64(i), file, t.Path())
		}
		if err := c.entry(entry, h); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func (c *checker) entry(entry []byte, h Hash) error {
	leaf, err := ParseLeaf(entry)
	if err != nil {
		return fmt.Errorf("entry %d: %w", c.report.Entries, err)
	}
	if leaf.Seq != c.report.Entries {
		return fmt.Errorf("entry %d says that it is entry %d", c.report.Entries, leaf.Seq)
	}
	c.report.Entries++
	c.report.Bytes += uint64(len(entry))
	// Append returns the hashes of all subtrees that the leaf completes; those
	// of height 8, 16, … belong to the tiles above.
	for height, node := range c.frontier.Append(h) {
		if height%tileHeight != 0 || height/tileHeight > maxTileLevel {
			continue
		}
		if err := c.push(height/tileHeight, node); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) push(level int, h Hash) error {
	l := &c.levels[level]
	if l.hashes = append(l.hashes, h[:]...); len(l.hashes) < TileWidth*tlog.HashSize {
		return nil
	}
	return c.compare(level)
}

// compare checks the stored tile against the hashes computed for it.
func (c *checker) compare(level int) error {
	l := &c.levels[level]
	t := Tile{Level: level, N: l.n, Width: len(l.hashes) / tlog.HashSize}
	if level > 0 { // level 0 was compared entry by entry
		data, err := c.read(t.Path())
		if err != nil {
			return fmt.Errorf("reading %s: %w", t.Path(), err)
		}
		if !bytes.Equal(data, l.hashes) {
			return fmt.Errorf("%s does not follow from the entries", t.Path())
		}
	}
	c.report.Tiles++
	l.n, l.hashes = l.n+1, l.hashes[:0]
	return nil
}

func (c *checker) finish() error {
	for level := range c.levels {
		if len(c.levels[level].hashes) > 0 {
			if err := c.compare(level); err != nil {
				return err
			}
		}
	}
	head := c.report.Checkpoint
	if got := c.frontier.Root(); got != head.Root {
		return fmt.Errorf("the root over %d entries is %s, the checkpoint says %s", head.Size, got, head.Root)
	}
	return nil
}
