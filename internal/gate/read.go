package gate

import (
	"bytes"
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
	"countersign/internal/roster"
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
	// Progress is the plan as a checklist: what was asked for, and how far it is.
	Progress []Step `json:"progress"`
	// Page is where the requester comes forward with the case code.
	Page      string `json:"page"`
	AgentName string `json:"agent_name,omitempty"`
	// Vendor: the desk is run by somebody else than the organisation.
	Vendor bool `json:"vendor_desk"`
	// Unusual is what whoever decides should not overlook; not for the desk.
	Unusual []Oddity `json:"unusual,omitempty"`
	Version uint64   `json:"version"`
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
	// Resistant: it cannot be talked out of anybody, or typed into another page.
	Resistant bool `json:"phishing_resistant"`
	// Signed: the hands and every auditor check it for themselves. What is not
	// rests on the server's word.
	Signed bool `json:"signed"`
	// Witness is who attested, by name; for those who sign and for oversight.
	Witness string `json:"witness,omitempty"`
}

// ApprovalView is a signed decision.
type ApprovalView struct {
	Person   identity.PersonID `json:"person"`
	Name     string            `json:"name"`
	Roles    []identity.Role   `json:"roles"`
	Decision reset.Decision    `json:"decision"`
	At       time.Time         `json:"at"`
	Counts   bool              `json:"counts"` // over the statement as it stands now
	// Note is what the signer wrote; for those who sign and for oversight.
	Note string `json:"note,omitempty"`
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
	s, records, err := g.visible(ctx, c, id)
	if err != nil {
		return View{}, err
	}
	return g.viewOf(ctx, c, s, records)
}

