package main

import (
	"strings"

	"countersign/internal/app"
	"countersign/internal/identity"
)

type rosterPasskey struct {
	Person string `arg:"" help:"Who on the roster."`
}

// Run invites somebody to register another passkey.
func (v rosterPasskey) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	token, err := c.InvitePasskey(e.ctx, identity.PersonID(v.Person))
	if err != nil {
		return err
	}
	i := invitation{token, app.JoinLink(c.Server(), token)}
	return e.answer(i, func() {
		e.say("Hand this to %s alone; it works once, for a week:\n\n  %s", safe(v.Person), safe(i.URL))
	})
}

type rosterInvitations struct{}

// Run lists the invitations that wait to be redeemed.
func (rosterInvitations) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	list, err := c.Invitations(e.ctx)
	if err != nil {
		return err
	}
	return e.answer(list, func() {
		if len(list) == 0 {
			e.say("Nobody is invited.")
			return
		}
		rows := [][]string{{"invitation", "person", "name", "to be", "until"}}
		for _, i := range list {
			roles := words(i.Roles)
			if i.Another {
				roles = "another passkey"
			}
			rows = append(rows, []string{safe(i.ID), safe(i.Person), safe(i.Name), roles, when(i.Until)})
		}
		e.table(rows)
	})
}

type rosterWithdraw struct {
	Invitation string `arg:"" help:"The invitation as roster invitations names it; not its link."`
}

// Run makes an invitation worthless.
func (v rosterWithdraw) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	return c.WithdrawInvitation(e.ctx, v.Invitation)
}

type tokenList struct{}

// Run lists the integrations that were let in.
func (tokenList) Run(e *env) error {
	c, err := e.staff()
	if err != nil {
		return err
	}
	list, err := c.Tokens(e.ctx)
	if err != nil {
		return err
	}
	return e.answer(list, func() {
		rows := [][]string{{"name", "may", "until", "last call since the server started"}}
		for _, t := range list {
			scopes := make([]string, len(t.Scopes))
			for i, s := range t.Scopes {
				scopes[i] = safe(s)
			}
			rows = append(rows, []string{safe(t.Name), strings.Join(scopes, " "), when(t.Until), moment(t.Used)})
		}
		e.table(rows)
	})
}
