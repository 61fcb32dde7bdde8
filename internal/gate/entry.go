package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/ledger"
	"countersign/internal/store"
)

// LedgerHead is the newest signed head of the ledger, and the key to check it
// with. Its text is what counts; the rest is read from it.
type LedgerHead struct {
	Checkpoint string    `json:"checkpoint"` // the C2SP signed note
	Key        string    `json:"key"`        // the log's verifier key, as this server has it
	Origin     string    `json:"origin"`
	Size       uint64    `json:"size"`
	Root       string    `json:"root"`
	Signatures []Signer  `json:"signatures" nullable:"false"`
	Newest     time.Time `json:"newest,omitzero"` // when the newest entry was written; a checkpoint has no time of its own
}

// Signer is a signature line of a checkpoint.
type Signer struct {
	Name string `json:"name"`
	Key  string `json:"key"` // its id, in hexadecimal
	// Log: it is the log's own signature, and was checked. Any other is a
	// witness's, whose key is not known here.
	Log bool `json:"log"`
}

// EntryView is one entry with all that it takes to check that it is on the
// ledger. Values behind its commitments are not part of it.
type EntryView struct {
	EntryLine
	Leaf       string   `json:"leaf"`       // exactly the bytes that were hashed
	Hash       string   `json:"hash"`       // of the leaf (RFC 6962 §2.1), base64
	Proof      []string `json:"proof"`      // the audit path (RFC 6962 §2.1.1), base64, from the leaf upwards
	Size       uint64   `json:"size"`       // of the tree that the path leads to the root of
	Checkpoint string   `json:"checkpoint"` // the signed head of that tree
}

// Consistency is what it takes to check that the ledger of one size continues
// that of another.
type Consistency struct {
	From       uint64   `json:"from"`
	To         uint64   `json:"to"`
	Proof      []string `json:"proof"`      // RFC 6962 §2.1.2, base64
	Checkpoint string   `json:"checkpoint"` // the newest signed head, whose size is To unless another was asked for
}

// LedgerHead shows the head of the ledger to those with oversight.
func (g *Gate) LedgerHead(ctx context.Context, c Caller) (LedgerHead, error) {
	if err := g.mayAudit(ctx, c); err != nil {
		return LedgerHead{}, err
	}
	head, err := g.head(ctx)
	if err != nil || head.Size == 0 {
		return head, err
	}
	newest, err := g.record(ctx, head.Size-1)
	head.Newest = newest.At
	return head, err
}

// head reads the newest checkpoint and checks that it is the log's.
func (g *Gate) head(ctx context.Context) (LedgerHead, error) {
	signed, err := g.store.Checkpoint(ctx)
	if err != nil {
		return LedgerHead{}, fmt.Errorf("gate: reading the checkpoint: %w", err)
	}
	v, err := note.NewVerifier(g.cfg.LogKey)
	if err != nil {
		return LedgerHead{}, fmt.Errorf("gate: the log's verifier key: %w", err)
	}
	c, err := ledger.ParseCheckpoint(v.Name(), signed, note.VerifierList(v))
	if err != nil {
		return LedgerHead{}, fmt.Errorf("gate: the checkpoint: %w", err)
	}
	h := LedgerHead{Checkpoint: string(signed), Key: g.cfg.LogKey, Origin: c.Origin, Size: c.Size, Root: c.Root.String()}
	h.Signatures, err = signatureLines(signed, v)
	return h, err
}

// signatureLines lists the signature lines of a note, the log's own first.
func signatureLines(signed []byte, v note.Verifier) ([]Signer, error) {
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return nil, fmt.Errorf("gate: the checkpoint: %w", err)
	}
	var all []Signer
	for _, s := range n.Sigs {
		all = append(all, Signer{s.Name, fmt.Sprintf("%08x", s.Hash), true})
	}
	for _, s := range n.UnverifiedSigs {
		all = append(all, Signer{s.Name, fmt.Sprintf("%08x", s.Hash), false})
	}
	return all, nil
}

// Entry shows one entry and the proof that it is on the ledger, to those with
// oversight.
func (g *Gate) Entry(ctx context.Context, c Caller, seq uint64) (EntryView, error) {
	if err := g.mayAudit(ctx, c); err != nil {
		return EntryView{}, err
	}
	head, err := g.head(ctx)
	if err != nil {
		return EntryView{}, err
	}
	r, err := g.record(ctx, seq)
	if seq >= head.Size || errors.Is(err, store.ErrNotFound) {
		return EntryView{}, &Fault{"not_found", "the ledger has no such entry"}
	}
	if err != nil {
		return EntryView{}, err
	}
	proof, err := ledger.ProveInclusion(head.Size, seq, g.store.Nodes(ctx))
	if err != nil {
		return EntryView{}, fmt.Errorf("gate: proving entry %d: %w", seq, err)
	}
	lines := []EntryLine{lineOf(r)}
	if err := g.nameCases(ctx, lines); err != nil {
		return EntryView{}, err
	}
	return EntryView{
		EntryLine: lines[0], Leaf: string(r.Leaf.Bytes()), Hash: r.Leaf.Hash().String(), Proof: hashTexts(proof),
		Size: head.Size, Checkpoint: head.Checkpoint,
	}, nil
}

// Consistent proves to those with oversight that the ledger of one size
// continues that of a smaller one; to is 0 for the newest checkpoint's.
func (g *Gate) Consistent(ctx context.Context, c Caller, from, to uint64) (Consistency, error) {
	if err := g.mayAudit(ctx, c); err != nil {
		return Consistency{}, err
	}
	head, err := g.head(ctx)
	if err != nil {
		return Consistency{}, err
	}
	if to == 0 {
		to = head.Size
	}
	if from > to || to > head.Size {
		return Consistency{}, &Fault{"not_found", fmt.Sprintf("the ledger has %d entries, and a proof leads from fewer to more", head.Size)}
	}
	proof, err := ledger.ProveConsistency(from, to, g.store.Nodes(ctx))
	if err != nil {
		return Consistency{}, fmt.Errorf("gate: proving that %d continues %d: %w", to, from, err)
	}
	return Consistency{From: from, To: to, Proof: hashTexts(proof), Checkpoint: head.Checkpoint}, nil
}

func hashTexts(hashes []ledger.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = h.String()
	}
	return out
}
