package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"countersign/internal/ledger"
)

const (
	tileHeight = 8
	tileLevels = 6
	tileBytes  = ledger.TileWidth * tlog.HashSize
)

// edge is where the ledger grows: its frontier, and the tiles not yet full.
// The sequencer works on a copy and keeps it when the transaction is durable.
// Copies share the tiles' memory, which is safe since a tile only grows past
// the length that the older copy knows.
type edge struct {
	frontier ledger.Frontier
	open     [tileLevels]tile
}

type tile struct {
	n      uint64
	hashes []byte
}

func tileID(level int, n uint64) int64 { return int64(level)<<48 | int64(n) }

func (e edge) clone() edge {
	e.frontier = e.frontier.Clone()
	return e
}

// append adds a leaf and calls full for every tile that it completes.
func (e *edge) append(leaf ledger.Hash, full func(level int, t tile) error) error {
	for height, h := range e.frontier.Append(leaf) {
		level := height / tileHeight
		if height%tileHeight != 0 || level >= tileLevels {
			continue
		}
		t := &e.open[level]
		if t.hashes == nil {
			t.hashes = make([]byte, 0, tileBytes)
		}
		if t.hashes = append(t.hashes, h[:]...); len(t.hashes) < tileBytes {
			continue
		}
		if err := full(level, *t); err != nil {
			return err
		}
		*t = tile{n: t.n + 1}
	}
	return nil
}

// load reads the edge from the disk and checks that everything there agrees:
// the signed checkpoint, the stored hashes and the events.
func (s *Store) load(ctx context.Context, db *sql.DB) (edge, error) {
	var size uint64
	var signed []byte
	if err := db.QueryRowContext(ctx, selectHead).Scan(&size, &signed); err != nil {
		return edge{}, fmt.Errorf("reading the checkpoint: %w", err)
	}
	head, err := s.checkHead(signed)
	if err != nil {
		return edge{}, err
	}
	if head.Size != size {
		return edge{}, fmt.Errorf("the head table says %d entries, the signed checkpoint %d", size, head.Size)
	}
	e := edge{}
	if e.frontier, err = ledger.LoadFrontier(size, nodes{ctx, db}); err != nil {
		return edge{}, err
	}
	if root := e.frontier.Root(); root != head.Root {
		return edge{}, fmt.Errorf("the stored hashes of %d entries have the root %s, the signed checkpoint says %s", size, root, head.Root)
	}
	if err := e.loadTiles(ctx, db, size); err != nil {
		return edge{}, err
	}
	return e, checkEvents(ctx, db, size)
}

// checkHead reads a checkpoint of this ledger; its errors tell a wrong ledger
// from a wrong key.
func (s *Store) checkHead(signed []byte) (ledger.Checkpoint, error) {
	if origin, _, _ := bytes.Cut(signed, []byte("\n")); string(origin) != s.opt.Origin {
		return ledger.Checkpoint{}, fmt.Errorf("the file holds the ledger of %q, not of %q", origin, s.opt.Origin)
	}
	head, err := ledger.ParseCheckpoint(s.opt.Origin, signed, note.VerifierList(s.opt.Verifier))
	if unverified := (*note.UnverifiedNoteError)(nil); errors.As(err, &unverified) {
		return head, fmt.Errorf("the ledger was signed with another key than the one configured: %w", err)
	}
	return head, err
}

func (e *edge) loadTiles(ctx context.Context, db *sql.DB, size uint64) error {
	for level := range e.open {
		onLevel := size >> (tileHeight * level)
		t := &e.open[level]
		t.n = onLevel / ledger.TileWidth
		width := int(onLevel % ledger.TileWidth)
		if width == 0 {
			continue
		}
		stored, err := nodes{ctx, db}.tile(level, t.n)
		if err != nil {
			return err
		}
		if len(stored) != width*tlog.HashSize {
			return fmt.Errorf("tile %d of level %d has %d bytes, for %d entries it should have %d", t.n, level, len(stored), size, width*tlog.HashSize)
		}
		t.hashes = append(make([]byte, 0, tileBytes), stored...)
	}
	return nil
}

// checkEvents checks that there are exactly as many events as the checkpoint
// covers and that the newest is the one it covers. store.Check reads them all.
func checkEvents(ctx context.Context, db *sql.DB, size uint64) error {
	var count, end uint64
	if err := db.QueryRowContext(ctx, countEvents).Scan(&count, &end); err != nil {
		return fmt.Errorf("counting events: %w", err)
	}
	if count != size || end != size {
		return fmt.Errorf("%d events are stored, the last as entry %d, but the signed checkpoint covers %d", count, int64(end)-1, size)
	}
	if size == 0 {
		return nil
	}
	rows, err := db.QueryContext(ctx, selectRecords+fromSeq, size-1, 1)
	if err != nil {
		return err
	}
	last, err := scanRecords(rows)
	if err != nil {
		return err
	}
	stored, err := nodes{ctx, db}.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(size-1))})
	if err != nil {
		return err
	}
	if len(last) != 1 || last[0].Hash() != stored[0] {
		return fmt.Errorf("entry %d does not have the hash that is stored for it", size-1)
	}
	return nil
}

// signEmpty gives a new file its first checkpoint, over nothing.
func (s *Store) signEmpty(ctx context.Context) error {
	signed, err := ledger.Sign(ledger.Checkpoint{Origin: s.opt.Origin, Root: ledger.Frontier{}.Root()}, s.opt.Signer)
	if err != nil {
		return err
	}
	if _, err := s.checkHead(signed); err != nil {
		return fmt.Errorf("the configured keys do not verify each other: %w", err)
	}
	if _, err := s.write.ExecContext(ctx, insertHead, signed); err != nil {
		return fmt.Errorf("writing the first checkpoint: %w", err)
	}
	return nil
}

// nodes reads Merkle hashes from tiles.
type nodes struct {
	ctx context.Context
	db  *sql.DB
}

// ReadHashes implements ledger.HashReader.
func (r nodes) ReadHashes(indexes []int64) ([]ledger.Hash, error) {
	loaded := map[int64][]byte{}
	out := make([]ledger.Hash, len(indexes))
	for i, index := range indexes {
		t := tlog.TileForIndex(tileHeight, index)
		id := tileID(t.L, uint64(t.N))
		if _, ok := loaded[id]; !ok {
			data, err := r.tile(t.L, uint64(t.N))
			if err != nil {
				return nil, err
			}
			loaded[id] = data
		}
		if len(loaded[id]) < t.W*tlog.HashSize {
			return nil, fmt.Errorf("sqlite: reading hashes: tile %d of level %d ends before hash %d", t.N, t.L, t.W-1)
		}
		var err error
		if out[i], err = tlog.HashFromTile(t, loaded[id][:t.W*tlog.HashSize], index); err != nil {
			return nil, fmt.Errorf("sqlite: reading hashes: %w", err)
		}
	}
	return out, nil
}

func (r nodes) tile(level int, n uint64) ([]byte, error) {
	var data []byte
	if err := r.db.QueryRowContext(r.ctx, selectTile, tileID(level, n)).Scan(&data); err != nil {
		return nil, fmt.Errorf("sqlite: reading tile %d of level %d: %w", n, level, err)
	}
	return data, nil
}
