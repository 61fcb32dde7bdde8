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
	w.cases[a.request()] = &claim{token: token, about: r}
	return nil
}

func asks(p *play, a args) error {
	api, c, err := p.claimant(a["WHO"], a.request())
	if err != nil {
		return err
	}
	got, err := p.challenge(api, a["METHOD"])
	if err != nil {
		return err
	}
	p.keep("the code on the screen of "+a["WHO"], got.Code)
	c.challenge, c.method, c.prompt = got.Challenge, a["METHOD"], got
	return nil
}

// answering makes a sentence that answers the challenge somebody was last
// given, with an answer of some origin.
func answering(with func(p *play, a args, c *claim) (answer, error)) func(*play, args) error {
	return func(p *play, a args) error {
		about := a.request()
		if a["OTHER"] != "" {
			about = "it" // a request that is named then is where the answer comes from
		}
		api, c, err := p.claimant(a["WHO"], about)
		if err != nil {
			return err
		}
		if c.last, err = with(p, a, c); err != nil {
			return err
		}
		return p.reply(api, c.challenge, c.last)
	}
}

func owned(p *play, a args, c *claim) (answer, error) { return p.holds(p.person(a["WHO"]), c) }

// handedOver is what somebody else reads out, or had stolen.
func handedOver(p *play, a args, c *claim) (answer, error) { return p.holds(p.person(a["OTHER"]), c) }

func guessed(p *play, _ args, c *claim) (answer, error) { return p.fakes(c) }

func literal(_ *play, a args, _ *claim) (answer, error) { return answer{Answer: a["TEXT"]}, nil }

func sameAgain(_ *play, _ args, c *claim) (answer, error) { return c.last, nil }

func firstCode(p *play, a args, c *claim) (answer, error) {
	text, err := p.code(p.person(a["OTHER"]), c.about, true)
	return answer{Answer: text}, err
}

func codeOfAnother(p *play, a args, _ *claim) (answer, error) {
	r, err := p.request(a["REQUEST"])
	if err != nil {
		return answer{}, err
	}
	text, err := p.code(p.person(a["OTHER"]), r, false)
	return answer{Answer: text}, err
}

// asTheyDid hands in again what somebody answered in another request.
func asTheyDid(p *play, a args, _ *claim) (answer, error) {
	c := p.person(a["OTHER"]).cases[a["REQUEST"]]
	if c == nil {
		return answer{}, fmt.Errorf("%s has not come forward there", a["OTHER"])
	}
	return c.last, nil
}

