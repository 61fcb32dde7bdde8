package gate

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/evidence"
	"countersign/internal/ledger"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// Bundle makes the one file that proves a request, for an auditor.
func (g *Gate) Bundle(ctx context.Context, c Caller, id string) (evidence.Bundle, error) {
	ok, err := g.audits(ctx, c)
	if err != nil {
		return evidence.Bundle{}, err
	}
	if !ok {
		return evidence.Bundle{}, ErrForbidden
	}
	return g.Evidence(ctx, id)
}

// Evidence is Bundle for the hands.
func (g *Gate) Evidence(ctx context.Context, id string) (evidence.Bundle, error) {
	b := evidence.Bundle{Format: evidence.Format, Request: id}
	events, err1 := g.store.Stream(ctx, id)
	if errors.Is(err1, store.ErrNotFound) || err1 == nil && events[0].Type != (reset.Opened{}).Type() {
		return b, ErrNoRequest
	}
	// In this order: the roster holds everything the events may rest on, and
	// the checkpoint covers both.
	chain, err2 := g.store.Stream(ctx, roster.Stream)
	signed, err3 := g.store.Checkpoint(ctx)
	if err := errors.Join(err1, err2, err3); err != nil {
		return b, fmt.Errorf("gate: reading the evidence of %s: %w", id, err)
	}
	size, err := g.checkpointSize(signed)
	if err != nil {
		return b, err
	}
	b.Checkpoint = string(signed)
	nodes := g.store.Nodes(ctx)
	if b.Roster, err = entries(chain, size, nodes); err != nil {
		return b, err
	}
	b.Events, err = entries(events, size, nodes)
	return b, err
}

func (g *Gate) checkpointSize(signed []byte) (uint64, error) {
	v, err := note.NewVerifier(g.cfg.LogKey)
	if err != nil {
		return 0, fmt.Errorf("gate: the log's verifier key: %w", err)
	}
	c, err := ledger.ParseCheckpoint(v.Name(), signed, note.VerifierList(v))
	if err != nil {
		return 0, fmt.Errorf("gate: the checkpoint: %w", err)
	}
	return c.Size, nil
}

func entries(records []store.Record, size uint64, nodes ledger.HashReader) ([]evidence.Entry, error) {
	out := make([]evidence.Entry, len(records))
	for i, r := range records {
		proof, err := ledger.ProveInclusion(size, r.Seq, nodes)
		if err != nil {
			return nil, fmt.Errorf("gate: proving entry %d: %w", r.Seq, err)
		}
		out[i] = evidence.NewEntry(r.Leaf, r.Private, proof)
	}
	return out, nil
}

// Genesis is the roster's founding entry, to be pinned by hands and auditors.
func (g *Gate) Genesis(ctx context.Context) (evidence.Genesis, error) {
	records, err := g.store.Stream(ctx, roster.Stream)
	if errors.Is(err, store.ErrNotFound) {
		return evidence.Genesis{}, errNotFounded
	}
	if err != nil {
		return evidence.Genesis{}, fmt.Errorf("gate: reading the roster: %w", err)
	}
	return evidence.Genesis{Format: evidence.GenesisFormat, Leaf: records[0].Leaf.Bytes()}, nil
}
