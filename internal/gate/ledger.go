package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"countersign/internal/ledger"
	"countersign/internal/store"
)

// LedgerFile serves the ledger as C2SP tlog-tiles: "checkpoint",
// "tile/<L>/<N>[.p/<W>]" and "tile/entries/<N>[.p/<W>]". A path that is no
// tile, or one beyond the signed tree, is not found. Checkpoint and hashes are
// for anybody: witnesses and monitors need no more. The entries name accounts,
// people and methods by their ids, so they are for those with oversight.
func (g *Gate) LedgerFile(ctx context.Context, c Caller, path string) ([]byte, error) {
	if OversightOnly(path) {
		if err := g.mayAudit(ctx, c); err != nil {
			return nil, err
		}
	}
	none := &Fault{"not_found", "the ledger has no such file"}
	signed, err := g.store.Checkpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("gate: reading the checkpoint: %w", err)
	}
	if path == "checkpoint" {
		return signed, nil
	}
	t, err := ledger.ParseTile(path)
	if err != nil {
		return nil, none
	}
	size, err := g.checkpointSize(signed)
	if err != nil {
		return nil, err
	}
	if !t.Within(size) {
		return nil, none
	}
	if t.Entries {
		return g.bundleTile(ctx, t)
	}
	data, err := ledger.HashTile(t.Level, t.N, t.Width, g.store.Nodes(ctx))
	if err != nil {
		return nil, fmt.Errorf("gate: reading tile %s: %w", path, err)
	}
	return data, nil
}

// OversightOnly reports whether a path of the ledger leads to entries.
func OversightOnly(path string) bool { return strings.HasPrefix(path, "tile/entries/") }

func (g *Gate) bundleTile(ctx context.Context, t ledger.Tile) ([]byte, error) {
	records, err := g.store.Records(ctx, t.N*256, t.Width)
	if err != nil {
		return nil, fmt.Errorf("gate: reading entries: %w", err)
	}
	leaves := make([][]byte, len(records))
	for i, r := range records {
		leaves[i] = r.Leaf.Bytes()
	}
	if len(leaves) != t.Width {
		return nil, errors.Join(store.ErrNotFound, fmt.Errorf("gate: %d of %d entries", len(leaves), t.Width))
	}
	return ledger.EncodeBundle(leaves)
}
