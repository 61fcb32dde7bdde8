package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/sealing"
	"countersign/internal/store"
)

const shelfSession = "session"

// session is what the server keeps of a requester's session: never its token.
type session struct {
	Request string `json:"request"`
}

// Claim lets somebody come forward with a case code. They get a session token
// of 256 bits, which is also the key that a new secret will be sealed to. It
// proves nothing: proofs do. Unknown and finished cases answer alike.
func (g *Gate) Claim(ctx context.Context, code string) (token string, v CaseView, err error) {
	row, err := g.store.RowByCase(ctx, normalCase(code))
	if errors.Is(err, store.ErrNotFound) {
		return "", v, ErrNoRequest
	}
	if err != nil {
		return "", v, fmt.Errorf("gate: finding a case: %w", err)
	}
	token, recipient, err := sealing.NewSession()
	if err != nil {
		return "", v, err
	}
	id := sealing.SessionID(token)
	s, err := g.change(ctx, row.ID, "session:"+id, func(s reset.State, at time.Time) (reset.Command, besides, error) {
		item := put(shelfSession, id, s.ID, session{s.ID}, 0, s.ExpiresAt().Add(24*time.Hour))
		return reset.Record{Event: reset.Claimed{Session: id, Recipient: recipient}}, besides{items: []store.ItemChange{item}}, nil
	})
	switch reset.CodeOf(err) {
	case reset.RequestEnded, reset.RequestExpired, reset.IllegalTransition:
		return "", v, ErrNoRequest
	}
	if err != nil {
		return "", v, err
	}
	return token, g.caseView(ctx, s, id), nil
}

// normalCase forgives case, spaces and a missing hyphen.
func normalCase(code string) string {
	code = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
	if len(code) != 8 {
		return code
	}
	return code[:4] + "-" + code[4:]
}

// CaseView is what a person who came forward sees. Whoever has the case code
// can see it, so of the account's owner it says no more than the card does,
// and of the factors on record no more than which of the wanted methods can be
// used.
type CaseView struct {
	Card      Card            `json:"card"`
	Case      string          `json:"case"`
	Action    identity.Action `json:"action"`
	Status    string          `json:"status"`
	Desk      string          `json:"desk,omitempty"`
	ExpiresAt time.Time       `json:"expires_at"`
	WaitUntil *time.Time      `json:"wait_until,omitempty"`
	Proved    []proof.Method  `json:"proved"`
	// Paths are the ways that are open, easiest first: each is a list of the
	// methods still to be proved. Empty while proving: no path is open, and
	// the documented escalation applies.
	Paths [][]proof.Method `json:"paths"`
	// Escalation is the policy's own words on the way out when no path is
	// open; empty when it says nothing.
	Escalation string `json:"escalation,omitempty"`
	Secret     bool   `json:"secret_ready"`
	Mine       bool   `json:"proved_by_this_session"`
	// Shown: what there was to be shown to this session has been shown.
	Shown bool `json:"secret_shown"`
}

// Case shows a requester's session its case.
func (g *Gate) Case(ctx context.Context, token string) (CaseView, error) {
	s, id, err := g.claimed(ctx, token)
	if err != nil {
		return CaseView{}, err
	}
	return g.caseView(ctx, s, id), nil
}

// claimed finds the request of a session token.
func (g *Gate) claimed(ctx context.Context, token string) (reset.State, string, error) {
	id := sealing.SessionID(token)
	item, err := g.store.Item(ctx, shelfSession, id, g.now())
	if errors.Is(err, store.ErrNotFound) {
		return reset.State{}, id, ErrSession
	}
	if err != nil {
		return reset.State{}, id, fmt.Errorf("gate: reading a session: %w", err)
	}
	var ses session
	if err := unmarshal(item, &ses); err != nil {
		return reset.State{}, id, err
	}
	s, err := g.load(ctx, ses.Request)
	return s, id, err
}

func (g *Gate) caseView(ctx context.Context, s reset.State, session string) CaseView {
	v := CaseView{
		Case: s.Case, Action: s.Action, Status: string(s.Status()), Desk: s.Desk, ExpiresAt: s.ExpiresAt(),
		Mine: s.Claimant == session, Proved: []proof.Method{}, Paths: [][]proof.Method{},
	}
	if w := s.WaitUntil(); !w.IsZero() {
		v.WaitUntil = &w
	}
	for _, p := range s.Proofs {
		v.Proved = append(v.Proved, p.Method)
	}
	if s.Status() == reset.Proving {
		v.Paths = g.paths(ctx, s)
	}
	v.Card, v.Escalation = g.placard(ctx, s)
	v.Secret = v.Mine && g.waits(ctx, s)
	v.Shown = v.Mine && !v.Secret && !s.IsOpen() && !s.Repudiated && (s.Revealed || slices.Contains(v.Proved, proof.RecoveryCode))
	return v
}

// placard is what a case says besides where it stands. Without it the case can
// still be shown, so a fault here is for the log.
func (g *Gate) placard(ctx context.Context, s reset.State) (Card, string) {
	card, err := g.card(ctx, s)
	if err != nil {
		g.log.Error("the card of a case cannot be shown", "request", s.ID, "error", err)
		return Card{}, ""
	}
	_, pol, err := g.rules(ctx)
	if err != nil || s.Status() != reset.Proving {
		return card, ""
	}
	return card, pol.Escalation()
}

// waits reports whether something is there to be shown to the claimant.
func (g *Gate) waits(ctx context.Context, s reset.State) bool {
	if s.Repudiated {
		return false
	}
	if s.Status() == reset.Done && s.Order.Recipient != "" && !s.Revealed {
		return true
	}
	_, err := g.store.Item(ctx, shelfReplacement, s.ID, g.now())
	return err == nil && !s.IsOpen()
}

// paths keeps those alternatives that the person can really walk.
func (g *Gate) paths(ctx context.Context, s reset.State) [][]proof.Method {
	open := [][]proof.Method{}
	at := g.now()
	for _, alternative := range s.Paths(at) {
		if !slices.ContainsFunc(alternative, func(m proof.Method) bool { return !g.walkable(ctx, s, m, at) }) {
			open = append(open, alternative)
		}
	}
	return open
}
