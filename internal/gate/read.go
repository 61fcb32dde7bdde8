package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// View is a request as staff and integrations see it. It holds no secret, no
// destination and no word about which factors are on record, beyond those
// that were proved.
type View struct {
	ID         string             `json:"id"`
	Case       string             `json:"case"`
	Action     identity.Action    `json:"action"`
	Status     reset.Status       `json:"status"`
	Words      string             `json:"words"` // the two words of the card, to compare by voice
	Subject    SubjectView        `json:"subject"`
	Class      identity.Class     `json:"class"`
	Tier       identity.Tier      `json:"tier"`
	Channel    identity.Channel   `json:"channel"`
	Desk       string             `json:"desk,omitempty"`
	Agent      identity.PersonID  `json:"agent,omitempty"`
	Ticket     string             `json:"ticket,omitempty"`
	OpenedAt   time.Time          `json:"opened_at"`
	ChangedAt  time.Time          `json:"changed_at"`
	ExpiresAt  time.Time          `json:"expires_at"`
	WaitUntil  *time.Time         `json:"wait_until,omitempty"`
	Proved     []ProofView        `json:"proved"`
	Callback   *CallbackView      `json:"callback,omitempty"` // a call under way; for the desk of the request
	Approvals  []ApprovalView     `json:"approvals"`
	Missing    string             `json:"missing,omitempty"` // what stands in the way, in words
	Needs      []approval.Need    `json:"needs"`             // all signatures the plan asks for
	Receipt    *ReceiptView       `json:"receipt,omitempty"`
	FollowUps  []reset.FollowedUp `json:"follow_ups"`
	ReviewOwed bool               `json:"review_owed"`
	Repudiated bool               `json:"repudiated"`
	// Probation is until when the person acts for nobody else, after a reset
	// whose plan says so.
	Probation *time.Time      `json:"probation_until,omitempty"`
	Policy    string          `json:"policy"`
	Reasons   []policy.Denial `json:"reasons,omitempty"` // of a refusal; oversight only
	Version   uint64          `json:"version"`
}

// SubjectView is the minimum a desk needs to know whom it talks about.
type SubjectView struct {
	Account identity.AccountID `json:"account"`
	Login   string             `json:"login"`
	Name    string             `json:"name"`
}

// ProofView is an accepted proof, without what it consisted of.
type ProofView struct {
	Method proof.Method `json:"method"`
	At     time.Time    `json:"at"`
	Until  time.Time    `json:"until"`
}

// ApprovalView is a signed decision.
type ApprovalView struct {
	Person   identity.PersonID `json:"person"`
	Name     string            `json:"name"`
	Roles    []identity.Role   `json:"roles"`
	Decision reset.Decision    `json:"decision"`
	At       time.Time         `json:"at"`
	Counts   bool              `json:"counts"` // over the statement as it stands now
}

// ReceiptView is what came of the order.
type ReceiptView struct {
	Order      string        `json:"order"`
	Outcome    reset.Outcome `json:"outcome"`
	OldDead    string        `json:"old_credential,omitempty"` // dead, alive, unknown
	Reconciled bool          `json:"reconciled"`
	Notes      []string      `json:"notes"`
}

// Request shows one request.
func (g *Gate) Request(ctx context.Context, c Caller, id string) (View, error) {
	s, err := g.load(ctx, id)
	if err != nil {
		return View{}, err
	}
	ok, err := g.sees(ctx, c, s)
	if err != nil {
		return View{}, err
	}
	if !ok {
		return View{}, ErrNoRequest
	}
	return g.view(ctx, c, s)
}

func (g *Gate) view(ctx context.Context, c Caller, s reset.State) (View, error) {
	chain, _, err := g.rules(ctx)
	if err != nil {
		return View{}, err
	}
	v := View{
		ID: s.ID, Case: s.Case, Words: proof.Words(s.ID), Action: s.Action, Status: s.Status(), Class: s.Plan.Class, Tier: s.Plan.Tier,
		Subject: SubjectView{s.Subject, s.Facts.Subject.Login, s.Facts.Subject.Name},
		Channel: s.Channel, Desk: s.Desk, Agent: s.Agent, Ticket: s.Facts.Request.Ticket,
		OpenedAt: s.OpenedAt, ChangedAt: s.ChangedAt, ExpiresAt: s.ExpiresAt(), Needs: s.Plan.Approvals,
		Proved: []ProofView{}, Approvals: []ApprovalView{}, FollowUps: slices.Clone(s.FollowUps),
		Probation: s.Probation, ReviewOwed: s.ReviewOwed(), Repudiated: s.Repudiated, Policy: s.Policy, Version: s.Version,
	}
	if v.FollowUps == nil {
		v.FollowUps = []reset.FollowedUp{}
	}
	if w := s.WaitUntil(); !w.IsZero() {
		v.WaitUntil = &w
	}
	for _, p := range s.Proofs {
		v.Proved = append(v.Proved, ProofView{p.Method, p.At, p.Until})
	}
	current, _ := s.Statement(reset.Approve)
	for _, x := range s.Votes {
		a := ApprovalView{x.Person, chain.Members[x.Person].Name, x.Roles, reset.Approve, x.At, x.Statement == current.ID()}
		if x.Deny {
			a.Decision, a.Counts = reset.Deny, true
		}
		v.Approvals = append(v.Approvals, a)
	}
	if s.Receipt != nil {
		v.Receipt = &ReceiptView{s.Receipt.Order, s.Receipt.Outcome, s.Receipt.OldDead, s.Receipt.Reconciled, s.Receipt.Notes}
	}
	v.Missing = missing(s, g.now())
	m, ok := chain.Members[c.Person]
	if ok && oversight(m) || c.has(ScopeAudit) {
		v.Reasons = s.Why
	}
	v.Callback, err = g.callback(ctx, ok && m.Has(identity.Agent) && m.Desk == s.Desk, s)
	return v, err
}

