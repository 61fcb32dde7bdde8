package scenario

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/client"
	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/identity"
)

// The sentences in which people do something.

func opens(p *play, a args) error {
	api, err := p.office(p.person(a["STAFF"]), asStaff)
	if err != nil {
		return err
	}
	return p.opened(api, a)
}

func systemOpens(p *play, a args) error {
	api, err := p.integration(a["SYSTEM"], asStaff, "requests:open", "requests:read", "facts:report")
	if err != nil {
		return err
	}
	return p.opened(api, a)
}

func (p *play) opened(api client.Client, a args) error {
	r, err := api.Open(p.ctx, client.Wish{
		Login: a["LOGIN"], Action: identity.Action(a["ACTION"]), Channel: identity.Channel(a["CHANNEL"]), Ticket: "INC-1",
	})
	if err != nil {
		return err
	}
	t := &ticket{r.ID, r.Case, a["LOGIN"]}
	p.requests["it"] = t
	for _, w := range p.people {
		delete(w.cases, "it")
	}
	if a["NEW"] != "" {
		p.requests[a["NEW"]] = t
	}
	return nil
}

func cancels(p *play, a args) error {
	r, err := p.request(a.request())
	if err != nil {
		return err
	}
	api, err := p.office(p.person(a["STAFF"]), asStaff)
	if err != nil {
		return err
	}
	_, err = api.Cancel(p.ctx, r.id)
	return err
}

func claims(p *play, a args) error {
	r, err := p.request(a.request())
	if err != nil {
		return err
	}
	w := p.person(a["WHO"])
	api, err := p.nobody(w, asPerson)
	if err != nil {
		return err
	}
	token, _, err := api.Claim(p.ctx, r.code)
	if err != nil {
		return err
	}
	p.keep("the case session of "+w.name, token)
	w.cases[a.request()] = &claim{token: token}
	return nil
}

func asks(p *play, a args) error {
	api, c, err := p.claimant(a["WHO"], a.request())
	if err != nil {
		return err
	}
	prompt, err := api.Challenge(p.ctx, a["METHOD"])
	if err != nil {
		return err
	}
	c.challenge, c.method = prompt.Challenge, a["METHOD"]
	return nil
}

// answering makes a sentence that answers the challenge somebody was last
// given, with a text of some origin.
func answering(with func(p *play, a args, c *claim) (string, error)) func(*play, args) error {
	return func(p *play, a args) error {
		about := a.request()
		if a["OTHER"] != "" {
			about = "it" // a request that is named then is where the answer comes from
		}
		api, c, err := p.claimant(a["WHO"], about)
		if err != nil {
			return err
		}
		if c.typed, err = with(p, a, c); err != nil {
			return err
		}
		_, err = api.Answer(p.ctx, c.challenge, c.typed)
		return err
	}
}

func owned(p *play, a args, c *claim) (string, error) {
	return p.knowledge(a["WHO"], a.request(), c)
}

func handedOver(p *play, a args, c *claim) (string, error) {
	return p.knowledge(a["OTHER"], "it", c)
}

func (p *play) knowledge(who, request string, c *claim) (string, error) {
	r, err := p.request(request)
	if err != nil {
		return "", err
	}
	return p.knows(p.person(who), c.method, r)
}

func guessed(p *play, _ args, c *claim) (string, error) { return p.guess(c.method) }

func literal(_ *play, a args, _ *claim) (string, error) { return a["TEXT"], nil }

func sameAgain(_ *play, _ args, c *claim) (string, error) { return c.typed, nil }

func firstCode(p *play, a args, _ *claim) (string, error) {
	r, err := p.request("it")
	if err != nil {
		return "", err
	}
	return p.code(p.person(a["OTHER"]), r, true)
}

func codeOfAnother(p *play, a args, _ *claim) (string, error) {
	r, err := p.request(a["REQUEST"])
	if err != nil {
		return "", err
	}
	return p.code(p.person(a["OTHER"]), r, false)
}

// theirChallenge answers another session's challenge with its owner's code.
func theirChallenge(p *play, a args) error {
	api, _, err := p.claimant(a["WHO"], "it")
	if err != nil {
		return err
	}
	_, theirs, err := p.claimant(a["OTHER"], "it")
	if err != nil {
		return err
	}
	typed, err := p.knowledge(a["OTHER"], "it", theirs)
	if err != nil {
		return err
	}
	_, err = api.Answer(p.ctx, theirs.challenge, typed)
	return err
}

func proves(p *play, a args) error {
	if err := asks(p, a); err != nil {
		return err
	}
	return answering(owned)(p, a)
}

func withdraws(p *play, a args) error {
	api, _, err := p.claimant(a["WHO"], a.request())
	if err != nil {
		return err
	}
	_, err = api.CancelCase(p.ctx)
	return err
}

