// Package evidence answers one question offline: was this order allowed? A
// Bundle is the one file that proves a request; Verify replays it against two
// trust roots, the log's key and the roster's founding entry, believing
// nothing that the server says of itself.
package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"countersign/internal/ledger"
)

// Format is the bundle's format member.
const Format = "countersign/bundle/v1"

// MaxBundle bounds what ParseBundle reads, in bytes.
const MaxBundle = 32 << 20

// Bundle is everything a request rests on: the roster from its founding entry
// (which holds the policies too), the request's own events, and the signed
// checkpoint that covers both.
type Bundle struct {
	Format     string  `json:"format"`
	Request    string  `json:"request"`
	Checkpoint string  `json:"checkpoint"` // C2SP signed note
	Roster     []Entry `json:"roster"`
	Events     []Entry `json:"events"`
	// Enrolments are the streams of the factors that answered, one after the
	// other, as far as they are on the ledger.
	Enrolments []Entry `json:"enrolments,omitempty"`
}

// Entry is one leaf, the values behind its commitments, and its inclusion
// proof (RFC 6962) in the checkpoint's tree.
type Entry struct {
	Leaf    json.RawMessage `json:"leaf"`
	Private ledger.Private  `json:"private,omitempty"`
	Proof   []Hash          `json:"proof"`
}

// Hash is a Merkle hash, in JSON as standard base64.
type Hash ledger.Hash

// MarshalText writes standard base64.
func (h Hash) MarshalText() ([]byte, error) {
	return []byte(base64.StdEncoding.EncodeToString(h[:])), nil
}

// UnmarshalText reads what MarshalText writes, and nothing else.
func (h *Hash) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return errors.New("evidence: a hash is 32 bytes in standard base64")
	}
	copy(h[:], b)
	return nil
}

// ParseBundle reads a bundle strictly: no unknown or repeated member, nothing
// after it, at most MaxBundle bytes.
func ParseBundle(raw []byte) (Bundle, error) {
	var b Bundle
	if len(raw) > MaxBundle {
		return b, fmt.Errorf("evidence: the file has %d bytes, at most %d are read", len(raw), MaxBundle)
	}
	canonical, err := ledger.Canonical(raw)
	if err != nil {
		return b, fmt.Errorf("evidence: the file is not a bundle: %w", err)
	}
	if err := decode(canonical, &b); err != nil {
		return b, fmt.Errorf("evidence: the file is not a bundle: %w", err)
	}
	if b.Format != Format {
		return b, fmt.Errorf("evidence: format is %q; this program reads %q", b.Format, Format)
	}
	return b, nil
}

// Bytes is the bundle as people find it easiest to read: indented JSON.
func (b Bundle) Bytes() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(b); err != nil {
		return nil, fmt.Errorf("evidence: writing the bundle: %w", err)
	}
	return out.Bytes(), nil
}

// NewEntry makes an entry of a leaf and its proof.
func NewEntry(leaf ledger.Leaf, private ledger.Private, proof []ledger.Hash) Entry {
	e := Entry{Leaf: leaf.Bytes(), Private: private, Proof: make([]Hash, len(proof))}
	for i, h := range proof {
		e.Proof[i] = Hash(h)
	}
	return e
}

// Genesis is the trust root of the roster: its founding leaf.
type Genesis struct {
	Format string          `json:"format"`
	Leaf   json.RawMessage `json:"leaf"`
}

// GenesisFormat is the genesis file's format member.
const GenesisFormat = "countersign/genesis/v1"

// ParseGenesis reads a genesis file and returns the hash of its leaf.
func ParseGenesis(raw []byte) (ledger.Hash, error) {
	var g Genesis
	canonical, err := ledger.Canonical(raw)
	if err == nil {
		err = decode(canonical, &g)
	}
	if err != nil {
		return ledger.Hash{}, fmt.Errorf("evidence: the file is not a genesis entry: %w", err)
	}
	if g.Format != GenesisFormat {
		return ledger.Hash{}, fmt.Errorf("evidence: format is %q; this program reads %q", g.Format, GenesisFormat)
	}
	leaf, err := ledger.ParseLeaf(g.Leaf)
	if err != nil {
		return ledger.Hash{}, fmt.Errorf("evidence: the genesis entry: %w", err)
	}
	return leaf.Hash(), nil
}

func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return nil
}
