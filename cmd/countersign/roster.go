package main

import (
	"strings"
	"time"

	"countersign/internal/app"
	"countersign/internal/client"
	"countersign/internal/identity"
)

type rosterVerb struct {
	Init        rosterInit        `cmd:"" help:"Make the invitation that founds the roster (on the server, while it is stopped)."`
	Join        rosterJoin        `cmd:"" help:"Redeem an invitation with a passkey that is a file."`
	Show        rosterShow        `cmd:"" help:"Show who may sign, and what waits for signatures."`
	Invite      rosterInvite      `cmd:"" help:"Invite somebody."`
	Passkey     rosterPasskey     `cmd:"" help:"Invite somebody on the roster to register another passkey."`
	Invitations rosterInvitations `cmd:"" help:"List the invitations that nobody has redeemed yet."`
	Withdraw    rosterWithdraw    `cmd:"" help:"Make an invitation worthless."`
	Propose     rosterPropose     `cmd:"" help:"Propose other roles for somebody, or their removal."`
	Countersign rosterCountersign `cmd:"" help:"Sign a proposed change."`
}

type rosterInit struct {
	onServer
	Person string   `required:"" help:"The founder's person id, as the directory has it."`
	Name   string   `required:"" help:"The founder's name."`
	Roles  []string `required:"" help:"The founder's roles, officer among them."`
	Desk   string   `help:"The founder's desk, if they are an agent."`
	Policy string   `placeholder:"FILE" help:"The first policy; the one of the configuration when absent."`
}

type invitation struct {
	Invitation string `json:"invitation"`
	URL        string `json:"url"`
}

// Run invites the founder.
func (v rosterInit) Run(e *env) error {
	roles, err := rolesOf(v.Roles)
	if err != nil {
		return err
	}
	cfg, err := v.load(e)
	if err != nil {
		return err
	}
	if v.Policy == "" {
		v.Policy = cfg.Policy
	}
	f := app.Founder{Person: identity.PersonID(v.Person), Name: v.Name, Roles: roles, Desk: v.Desk}
	token, link, err := app.InviteFounder(e.ctx, cfg, f, v.Policy)
	if err != nil {
		return err
	}
	return e.answer(invitation{token, link}, func() {
		e.say("Start the server, then %s founds the roster with a passkey, in a browser at\n\n  %s\n\nor with a passkey that is a file (where signin.software_passkeys allows it):\n\n  countersign --server %s roster join --invitation %s --passkey-file FILE\n\nIt works once, for a week.", safe(v.Name), link, cfg.BaseURL, token)
	})
}

type rosterJoin struct {
	Invitation  string `required:"" placeholder:"inv_…" help:"The invitation, or the address with it."`
	PasskeyFile string `required:"" placeholder:"FILE" help:"The passkey; it is made when there is none."`
	Yes         bool   `short:"y" help:"Do not ask before signing."`
}

// Run redeems an invitation.
func (v rosterJoin) Run(e *env) error {
	c, _, err := e.dial()
	if err != nil {
		return err
	}
	if _, token, ok := strings.Cut(v.Invitation, "#"); ok {
		v.Invitation = token
	}
	k, err := e.makeKey(v.PasskeyFile)
	if err != nil {
		return err
	}
	joined, err := c.Join(e.ctx, v.Invitation, k)
	if err != nil {
		return err
	}
	if joined.Sign != nil {
		if err := v.found(e, c, *joined.Sign, k); err != nil {
			return err
		}
	}
	return e.answer(joined, func() {
		e.say("%s, your passkey is %s.", safe(joined.Name), safe(joined.Fingerprint))
		if joined.Sign != nil {
			e.say("The roster stands. Sign in with: countersign sign-in --passkey-file %s", v.PasskeyFile)
			return
		}
		e.say("Read it to an officer, who countersigns with:\n\n  countersign roster countersign %s --passkey-file FILE", safe(joined.Proposal))
	})
}

func (v rosterJoin) found(e *env, c client.Client, p client.Paper, k client.Key) error {
	if err := e.agree(p, "Found the roster with this?", v.Yes); err != nil {
		return err
	}
	return c.Found(e.ctx, v.Invitation, p, k)
}

// agree shows a statement and asks whether it is meant.
func (e *env) agree(p client.Paper, question string, yes bool) error {
	if err := e.show(p); err != nil {
		return err
	}
	if yes {
		return nil
	}
	ok, err := e.confirm(question)
	if err == nil && !ok {
		e.mention("Nothing was signed.")
		err = errNo
	}
	return err
}

type rosterShow struct{}

// Run shows the roster.
func (rosterShow) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	r, err := c.Roster(e.ctx)
	if err != nil {
		return err
	}
	return e.answer(r, func() { e.printRoster(r) })
}