// visible loads a request that the caller may know of, with its records.
func (g *Gate) visible(ctx context.Context, c Caller, id string) (reset.State, []store.Record, error) {
	records, err := g.store.Stream(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && records[0].Type != (reset.Opened{}).Type() {
		return reset.State{}, nil, ErrNoRequest
	}
	if err != nil {
		return reset.State{}, nil, fmt.Errorf("gate: reading %s: %w", id, err)
	}
	s, err := Fold(records)
	if err != nil {
		return s, nil, err
	}
	ok, err := g.sees(ctx, c, s)
	if err == nil && !ok {
		err = ErrNoRequest
	}
	return s, records, err
}

// view is a request that has just been loaded or changed, as the caller sees it.
func (g *Gate) view(ctx context.Context, c Caller, s reset.State) (View, error) {
	records, err := g.store.Stream(ctx, s.ID)
	if err != nil {
		return View{}, fmt.Errorf("gate: reading %s: %w", s.ID, err)
	}
	return g.viewOf(ctx, c, s, records)
}

func (g *Gate) viewOf(ctx context.Context, c Caller, s reset.State, records []store.Record) (View, error) {
	chain, pol, err := g.rules(ctx)
	if err != nil {
		return View{}, err
	}
	m, ok := chain.Members[c.Person]
	over := ok && oversight(m) || c.has(ScopeAudit)
	signs := over || ok && len(chain.Signs(m.Person, m.Person == s.Manager)) > 0
	v := View{
		ID: s.ID, Case: s.Case, Words: proof.Words(s.ID), Action: s.Action, Status: s.Status(), Class: s.Plan.Class, Tier: s.Plan.Tier,
		Subject: subjectOf(s),
		Channel: s.Channel, Desk: s.Desk, Agent: s.Agent, Ticket: s.Facts.Request.Ticket,
		OpenedAt: s.OpenedAt, ChangedAt: s.ChangedAt, ExpiresAt: s.ExpiresAt(), Needs: s.Plan.Approvals,
		FollowUps: slices.Clone(s.FollowUps), Missing: missing(s, g.now()), Progress: progress(s, records, g.now(), signs || !looksAtRecord(pol)),
		Page: g.cfg.BaseURL + "/case", AgentName: chain.Members[s.Agent].Name, Vendor: s.Desk != "" && pol.Vendor(s.Desk),
		Probation: s.Probation, ReviewOwed: s.ReviewOwed(), Repudiated: s.Repudiated, Policy: s.Policy, Version: s.Version,
	}
	if v.FollowUps == nil {
		v.FollowUps = []reset.FollowedUp{}
	}
	if w := s.WaitUntil(); !w.IsZero() {
		v.WaitUntil = &w
	}
	if over {
		v.Reasons = s.Why
	}
	if len(chain.Signs(c.Person, c.Person == s.Manager)) > 0 || ok && oversight(m) || c.has(ScopeAudit) {
		v.Unusual = oddities(s)
	}
	v.Proved, v.Approvals = proofViews(s), approvalViews(s, chain)
	if signs {
		v.name(s, chain, records)
	}
	if s.Receipt != nil {
		v.Receipt = &ReceiptView{s.Receipt.Order, s.Receipt.Outcome, s.Receipt.OldDead, s.Receipt.Reconciled, s.Receipt.Notes}
	}
	v.Callback, err = g.callback(ctx, ok && m.Has(identity.Agent) && m.Desk == s.Desk, s)
	return v, err
}

func subjectOf(s reset.State) SubjectView {
	return SubjectView{s.Subject, s.Facts.Subject.Login, s.Facts.Subject.Name}
}

// looksAtRecord reports whether what a policy demands may depend on what is on
// record for the account. Then its demand tells of that, and is not for a desk.
func looksAtRecord(pol *policy.Policy) bool {
	src := pol.Source()
	return bytes.Contains(src, []byte("enrolled")) || bytes.Contains(src, []byte("contacts"))
}

func proofViews(s reset.State) []ProofView {
	out := []ProofView{}
	for _, p := range s.Proofs {
		spec, _ := proof.SpecOf(p.Method)
		out = append(out, ProofView{Method: p.Method, At: p.At, Until: p.Until, Resistant: spec.PhishingResistant, Signed: spec.Signed})
	}
	return out
}

func approvalViews(s reset.State, chain roster.State) []ApprovalView {
	out := []ApprovalView{}
	current, _ := s.Statement(reset.Approve)
	for _, x := range s.Votes {
		a := ApprovalView{Person: x.Person, Name: chain.Members[x.Person].Name, Roles: x.Roles, Decision: reset.Approve, At: x.At, Counts: x.Statement == current.ID()}
		if x.Deny {
			a.Decision, a.Counts = reset.Deny, true
		}
		out = append(out, a)
	}
	return out
}

// name adds who attested, and what signers wrote.
func (v *View) name(s reset.State, chain roster.State, records []store.Record) {
	for i, p := range s.Proofs {
		if v.Proved[i].Witness = chain.Members[p.By].Name; v.Proved[i].Witness == "" {
			v.Proved[i].Witness = string(p.By)
		}
	}
	for _, r := range records {
		e, _, err := reset.Decode(r.Type, r.Body, r.Private)
		voted, ok := e.(reset.Voted)
		if err != nil || !ok {
			continue
		}
		for i := range v.Approvals {
			if a := &v.Approvals[i]; a.Person == voted.Person && a.At.Equal(r.At) {
				a.Note = voted.Note
			}
		}
	}
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

// Moment is one event of a request's timeline, without what is personal.
type Moment struct {
	Seq   uint64          `json:"seq"`
	Type  string          `json:"type"`
	At    time.Time       `json:"at"`
	Actor string          `json:"actor"`
	Name  string          `json:"name,omitempty"` // the actor's, where they are on the roster
	Body  json.RawMessage `json:"body"`
}

// Timeline is everything that happened to a request, as it stands on the
// ledger: personal values are commitments.
func (g *Gate) Timeline(ctx context.Context, c Caller, id string) ([]Moment, error) {
	_, records, err := g.visible(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if ok, err := g.audits(ctx, c); err != nil || !ok {
		return nil, errors.Join(err, ErrForbidden)
	}
	chain, _, err := g.rules(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Moment, len(records))
	for i, r := range records {
		out[i] = Moment{r.Seq, r.Type, r.At, r.Actor, chain.Members[identity.PersonID(r.Actor)].Name, r.Body}
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
