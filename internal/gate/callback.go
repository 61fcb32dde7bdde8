package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// A call back (SP 800-63B-4 §3.1.3) is placed by the server, to a number of
// record that the server picks. It speaks a code, which has to travel back:
// whoever answered reads it to the agent, and the agent types it. There is no
// place to say "I rang them". That nobody has forwarded the call cannot be
// known.

// CallbackView is a call under way, for the desk of the request.
type CallbackView struct {
	Number string    `json:"number"` // its last two digits
	Until  time.Time `json:"until"`
}

// findCallback lists the telephones that a request of a desk can be called back
// on.
func (g *Gate) findCallback(ctx context.Context, s reset.State, at time.Time) ([]factor, error) {
	if s.Agent == "" || s.Desk == "" {
		return nil, nil // nobody is there to be read the code
	}
	return g.findPhones(proof.Callback)(ctx, s, at)
}

func (g *Gate) askCallback(ctx context.Context, a *asked) error {
	return g.post(ctx, a, parcel{to: a.factors[0].contact, way: wayVoice, forDesk: true})
}

// calledBack is the newest call of a request that still waits for its code.
func calledBack(s reset.State, at time.Time) (reset.Challenge, bool) {
	for _, c := range slices.Backward(s.Challenges) {
		if c.Method == proof.Callback && !c.Answered && at.Before(c.Until) && s.IsOpen() {
			return c, true
		}
	}
	return reset.Challenge{}, false
}

// Callback takes the code that was spoken to the owner, who has read it to an
// agent of the request's desk. A wrong one counts as a wrong answer.
func (g *Gate) Callback(ctx context.Context, c Caller, request, typed string) (View, error) {
	var v View
	err := g.again(func() error {
		s, err := g.atDesk(ctx, c, request)
		if err != nil {
			return err
		}
		call, ok := calledBack(s, g.now())
		if !ok {
			return &Fault{"not_found", "no call is under way for this request; the requester has to choose it on their screen first"}
		}
		after, err := g.judge(ctx, s, call, c.actor(), func() (verdict, error) {
			return g.checkCode(ctx, s, call, Reply{Text: typed}, g.now())
		})
		if err != nil {
			return err
		}
		v, err = g.view(ctx, c, after)
		return err
	})
	return v, err
}

// atDesk loads a request for an agent of its desk who has no part in it but
// that.
func (g *Gate) atDesk(ctx context.Context, c Caller, request string) (reset.State, error) {
	m, _, err := g.member(ctx, c)
	if err != nil {
		return reset.State{}, err
	}
	if !m.Has(identity.Agent) || m.Desk == "" {
		return reset.State{}, ErrForbidden
	}
	if err := g.trusted(ctx, m.Person); err != nil {
		return reset.State{}, err
	}
	s, err := g.load(ctx, request)
	switch {
	case err != nil:
		return s, err
	case s.Desk != m.Desk:
		return s, ErrNoRequest
	case m.Person == s.Person || m.Person == s.Requester:
		return s, &reset.Refusal{Code: reset.SeparationOfDuties, Msg: "this request is about you; a colleague has to take the code"}
	}
	return s, nil
}

// callback is the call under way as the desk of the request sees it; nil for
// everybody else.
func (g *Gate) callback(ctx context.Context, agent bool, s reset.State) (*CallbackView, error) {
	call, ok := calledBack(s, g.now())
	if !agent || !ok {
		return nil, nil //nolint:nilnil // there is none, and that is no fault
	}
	item, err := g.store.Item(ctx, shelfCode, call.ID, g.now())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // spent meanwhile
	}
	var h codeHash
	if err == nil {
		err = unmarshal(item, &h)
	}
	if err != nil {
		return nil, fmt.Errorf("gate: reading a call: %w", err)
	}
	return &CallbackView{Number: h.Ends, Until: call.Until}, nil
}