// takesSecret is the owner looking at the new secret, which is shown once.
func takesSecret(p *play, a args) error {
	if err := p.quiet(); err != nil {
		return err
	}
	api, _, err := p.claimant(a["WHO"], a.request())
	if err != nil {
		return err
	}
	s, err := api.Secret(p.ctx)
	if err != nil {
		return err
	}
	w := p.person(a["WHO"])
	p.keep("the new password of "+w.name, s.Password)
	p.keep("the new recovery code of "+w.name, s.RecoveryCode)
	if s.Password != "" {
		w.old, w.password = w.password, s.Password
	}
	if s.RecoveryCode != "" {
		w.drawer = s.RecoveryCode
	}
	return nil
}

// staffWantsSecret is a member of staff trying to see it.
func staffWantsSecret(p *play, a args) error {
	if err := p.quiet(); err != nil {
		return err
	}
	api, err := p.office(p.person(a["STAFF"]), asStaff)
	if err != nil {
		return err
	}
	_, err = api.Secret(p.ctx)
	return err
}

// disowns uses the newest link in somebody's mailbox.
func disowns(p *play, a args) error {
	r, err := p.request(a.request())
	if err != nil {
		return err
	}
	w := p.person(a["WHO"])
	letters, err := p.letters(w, r.code)
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(letters) {
		if found := notMe.FindStringSubmatch(m.Text); found != nil {
			api, err := p.nobody(w, asPerson)
			if err != nil {
				return err
			}
			return api.Repudiate(p.ctx, found[1])
		}
	}
	return fmt.Errorf("no letter about it has come to %s", w.name)
}

func signs(decision string) func(*play, args) error {
	return func(p *play, a args) error {
		if err := p.quiet(); err != nil {
			return err
		}
		r, err := p.request(a.request())
		if err != nil {
			return err
		}
		w := p.person(a["STAFF"])
		api, err := p.office(w, asStaff)
		if err != nil {
			return err
		}
		paper, err := api.Statement(p.ctx, r.id, decision)
		if err != nil {
			return err
		}
		_, err = api.Decide(p.ctx, r.id, paper, "", w.key)
		return err
	}
}

func reports(p *play, a args) error {
	api, err := p.integration(a["SYSTEM"], asStaff, "requests:open", "requests:read", "facts:report")
	if err != nil {
		return err
	}
	return api.Do(p.ctx, "POST", "/reports", map[string]any{
		"login": a["ACCOUNT"], "signal": map[string]any{"kind": a["KIND"], "at": p.clock.now().Add(-a.span()).Format(time.RFC3339)},
	}, nil)
}

func callsWith(p *play, a args) error {
	var body []byte
	if a["JSON"] != "" {
		body = []byte(a["JSON"])
	}
	if !slices.Contains(methods, a["VERB"]) {
		return fmt.Errorf("%s is not a verb of HTTP", a["VERB"])
	}
	return p.raw(p.person(a["WHO"]), a["VERB"], a["PATH"], body)
}

// signsIn is a sign-in at the directory itself.
func signsIn(old bool) func(*play, args) error {
	return func(p *play, a args) error {
		w := p.person(a["ACCOUNT"])
		password := w.password
		if old {
			password = w.old
		}
		return p.behind(func() error { return p.opensAccount(w, password) })
	}
}

func (p *play) opensAccount(w *person, password string) error {
	err := p.house.people.SignIn(p.ctx, w.name, password)
	switch {
	case errors.Is(err, local.ErrMustChange):
		return nil
	case errors.Is(err, directory.ErrBadCredential):
		return refusedBy("bad_credential")
	}
	return err
}

func passes(p *play, a args) error {
	if err := p.quiet(); err != nil {
		return err
	}
	p.clock.move(a.span())
	if err := p.queue.retry(); err != nil {
		return err
	}
	return p.quiet()
}

func disabled(p *play, a args) error {
	return p.behind(func() error { return p.house.people.SetDisabled(p.ctx, p.person(a["ACCOUNT"]).account, true) })
}

// newMailbox is HR, or somebody who has got into HR's system, changing where
// an account's owner is reached.
func newMailbox(p *play, a args) error {
	w := p.person(a["ACCOUNT"])
	return p.behind(func() error {
		return p.reach(w, append(slices.Clone(w.contacts), directory.Contact{Kind: directory.ContactEmail, Address: a["ADDRESS"]}))
	})
}

// joins puts a group into another, as an administrator of the directory does.
func joins(p *play, a args) error {
	return p.behind(func() error { return p.house.people.SetGroup(p.ctx, a["TEXT"], a["INTO"]) })
}

func back(p *play, a args) error {
	if err := p.quiet(); err != nil {
		return err
	}
	p.clock.move(-a.span())
	return nil
}
