package ledger

import "fmt"

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
