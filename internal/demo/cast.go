package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"countersign/internal/app"
	"countersign/internal/client"
	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/identity"
	"countersign/internal/softkey"
)

const longAgo = 90 * 24 * time.Hour

// actor is somebody on the roster.
type actor struct {
	login, name, part string
	roles             []identity.Role
	desk              string
	key               softkey.Key
	api               client.Client
}

func (a actor) person() identity.PersonID { return identity.PersonID("person:" + a.login) }

// owner is the account that gets reset.
const (
	ownerLogin   = "m.ito"
	ownerName    = "M. Ito"
	ownerMail    = "m.ito@home.example"
	managerMail  = "n.berg@example.test"
	oldPassword  = "the old one, seven wonders"
	ownPassword  = "chosen by nobody but me"
	founderLogin = "s.lund"
)

// yourRoles are those of whoever watches, when the play is over.
var yourRoles = []identity.Role{identity.Security, identity.Reviewer, identity.Auditor}

// actors are in the order of their entrance; the founder is first.
func actors() []*actor {
	return []*actor{
		{login: founderLogin, name: "S. Lund", part: "security officer", roles: []identity.Role{identity.Officer, identity.Security, identity.Auditor}},
		{login: "p.cole", name: "P. Cole", part: "agent at the helpdesk", roles: []identity.Role{identity.Agent}, desk: "helpdesk"},
		{login: "n.berg", name: "N. Berg", part: "M. Ito's manager", roles: []identity.Role{identity.Manager}},
	}
}

func (p *play) inviteFounder(ctx context.Context) error {
	for _, a := range actors() {
		a.key = softkey.New(rand.Reader)
		p.cast[a.login] = a
		if err := a.key.Save(p.path("keys/" + a.login + ".key")); err != nil {
			return err
		}
	}
	f := p.cast[founderLogin]
	token, _, err := app.InviteFounder(ctx, p.cfg, app.Founder{Person: f.person(), Name: f.name, Roles: f.roles}, p.path("policy.yaml"))
	p.founding = token
	return err
}

// settle does what happened ninety days ago: accounts, roster, factors.
func (p *play) settle(ctx context.Context) error {
	if err := p.addAccounts(ctx); err != nil {
		return err
	}
	f := p.cast[founderLogin]
	joined, err := p.api.Join(ctx, p.founding, f.key)
	if err != nil {
		return err
	}
	if err := p.api.Found(ctx, p.founding, *joined.Sign, f.key); err != nil {
		return err
	}
	if err := p.signIn(ctx, f); err != nil {
		return err
	}
	for _, a := range actors() {
		if a.login == founderLogin {
			continue
		}
		if err := p.join(ctx, f, p.cast[a.login]); err != nil {
			return fmt.Errorf("%s joins: %w", a.login, err)
		}
	}
	return p.enrol(ctx, f)
}

func (p *play) addAccounts(ctx context.Context) error {
	manager, err := p.people.Add(ctx, local.NewAccount{Login: "n.berg", Name: "N. Berg", Unit: "Sales", Person: "person:n.berg",
		Contacts: []directory.Contact{{Kind: directory.ContactEmail, Address: managerMail}}})
	if err != nil {
		return err
	}
	_, err = p.people.Add(ctx, local.NewAccount{Login: ownerLogin, Name: ownerName, Unit: "Sales", Person: "person:m.ito", Manager: manager,
		Password: oldPassword, Contacts: []directory.Contact{{Kind: directory.ContactEmail, Address: ownerMail}}})
	if err != nil {
		return err
	}
	_, err = p.people.Add(ctx, local.NewAccount{Login: "p.cole", Name: "P. Cole", Unit: "Helpdesk", Person: "person:p.cole"})
	return err
}

// join invites somebody, redeems the invitation, and countersigns.
func (p *play) join(ctx context.Context, officer, a *actor) error {
	token, err := officer.api.Invite(ctx, client.Invitee{Person: a.person(), Name: a.name, Roles: a.roles, Desk: a.desk})
	if err != nil {
		return err
	}
	joined, err := p.api.Join(ctx, token, a.key)
	if err != nil {
		return err
	}
	paper, err := officer.api.ProposalPaper(ctx, joined.Proposal)
	if err != nil {
		return err
	}
	_, err = officer.api.Countersign(ctx, joined.Proposal, paper, officer.key)
	return err
}

// enrol is the on-boarding integration, which has a token for this alone.
func (p *play) enrol(ctx context.Context, officer *actor) error {
	token, err := officer.api.CreateToken(ctx, "onboarding", []string{"enrolments:write"}, 7)
	if err != nil {
		return err
	}
	hr := p.api.As(token)
	code, err := hr.Enrol(ctx, "people", ownerLogin, "recovery_code")
	if err != nil {
		return err
	}
	p.recovery = code.Code
	return nil
}

func (p *play) signIn(ctx context.Context, a *actor) error {
	session, err := p.api.SignIn(ctx, a.key)
	if err != nil {
		return fmt.Errorf("%s signs in: %w", a.login, err)
	}
	a.api = p.api.As(session.Token)
	return nil
}
