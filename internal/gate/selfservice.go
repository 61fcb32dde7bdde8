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

// SelfWish is what anybody may ask for at the self-service page: there is
// nobody yet who would be known. It never says where anything is to be sent.
type SelfWish struct {
	Directory string          `json:"directory,omitempty"`
	Login     string          `json:"login"`
	Action    identity.Action `json:"action"`
}

var (
	selfRequestsADay  = bound{5, 24 * time.Hour} // opened about one person at anybody's wish
	ownRequestsADay   = bound{5, 24 * time.Hour} // opened by the owner, signed in
	invitationsAnHour = bound{3, time.Hour}      // letters about one such request
	wishesAnHour      = bound{10, time.Hour}     // about one person, before it counts as a flood
	strangersAnHour   = bound{60, time.Hour}     // notes on the ledger of wishes for accounts that there are not
)

// SelfOpen asks for a request about an account. The answer is always the same,
// and so is the work before it: what comes of it is told to the owner of the
// account, at their registered addresses, and to nobody else.
func (g *Gate) SelfOpen(ctx context.Context, w SelfWish) error {
	if err := (Wish{Login: w.Login, Action: w.Action, Channel: identity.SelfService}).check(); err != nil {
		return err
	}
	if identity.CheckLine(w.Directory, 100) != nil {
		return invalid("directory: too long, or with characters that no name has")
	}
	return g.errand(ctx, JobSelf, w)
}

// SelfServe does what was asked for at the self-service page; it is a job.
func (g *Gate) SelfServe(ctx context.Context, key string) error {
	return g.again(func() error {
		var w SelfWish
		item, ok, err := g.errandOf(ctx, key, &w)
		if err != nil || !ok {
			return err
		}
		more := besides{items: []store.ItemChange{drop(item)}}
		a, err := g.wanted(ctx, w)
		if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
			return g.stranger(ctx, w, more)
		}
		if err != nil {
			return err
		}
		return g.selfServe(ctx, a, w.Action, more)
	})
}

// wanted finds the account that a wish is about. What a directory cannot do is
// no more to be seen from outside than an account that it does not have.
func (g *Gate) wanted(ctx context.Context, w SelfWish) (directory.Account, error) {
	d, err := g.directory(w.Directory)
	if err != nil || !slices.Contains(d.Can(), w.Action) {
		return directory.Account{}, directory.ErrNotFound
	}
	return g.find(ctx, d, w.Login)
}

// Offers lists what can be asked for at the self-service page: in which
// directories, and what at least one of them can do. It says nothing of any
// account.
func (g *Gate) Offers() (directories []string, actions []identity.Action) {
	for _, a := range identity.Actions {
		if slices.ContainsFunc(g.order, func(name string) bool { return slices.Contains(g.dirs[name].Can(), a) }) {
			actions = append(actions, a)
		}
	}
	return slices.Clone(g.order), actions
}

// stranger notes a wish for an account that there is not, as the desk's are
// noted. Strangers do not fill the ledger, though: beyond the bound the log
// alone has them.
func (g *Gate) stranger(ctx context.Context, w SelfWish, more besides) error {
	noted, err := g.room(ctx, &more, "strangers", strangersAnHour, g.now())
	if err != nil {
		return err
	}
	if !noted {
		g.log.Warn("a wish for an account that there is not was not noted: there are too many")
		return g.besidesOnly(ctx, more)
	}
	if _, known := g.dirs[w.Directory]; !known {
		w.Directory = "" // the ledger keeps no words of a stranger's in the open
	}
	return g.note(ctx, bySystem, Missed{Directory: w.Directory, Login: w.Login, Action: string(w.Action)}, "missed", more.items...)
}

// bySystem stands for the server itself where a caller is named on the ledger.
var bySystem = Caller{Person: system}

// selfServe opens the request, or writes once more to the owner about the one
// that is open, or does nothing when that has been done often enough.
func (g *Gate) selfServe(ctx context.Context, a directory.Account, action identity.Action, more besides) error {
	at := g.now()
	calm, err := g.room(ctx, &more, "wishes\x00"+string(a.Person), wishesAnHour, at)
	if err != nil {
		return err
	}
	s, err := g.selfRequest(ctx, a.Person, action, at)
	if err != nil {
		return err
	}
	opens := false
	if s.ID != "" {
		err = g.inviteAgain(ctx, &more, s, at)
	} else {
		opens, err = g.room(ctx, &more, "self\x00"+string(a.Person), selfRequestsADay, at)
		calm = calm && opens
	}
	if err == nil && !calm {
		err = g.flooded(ctx, &more, a.Person, s, at)
	}
	if err != nil {
		return err
	}
	if !opens {
		return g.besidesOnly(ctx, more)
	}
	after, err := g.begin(ctx, bySystem, a, asking{action: action, channel: identity.SelfService}, more)
	if reset.CodeOf(err) != "" { // it could not even be opened, which is noted
		return nil
	}
	if err == nil && after.Status() == reset.RefusedEnd {
		g.log.Warn("request refused", "request", after.ID, "actor", system, "reasons", after.Why)
	}
	return err
}

