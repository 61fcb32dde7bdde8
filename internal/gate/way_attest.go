package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/code"
	"countersign/internal/reset"
	"countersign/internal/roster"
)

// A witness attests by typing a code that the requester's own screen shows,
// and by signing the statement with their passkey. The code has to travel from
// the requester to the witness, over a line or a desk that both know: nobody
// can wave through a request of which they have only heard by mail.

const shelfVouch = "vouch" // key: hash of the link's token; value: vouchLink

// vouchLink is what the link in a voucher's letter leads to.
type vouchLink struct {
	Request   string            `json:"request"`
	Challenge string            `json:"challenge"`
	Enrolment string            `json:"enrolment"` // by which they are of record
	Person    identity.PersonID `json:"person"`    // who was asked
}

// kindManager dates the manager of record as a contact is dated.
const kindManager = "manager"

// findVouchers lists who may vouch: the manager of record, since when they
// were first seen as that, and the colleagues that the owner has registered.
func (g *Gate) findVouchers(ctx context.Context, s reset.State, at time.Time) ([]factor, error) {
	a, err := g.lookup(ctx, s.Subject)
	if err != nil {
		return nil, err
	}
	all, err := g.factors(ctx, s.Person, proof.Vouch, at)
	if err != nil {
		return nil, err
	}
	if a.Manager.ID != "" && a.Manager.Person != "" && a.Manager.Person == s.Manager {
		seen, err := g.seen(ctx, a.ID, directory.Contact{Kind: kindManager, Address: string(a.Manager.ID)}, at)
		if err != nil {
			return nil, err
		}
		f := factor{id: seen.ID, since: seen.At}
		f.Colleague, f.Account = a.Manager.Person, a.Manager.ID
		all = append(all, f)
	}
	all = slices.DeleteFunc(all, func(f factor) bool { return slices.Contains(s.Barred(), f.Colleague) })
	var out []factor
	for _, f := range all {
		if f.contact, err = g.mailOf(ctx, f.Account, at); err != nil {
			return nil, err
		}
		if f.contact.address != "" {
			out = append(out, f)
		}
	}
	return out, nil
}

// mailOf is the first mailbox on record of an account; none when the account
// has gone.
func (g *Gate) mailOf(ctx context.Context, id identity.AccountID, at time.Time) (contact, error) {
	a, err := g.lookup(ctx, id)
	if errors.Is(err, directory.ErrNotFound) {
		return contact{}, nil
	}
	if err != nil {
		return contact{}, err
	}
	all, err := g.contacts(ctx, a, at)
	if err != nil {
		return contact{}, err
	}
	i := slices.IndexFunc(all, isMail)
	if i < 0 {
		return contact{}, nil
	}
	return all[i], nil
}

// askVouch writes to everybody who may vouch; the first to sign counts. The
// claimant's screen shows the code that they have to hand over.
func (g *Gate) askVouch(ctx context.Context, a *asked) error {
	if err := g.askInPerson(ctx, a); err != nil {
		return err
	}
	for _, f := range a.factors {
		token := newToken("vch_")
		link := vouchLink{a.state.ID, a.prompt.Challenge, f.id, f.Colleague}
		a.items = append(a.items, put(shelfVouch, tokenKey(token), a.state.ID, link, 0, a.prompt.Until))
		subject, text := g.vouchLetter(a, token)
		mail, job, err := g.letter(letter{To: f.contact.address, Subject: subject, Text: text,
			Request: a.state.ID, Contact: f.contact.ID, Notice: "vouch"}, a.prompt.Until)
		if err != nil {
			return err
		}
		a.items, a.jobs = append(a.items, mail), append(a.jobs, job)
	}
	return nil
}

// askInPerson makes the code that the claimant hands over.
func (g *Gate) askInPerson(ctx context.Context, a *asked) error {
	digits, err := g.newCode(ctx, a, "")
	a.prompt.Code = code.Show(digits)
	return err
}

func (g *Gate) vouchLetter(a *asked, token string) (subject, text string) {
	c, s := a.prompt.Card, a.state
	subject = fmt.Sprintf("%s: somebody asks you to vouch, case %s", identity.Line(c.Organisation, 60), c.Case)
	text = fmt.Sprintf(`Somebody asks for this in the name of a person you know, and names you to vouch for them:

    case      %s
    account   %s (%s)
    request   %s
    opened    %s

Vouch only if you have spoken with them yourself, face to face or by a way that you knew before today, and are sure.
They can see a code on their screen and have to tell it to you. Do not vouch on the strength of a call, a voice or a
message alone: voices can be imitated.

To vouch, or to say that it is not them (you need your passkey to vouch, and nothing to say no):

    %s/vouch/%s

This can be answered until %s.
`, c.Case, c.Login, identity.Line(s.Facts.Subject.Name, 80), actionWords(s.Action), roster.When(s.OpenedAt),
		g.cfg.BaseURL, token, roster.When(a.prompt.Until))
	return subject, text
}

func isMail(c contact) bool { return c.Kind == string(directory.ContactEmail) }
