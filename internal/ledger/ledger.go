// Package ledger is the tamper-evident record: canonical event leaves,
// commitments to personal values, Merkle proofs (RFC 6962), and signed
// checkpoints and tiles in the forms of C2SP tlog-checkpoint, signed-note and
// tlog-tiles. It is arithmetic over values; storing them is package store's.
package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 Merkle hash.
type Hash = tlog.Hash

// HashReader reads stored Merkle hashes by tlog.StoredHashIndex.
type HashReader = tlog.HashReader

// Leaf is one event as it stands on the ledger. Its bytes (see Leaf.Bytes) are
// the canonical JSON object with exactly these members, and are what is hashed.
type Leaf struct {
	Seq     uint64          `json:"seq"`     // position on the ledger, from 0
	Stream  string          `json:"stream"`  // what the event belongs to
	Version uint64          `json:"version"` // position in its stream, from 1
	Type    string          `json:"type"`
	At      time.Time       `json:"at"`    // UTC, millisecond precision: 2026-01-02T15:04:05.000Z
	Actor   string          `json:"actor"` // who caused it: a person id, "system", or a token's name
	Body    json.RawMessage `json:"body"`  // canonical JSON object
}

// Private holds, per member name of an event's body, the value behind a
// commitment and its salt. A missing name means the value was erased.
type Private map[string]PrivateValue

// PrivateValue is a value that the ledger only commits to.
type PrivateValue struct {
	Salt  []byte          `json:"salt"`  // 32 random bytes, base64 in JSON
	Value json.RawMessage `json:"value"` // canonical JSON
}

// UnmarshalJSON takes the one form that MarshalJSON writes: base64 has others
// for the same bytes, and a changed byte of a bundle should not go unnoticed.
func (p *PrivateValue) UnmarshalJSON(raw []byte) error {
	var form struct {
		Salt  string          `json:"salt"`
		Value json.RawMessage `json:"value"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&form); err != nil {
		return fmt.Errorf("ledger: a private value: %w", err)
	}
	salt, err := base64.StdEncoding.DecodeString(form.Salt)
	if err != nil || base64.StdEncoding.EncodeToString(salt) != form.Salt {
		return errors.New("ledger: a private value: the salt is not base64 as it is written here")
	}
	p.Salt, p.Value = salt, form.Value
	return nil
}