// theirChallenge answers another session's challenge as its owner would.
func theirChallenge(p *play, a args) error {
	api, _, err := p.claimant(a["WHO"], "it")
	if err != nil {
		return err
	}
	_, theirs, err := p.claimant(a["OTHER"], "it")
	if err != nil {
		return err
	}
	right, err := p.holds(p.person(a["OTHER"]), theirs)
	if err != nil {
		return err
	}
	return p.reply(api, theirs.challenge, right)
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
		p.clock.move(time.Duration(paper.Look) * time.Second) // they read it
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

// directoryDown is an outage of the directory, as the server sees it.
func directoryDown(p *play, _ args) error {
	if err := p.quiet(); err != nil {
		return err
	}
	p.down = true
	return p.queue.damage()
}

func directoryBack(p *play, _ args) error {
	if err := p.queue.settle(); err != nil {
		return err
	}
	p.down = false
	if err := p.queue.mend(); err != nil {
		return err
	}
	return p.quiet()
}

// misled is somebody whose calls are made by a page of another site.
func misled(p *play, a args) error {
	p.record.become(a["WHO"], func(o *oddity) { o.origin = a["TEXT"] })
	return nil
}

// forgesHost is somebody who names another host to the server than its own.
func forgesHost(p *play, a args) error {
	p.record.become(a["WHO"], func(o *oddity) { o.host = a["TEXT"] })
	return nil
}

func attests(p *play, a args) error {
	return p.attests(p.person(a["STAFF"]), p.person(a["OTHER"]), "it", a["DOCUMENT"])
}

func vouches(p *play, a args) error {
	return p.vouches(p.person(a["WHO"]), p.person(a["OTHER"]), "it", a["TEXT"])
}

func declines(p *play, a args) error {
	api, token, err := p.vouching(p.person(a["WHO"]), "it")
	if err != nil {
		return err
	}
	return api.Do(p.ctx, "POST", "/vouches/decline", map[string]any{"token": token}, nil)
}

func simChanged(p *play, a args) error {
	for _, c := range slices.Concat(p.person(a["ACCOUNT"]).contacts, p.person(a["ACCOUNT"]).added) {
		if c.Kind == directory.ContactPhone {
			p.world.phones.SIM(c.Address, p.clock.now().Add(-a.span()))
		}
	}
	return nil
}

func registersPasskey(p *play, a args) error {
	w := p.person(a["WHO"])
	api, err := p.owner(w, asPerson)
	if err != nil {
		return err
	}
	old := w.passkey
	if err := p.addPasskey(api, w); err != nil {
		return err
	}
	w.lost = old
	return nil
}

func registersContact(p *play, a args) error {
	w := p.person(a["WHO"])
	if err := p.register(w, "recovery_contact", a["ADDRESS"]); err != nil {
		return err
	}
	w.trusted = a["ADDRESS"]
	return nil
}

// registersAddress is somebody adding where they are reached from now on.
func registersAddress(method string, kind directory.ContactKind) func(*play, args) error {
	return func(p *play, a args) error {
		w, address := p.person(a["WHO"]), a["ADDRESS"]+a["TELEPHONE"]
		if err := p.register(w, method, address); err != nil {
			return err
		}
		w.added = append(w.added, directory.Contact{Kind: kind, Address: address})
		return nil
	}
}

// staysSignedIn opens a session of their own that is not closed.
func staysSignedIn(p *play, a args) error {
	w := p.person(a["WHO"])
	w.stays = true
	_, err := p.owner(w, asPerson)
	return err
}

func registersColleague(p *play, a args) error {
	api, err := p.owner(p.person(a["WHO"]), asPerson)
	if err != nil {
		return err
	}
	return api.Do(p.ctx, "POST", "/security/colleagues", map[string]any{"login": a["OTHER"]}, nil)
}

// removesLost takes the passkey before the present one off the record.
func removesLost(p *play, a args) error {
	api, err := p.owner(p.person(a["WHO"]), asPerson)
	if err != nil {
		return err
	}
	var v struct {
		Factors []struct{ ID, Method string }
	}
	if err := api.Do(p.ctx, "GET", "/security", nil, &v); err != nil {
		return err
	}
	for _, f := range v.Factors {
		if f.Method == "passkey" {
			return api.Do(p.ctx, "POST", "/security/factors/"+f.ID+"/remove", nil, nil)
		}
	}
	return fmt.Errorf("%s has no passkey on record", a["WHO"])
}

// usesLost is somebody who has found the lost passkey trying to sign in with it.
func usesLost(p *play, a args) error {
	w := *p.person(a["ACCOUNT"])
	w.passkey = w.lost
	_, err := p.owner(&w, asPerson)
	return err
}

func goesOn(p *play, a args) error {
	if err := p.quiet(); err != nil {
		return err
	}
	return p.goesOn(p.person(a["WHO"]), "it")
}

// selfServes asks without being anybody. Whoever knows the case from then on
// has read the owner's mail.
func selfServes(p *play, a args) error {
	api, err := p.nobody(p.person(a["WHO"]), asPerson)
	if err != nil {
		return err
	}
	in := map[string]any{"login": a["LOGIN"], "action": a["ACTION"]}
	if err := api.Do(p.ctx, "POST", "/self-requests", in, nil); err != nil {
		return err
	}
	if err := p.quiet(); err != nil {
		return err
	}
	olive, err := p.office(p.person("olive"), asStaff)
	if err != nil {
		return err
	}
	page, err := olive.List(p.ctx, client.Filter{Limit: 1})
	if err != nil || len(page.Requests) == 0 {
		return err
	}
	r, err := olive.Request(p.ctx, page.Requests[0].ID)
	if err == nil && r.Subject.Login == a["LOGIN"] && r.Channel == identity.SelfService {
		p.requests["it"] = &ticket{r.ID, r.Case, r.Subject.Login}
	}
	return err
}

func checksDesk(p *play, a args) error {
	api, err := p.nobody(p.person(a["WHO"]), asPerson)
	if err != nil {
		return err
	}
	code := "2222-2222"
	if r := p.requests["it"]; r != nil {
		code = r.code
	}
	return api.Do(p.ctx, "POST", "/desk-checks", map[string]any{"case": code}, nil)
}

func reportsCaller(p *play, a args) error {
	api, err := p.nobody(p.person(a["WHO"]), asPerson)
	if err != nil {
		return err
	}
	if err := api.Do(p.ctx, "POST", "/desk-reports", map[string]any{"login": a["WHO"]}, nil); err != nil {
		return err
	}
	return p.quiet()
}

func observes(p *play, a args) error {
	r, err := p.request("it")
	if err != nil {
		return err
	}
	api, err := p.office(p.person(a["STAFF"]), asStaff)
	if err != nil {
		return err
	}
	return api.Do(p.ctx, "POST", "/requests/"+r.id+"/observations", map[string]any{"kind": a["KIND"]}, nil)
}

// callsBack is the agent typing what somebody read to them.
func callsBack(p *play, a args) error {
	r, err := p.request("it")
	if err != nil {
		return err
	}
	heard, err := p.heard(p.person(a["OTHER"]))
	if err != nil {
		return err
	}
	api, err := p.office(p.person(a["STAFF"]), asStaff)
	if err != nil {
		return err
	}
	return api.Do(p.ctx, "POST", "/requests/"+r.id+"/callback", map[string]any{"code": heard}, nil)
}
