package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// LedgerHead is the newest signed head of the ledger.
type LedgerHead struct {
	Checkpoint string `json:"checkpoint"` // the C2SP signed note: what counts
	Key        string `json:"key"`        // the verifier key that the server names; pin your own
	Origin     string `json:"origin"`
	Size       uint64 `json:"size"`
	Root       string `json:"root"`
	Signatures []struct {
		Name string `json:"name"`
		Key  string `json:"key"`
		Log  bool   `json:"log"`
	} `json:"signatures"`
	Newest time.Time `json:"newest,omitzero"`
}

// LedgerHead shows the head of the ledger.
func (c Client) LedgerHead(ctx context.Context) (LedgerHead, error) {
	return fetch[LedgerHead](ctx, c, http.MethodGet, "/ledger", nil)
}

// EntryFilter selects entries of the ledger. Zero fields do not filter.
type EntryFilter struct {
	Stream, Case, Type string
	Since, Until       time.Time
	Cursor             string
	Limit              int
}

func (f EntryFilter) query() string {
	q := url.Values{}
	for name, value := range map[string]string{"stream": f.Stream, "case": f.Case, "type": f.Type, "cursor": f.Cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// EntryLine is one line of a list of entries.
type EntryLine struct {
	Seq     uint64    `json:"seq"`
	Stream  string    `json:"stream"`
	Version uint64    `json:"version"`
	Case    string    `json:"case,omitempty"`
	Type    string    `json:"type"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
}

// EntryPage is a part of the ledger, newest first, and the cursor of the next,
// "" at the end. It may hold fewer entries than were asked for.
type EntryPage struct {
	Entries []EntryLine `json:"entries"`
	Next    string      `json:"next,omitempty"`
	Looked  int         `json:"looked"`
}

// Entries lists entries of the ledger.
func (c Client) Entries(ctx context.Context, f EntryFilter) (EntryPage, error) {
	return fetch[EntryPage](ctx, c, http.MethodGet, "/ledger/entries"+f.query(), nil)
}

// Entry is one entry, and the proof that it is on the ledger.
type Entry struct {
	EntryLine
	Leaf       string   `json:"leaf"` // exactly the bytes that were hashed
	Hash       string   `json:"hash"`
	Proof      []string `json:"proof"`
	Size       uint64   `json:"size"`
	Checkpoint string   `json:"checkpoint"`
}

// Entry shows one entry. Nothing here checks its proof.
func (c Client) Entry(ctx context.Context, seq uint64) (Entry, error) {
	return fetch[Entry](ctx, c, http.MethodGet, "/ledger/entries/"+strconv.FormatUint(seq, 10), nil)
}

// Consistency is the proof that the ledger of one size continues another.
type Consistency struct {
	From       uint64   `json:"from"`
	To         uint64   `json:"to"`
	Proof      []string `json:"proof"`
	Checkpoint string   `json:"checkpoint"`
}

// Consistency proves that the ledger of size to continues that of size from;
// to is 0 for the newest.
func (c Client) Consistency(ctx context.Context, from, to uint64) (Consistency, error) {
	q := url.Values{"from": {strconv.FormatUint(from, 10)}}
	if to > 0 {
		q.Set("to", strconv.FormatUint(to, 10))
	}
	return fetch[Consistency](ctx, c, http.MethodGet, "/ledger/consistency?"+q.Encode(), nil)
}
