package demo

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"time"

	"countersign/internal/client"
	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/identity"
	"countersign/internal/softkey"
)

// owner is somebody who owns an account, and what they prove themselves by.
type owner struct {
	login, name, part string
	does              string
	mail, phone       string
	has               []string // the methods they were given long ago
	account           local.NewAccount

	id       identity.AccountID
	recovery string // the code in the drawer
	seed     []byte // of the authenticator app
	key      *softkey.Key
}

func (o *owner) person() identity.PersonID { return identity.PersonID("person:" + o.login) }

// The owners whom the audience can be.
const (
	forgotLogin  = "a.dahl"
	lostLogin    = "o.lang"
	adminLogin   = "v.stein"
	serviceLogin = "b.frey"
)

// owners are M. Ito, of whom the play tells, and those whom the audience plays.
func owners() []*owner {
	return []*owner{
		{login: ownerLogin, name: ownerName, mail: ownerMail, has: []string{"recovery_code"},
			account: local.NewAccount{Unit: "Sales", Password: oldPassword}},
		{login: forgotLogin, name: "A. Dahl", part: "employee who forgot the password", mail: "a.dahl@home.example", phone: "+15550141", has: []string{"recovery_code", "totp", "passkey"},
			does: "Has everything else: the app on the telephone, the card in the drawer, the mailbox at home.", account: local.NewAccount{Unit: "Sales", Password: oldPassword + ", and three"}},
		{login: lostLogin, name: "O. Lang", part: "employee who lost the telephone", mail: "o.lang@home.example", has: []string{"recovery_code"},
			does: "Needs a new second factor, and has no app and no telephone to ask for it with.", account: local.NewAccount{Unit: "Sales", Factors: []string{"lost telephone"}}},
		{login: adminLogin, name: "V. Stein", part: "administrator", mail: "v.stein@home.example", phone: "+15550176", has: []string{"passkey"},
			does: "Owns the keys to everything, so two of security sign, and everybody waits.", account: local.NewAccount{Unit: "Infrastructure", Groups: []string{"admins"}}},
		{login: serviceLogin, name: "B. Frey", part: "owner of a program's account", mail: "b.frey@home.example", has: []string{"recovery_code", "totp"},
			does: "Answers for the nightly reports, whose password nobody remembers.", account: local.NewAccount{Login: "reports", Name: "Nightly reports", Unit: "Finance", Service: true}},
	}
}

func (p *play) addAccounts(ctx context.Context) error {
	manager, err := p.people.Add(ctx, local.NewAccount{Login: managerLogin, Name: "N. Berg", Unit: "Sales", Person: p.cast[managerLogin].person(),
		Contacts: []directory.Contact{{Kind: directory.ContactEmail, Address: mailOf(managerLogin)}}})
	if err != nil {
		return err
	}
	_, err = p.people.Add(ctx, local.NewAccount{Login: agentLogin, Name: "P. Cole", Unit: "Helpdesk", Person: p.cast[agentLogin].person()})
	if err != nil {
		return err
	}
	for _, o := range append(owners(), crowd()...) {
		if err := p.add(ctx, manager, o); err != nil {
			return fmt.Errorf("%s: %w", o.login, err)
		}
	}
	return nil
}

func (p *play) add(ctx context.Context, manager identity.AccountID, o *owner) (err error) {
	a := o.account
	a.Person, a.Manager = o.person(), manager
	if a.Login == "" {
		a.Login, a.Name = o.login, o.name
	}
	o.account = a
	a.Contacts = []directory.Contact{{Kind: directory.ContactEmail, Address: o.mail}}
	if o.phone != "" {
		a.Contacts = append(a.Contacts, directory.Contact{Kind: directory.ContactPhone, Address: o.phone})
	}
	p.owners[o.login] = o
	o.id, err = p.people.Add(ctx, a)
	return err
}

// mailOf is the mailbox of somebody at work.
func mailOf(login string) string { return login + "@example.test" }

