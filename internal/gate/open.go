package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// Wish is what a desk or an integration asks for. There is no field for a
// tier, a class, a destination or an urgency: those are computed or on record.
type Wish struct {
	Directory string
	Login     string
	Action    identity.Action
	Channel   identity.Channel
	Ticket    string
}

func (w Wish) check() error {
	if _, err := identity.ParseAction(string(w.Action)); err != nil {
		return invalid(err.Error())
	}
	if _, err := identity.ParseIntakeChannel(string(w.Channel)); err != nil {
		return invalid(err.Error())
	}
	if err := identity.CheckLine(w.Ticket, 100); err != nil {
		return invalid("ticket: " + err.Error())
	}
	if err := identity.CheckLine(w.Login, 256); err != nil || w.Login == "" {
		return invalid("login: empty, too long, or with characters that no login has")
	}
	return nil
}

// Open opens a request: the account is looked up, the facts are gathered, the
// policy decides, and all of it is recorded. Towards the desk an unknown
// account, one out of reach and one the policy refuses answer alike with
// ErrNotAvailable; the ledger has the difference.
func (g *Gate) Open(ctx context.Context, c Caller, w Wish) (View, error) {
	ask := asking{action: w.Action, channel: w.Channel, ticket: w.Ticket}
	switch {
	case c.Token != "":
		if !c.has(ScopeOpen) {
			return View{}, ErrForbidden
		}
	default:
		m, _, err := g.member(ctx, c)
		if err != nil {
			return View{}, err
		}
		if !m.Has(identity.Agent) {
			return View{}, ErrForbidden
		}
		ask.agent, ask.desk = m.Person, m.Desk
	}
	if err := w.check(); err != nil {
		return View{}, err
	}
	d, err := g.directory(w.Directory)
	if err != nil {
		return View{}, err
	}
	if !slices.Contains(d.Can(), w.Action) {
		return View{}, invalid(fmt.Sprintf("directory %q cannot do %s", d.Name(), w.Action))
	}
	a, err := g.find(ctx, d, w.Login)
	if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
		return View{}, g.missed(ctx, c, w)
	}
	if err != nil {
		return View{}, err
	}
	return g.open(ctx, c, a, ask)
}

func (g *Gate) open(ctx context.Context, c Caller, a directory.Account, ask asking) (View, error) {
	chain, pol, err := g.rules(ctx)
	if err != nil {
		return View{}, err
	}
	at := g.now()
	f, err := g.facts(ctx, a, ask, chain, at)
	if err != nil {
		return View{}, err
	}
	after, err := g.begin(ctx, c, reset.Open{Facts: f, Policy: pol.Hash(), Plan: pol.Plan(f), Channel: ask.channel})
	if err != nil {
		return View{}, err
	}
	if after.Status() == reset.RefusedEnd {
		g.log.Warn("request refused", "request", after.ID, "actor", c.actor(), "reasons", after.Why)
		return View{}, ErrNotAvailable
	}
	return g.view(ctx, c, after)
}

// begin records the new request under a case code that is not taken.
func (g *Gate) begin(ctx context.Context, c Caller, cmd reset.Open) (reset.State, error) {
	for try := 0; ; try++ {
		cmd.Case = newCase()
		before := reset.State{ID: newID("req")}
		events, after, err := reset.Decide(before, cmd, cmd.Facts.At)
		if err != nil {
			return before, err
		}
		err = g.commit(ctx, before, after, c.actor(), events, besides{})
		if err == nil || !errors.Is(err, store.ErrConflict) || try == 3 {
			return after, err
		}
	}
}

// Missed is the ledger's note of a look-up that found nobody: reconnaissance
// leaves a trace, and answering takes as long as refusing does.
type Missed struct {
	Directory string `json:"directory"`
	Login     string `json:"login" ledger:"private"`
	Action    string `json:"action"`
}

func (g *Gate) missed(ctx context.Context, c Caller, w Wish) error {
	if err := g.note(ctx, c, Missed{w.Directory, w.Login, string(w.Action)}, "missed"); err != nil {
		return err
	}
	return ErrNotAvailable
}

// newCase makes a public case code: eight letters and digits without those
// that are mistaken for each other. It names a case over the telephone and
// opens nothing by itself.
func newCase() string {
	const letters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	var b [8]byte
	for i := range b {
		for {
			_, _ = rand.Read(b[i : i+1])
			if int(b[i]) < 256/len(letters)*len(letters) {
				b[i] = letters[int(b[i])%len(letters)]
				break
			}
		}
	}
	return string(b[:4]) + "-" + string(b[4:])
}