func (e *env) printRoster(r client.Roster) {
	e.fields("organisation", safe(r.Organisation), "policy", safe(r.Policy), "genesis", safe(r.Genesis))
	rows := [][]string{{"person", "name", "roles", "desk", "passkeys"}}
	for _, m := range r.Members {
		var keys []string
		for _, k := range m.Passkeys {
			kind := ""
			if k.Software {
				kind = " (file)"
			}
			keys = append(keys, safe(k.Fingerprint)+kind)
		}
		rows = append(rows, []string{safe(m.Person), safe(m.Name), words(m.Roles), safe(m.Desk), strings.Join(keys, ", ")})
	}
	e.say("")
	e.table(rows)
	for _, p := range r.Proposals {
		what := safe(p.Person)
		if what == "" {
			what = safe(p.Policy)
		}
		e.say("\n%s  %s %s: %d of %d signatures, until %s", safe(p.ID), safe(p.Kind), what, len(p.Signers), p.Needs, when(p.Until))
	}
}

func words[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = safe(w)
	}
	return strings.Join(out, " ")
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

type rosterInvite struct {
	Person string   `required:"" help:"The person's id, as the directory has it."`
	Name   string   `required:"" help:"Their name."`
	Roles  []string `required:"" help:"Their roles."`
	Desk   string   `help:"An agent's desk."`
}

// Run invites.
func (v rosterInvite) Run(e *env) error {
	roles, err := rolesOf(v.Roles)
	if err != nil {
		return err
	}
	c, err := e.staff()
	if err != nil {
		return err
	}
	token, err := c.Invite(e.ctx, client.Invitee{Person: identity.PersonID(v.Person), Name: v.Name, Roles: roles, Desk: v.Desk})
	if err != nil {
		return err
	}
	i := invitation{token, app.JoinLink(c.Server(), token)}
	return e.answer(i, func() {
		e.say("Hand this to %s alone; it works once, for a week:\n\n  %s", safe(v.Name), safe(i.URL))
	})
}

type rosterPropose struct {
	Roles   proposeRoles   `cmd:"" help:"Propose the roles that somebody is to have."`
	Removal proposeRemoval `cmd:"" help:"Propose that somebody leaves the roster."`
}

type signing struct {
	PasskeyFile string `placeholder:"FILE" help:"Countersign at once with this passkey."`
	Yes         bool   `short:"y" help:"Do not ask before signing."`
}

type proposeRoles struct {
	Person string   `arg:"" help:"Who."`
	Roles  []string `arg:"" help:"All their roles from then on."`
	Desk   string   `help:"An agent's desk."`
	signing
}

// Run proposes.
func (v proposeRoles) Run(e *env) error {
	roles, err := rolesOf(v.Roles)
	if err != nil {
		return err
	}
	return e.propose(client.Change{Kind: "set_roles", Person: identity.PersonID(v.Person), Roles: roles, Desk: v.Desk}, v.signing)
}

type proposeRemoval struct {
	Person string `arg:"" help:"Who."`
	signing
}

// Run proposes.
func (v proposeRemoval) Run(e *env) error {
	return e.propose(client.Change{Kind: "remove_member", Person: identity.PersonID(v.Person)}, v.signing)
}

func (e *env) propose(ch client.Change, s signing) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	id, err := c.Propose(e.ctx, ch)
	if err != nil {
		return err
	}
	return e.proposed(c, id, s.PasskeyFile, s.Yes)
}

// proposed says what a proposal still needs, or countersigns it.
func (e *env) proposed(c client.Client, id, passkeyFile string, yes bool) error {
	if passkeyFile != "" {
		return e.countersign(c, id, passkeyFile, yes)
	}
	return e.answer(map[string]string{"proposal": id}, func() {
		e.say("Proposed. It takes effect when officers have countersigned it:\n\n  countersign roster countersign %s --passkey-file FILE", safe(id))
	})
}

type rosterCountersign struct {
	Proposal    string `arg:"" help:"The proposal's id (chg_…)."`
	PasskeyFile string `placeholder:"FILE" help:"Sign with this passkey. Without it, sign in a browser."`
	Yes         bool   `short:"y" help:"Do not ask before signing."`
}

// Run countersigns.
func (v rosterCountersign) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	if v.PasskeyFile == "" {
		page := c.Server() + "/roster/proposals/" + v.Proposal + "/sign"
		return e.answer(map[string]string{"url": page}, func() { e.say("Read and sign it in your browser:\n\n  %s", safe(page)) })
	}
	return e.countersign(c, v.Proposal, v.PasskeyFile, v.Yes)
}

func (e *env) countersign(c client.Client, id, passkeyFile string, yes bool) error {
	k, err := e.loadKey(passkeyFile)
	if err != nil {
		return err
	}
	p, err := c.ProposalPaper(e.ctx, id)
	if err != nil {
		return err
	}
	if p.Policy != nil {
		if err := e.compare(p); err != nil {
			return err
		}
	}
	if err := e.agree(p, "Countersign this?", yes); err != nil {
		return err
	}
	r, err := c.Countersign(e.ctx, id, p, k)
	if err != nil {
		return err
	}
	return e.answer(r, func() {
		for _, o := range r.Proposals {
			if o.ID == id {
				e.say("Signed: %d of %d signatures.", len(o.Signers), o.Needs)
				return
			}
		}
		e.say("Signed, and in effect.")
	})
}
