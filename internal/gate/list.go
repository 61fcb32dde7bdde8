package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// Filter selects requests for List.
type Filter struct {
	Statuses []string
	Action   identity.Action
	Desk     string
	Case     string // exactly, as people type it
	Mine     bool   // only those that wait for the caller's signature
	Cursor   string // of the page before
	Limit    int    // 1 to 100; 0: 25
}

// Summary is one line of a list.
type Summary struct {
	ID        string             `json:"id"`
	Case      string             `json:"case"`
	Action    identity.Action    `json:"action"`
	Status    string             `json:"status"`
	Account   identity.AccountID `json:"account"`
	Login     string             `json:"login"`
	Name      string             `json:"name"`
	Tier      identity.Tier      `json:"tier"`
	Channel   identity.Channel   `json:"channel"`
	Desk      string             `json:"desk,omitempty"`
	OpenedAt  time.Time          `json:"opened_at"`
	ChangedAt time.Time          `json:"changed_at"`
	ExpiresAt time.Time          `json:"expires_at"`
	WaitUntil *time.Time         `json:"wait_until,omitempty"`
	Needs     []approval.Need    `json:"needs"` // all signatures the plan asks for
	// Unusual is what whoever is to sign should not overlook; only where the
	// list is of what waits for the caller's signature.
	Unusual []Oddity `json:"unusual,omitempty"`
	// Calling: the requester is being rung, and reads a code to the desk.
	Calling bool `json:"calling"`
}

// lookedAt is how many requests one call of List looks at, whatever it finds: the
// cursor goes on from there.
const lookedAt = 2000

// List lists requests the caller may see, newest first, and the cursor of the
// next page ("" at the end). A page may be shorter than asked for, or empty,
// and yet not be the last.
func (g *Gate) List(ctx context.Context, c Caller, f Filter) ([]Summary, string, error) {
	if f.Limit == 0 {
		f.Limit = 25
	}
	if f.Limit < 1 || f.Limit > 100 {
		return nil, "", invalid("limit is 1 to 100")
	}
	see, err := g.lister(ctx, c, &f)
	if err != nil {
		return nil, "", err
	}
	if f.Case != "" {
		return g.listCase(ctx, f, see)
	}
	out, seen, q := []Summary{}, 0, f.query()
	for {
		rows, err := g.store.Rows(ctx, q)
		if err != nil {
			return nil, "", fmt.Errorf("gate: listing requests: %w", err)
		}
		for _, r := range rows {
			s, err := stateOf(r)
			if err != nil {
				return nil, "", err
			}
			if !see(s) {
				continue
			}
			if len(out) == f.Limit {
				return out, out[len(out)-1].ID, nil
			}
			line, err := g.summary(ctx, r, s)
			if err == nil && f.Mine {
				line.Unusual, err = g.unusual(ctx, r.ID)
			}
			if err != nil {
				return nil, "", err
			}
			out = append(out, line)
		}
		if len(rows) < q.Limit {
			return out, "", nil
		}
		q.Before = rows[len(rows)-1].ID
		if seen += len(rows); seen >= lookedAt {
			return out, q.Before, nil
		}
	}
}

// query names every status where it asks for a desk or an action: the indexes
// are by those and the status.
func (f Filter) query() store.RowQuery {
	q := store.RowQuery{Statuses: f.Statuses, Action: f.Action, Desk: f.Desk, Before: f.Cursor, Limit: max(60, f.Limit+1)}
	if len(q.Statuses) == 0 && (q.Action != "" || q.Desk != "") {
		q.Statuses = allStatuses
	}
	return q
}

var allStatuses = append(slices.Clone(openStatuses), string(reset.Done), string(reset.Failed), string(reset.RefusedEnd),
	string(reset.Denied), string(reset.CancelledBy), string(reset.ExpiredEnd), string(reset.Vetoed))

