package gate

import (
	"context"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// What happened to the roster, as its chain tells it. It is folded along with
// the chain, so no look at it reads the ledger again.

// Outcome words of an entry of the roster's history.
const (
	RosterOpen       = "open"       // signatures are wanted
	RosterInEffect   = "in_effect"  // the last signature put it into effect
	RosterLapsed     = "lapsed"     // its time ran out before
	RosterSuperseded = "superseded" // another policy came into force before
)

// RosterEntry is one change of the roster: the founding, or a proposal with
// whoever signed it.
type RosterEntry struct {
	Version  uint64              `json:"version"` // of the roster, when it was put up
	At       time.Time           `json:"at"`
	By       string              `json:"by"` // who put it up
	Kind     roster.Kind         `json:"kind" enum:"founded,add_member,add_passkey,set_roles,remove_member,publish_policy"`
	Proposal string              `json:"proposal,omitempty"`
	Person   identity.PersonID   `json:"person,omitempty"` // whom it concerns
	Name     string              `json:"name,omitempty"`
	Roles    []identity.Role     `json:"roles,omitempty"`
	Desk     string              `json:"desk,omitempty"`
	Policy   string              `json:"policy,omitempty"`
	Effect   string              `json:"effect,omitempty"`
	Signers  []identity.PersonID `json:"signers" nullable:"false"`
	Outcome  string              `json:"outcome" enum:"open,in_effect,lapsed,superseded"`
	Settled  *time.Time          `json:"settled,omitempty"` // when the outcome came about
	until    time.Time
}

// Founding is the kind of the first entry of the history.
const Founding roster.Kind = "founded"

// annals are the entries, oldest first, and since when each member is on.
type annals struct {
	entries []RosterEntry
	since   map[identity.PersonID]time.Time
}

// follow adds what one record of the chain did.
func (a annals) follow(before, after roster.State, r store.Record) annals {
	e, err := roster.Decode(r.Type, r.Body, r.Private)
	if err != nil {
		return a // Evolve has just read it
	}
	at := r.At
	switch e := e.(type) {
	case roster.Founded:
		a.since = map[identity.PersonID]time.Time{e.Person: at}
		a.entries = append(a.entries, RosterEntry{Version: r.Version, At: at, By: string(e.Person), Kind: Founding, Person: e.Person, Name: e.Name,
			Roles: e.Roles, Desk: e.Desk, Policy: e.Policy, Signers: []identity.PersonID{e.Person}, Outcome: RosterInEffect, Settled: &at})
	case roster.Proposed:
		name := e.Name
		if name == "" {
			name = before.Members[e.Person].Name
		}
		a.entries = append(a.entries, RosterEntry{Version: r.Version, At: at, By: r.Actor, Kind: e.Kind, Proposal: e.Proposal, Person: e.Person, Name: name,
			Roles: e.Roles, Desk: e.Desk, Policy: e.Policy, Effect: e.Effect, Signers: []identity.PersonID{}, Outcome: RosterOpen, until: e.Until})
	case roster.Countersigned:
		a.signed(e, before, after, at)
	}
	return a
}

// signed adds a signature, and what it brought about.
func (a annals) signed(c roster.Countersigned, before, after roster.State, at time.Time) {
	i := slices.IndexFunc(a.entries, func(e RosterEntry) bool { return e.Proposal == c.Proposal })
	if i < 0 {
		return
	}
	// The entries are handed out: a new one replaces the old.
	e := a.entries[i]
	e.Signers = append(slices.Clone(e.Signers), c.Person)
	if _, open := after.Proposals[c.Proposal]; !open {
		e.Outcome, e.Settled = RosterInEffect, &at
		a.settle(e, at)
	}
	a.entries[i] = e
	for id := range before.Proposals { // a new policy drops the others
		if _, open := after.Proposals[id]; !open && id != c.Proposal {
			a.drop(id, at)
		}
	}
}

func (a annals) settle(e RosterEntry, at time.Time) {
	switch e.Kind {
	case roster.AddMember:
		a.since[e.Person] = at
	case roster.RemoveMember:
		delete(a.since, e.Person)
	}
}

func (a annals) drop(proposal string, at time.Time) {
	for i, e := range a.entries {
		if e.Proposal == proposal {
			e.Outcome, e.Settled = RosterSuperseded, &at
			a.entries[i] = e
		}
	}
}

// at is the history as it stands at a moment, newest first.
func (a annals) at(now time.Time) []RosterEntry {
	out := slices.Clone(a.entries)
	slices.Reverse(out)
	for i := range out {
		if out[i].Outcome == RosterOpen && !now.Before(out[i].until) {
			out[i].Outcome, out[i].Settled = RosterLapsed, &out[i].until
		}
	}
	return out
}

// RosterHistory is a part of the roster's history, newest first.
type RosterHistory struct {
	Entries []RosterEntry `json:"entries" nullable:"false"`
	Before  uint64        `json:"before,omitempty"` // for the next page; 0 at the end
	// Names are what those who are on the roster now are called.
	Names map[identity.PersonID]string `json:"names"`
}

// RosterHistory tells anybody on the roster how it came to be: limit entries
// older than the one at version before; 0 begins with the newest.
func (g *Gate) RosterHistory(ctx context.Context, c Caller, before uint64, limit int) (RosterHistory, error) {
	_, chain, err := g.member(ctx, c)
	if err != nil {
		return RosterHistory{}, err
	}
	if limit < 1 || limit > 100 {
		return RosterHistory{}, invalid("limit is 1 to 100")
	}
	g.mu.Lock()
	all := g.annals.at(g.now())
	g.mu.Unlock()
	h := RosterHistory{Entries: []RosterEntry{}, Names: map[identity.PersonID]string{}}
	for _, m := range chain.Members {
		h.Names[m.Person] = m.Name
	}
	for _, e := range all {
		switch {
		case before > 0 && e.Version >= before:
		case len(h.Entries) == limit:
			h.Before = h.Entries[limit-1].Version
			return h, nil
		default:
			h.Entries = append(h.Entries, e)
		}
	}
	return h, nil
}