// missing says what stands in the way without naming any factor.
func missing(s reset.State, now time.Time) string {
	if !s.IsOpen() || s.Order != nil {
		return ""
	}
	err := s.Unmet(now)
	switch {
	case err == nil:
		return ""
	case reset.CodeOf(err) == reset.ProofMissing:
		return "the requester has to prove themselves, in their own browser, with the case code"
	}
	var r *reset.Refusal
	if errors.As(err, &r) {
		return r.Msg
	}
	return err.Error()
}

// Filter selects requests for List.
type Filter struct {
	Statuses []string
	Action   identity.Action
	Mine     bool   // only those that wait for the caller's signature
	Cursor   string // id of the last one seen
	Limit    int    // 1 to 100; 0: 25
}

// Summary is one line of a list.
type Summary struct {
	ID       string             `json:"id"`
	Case     string             `json:"case"`
	Action   identity.Action    `json:"action"`
	Status   string             `json:"status"`
	Account  identity.AccountID `json:"account"`
	Tier     identity.Tier      `json:"tier"`
	Desk     string             `json:"desk,omitempty"`
	OpenedAt time.Time          `json:"opened_at"`
}

// List lists requests the caller may see, newest first, and the cursor of the
// next page ("" at the end).
func (g *Gate) List(ctx context.Context, c Caller, f Filter) ([]Summary, string, error) {
	if f.Limit == 0 {
		f.Limit = 25
	}
	if f.Limit < 1 || f.Limit > 100 {
		return nil, "", invalid("limit is 1 to 100")
	}
	see, err := g.lister(ctx, c, f.Mine)
	if err != nil {
		return nil, "", err
	}
	out, q := []Summary{}, store.RowQuery{Statuses: f.Statuses, Action: f.Action, Before: f.Cursor, Limit: 200}
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
			out = append(out, Summary{r.ID, r.Case, r.Action, r.Status, r.Subject, r.Tier, r.Desk, r.Opened})
		}
		if len(rows) < q.Limit {
			return out, "", nil
		}
		q.Before = rows[len(rows)-1].ID
	}
}

func (g *Gate) lister(ctx context.Context, c Caller, mine bool) (func(reset.State) bool, error) {
	if c.Token != "" {
		if !c.has(ScopeRead) && !c.has(ScopeAudit) {
			return nil, ErrForbidden
		}
		return func(reset.State) bool { return !mine }, nil
	}
	m, chain, err := g.member(ctx, c)
	if err != nil {
		return nil, err
	}
	return func(s reset.State) bool {
		if !mine {
			return maySee(m, chain, s)
		}
		signed := slices.ContainsFunc(s.Votes, func(v approval.Vote) bool { return v.Person == m.Person })
		may := chain.Signs(m.Person, m.Person == s.Manager)
		wanted := slices.ContainsFunc(s.Plan.Approvals, func(n approval.Need) bool { return slices.Contains(may, n.Role) })
		return s.Status() == reset.Approving && wanted && !signed && !slices.Contains(s.Barred(), m.Person)
	}, nil
}

// Moment is one event of a request's timeline, without what is personal.
type Moment struct {
	Seq   uint64          `json:"seq"`
	Type  string          `json:"type"`
	At    time.Time       `json:"at"`
	Actor string          `json:"actor"`
	Body  json.RawMessage `json:"body"`
}

// Timeline is everything that happened to a request, as it stands on the
// ledger: personal values are commitments.
func (g *Gate) Timeline(ctx context.Context, c Caller, id string) ([]Moment, error) {
	if _, err := g.Request(ctx, c, id); err != nil {
		return nil, err
	}
	if ok, err := g.audits(ctx, c); err != nil || !ok {
		return nil, errors.Join(err, ErrForbidden)
	}
	records, err := g.store.Stream(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("gate: reading %s: %w", id, err)
	}
	out := make([]Moment, len(records))
	for i, r := range records {
		out[i] = Moment{r.Seq, r.Type, r.At, r.Actor, r.Body}
	}
	return out, nil
}

// audits reports whether the caller has oversight of the whole ledger.
func (g *Gate) audits(ctx context.Context, c Caller) (bool, error) {
	if c.Token != "" {
		return c.has(ScopeAudit), nil
	}
	m, _, err := g.member(ctx, c)
	return err == nil && oversight(m), err
}
