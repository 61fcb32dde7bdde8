package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	record "countersign/internal/enrolment"
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
	if b.Events, err = entries(events, size, nodes); err != nil {
		return b, err
	}
	b.Enrolments, err = g.enrolmentsOf(ctx, events, size, nodes)
	return b, err
}

// enrolmentsOf adds the streams of the factors that answered and of the
// passkeys that witnesses signed with, as far as the checkpoint covers them.
func (g *Gate) enrolmentsOf(ctx context.Context, events []store.Record, size uint64, nodes ledger.HashReader) ([]evidence.Entry, error) {
	s, err := Fold(events)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range s.Proofs {
		ids = append(ids, p.Enrolment, p.Key)
	}
	slices.Sort(ids)
	var out []evidence.Entry
	for _, id := range slices.Compact(ids) {
		if !strings.HasPrefix(id, record.Prefix) {
			continue
		}
		records, err := g.store.Stream(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // a recovery code that replaced another has no entry of its own
		}
		if err != nil {
			return nil, fmt.Errorf("gate: reading %s: %w", id, err)
		}
		records = slices.DeleteFunc(records, func(r store.Record) bool { return r.Seq >= size })
		more, err := entries(records, size, nodes)
		if err != nil {
			return nil, err
		}
		for i := range more {
			more[i].Private = nil // whose address it is, is nothing the proof rests on
		}
		out = append(out, more...)
	}
	return out, nil
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
