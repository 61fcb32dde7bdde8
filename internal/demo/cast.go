package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"countersign/internal/app"
	"countersign/internal/client"
	"countersign/internal/identity"
	"countersign/internal/softkey"
)

const longAgo = 90 * 24 * time.Hour

// actor is somebody on the roster.
type actor struct {
	login, name, part string
	does              string // what they can do next, on the cast's page
	roles             []identity.Role
	desk              string
	key               softkey.Key
	api               client.Client
}

func (a *actor) person() identity.PersonID { return identity.PersonID("person:" + a.login) }

// letIn signs for an integration, for a week.
func letIn(ctx context.Context, officer client.Client, key softkey.Key, name string, scopes ...string) (token string, err error) {
	paper, err := officer.TokenPaper(ctx, name, scopes, 7)
	if err != nil {
		return "", err
	}
	return officer.CreateToken(ctx, paper, key)
}

const (
	ownerLogin   = "m.ito" // whose account the play resets
	ownerName    = "M. Ito"
	ownerMail    = "m.ito@home.example"
	oldPassword  = "the old one, seven wonders"
	ownPassword  = "chosen by nobody but me"
	founderLogin = "s.lund"
	agentLogin   = "p.cole"
	vendorLogin  = "l.hart"
	managerLogin = "n.berg"
	secondLogin  = "k.voss"
	proverLogin  = "j.adler"
	auditorLogin = "e.quist"
	securityMail = "security@example.test"
)

// yourRoles are those of whoever watches, when the play is over.
var yourRoles = []identity.Role{identity.Security, identity.Reviewer, identity.Auditor}

// onStage is how many of the actors the play itself needs.
const onStage = 3

// actors are in the order of their entrance. The founder is first, and the
// second officer last: from then on every change of the roster takes two.
func actors() []*actor {
	return []*actor{
		{login: founderLogin, name: "S. Lund", part: "security officer", roles: []identity.Role{identity.Officer, identity.Security, identity.Auditor},
			does: "Signs for administrators, looks into what somebody called suspicious, countersigns the roster, reads every record."},
		{login: agentLogin, name: "P. Cole", part: "agent at the helpdesk", roles: []identity.Role{identity.Agent}, desk: "helpdesk",
			does: "Takes the call: opens a case and reads out its code. Decides nothing and never sees a secret."},
		{login: managerLogin, name: "N. Berg", part: "manager in Sales", roles: []identity.Role{identity.Manager},
			does: "Reads what their people are about to get, and signs it or says no."},
		{login: vendorLogin, name: "L. Hart", part: "agent of a vendor's desk", roles: []identity.Role{identity.Agent}, desk: "nightline",
			does: "Answers at night for another company: ordinary accounts only, and what lies beyond that is refused."},
		{login: proverLogin, name: "J. Adler", part: "resource owner, proofing officer", roles: []identity.Role{identity.ResourceOwner, identity.Proofing},
			does: "Answers for the accounts of programs, and attests at the service point whom they have seen with which document."},
		{login: auditorLogin, name: "E. Quist", part: "auditor", roles: []identity.Role{identity.Auditor, identity.Reviewer},
			does: "Trusts nobody: takes the file that proves a reset and checks it offline."},
		{login: secondLogin, name: "K. Voss", part: "second security officer", roles: []identity.Role{identity.Officer, identity.Security, identity.Reviewer},
			does: "The other of the two who sign for an administrator; reviews afterwards what they took no part in."},
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
	for _, a := range actors()[1:] {
		p.clock.pass(time.Minute) // they join one by one: who knocks too fast is kept waiting
		if err := p.join(ctx, f, p.cast[a.login]); err != nil {
			return fmt.Errorf("%s joins: %w", a.login, err)
		}
	}
	return p.enrol(ctx, f)
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

func (p *play) signIn(ctx context.Context, a *actor) error {
	session, err := p.api.SignIn(ctx, a.key)
	if err != nil {
		return fmt.Errorf("%s signs in: %w", a.login, err)
	}
	a.api = p.api.As(session.Token)
	return nil
}
