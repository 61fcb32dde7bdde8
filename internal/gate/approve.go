package gate

import (
	"context"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/roster"
)

// Paper is a statement put before somebody to sign.
type Paper struct {
	Decision  reset.Decision  `json:"decision"`
	Statement string          `json:"statement"` // exactly these bytes are signed
	ID        string          `json:"statement_id"`
	Options   passkey.Request `json:"options"` // for navigator.credentials.get
	Version   uint64          `json:"version"`
	Policy    *PolicyChange   `json:"policy,omitempty"` // of the proposal of a policy
	// Look is for how many seconds the statement has to lie before the caller
	// until they can approve it; 0: no time at all.
	Look int `json:"look_seconds,omitempty"`
}

// Statement puts the request's statement before the caller. The plan is
// computed again first, so nobody signs what no longer holds.
func (g *Gate) Statement(ctx context.Context, c Caller, id string, d reset.Decision) (Paper, error) {
	s, m, err := g.signable(ctx, c, id, d)
	if err != nil {
		return Paper{}, err
	}
	if d == reset.Approve {
		if s, err = g.replan(ctx, s.ID, c.actor()); err != nil && !pending(err) {
			return Paper{}, err
		}
	}
	text, err := s.Statement(d)
	if err != nil {
		return Paper{}, err
	}
	chain, _, err := g.rules(ctx)
	if err != nil {
		return Paper{}, err
	}
	g.looks.begin(c.Person, text.ID(), g.now())
	return Paper{
		Decision: d, Statement: string(text), ID: text.ID(), Version: s.Version, Look: int(lookFor(s, d) / time.Second),
		Options: passkey.RequestOptions(chain.RelyingParty, text.Challenge(), c.keys(m)),
	}, nil
}

// signable loads a request the caller may sign for.
func (g *Gate) signable(ctx context.Context, c Caller, id string, d reset.Decision) (reset.State, roster.Member, error) {
	m, chain, err := g.member(ctx, c)
	if err != nil {
		return reset.State{}, m, err
	}
	s, err := g.load(ctx, id)
	if err != nil {
		return s, m, err
	}
	if !maySee(m, chain, s) {
		return s, m, ErrNoRequest
	}
	may := len(chain.Signs(m.Person, m.Person == s.Manager)) > 0
	if d == reset.InOrder || d == reset.Suspect {
		may = m.Has(identity.Reviewer) || m.Has(identity.Security)
	}
	if !may {
		return s, m, ErrForbidden
	}
	if d != reset.Deny {
		err = g.trusted(ctx, m.Person)
	}
	return s, m, err
}

// Vote records the caller's signed decision over the statement with the given
// id. The passkey's signature is checked against the statement as it stands
// now, so one over an earlier statement, or over the other decision, is none.
func (g *Gate) Vote(ctx context.Context, c Caller, id string, d reset.Decision, statementID, note string, a passkey.Assertion) (View, error) {
	if d != reset.Approve && d != reset.Deny {
		return View{}, invalid("a decision is approval or denial")
	}
	if err := identity.CheckLine(note, 300); err != nil {
		return View{}, invalid("note: " + err.Error())
	}
	if _, _, err := g.signable(ctx, c, id, d); err != nil {
		return View{}, err
	}
	if d == reset.Approve {
		if _, err := g.replan(ctx, id, c.actor()); err != nil && !pending(err) {
			return View{}, err
		}
	}
	s, err := g.change(ctx, id, c.actor(), func(s reset.State, at time.Time) (reset.Command, besides, error) {
		chain, err := g.signed(ctx, s, c, d, statementID, a)
		if err == nil && !slices.Contains(s.Barred(), c.Person) { // who may not decide is told so, and not to wait
			err = g.looks.enough(c.Person, statementID, lookFor(s, d), at)
		}
		vote := reset.Voted{Person: c.Person, Roles: chain.Signs(c.Person, c.Person == s.Manager), Deny: d == reset.Deny,
			Statement: statementID, Until: s.ExpiresAt(), Note: note, Assertion: a}
		if vote.Deny {
			vote.Until = at
		}
		return reset.Record{Event: vote}, besides{rests: footing(chain)}, err
	})
	if err != nil {
		return View{}, err
	}
	return g.view(ctx, c, s)
}

// signed verifies a signature over the statement as it stands, and returns
// the roster it was verified on.
func (g *Gate) signed(ctx context.Context, s reset.State, c Caller, d reset.Decision, statementID string, a passkey.Assertion) (roster.State, error) {
	chain, _, err := g.rules(ctx)
	if err != nil {
		return chain, err
	}
	text, err := s.Statement(d)
	if err != nil {
		return chain, err
	}
	if text.ID() != statementID {
		return chain, &reset.Refusal{Code: reset.StatementOutdated, Msg: "the request has changed since the statement was shown; read it again"}
	}
	if err := c.sameKey(a); err != nil {
		return chain, err
	}
	if err := chain.Verify(c.Person, text.Challenge(), a); err != nil {
		return chain, &Fault{"signature_refused", "the passkey's signature is not yours over this statement"}
	}
	return chain, nil
}

// Review records a signed review by somebody who took no part.
func (g *Gate) Review(ctx context.Context, c Caller, id string, d reset.Decision, statementID, note string, a passkey.Assertion) (View, error) {
	verdict := map[reset.Decision]string{reset.InOrder: "in_order", reset.Suspect: "suspicious"}[d]
	if verdict == "" {
		return View{}, invalid("a review says review-in-order or review-suspicious")
	}
	if err := identity.CheckLine(note, 300); err != nil {
		return View{}, invalid("note: " + err.Error())
	}
	if _, _, err := g.signable(ctx, c, id, d); err != nil {
		return View{}, err
	}
	s, err := g.change(ctx, id, c.actor(), func(s reset.State, at time.Time) (reset.Command, besides, error) {
		e := reset.Reviewed{Person: c.Person, Verdict: verdict, Note: note, Assertion: a}
		chain, err := g.signed(ctx, s, c, d, statementID, a)
		more := besides{rests: footing(chain)}
		if err == nil && d == reset.Suspect {
			more.items, err = g.takenBack(ctx, s, at)
		}
		return reset.Record{Event: e}, more, err
	})
	if err != nil {
		return View{}, err
	}
	return g.view(ctx, c, s)
}

// pending reports whether an error only says what is still missing.
func pending(err error) bool {
	return slices.Contains([]reset.Code{reset.ProofMissing, reset.ApprovalMissing, reset.CoolingOff, reset.DeliveryImpossible}, reset.CodeOf(err))
}
