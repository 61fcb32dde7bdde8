package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"countersign/internal/store"
)

// EntryFilter selects entries of the ledger. Zero fields do not filter.
type EntryFilter struct {
	Stream string // what they belong to: a request, a registration, the roster
	Case   string // the same, by a request's case code
	Type   string
	Since  time.Time // at or after
	Until  time.Time // before
	Cursor string    // from the page before
	Limit  int       // 1 to 100; 0: 25
}

// EntryLine is one line of a list of entries.
type EntryLine struct {
	Seq     uint64    `json:"seq"`
	Stream  string    `json:"stream"`
	Version uint64    `json:"version"`        // position in its stream, from 1
	Case    string    `json:"case,omitempty"` // of the request whose stream it is
	Type    string    `json:"type"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
}

// EntryPage is a part of the ledger, newest first. One page looks at a bounded
// number of entries, so it may hold fewer than were asked for, or none, and
// still have a next one.
type EntryPage struct {
	Entries []EntryLine `json:"entries" nullable:"false"`
	Next    string      `json:"next,omitempty"` // the cursor of the next page; "": this is the end
	Looked  int         `json:"looked"`         // how many entries this page went through
}

const (
	entriesAtOnce = 250
	// entriesAPage bounds what a page costs where few entries are wanted of many.
	entriesAPage = 1000
	// clockSlack is by how much entries may stand out of the order of their
	// times: nodes have clocks of their own, and clocks are set.
	clockSlack = 5 * time.Minute
)

// Entries lists entries of the ledger for those with oversight, newest first,
// without what stands behind their commitments.
func (g *Gate) Entries(ctx context.Context, c Caller, f EntryFilter) (EntryPage, error) {
	if err := g.mayAudit(ctx, c); err != nil {
		return EntryPage{}, err
	}
	if f.Limit == 0 {
		f.Limit = 25
	}
	if f.Limit < 1 || f.Limit > 100 {
		return EntryPage{}, invalid("limit is 1 to 100")
	}
	below, err := g.entriesBelow(ctx, f)
	if err != nil {
		return EntryPage{}, err
	}
	p := &picking{filter: f, page: EntryPage{Entries: []EntryLine{}}}
	if f.Stream != "" || f.Case != "" {
		err = g.pickStream(ctx, p, below)
	} else {
		err = g.pickLedger(ctx, p, below)
	}
	if err != nil {
		return EntryPage{}, err
	}
	return p.page, g.nameCases(ctx, p.page.Entries)
}

func (g *Gate) mayAudit(ctx context.Context, c Caller) error {
	ok, err := g.audits(ctx, c)
	if err == nil && !ok {
		err = ErrForbidden
	}
	return err
}

// entriesBelow is where a page begins: all its entries have smaller numbers.
func (g *Gate) entriesBelow(ctx context.Context, f EntryFilter) (uint64, error) {
	head, err := g.head(ctx)
	if err != nil {
		return 0, err
	}
	below := head.Size
	if f.Cursor != "" {
		n, err := strconv.ParseUint(f.Cursor, 10, 53)
		if err != nil {
			return 0, invalid("cursor: take it from the page before")
		}
		below = min(below, n)
	}
	if f.Until.IsZero() {
		return below, nil
	}
	return g.before(ctx, below, f.Until.Add(clockSlack))
}

// before finds where the entries of a time end, by halving.
func (g *Gate) before(ctx context.Context, size uint64, at time.Time) (uint64, error) {
	low, high := uint64(0), size
	for low < high {
		mid := low + (high-low)/2
		r, err := g.record(ctx, mid)
		if err != nil {
			return 0, err
		}
		if r.At.Before(at) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, nil
}

// picking is a page as it fills.
type picking struct {
	filter EntryFilter
	page   EntryPage
}

// take looks at the next older entry, and reports whether the page goes on. An
// entry of an earlier time ends nothing: it may be of a node whose clock was
// behind, and others stand below it.
func (p *picking) take(r store.Record) bool {
	if len(p.page.Entries) == p.filter.Limit || p.page.Looked == entriesAPage {
		p.page.Next = strconv.FormatUint(r.Seq+1, 10)
		return false
	}
	p.page.Looked++
	if p.wants(r) {
		p.page.Entries = append(p.page.Entries, lineOf(r))
	}
	return true
}

func (p *picking) wants(r store.Record) bool {
	f := p.filter
	return (f.Type == "" || r.Type == f.Type) &&
		(f.Since.IsZero() || !r.At.Before(f.Since)) &&
		(f.Until.IsZero() || r.At.Before(f.Until))
}

func (g *Gate) pickLedger(ctx context.Context, p *picking, below uint64) error {
	step := uint64(entriesAtOnce)
	if p.filter.Type == "" && p.filter.Since.IsZero() && p.filter.Until.IsZero() {
		step = uint64(p.filter.Limit) + 1
	}
	for below > 0 {
		from := below - min(below, step)
		records, err := g.store.Records(ctx, from, int(below-from))
		if err != nil {
			return fmt.Errorf("gate: reading entries: %w", err)
		}
		for _, r := range slices.Backward(records) {
			if !p.take(r) {
				return nil
			}
		}
		below = from
	}
	return nil
}

// pickStream finds none where there is no such stream: that is no fault of
// whoever searches.
func (g *Gate) pickStream(ctx context.Context, p *picking, below uint64) error {
	stream, err := g.streamOf(ctx, p.filter)
	if err != nil || stream == "" {
		return err
	}
	records, err := g.store.After(ctx, stream, 0)
	if err != nil {
		return fmt.Errorf("gate: reading %s: %w", stream, err)
	}
	for _, r := range slices.Backward(records) {
		if r.Seq < below && !p.take(r) {
			return nil
		}
	}
	return nil
}

func (g *Gate) streamOf(ctx context.Context, f EntryFilter) (string, error) {
	if f.Case == "" {
		return f.Stream, nil
	}
	row, err := g.store.RowByCase(ctx, normalCase(f.Case))
	if errors.Is(err, store.ErrNotFound) || err == nil && f.Stream != "" && f.Stream != row.ID {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("gate: finding a case: %w", err)
	}
	return row.ID, nil
}

func lineOf(r store.Record) EntryLine {
	return EntryLine{Seq: r.Seq, Stream: r.Stream, Version: r.Version, Type: r.Type, At: r.At, Actor: r.Actor}
}

// nameCases fills in the case codes of those whose stream is a request.
func (g *Gate) nameCases(ctx context.Context, lines []EntryLine) error {
	known := map[string]string{}
	for i, l := range lines {
		if _, ok := known[l.Stream]; !ok {
			row, err := g.store.Row(ctx, l.Stream)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("gate: reading the case of %s: %w", l.Stream, err)
			}
			known[l.Stream] = row.Case
		}
		lines[i].Case = known[l.Stream]
	}
	return nil
}

// record reads one entry.
func (g *Gate) record(ctx context.Context, seq uint64) (store.Record, error) {
	records, err := g.store.Records(ctx, seq, 1)
	if err == nil && (len(records) == 0 || records[0].Seq != seq) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Record{}, fmt.Errorf("gate: reading entry %d: %w", seq, err)
	}
	return records[0], nil
}
