// Package store says what a database must do for Countersign. storetest is the
// suite that judges an implementation; sqlite is the embedded default.
//
// There is one way to write: Commit. A commit appends events to one stream,
// and in the same transaction stores their Merkle nodes, the signed checkpoint
// that covers them, the read row, the jobs they entail and what has to be kept
// beside the ledger. Either all of it is durable when Commit returns nil, or
// none of it happened.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
)

// The faults callers decide on.
var (
	// ErrConflict: the stream has moved on, or an item is not at the version
	// the commit expected. Nothing was written; load again and decide again.
	ErrConflict = errors.New("store: conflict")
	// ErrNotFound: no such stream, item or entry.
	ErrNotFound = errors.New("store: not found")
	// ErrClosed: the store is shutting down, or a failed write closed it.
	ErrClosed = errors.New("store: closed")
)

// Draft is an event not yet on the ledger. Open and Private come from
// ledger.Seal.
type Draft struct {
	Type    string
	Open    json.RawMessage // canonical JSON object; personal values stand in it as commitments
	Private ledger.Private  // the values and salts behind those commitments
}

// Record is an event on the ledger.
type Record struct {
	ledger.Leaf
	Private ledger.Private
}

// Commit is one command's outcome, written whole or not at all.
type Commit struct {
	Stream string
	Expect uint64 // version of the stream's newest event; 0: the stream must not exist
	// Rests are other streams that must not have moved since they were read:
	// what the decision rests on. ErrConflict when one has.
	Rests  []Footing
	Actor  string
	At     time.Time
	Events []Draft // may be empty: a commit of items and jobs only
	Row    *Row
	Jobs   []Job
	Items  []ItemChange
	Counts []Count // what the events count for
}

// Footing is a stream at the version it was read at.
type Footing struct {
	Stream  string
	Version uint64
}

// Row is the read model of one request: what lists are made from. It is a pure
// function of the request's state, so it can be rebuilt from the ledger and
// compared byte by byte.
type Row struct {
	ID      string // the request's stream
	Subject identity.AccountID
	Person  identity.PersonID // the subject's person
	Action  identity.Action
	Status  string
	Tier    identity.Tier
	Desk    string
	Agent   identity.PersonID
	Case    string    // the public case code
	Opened  time.Time // millisecond precision, UTC
	Changed time.Time
	Version uint64          // of the stream, as of this row
	State   json.RawMessage // canonical JSON of the folded state without private values
}

// RowQuery selects rows, newest first. Zero fields do not filter.
type RowQuery struct {
	Subject  identity.AccountID
	Person   identity.PersonID
	Agent    identity.PersonID
	Desk     string
	Statuses []string
	Action   identity.Action
	Since    time.Time // opened at or after
	Before   string    // id of the last row of the previous page; ids are time-ordered
	Limit    int       // 1 to 500
}

// Item is a small value kept beside the ledger: it holds a secret or something
// that must be forgettable, or changes too often to be an event. A shelf is a
// kind of item; each kind documents its value's form where it is used.
type Item struct {
	Shelf   string
	Key     string
	Owner   string // what List groups by; may be empty
	Value   []byte
	Version int64     // 1 when first put, one more with each put
	Expires time.Time // zero: never. Expired items are not returned, and are swept.
}

// ItemChange puts or deletes an item as part of a commit.
type ItemChange struct {
	Item
	Delete bool
	// Expect is the version the item must have: 0: must not exist (an expired
	// item counts as absent); AnyVersion: whatever.
	Expect int64
}

// AnyVersion as ItemChange.Expect skips the check.
const AnyVersion int64 = -1

// Job is work to be done after the commit, at least once, in a process that
// runs Work.
type Job struct {
	Kind  string
	Args  json.RawMessage
	RunAt time.Time // zero: now
	// Unique, when set, makes a second unfinished job of the same kind and
	// unique text a no-op.
	Unique string
}

// Attempt tells a handler which try this is.
type Attempt struct {
	Job
	Number int // from 1
	Max    int
}

// Handler does one job. nil: done. ErrDrop (wrapped or not): give up for good.
// Any other error: tried again later with growing pauses.
type Handler func(ctx context.Context, a Attempt) error

// ErrDrop tells Work that trying again makes no sense.
var ErrDrop = errors.New("store: job dropped")

// Store is the whole port. Methods are safe for concurrent use.
type Store interface {
	// Commit appends as described at Commit. It returns the records as they
	// stand on the ledger. Commits that arrive together share a transaction,
	// each with its own version checks: a conflict fails only its own commit.
	Commit(ctx context.Context, c Commit) ([]Record, error)

	// Stream returns all records of a stream in order; ErrNotFound when empty.
	Stream(ctx context.Context, stream string) ([]Record, error)
	// After returns the records of a stream beyond a version, in order; none
	// when there are none.
	After(ctx context.Context, stream string, version uint64) ([]Record, error)
	// Records returns up to limit records with Seq >= from, in order.
	Records(ctx context.Context, from uint64, limit int) ([]Record, error)
	// Checkpoint returns the newest signed checkpoint, a C2SP signed note. An
	// empty ledger has a signed checkpoint too.
	Checkpoint(ctx context.Context) ([]byte, error)
	// Nodes reads Merkle hashes; it serves proofs and tiles for any tree size
	// up to the newest checkpoint's.
	Nodes(ctx context.Context) ledger.HashReader

	// Row returns one row; ErrNotFound.
	Row(ctx context.Context, id string) (Row, error)
	// RowByCase finds a row by its public case code; ErrNotFound.
	RowByCase(ctx context.Context, code string) (Row, error)
	// Rows lists rows, newest first.
	Rows(ctx context.Context, q RowQuery) ([]Row, error)

	// Item returns one item; ErrNotFound when absent or expired at now.
	Item(ctx context.Context, shelf, key string, now time.Time) (Item, error)
	// Items lists the unexpired items of an owner on a shelf, by key.
	Items(ctx context.Context, shelf, owner string, now time.Time) ([]Item, error)
	// Shelf lists the unexpired items of a shelf, by owner and key, at most limit.
	Shelf(ctx context.Context, shelf string, now time.Time, limit int) ([]Item, error)
	// Change applies item changes alone, in one transaction; ErrConflict.
	Change(ctx context.Context, changes ...ItemChange) error
	// Sweep deletes items that expired before now.
	Sweep(ctx context.Context, now time.Time) error

	// Work runs handlers for due jobs until ctx ends, several at a time. Jobs
	// of kinds without a handler are left alone. It returns when every running
	// handler has returned.
	Work(ctx context.Context, handlers map[string]Handler) error

	Counter

	// Condition tells those who watch the store how it is.
	Condition(ctx context.Context) (Condition, error)
	// Ping reports whether a durable write would work now.
	Ping(ctx context.Context) error
	Close() error
}
