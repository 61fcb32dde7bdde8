package scenario

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"countersign/internal/client"
	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/identity"
	"countersign/internal/softkey"
)

// The sentences that say what is so when a script begins.

func givenAccount(p *play, a args) error {
	w := p.person(a["NEW"])
	w.id = identity.PersonID("employee:" + w.name)
	w.password = "the first of " + w.name + ", five seas"
	p.keep("the password of "+w.name, w.password)
	p.given = append(p.given, given{past, func() error { return p.addAccount(w) }})
	return nil
}

// addAccount makes the account, and its manager's before it.
func (p *play) addAccount(w *person) error {
	if w.account != "" {
		return nil
	}
	n := local.NewAccount{Login: w.name, Name: w.name, Person: w.id, Password: w.password, Unit: w.unit, Groups: w.groups}
	if w.starts != nil {
		n.Starts = p.begun.Add(*w.starts)
	}
	if w.manager != "" {
		m := p.people[w.manager]
		if err := p.addAccount(m); err != nil {
			return err
		}
		n.Manager = m.account
	}
	var err error
	w.account, err = p.house.people.Add(p.ctx, n)
	return err
}

func contactOf(kind directory.ContactKind, own bool) func(*play, args) error {
	return func(p *play, a args) error {
		w := p.person(a["ACCOUNT"])
		c := directory.Contact{Kind: kind, Address: a["ADDRESS"] + a["TELEPHONE"], Own: own}
		p.given = append(p.given, given{a.span(), func() error { return p.reach(w, append(w.contacts, c)) }})
		return nil
	}
}

// reach puts contacts on an account's record.
func (p *play) reach(w *person, contacts []directory.Contact) error {
	w.contacts = contacts
	return p.house.people.SetContacts(p.ctx, w.account, contacts)
}

// givenFactor has the on-boarding integration register a factor, whose result
// the owner is handed.
func givenFactor(method string) func(*play, args) error {
	return func(p *play, a args) error {
		w := p.person(a["ACCOUNT"])
		p.given = append(p.given, given{a.span(), func() error { return p.enrol(w, method) }})
		return nil
	}
}

func (p *play) enrol(w *person, method string) error {
	api, err := p.integration("onboarding", setUp, "enrolments:write")
	if err != nil {
		return err
	}
	in := map[string]any{"login": w.name, "method": method}
	switch method {
	case "device":
		if in["key"], err = w.newDevice(); err != nil {
			return err
		}
	case "idv":
		in["subject"] = w.name + "-17"
	}
	var f client.Factor
	if err := api.Do(p.ctx, "POST", "/enrolments", in, &f); err != nil {
		return err
	}
	if f.Code != "" {
		w.drawer = f.Code
		p.keep("the recovery code of "+w.name, f.Code)
		return nil
	}
	if f.URI == "" {
		return nil
	}
	uri, err := url.Parse(f.URI)
	if err != nil {
		return err
	}
	text := uri.Query().Get("secret")
	p.keep("the seed of the app of "+w.name, text)
	w.seed, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	return err
}

func givenManager(p *play, a args) error {
	w, m := p.person(a["ACCOUNT"]), p.person(a["OTHER"])
	w.manager = m.name
	if m.account == "" && m.password == "" {
		return fmt.Errorf("%s needs an account first", m.name)
	}
	return nil
}

func givenGroup(p *play, a args) error {
	w := p.person(a["ACCOUNT"])
	w.groups = append(w.groups, a["TEXT"])
	return nil
}

func givenUnit(p *play, a args) error {
	p.person(a["ACCOUNT"]).unit = a["TEXT"]
	return nil
}

func givenLocked(p *play, a args) error {
	w := p.person(a["ACCOUNT"])
	w.locked = true
	p.given = append(p.given, given{0, func() error {
		for range local.MaxFailures {
			if err := p.house.people.SignIn(p.ctx, w.name, "mistyped"); !errors.Is(err, directory.ErrBadCredential) {
				return fmt.Errorf("mistyping a password: %w", err)
			}
		}
		return nil
	}})
	return nil
}

// givenPasskey is registered on the account's first day, as it is in life.
func givenPasskey(p *play, a args) error {
	w := p.person(a["ACCOUNT"])
	p.person(officer).roles = []identity.Role{identity.Proofing}
	for _, name := range duty {
		p.person(name).roles = []identity.Role{identity.Security}
	}
	p.given = append(p.given, given{a.span(), func() error { return p.enrolFirst(w) }})
	return nil
}

func givenTrusted(p *play, a args) error {
	w := p.person(a["ACCOUNT"])
	p.given = append(p.given, given{a.span(), func() error {
		w.trusted = a["ADDRESS"]
		return p.register(w, "recovery_contact", a["ADDRESS"])
	}})
	return nil
}

func givenColleague(p *play, a args) error {
	p.given = append(p.given, given{a.span(), func() error { return registersColleague(p, args{"WHO": a["ACCOUNT"], "OTHER": a["OTHER"]}) }})
	return nil
}

// givenStart is an owner's first day, still to come or past.
func givenStart(sign time.Duration) func(*play, args) error {
	return func(p *play, a args) error {
		starts := sign * a.span()
		p.person(a["ACCOUNT"]).starts = &starts
		return nil
	}
}

// givenStaff puts somebody on the roster.
func givenStaff(roles ...identity.Role) func(*play, args) error {
	return func(p *play, a args) error {
		w := p.person(a["NEW"])
		w.roles, w.desk = append(w.roles, roles...), a["DESK"]
		return nil
	}
}

func givenStranger(p *play, a args) error { p.person(a["NEW"]); return nil }

func givenSystem(*play, args) error { return nil }

// staffRoster invites everybody to the roster who is not on it, in the order
// of their names, and the founder countersigns.
func (p *play) staffRoster() error {
	olive := p.person("olive")
	var names []string
	for name, w := range p.people {
		if len(w.roles) > 0 && w != olive {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		w := p.people[name]
		w.key = softkey.New(rand.Reader)
		api, err := p.office(olive, setUp)
		if err != nil {
			return err
		}
		token, err := api.Invite(p.ctx, client.Invitee{Person: w.id, Name: w.name, Roles: w.roles, Desk: w.desk})
		if err != nil {
			return err
		}
		nobody, err := p.nobody(w, setUp)
		if err != nil {
			return err
		}
		joined, err := nobody.Join(p.ctx, token, w.key)
		if err != nil {
			return err
		}
		paper, err := api.ProposalPaper(p.ctx, joined.Proposal)
		if err != nil {
			return err
		}
		if _, err := api.Countersign(p.ctx, joined.Proposal, paper, olive.key); err != nil {
			return err
		}
	}
	return nil
}