func (g *Gate) listCase(ctx context.Context, f Filter, see func(reset.State) bool) ([]Summary, string, error) {
	r, err := g.store.RowByCase(ctx, normalCase(f.Case))
	if errors.Is(err, store.ErrNotFound) {
		return []Summary{}, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("gate: finding a case: %w", err)
	}
	s, err := stateOf(r)
	if err != nil {
		return nil, "", err
	}
	fits := (len(f.Statuses) == 0 || slices.Contains(f.Statuses, r.Status)) && (f.Action == "" || f.Action == r.Action) && (f.Desk == "" || f.Desk == r.Desk)
	if !fits || !see(s) {
		return []Summary{}, "", nil
	}
	line, err := g.summary(ctx, r, s)
	return []Summary{line}, "", err
}

// summary is a row as a line. Whose account it is stands in the facts, which
// are personal and so not in the row but with the request's first entry.
func (g *Gate) summary(ctx context.Context, r store.Row, s reset.State) (Summary, error) {
	out := Summary{ID: r.ID, Case: r.Case, Action: r.Action, Status: r.Status, Account: r.Subject, Tier: r.Tier, Channel: s.Channel, Desk: r.Desk,
		OpenedAt: r.Opened, ChangedAt: r.Changed, ExpiresAt: s.ExpiresAt(), Needs: s.Plan.Approvals}
	if w := s.WaitUntil(); !w.IsZero() && s.IsOpen() {
		out.WaitUntil = &w
	}
	_, out.Calling = calledBack(s, g.now())
	who, err := g.named(ctx, r.ID)
	out.Login, out.Name = who.login, who.name
	return out, err
}

// names remembers for a while whose accounts requests are about: what stands in
// a request's first entry never changes, but it can be erased.
type names struct {
	mu    sync.Mutex
	known map[string]named
}

type named struct {
	login, name string
	until       time.Time
}

const (
	nameLife   = 10 * time.Minute
	nameMemory = 4096
)

func (g *Gate) named(ctx context.Context, request string) (named, error) {
	at := g.now()
	g.names.mu.Lock()
	n, ok := g.names.known[request]
	g.names.mu.Unlock()
	if ok && at.Before(n.until) {
		return n, nil
	}
	records, err := g.store.Stream(ctx, request)
	if err != nil {
		return n, fmt.Errorf("gate: reading %s: %w", request, err)
	}
	e, _, err := reset.Decode(records[0].Type, records[0].Body, records[0].Private)
	if err != nil {
		return n, fmt.Errorf("gate: reading %s: %w", request, err)
	}
	n = named{until: at.Add(nameLife)}
	if opened, ok := e.(reset.Opened); ok {
		n.login, n.name = opened.Facts.Subject.Login, opened.Facts.Subject.Name
	}
	g.names.mu.Lock()
	defer g.names.mu.Unlock()
	if g.names.known == nil || len(g.names.known) >= nameMemory {
		g.names.known = map[string]named{}
	}
	g.names.known[request] = n
	return n, nil
}

// lister says what the caller sees of a list, and narrows the filter to that
// as far as an index can.
func (g *Gate) lister(ctx context.Context, c Caller, f *Filter) (func(reset.State) bool, error) {
	if c.Token != "" {
		if !c.has(ScopeRead) && !c.has(ScopeAudit) {
			return nil, ErrForbidden
		}
		return func(reset.State) bool { return !f.Mine }, nil
	}
	m, chain, err := g.member(ctx, c)
	if err != nil {
		return nil, err
	}
	if f.Mine {
		return waitsFor(m, chain, f), nil
	}
	if !oversight(m) && m.Has(identity.Agent) && f.Desk == "" {
		f.Desk = m.Desk
	}
	return func(s reset.State) bool { return maySee(m, chain, s) }, nil
}

// waitsFor sees what waits for the member's signature.
func waitsFor(m roster.Member, chain roster.State, f *Filter) func(reset.State) bool {
	if len(f.Statuses) == 0 {
		f.Statuses = []string{string(reset.Approving)}
	}
	return func(s reset.State) bool {
		signed := slices.ContainsFunc(s.Votes, func(v approval.Vote) bool { return v.Person == m.Person })
		may := chain.Signs(m.Person, m.Person == s.Manager)
		wanted := slices.ContainsFunc(s.Plan.Approvals, func(n approval.Need) bool { return slices.Contains(may, n.Role) })
		return s.Status() == reset.Approving && wanted && !signed && !slices.Contains(s.Barred(), m.Person)
	}
}
