package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"countersign/internal/passhash"
	"countersign/internal/proof/code"
	"countersign/internal/reset"
	"countersign/internal/store"
)

const (
	shelfCode   = "code"   // key: challenge id; value: codeHash
	shelfLetter = "letter" // key: letter id; value: letter, sealed
)

type codeHash struct {
	Hash string `json:"hash"`
	Ends string `json:"ends,omitempty"` // the last two digits of the number that was called back
}

// newCode makes a code for a challenge and what the server keeps of it. ends
// is for a number that is called back.
func (g *Gate) newCode(ctx context.Context, a *asked, ends string) (digits string, err error) {
	digits = code.New(rand.Reader)
	hash, err := g.hash.Hash(passhash.For(ctx, a.state.ID), digits)
	if err != nil {
		return "", err
	}
	a.items = append(a.items, put(shelfCode, a.prompt.Challenge, a.state.ID, codeHash{hash, ends}, 0, a.prompt.Until))
	return digits, nil
}

// findMail lists the mailboxes on record that somebody else than the account
// itself opens; those it opens are among them, to be withheld.
func (g *Gate) findMail(ctx context.Context, s reset.State, at time.Time) ([]factor, error) {
	return g.destinations(ctx, s, at, isMail)
}

// destinations lists the contacts of the request's account as factors.
func (g *Gate) destinations(ctx context.Context, s reset.State, at time.Time, want func(contact) bool) ([]factor, error) {
	a, err := g.lookup(ctx, s.Subject)
	if err != nil {
		return nil, err
	}
	contacts, err := g.contacts(ctx, a, at)
	if err != nil {
		return nil, err
	}
	var out []factor
	for _, c := range contacts {
		if want(c) {
			f := factor{id: c.ID, since: c.FirstSeen, setBy: c.setBy, contact: c}
			if c.Own {
				f.doubt = errOwn // the request's facts may be older than this
			}
			out = append(out, f)
		}
	}
	return out, nil
}

// askMail sends a code to the mailbox that has been on record the longest.
func (g *Gate) askMail(ctx context.Context, a *asked) error {
	return g.post(ctx, a, parcel{to: a.factors[0].contact})
}

// parcel is where a code goes, how, and what its letter says of its reader.
type parcel struct {
	to      contact
	way     string
	owner   string // the owner's name, where the reader is a recovery contact
	forDesk bool   // the code travels back to the agent over the call
}

// post leaves the letter with the code, sealed, for the job that sends it.
func (g *Gate) post(ctx context.Context, a *asked, p parcel) error {
	ends := ""
	if p.forDesk {
		ends = shortened(p.to.address)
	}
	digits, err := g.newCode(ctx, a, ends)
	if err != nil {
		return err
	}
	s := a.state
	token, veto := g.newVeto(s.ID, p.to.ID, g.now())
	subject, text, err := write(p.way, code.Letter{
		Card: a.prompt.Card.printed(), Code: digits, Life: a.prompt.Until.Sub(s.ChangedAt), Repudiate: g.cfg.BaseURL + "/not-me/" + token,
		Nth: a.nth, Most: sendsAnHour.most, For: p.owner, ForDesk: p.forDesk,
	})
	if err != nil {
		return fmt.Errorf("gate: writing the letter: %w", err)
	}
	sent, job, err := g.letter(letter{To: p.to.address, Subject: subject, Text: text, Request: s.ID, Contact: p.to.ID, Notice: "code", Way: p.way}, a.prompt.Until)
	if err != nil {
		return err
	}
	a.items, a.jobs = append(a.items, sent, veto), append(a.jobs, job)
	return nil
}

// write puts a letter into the words of the way that it goes.
func write(way string, l code.Letter) (subject, text string, err error) {
	switch way {
	case waySMS:
		text, err = code.Text(l)
	case wayVoice:
		text, err = code.Spoken(l)
	default:
		subject, text, err = code.Message(l)
	}
	return subject, text, err
}

func (g *Gate) checkCode(ctx context.Context, _ reset.State, c reset.Challenge, r Reply, at time.Time) (verdict, error) {
	right, item, err := g.codeRight(ctx, c, r.Text, at)
	if err != nil || !right {
		return verdict{}, err
	}
	return verdict{right: true, besides: besides{items: []store.ItemChange{drop(item)}}}, nil
}

// codeRight compares what was typed with the code of a challenge.
func (g *Gate) codeRight(ctx context.Context, c reset.Challenge, typed string, at time.Time) (bool, store.Item, error) {
	if err := short(typed); err != nil {
		return false, store.Item{}, err
	}
	item, err := g.store.Item(ctx, shelfCode, c.ID, at)
	if errors.Is(err, store.ErrNotFound) {
		return false, item, &reset.Refusal{Code: reset.ChallengeLapsed, Msg: "the code has lapsed; ask for a new one"}
	}
	var h codeHash
	if err == nil {
		err = unmarshal(item, &h)
	}
	if err != nil {
		return false, item, fmt.Errorf("gate: reading a code: %w", err)
	}
	digits, err := code.Normalize(typed)
	if err != nil {
		return false, item, nil //nolint:nilerr // what is no code at all is a wrong answer
	}
	right, err := g.hash.Verify(passhash.For(ctx, item.Owner), h.Hash, digits)
	return right, item, err
}

// short refuses what no typed answer is as long as.
func short(typed string) error {
	if len(typed) > 128 {
		return invalid("the answer is too long")
	}
	return nil
}
