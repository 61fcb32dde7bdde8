package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// Authorise plans again from fresh facts, joins the old plan with the new one,
// and commits the order if nothing is missing. It is a job, run when the state
// looks ready; a refusal is a normal outcome.
func (g *Gate) Authorise(ctx context.Context, id string) (reset.State, error) {
	return g.plan(ctx, id, system, true)
}

// replan does the same without ever ordering: before somebody signs, the plan
// they sign has to be the one that holds now.
func (g *Gate) replan(ctx context.Context, id, actor string) (reset.State, error) {
	return g.plan(ctx, id, actor, false)
}

func (g *Gate) plan(ctx context.Context, id, actor string, order bool) (reset.State, error) {
	for try := 0; ; try++ {
		s, err := g.load(ctx, id)
		if err != nil {
			return s, err
		}
		if s.Order != nil || !s.IsOpen() {
			if order {
				return s, nil // another run of the job was faster, or it is over
			}
			return s, &reset.Refusal{Code: reset.RequestEnded, Msg: fmt.Sprintf("the request stands at %s", s.Status())}
		}
		cmd, pol, on, err := g.authorisation(ctx, s)
		if err != nil {
			return s, err
		}
		events, after, refusal := reset.Decide(s, cmd, cmd.Facts.At)
		if !order && refusal == nil && after.Order != nil {
			return s, nil // ready as it stands: leave the order to the job
		}
		if refusal != nil && len(events) == 0 {
			return s, refusal
		}
		err = g.commit(ctx, s, after, actor, events, besides{rests: on})
		if errors.Is(err, store.ErrConflict) {
			if try < 8 {
				continue
			}
			err = ErrBusy
		}
		if err != nil {
			return s, err
		}
		g.faults(s.ID, pol, cmd.Plan)
		return after, refusal
	}
}

// authorisation gathers everything afresh. An account that has gone is a
// refusal by the facts: its status is no longer active.
func (g *Gate) authorisation(ctx context.Context, s reset.State) (reset.Authorise, *policy.Policy, []store.Footing, error) {
	chain, pol, err := g.rules(ctx)
	if err != nil {
		return reset.Authorise{}, nil, nil, err
	}
	a, err := g.lookup(ctx, s.Subject)
	if errors.Is(err, directory.ErrNotFound) {
		a = directory.Account{ID: s.Subject, Person: s.Person, Login: s.Facts.Subject.Login, Status: directory.Disabled}
	} else if err != nil {
		return reset.Authorise{}, nil, nil, err
	}
	f, err := g.facts(ctx, a, asking{
		action: s.Action, requester: s.Requester, agent: s.Agent, desk: s.Desk,
		channel: s.Channel, ticket: s.Facts.Request.Ticket, except: s.ID,
	}, chain, pol, g.now())
	if err != nil {
		return reset.Authorise{}, nil, nil, err
	}
	cmd := reset.Authorise{Facts: f, Policy: pol.Hash(), Plan: pol.Plan(f), Order: newID("ord"), Gone: gone(chain, s, f.Subject.Manager)}
	return cmd, pol, footing(chain), nil
}

// gone lists signers who no longer hold a role they signed in.
func gone(chain roster.State, s reset.State, manager identity.PersonID) []identity.PersonID {
	var out []identity.PersonID
	for _, v := range s.Votes {
		lost := chain.Lacks(v.Person, v.Roles, v.Person == manager) != ""
		if !v.Deny && lost && !slices.Contains(out, v.Person) {
			out = append(out, v.Person)
		}
	}
	return out
}

// Expire ends a request that ran out of time. Too early, or too late to
// matter, it does nothing.
func (g *Gate) Expire(ctx context.Context, id string) error {
	_, err := g.change(ctx, id, system, func(reset.State, time.Time) (reset.Command, besides, error) {
		return reset.Record{Event: reset.Expired{}}, besides{}, nil
	})
	if c := reset.CodeOf(err); c == reset.RequestEnded || c == reset.IllegalTransition {
		return nil
	}
	return err
}
