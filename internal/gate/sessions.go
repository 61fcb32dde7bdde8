package gate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// shelfEnded keeps, for its person to see, that their sessions were ended.
// Owner: the person; value: Ended.
const (
	shelfEnded = "sessions_ended"
	endedShown = 30 * 24 * time.Hour
	endedMost  = 20 // of them are listed
)

// endingsOfOfficer is how often one officer may end the sessions of one member:
// more shuts a colleague out of their work, and the letters to security, one an
// hour, would not say how often. Whose device is still in other hands comes off
// the roster.
var endingsOfOfficer = bound{3, time.Hour}

// ErrNoMember: nobody of that name stands on the roster.
var ErrNoMember = &Fault{"not_found", "nobody of that name stands on the roster"}

// Ending is why the sessions of a member are ended, and how many are open.
type Ending struct {
	Open int
	Why  string // one line, for the member and for the record
}

// SessionsEnded records that an officer ended all sessions of a member.
type SessionsEnded struct {
	Person identity.PersonID `json:"person"`
	Open   int               `json:"open"` // how many there were
	Why    string            `json:"why" ledger:"private"`
}

// Ended is what a member is told of it.
type Ended struct {
	At   time.Time         `json:"at"`
	By   identity.PersonID `json:"by"`
	Name string            `json:"name"` // of who did it
	Why  string            `json:"why"`
}

// EndSessions lets an officer end the sessions of a member: of somebody whose
// device is gone, say. It decides nothing and lets nobody in, so it needs no
// signature; it stands on the ledger, security hears of it, the member is told
// when they sign in again, and it is bounded. endings are package signin's changes.
func (g *Gate) EndSessions(ctx context.Context, c Caller, p identity.PersonID, e Ending, endings []store.ItemChange) error {
	if err := g.officer(ctx, c); err != nil {
		return err
	}
	if err := identity.CheckLine(e.Why, 300); err != nil || e.Why == "" {
		return invalid("reason: empty, too long, or not a plain line")
	}
	by, chain, err := g.member(ctx, c)
	if err != nil {
		return err
	}
	if _, ok := chain.Members[p]; !ok {
		return ErrNoMember
	}
	return g.noteCounted(ctx, c, SessionsEnded{p, e.Open, e.Why}, "sessions_ended", func() (besides, error) {
		at := g.now()
		counted, err := g.counted(ctx, "sessions ended\x00"+string(by.Person)+"\x00"+string(p), endingsOfOfficer, at,
			"you have ended the sessions of this member often enough for now; take them off the roster, or try again after %s")
		if err != nil {
			return besides{}, err
		}
		told := put(shelfEnded, newID("end"), string(p), Ended{at, by.Person, by.Name, e.Why}, 0, at.Add(endedShown))
		more := besides{items: append(slices.Clone(endings), counted, told)}
		what := fmt.Sprintf("%s ended all sessions of %s, who stands on the roster. %d were open.\nReason: %s", by.Person, p, e.Open, e.Why)
		return more, g.alarm(ctx, &more, "sessions\x00"+string(p), reset.State{}, what, at)
	})
}

// Endings are what the caller is told of sessions of theirs that others ended,
// the last first, and no more than can be read.
func (g *Gate) Endings(ctx context.Context, c Caller) ([]Ended, error) {
	m, _, err := g.member(ctx, c)
	if err != nil {
		return nil, err
	}
	items, err := g.store.Items(ctx, shelfEnded, string(m.Person), g.now())
	if err != nil {
		return nil, fmt.Errorf("gate: reading which sessions were ended: %w", err)
	}
	all := []Ended{}
	for _, item := range items {
		var e Ended
		if err := unmarshal(item, &e); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Ended) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Why, b.Why)) })
	return all[:min(len(all), endedMost)], nil
}
