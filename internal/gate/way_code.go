package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

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
}

// newCode makes a code for a challenge and what the server keeps of it.
func (g *Gate) newCode(ctx context.Context, a *asked) (digits string, err error) {
	digits = code.New(rand.Reader)
	hash, err := g.hash.Hash(ctx, digits)
	if err != nil {
		return "", err
	}
	a.items = append(a.items, put(shelfCode, a.prompt.Challenge, a.state.ID, codeHash{hash}, 0, a.prompt.Until))
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
			out = append(out, factor{id: c.ID, since: c.FirstSeen, setBy: c.setBy, contact: c})
		}
	}
	return out, nil
}

// askMail leaves the letter with the code, sealed, for the job that sends it.
func (g *Gate) askMail(ctx context.Context, a *asked) error {
	digits, err := g.newCode(ctx, a)
	if err != nil {
		return err
	}
	s, to := a.state, a.factors[0].contact
	token, veto := g.newVeto(s.ID, to.ID, g.now())
	subject, text, err := code.Message(code.Letter{
		Card: a.prompt.Card.printed(), Code: digits, Life: a.prompt.Until.Sub(s.ChangedAt), Repudiate: g.cfg.BaseURL + "/not-me/" + token,
		Nth: a.nth, Most: sendsAnHour.most,
	})
	if err != nil {
		return fmt.Errorf("gate: writing the letter: %w", err)
	}
	mail, job, err := g.letter(letter{To: to.address, Subject: subject, Text: text, Request: s.ID, Contact: to.ID, Notice: "code"}, a.prompt.Until)
	if err != nil {
		return err
	}
	a.items, a.jobs = append(a.items, mail, veto), append(a.jobs, job)
	return nil
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
	right, err := g.hash.Verify(ctx, h.Hash, digits)
	return right, item, err
}

// short refuses what no typed answer is as long as.
func short(typed string) error {
	if len(typed) > 128 {
		return invalid("the answer is too long")
	}
	return nil
}

// spoken groups a code's digits as people read them out.
func grouped(digits string) string {
	var out []byte
	for i := range len(digits) {
		if i > 0 && i%4 == 0 {
			out = append(out, ' ')
		}
		out = append(out, digits[i])
	}
	return string(slices.Clip(out))
}