// selfRequest finds the open request that self-service opened for the same.
func (g *Gate) selfRequest(ctx context.Context, p identity.PersonID, action identity.Action, at time.Time) (found reset.State, err error) {
	err = g.eachRow(ctx, store.RowQuery{Person: p, Action: action, Statuses: openStatuses}, func(r store.Row) error {
		s, err := stateOf(r)
		if err != nil {
			return err
		}
		if selfService(s) && at.Before(s.ExpiresAt()) {
			found = s
		}
		return nil
	})
	return found, err
}

// selfService reports whether nobody at a desk has the request.
func selfService(s reset.State) bool { return s.Channel == identity.SelfService && s.Agent == "" }

// inviteAgain has the owner written to once more.
func (g *Gate) inviteAgain(ctx context.Context, more *besides, s reset.State, at time.Time) error {
	ok, err := g.room(ctx, more, "invited\x00"+s.ID, invitationsAnHour, at)
	if err != nil || !ok {
		return err
	}
	more.jobs = append(more.jobs, noticeJob(s.ID, noticeOpened))
	return nil
}

// flooded raises the alarm about somebody for whom too much was asked.
func (g *Gate) flooded(ctx context.Context, more *besides, p identity.PersonID, s reset.State, at time.Time) error {
	warned, err := g.warning(ctx, p, SignalFlood, at)
	if err != nil {
		return err
	}
	more.items = append(more.items, warned...)
	what := fmt.Sprintf("Resets for one person are asked for over and over at the self-service page: %s.\nTheir account, sessions and factors are untouched.",
		identity.Line(string(p), 100))
	return g.alarm(ctx, more, string(p), s, what, at)
}

// OpenOwn opens a request about the account of an owner who is signed in, and
// lets them come forward at once. It proves nothing: the policy asks for the
// same as of anybody.
func (g *Gate) OpenOwn(ctx context.Context, o Owner, action identity.Action) (v CaseView, token string, err error) {
	if _, err := identity.ParseAction(string(action)); err != nil {
		return v, "", unfit("identity", err)
	}
	a, err := g.own(ctx, o, g.now())
	if err != nil {
		return v, "", err
	}
	if !slices.Contains(g.dirs[a.ID.Directory()].Can(), action) {
		return v, "", invalid(fmt.Sprintf("directory %q cannot do %s", a.ID.Directory(), action))
	}
	var s reset.State
	err = g.again(func() error {
		at := g.now()
		own, err := g.tally(ctx, "own\x00"+string(o.Person), at)
		if err != nil {
			return err
		}
		if until := own.full(ownRequestsADay, at); !until.IsZero() {
			return later(reset.TooMany, until, at, "you have opened enough requests for a day; go on with one that is open, or wait until %s")
		}
		_, item := own.plus(at, ownRequestsADay)
		s, err = g.begin(ctx, Caller{Person: o.Person}, a, asking{action: action, requester: o.Person, channel: identity.SelfService},
			besides{items: []store.ItemChange{item}})
		return err
	})
	if err != nil {
		return v, "", err
	}
	if s.Status() == reset.RefusedEnd {
		return v, "", ErrNotAvailable
	}
	token, v, err = g.Claim(ctx, s.Case)
	return v, token, err
}

// invitation is the notice that a request was opened at the self-service page:
// one letter that tells its owner of it, leads on, and stops it.
func (g *Gate) invitation(ctx context.Context, s reset.State, token string) (string, error) {
	c, err := g.card(ctx, s)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`Somebody asked for this at the self-service page. It may have been you:

    request     %s
    account     %s
    case        %s
    two words   %s
    opened      %s

Nothing has been changed. If it was you, go on here, and enter the case code %s:

    %s/case

The page asks you to prove that it is you, and shows the same two words: %s.
This letter proves nothing, and neither does the case code. It can be used until %s.
Nobody who works at the helpdesk will ever ask you for a code or a password.

If this wasn't you, stop it here (no sign-in needed):

    %s/not-me/%s
`, actionWords(c.Action), c.Login, c.Case, c.Words, roster.When(c.OpenedAt), c.Case, g.cfg.BaseURL, c.Words,
		roster.When(s.ExpiresAt()), g.cfg.BaseURL, token), nil
}

// invites reports whether a notice to a destination is the invitation to go on:
// it is for the owner, and others who hear of the request get none.
func invites(s reset.State, notice, contact string) bool {
	return notice == noticeOpened && selfService(s) &&
		slices.ContainsFunc(s.Facts.Contacts, func(c policy.Contact) bool { return c.ID == contact })
}
