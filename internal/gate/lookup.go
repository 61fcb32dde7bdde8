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

// LookUp is what an agent types to find whom they speak with: an exact login
// name. There is no search by part of a name and no list to leaf through.
type LookUp struct {
	Directory string // "": all of them
	Login     string
}

// Found is the least an agent needs to know that they have the right account:
// no contacts, no factors, no groups, no manager.
type Found struct {
	Account   identity.AccountID `json:"account"`
	Directory string             `json:"directory"`
	Login     string             `json:"login"`
	Name      string             `json:"name"`
	Class     identity.Class     `json:"class"`
	// Actions are those that the agent's desk can open a request for now, by
	// at least one way of coming in. It is never empty: see LookUp.
	Actions []identity.Action `json:"actions"`
	// Open are the open requests for the account, of the agent's own desk.
	Open []OpenCase `json:"open"`
	// Elsewhere: another desk, or the owner, has a request open for it.
	Elsewhere bool `json:"open_elsewhere"`
}

// OpenCase is an open request, for whoever is about to open another.
type OpenCase struct {
	ID     string          `json:"id"`
	Case   string          `json:"case"`
	Action identity.Action `json:"action"`
	Status string          `json:"status"`
}

// Findings is the answer to a look-up: as a rule one account, several only
// where several directories know the login.
type Findings struct {
	Accounts []Found `json:"accounts"`
	// Silent are directories that did not answer: the account may be in one.
	Silent []string `json:"silent"`
}

// LookedUp is the ledger's note of a look-up. It names the accounts that were
// shown; none where there are none, or none for this desk.
type LookedUp struct {
	Directory string               `json:"directory,omitempty"`
	Login     string               `json:"login" ledger:"private"`
	Desk      string               `json:"desk"`
	Accounts  []identity.AccountID `json:"accounts"`
}

// lookUpsOfAgent is more than anybody needs who answers calls, and too little
// to copy a directory.
var lookUpsOfAgent = bound{60, time.Hour}

// LookUp finds accounts for an agent, by their exact login. It answers as Open
// would: an account that is not there, one that the agent's desk cannot open
// anything for, and one that the policy refuses everything for are all the same
// ErrNotAvailable. Each look-up is counted and noted on the ledger before it is
// answered, also one that finds nothing.
func (g *Gate) LookUp(ctx context.Context, c Caller, q LookUp) (Findings, error) {
	m, _, err := g.member(ctx, c)
	switch {
	case err != nil:
		return Findings{}, err
	case !m.Has(identity.Agent):
		return Findings{}, ErrForbidden
	case identity.CheckLine(q.Login, 256) != nil || q.Login == "":
		return Findings{}, invalid("login: empty, too long, or with characters that no login has")
	}
	if err := g.trusted(ctx, m.Person); err != nil {
		return Findings{}, err
	}
	if _, err := g.lookUpsLeft(ctx, c, g.now()); err != nil {
		return Findings{}, err
	}
	out, err := g.findings(ctx, m, q)
	if err != nil {
		return Findings{}, err
	}
	if err := g.noteLookUp(ctx, c, m, q, out); err != nil {
		return Findings{}, err
	}
	if len(out.Accounts) == 0 {
		return Findings{}, ErrNotAvailable
	}
	return out, nil
}

func ofLookUps(c Caller) string { return "looked up\x00" + c.actor() }

// lookUpsLeft refuses who has looked up too much.
func (g *Gate) lookUpsLeft(ctx context.Context, c Caller, at time.Time) (tally, error) {
	t, err := g.tally(ctx, ofLookUps(c), at)
	if err != nil {
		return t, err
	}
	if until := t.full(lookUpsOfAgent, at); !until.IsZero() {
		return t, later(reset.TooMany, until, at, "you have looked up too many accounts within an hour, and security has heard of it; go on after %s, or ask a colleague")
	}
	return t, nil
}

func (g *Gate) noteLookUp(ctx context.Context, c Caller, m roster.Member, q LookUp, found Findings) error {
	note := LookedUp{Directory: q.Directory, Login: q.Login, Desk: m.Desk, Accounts: []identity.AccountID{}}
	for _, a := range found.Accounts {
		note.Accounts = append(note.Accounts, a.Account)
	}
	return g.noteCounted(ctx, c, note, "looked_up", func() (besides, error) {
		return g.countLookUp(ctx, c, len(note.Accounts) == 0, g.now())
	})
}

