package gate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// Cancel ends a request that has not been dispatched: by the desk that opened
// it, or by an officer or security.
func (g *Gate) Cancel(ctx context.Context, c Caller, id string) (View, error) {
	// Who may not cancel anything hears that first, whether the request exists
	// or not.
	m, chain, err := g.member(ctx, c)
	if err != nil {
		return View{}, err
	}
	s, err := g.load(ctx, id)
	if err != nil {
		return View{}, err
	}
	if !maySee(m, chain, s) {
		return View{}, ErrNoRequest
	}
	by := "agent"
	switch {
	case m.Has(identity.Agent) && m.Desk == s.Desk:
	case m.Has(identity.Officer), m.Has(identity.Security):
		by = "officer"
	default:
		return View{}, ErrForbidden
	}
	if s, err = g.end(ctx, id, c.actor(), by); err != nil {
		return View{}, err
	}
	return g.view(ctx, c, s)
}

// CancelCase lets the person who came forward end their own request.
func (g *Gate) CancelCase(ctx context.Context, token string) (CaseView, error) {
	s, session, err := g.claimed(ctx, token)
	if err != nil {
		return CaseView{}, err
	}
	if s.Claimant != session {
		return CaseView{}, &reset.Refusal{Code: reset.ProofMissing, Msg: "prove yourself first; to stop a request that is not yours, use the link in the notice"}
	}
	if s, err = g.end(ctx, s.ID, "session:"+session, "requester"); err != nil {
		return CaseView{}, err
	}
	return g.caseView(ctx, s, session), nil
}

func (g *Gate) end(ctx context.Context, id, actor, by string) (reset.State, error) {
	return g.change(ctx, id, actor, func(reset.State, time.Time) (reset.Command, besides, error) {
		return reset.Record{Event: reset.Cancelled{By: by}}, besides{}, nil
	})
}

const shelfVeto = "veto" // key: hash of the token; value: vetoLink

type vetoLink struct {
	Request string `json:"request"`
	Contact string `json:"contact"`
}

// vetoLife is how long the link in a notice works.
const vetoLife = 30 * 24 * time.Hour

func vetoKey(token string) string {
	h := sha256.Sum256([]byte("countersign/veto/v1\x00" + token))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// newVeto makes the secret of a "this wasn't me" link (144 bits).
func (g *Gate) newVeto(request, contact string, at time.Time) (string, store.ItemChange) {
	b := make([]byte, 18)
	_, _ = rand.Read(b)
	token := base64.RawURLEncoding.EncodeToString(b)
	return token, put(shelfVeto, vetoKey(token), request, vetoLink{request, contact}, 0, at.Add(vetoLife))
}

// Repudiate is "this wasn't me", by the link that every notice carries. The
// request and every other open request about the same person end at once
// unless the hands have it already; what it brought about and nobody has seen
// is taken back, and the sessions that look after the person's accounts end.
// Until somebody reviews it, no new request about the person is planned. Using
// the link twice changes nothing more.
func (g *Gate) Repudiate(ctx context.Context, token string) error {
	item, err := g.store.Item(ctx, shelfVeto, vetoKey(token), g.now())
	if errors.Is(err, store.ErrNotFound) {
		return &Fault{"not_found", "this link is not known or has lapsed"}
	}
	var link vetoLink
	if err == nil {
		err = unmarshal(item, &link)
	}
	if err != nil {
		return fmt.Errorf("gate: reading a veto link: %w", err)
	}
	s, err := g.change(ctx, link.Request, "contact:"+link.Contact, func(s reset.State, at time.Time) (reset.Command, besides, error) {
		back, err := g.takenBack(ctx, s, at)
		return reset.Record{Event: reset.Repudiated{Contact: link.Contact}}, besides{items: back}, err
	})
	if reset.CodeOf(err) == reset.IllegalTransition {
		s, err = g.load(ctx, link.Request)
	}
	if err != nil {
		return err
	}
	g.log.Warn("request repudiated", "request", s.ID, "status", s.Status())
	return g.fence(ctx, s)
}

// takenBack is what goes when a request turns out not to be its owner's: the
// secrets that were not shown yet, the recovery code that replaced the one that
// answered, and every session that looks after an account of the person.
func (g *Gate) takenBack(ctx context.Context, s reset.State, at time.Time) ([]store.ItemChange, error) {
	items := []store.ItemChange{shutOut(s.Person, at)}
	for _, shelf := range []string{shelfSecret, shelfReplacement} {
		items = append(items, store.ItemChange{Item: store.Item{Shelf: shelf, Key: s.ID}, Delete: true, Expect: store.AnyVersion})
	}
	codes, err := g.factors(ctx, s.Person, proof.RecoveryCode, at)
	if err != nil {
		return nil, err
	}
	for _, f := range codes {
		if f.Request == s.ID {
			items = append(items, drop(f.item))
		}
	}
	return items, nil
}

// openStatuses are those of reset.OpenStatuses, for a query.
var openStatuses = func() (words []string) {
	for _, st := range reset.OpenStatuses {
		words = append(words, string(st))
	}
	return words
}()

// fence ends the other open requests about the person.
func (g *Gate) fence(ctx context.Context, s reset.State) error {
	return g.eachRow(ctx, store.RowQuery{Person: s.Person, Statuses: openStatuses}, func(r store.Row) error {
		_, err := g.end(ctx, r.ID, system, "fence")
		if c := reset.CodeOf(err); c == reset.RequestEnded || c == reset.IllegalTransition {
			return nil
		}
		return err
	})
}