// enrol is the on-boarding integration, which has a token for this alone, and
// the service point, where a first passkey is handed out.
func (p *play) enrol(ctx context.Context, officer *actor) error {
	token, err := letIn(ctx, officer.api, officer.key, "onboarding", "enrolments:write")
	if err != nil {
		return err
	}
	for _, o := range p.owners {
		for _, method := range o.has {
			if method == "passkey" {
				continue
			}
			if err := o.given(ctx, p.api.As(token), method); err != nil {
				return err
			}
		}
	}
	p.recovery = p.owners[ownerLogin].recovery
	for _, login := range []string{proverLogin, secondLogin, agentLogin} {
		p.clock.pass(time.Minute)
		if err := p.signIn(ctx, p.cast[login]); err != nil {
			return err
		}
	}
	return errors.Join(p.firstPasskey(ctx, p.owners[forgotLogin]), p.firstPasskey(ctx, p.owners[adminLogin]))
}

// given is a factor that on-boarding hands over.
func (o *owner) given(ctx context.Context, hr client.Client, method string) error {
	f, err := hr.Enrol(ctx, "people", o.account.Login, method)
	if err != nil {
		return fmt.Errorf("%s is given a %s: %w", o.login, method, err)
	}
	if method == "recovery_code" {
		o.recovery = f.Code
		return nil
	}
	u, err := url.Parse(f.URI)
	if err == nil {
		o.seed, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.Query().Get("secret"))
	}
	return err
}

// firstPasskey is a first enrolment: a proofing officer sees the owner and a
// document, security signs where the account is an administrator's, and the
// owner registers a passkey.
func (p *play) firstPasskey(ctx context.Context, o *owner) error {
	r, err := p.cast[agentLogin].api.Open(ctx, client.Wish{Login: o.account.Login, Action: identity.InitialEnrolment, Channel: identity.WalkIn})
	if err != nil {
		return fmt.Errorf("%s comes for a passkey: %w", o.login, err)
	}
	session, _, err := p.api.Claim(ctx, r.Case)
	if err != nil {
		return err
	}
	mine := p.api.As(session)
	if err := p.seen(ctx, mine, r.Case); err != nil {
		return err
	}
	if err := p.signedBy(ctx, r, founderLogin, secondLogin); err != nil {
		return err
	}
	if _, err := p.settled(ctx, r.ID); err != nil {
		return err
	}
	begun, err := mine.BeginEnrolment(ctx)
	if err != nil {
		return err
	}
	key := softkey.New(rand.Reader)
	o.key = &key
	_, err = p.api.As(begun.Token).AddPasskey(ctx, "security key", key)
	return err
}

// seen is the proof in person.
func (p *play) seen(ctx context.Context, mine client.Client, code string) error {
	prompt, err := mine.Challenge(ctx, "in_person")
	if err != nil {
		return err
	}
	officer := p.cast[proverLogin]
	s := client.Sighting{Case: code, Code: prompt.Code, Document: "identity_card"}
	paper, err := officer.api.ProofingPaper(ctx, s)
	if err != nil {
		return err
	}
	return officer.api.Attest(ctx, s, paper, officer.key)
}

// signedBy has those of security sign whom the plan asks for.
func (p *play) signedBy(ctx context.Context, r client.Request, security ...string) error {
	for _, n := range r.Needs {
		for _, login := range security[:min(n.Count, len(security))] {
			if _, err := p.approves(ctx, p.cast[login], r.ID, reading); err != nil {
				return err
			}
		}
	}
	return nil
}

// reading is how long security lies over a statement in the past: what is
// critical cannot be signed at once.
const reading = time.Minute

// approves reads and signs; between the two the clock goes on.
func (p *play) approves(ctx context.Context, a *actor, id string, between time.Duration) (client.Request, error) {
	paper, err := a.api.Statement(ctx, id, "approval")
	if err != nil {
		return client.Request{}, fmt.Errorf("%s reads: %w", a.login, err)
	}
	p.clock.pass(between)
	return a.api.Decide(ctx, id, paper, "", a.key)
}

// settled waits until a request is over.
func (p *play) settled(ctx context.Context, id string) (client.Request, error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.cast[founderLogin].api.Wait(waiting, id, func(r client.Request) bool { return !r.IsOpen() })
}