// countLookUp counts one more. One that shows nothing counts with requests for
// accounts that there are not.
func (g *Gate) countLookUp(ctx context.Context, c Caller, missed bool, at time.Time) (more besides, err error) {
	if missed {
		if more, err = g.countMiss(ctx, c, at); err != nil {
			return more, err
		}
	}
	t, err := g.lookUpsLeft(ctx, c, at)
	if err != nil {
		return more, err
	}
	what := fmt.Sprintf("%s looked up %d accounts within an hour. They can look up no more until some of that lies an hour back.",
		identity.Line(c.actor(), 100), lookUpsOfAgent.most)
	return more, g.count(ctx, &more, t, lookUpsOfAgent, ofLookUps(c), what, at)
}

func (g *Gate) findings(ctx context.Context, m roster.Member, q LookUp) (Findings, error) {
	out := Findings{Accounts: []Found{}, Silent: []string{}}
	names := g.order
	if q.Directory != "" {
		d, err := g.directory(q.Directory)
		if err != nil {
			return out, err
		}
		names = []string{d.Name()}
	}
	for _, name := range names {
		a, err := g.find(ctx, g.dirs[name], q.Login)
		switch {
		case errors.Is(err, directory.ErrNotFound), errors.Is(err, directory.ErrAmbiguous):
			continue
		case errors.Is(err, ErrDirectory):
			out.Silent = append(out.Silent, name)
			continue
		case err != nil:
			return out, err
		}
		f, ok, err := g.found(ctx, m, g.dirs[name], a)
		if err != nil {
			return out, err
		}
		if ok {
			out.Accounts = append(out.Accounts, f)
		}
	}
	if len(out.Accounts) == 0 && len(out.Silent) > 0 {
		return out, ErrDirectory
	}
	return out, nil
}

// found is an account as the agent's desk sees it; not ok when it has nothing
// to do with it.
func (g *Gate) found(ctx context.Context, m roster.Member, d directory.Directory, a directory.Account) (Found, bool, error) {
	f := Found{Account: a.ID, Directory: d.Name(), Login: identity.Line(a.Login, 200), Name: identity.Line(a.Name, 200), Open: []OpenCase{}}
	chain, pol, err := g.rules(ctx)
	if err != nil {
		return f, false, err
	}
	facts, err := g.facts(ctx, a, asking{agent: m.Person, desk: m.Desk}, chain, pol, g.now())
	if err != nil {
		return f, false, err
	}
	if f.Actions, f.Class, err = openable(pol, facts, d.Can()); err != nil || len(f.Actions) == 0 {
		return f, false, err
	}
	err = g.eachRow(ctx, store.RowQuery{Subject: a.ID, Statuses: openStatuses}, func(r store.Row) error {
		if r.Desk != m.Desk {
			f.Elsewhere = true
			return nil
		}
		f.Open = append(f.Open, OpenCase{r.ID, r.Case, r.Action, r.Status})
		return nil
	})
	return f, err == nil, err
}

// openable lists the actions that a request could be opened for, and how the
// account is classed. It asks the judge that Open asks.
func openable(pol *policy.Policy, f policy.Facts, can []identity.Action) ([]identity.Action, identity.Class, error) {
	var actions []identity.Action
	var class identity.Class
	for _, action := range identity.Actions {
		if action != identity.InitialEnrolment && !slices.Contains(can, action) {
			continue
		}
		for _, channel := range identity.IntakeChannels {
			if channel == identity.SelfService {
				continue
			}
			f.Action, f.Request.Channel = action, channel
			plan := pol.Plan(f)
			if plan.Denied() {
				continue
			}
			if _, _, err := reset.Decide(reset.State{ID: "req"}, reset.Open{Case: "case", Facts: f, Policy: pol.Hash(), Plan: plan}, f.At); err != nil {
				return nil, "", err
			}
			actions, class = append(actions, action), plan.Class
			break
		}
	}
	return actions, class, nil
}
