package gate

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"countersign/internal/proof"
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

// Prompt is what the claimant is told about a challenge.
type Prompt struct {
	Challenge string       `json:"challenge"`
	Method    proof.Method `json:"method"`
	Until     time.Time    `json:"until"`
}

// Challenge asks the claimant for a proof by a method. Where that means
// sending a code, it goes to the registered destination the server picks.
func (g *Gate) Challenge(ctx context.Context, token string, m proof.Method) (Prompt, error) {
	s, session, err := g.claimed(ctx, token)
	if err != nil {
		return Prompt{}, err
	}
	spec, ok := proof.SpecOf(m)
	if !ok {
		return Prompt{}, invalid("unknown method")
	}
	f, err := g.factor(ctx, s, m, g.now())
	if err != nil {
		return Prompt{}, err
	}
	// Hashing costs; a challenge that would be refused must not pay for it.
	if err := s.Usable(m, f.id, f.since, g.now()); err != nil {
		return Prompt{}, notOpen(err)
	}
	p := Prompt{Challenge: newID("chl"), Method: m}
	var more besides
	if m == proof.EmailCode {
		if more, err = g.sendCode(ctx, s, p.Challenge, f.contact, g.now().Add(spec.Life)); err != nil {
			return p, err
		}
	}
	_, err = g.change(ctx, s.ID, "session:"+session, func(_ reset.State, at time.Time) (reset.Command, besides, error) {
		p.Until = at.Add(spec.Life)
		return reset.Record{Event: reset.Challenged{
			Challenge: p.Challenge, Session: session, Method: m, Enrolment: f.id, Since: f.since, Until: p.Until,
		}}, more, nil
	})
	return p, err
}

// notOpen gives one answer for a method that cannot be used, whatever the
// reason: whether somebody has no such factor, or a very new one, is not for
// whoever holds a case code.
func notOpen(err error) error {
	switch reset.CodeOf(err) {
	case reset.MethodNotWanted, reset.ChannelNotIndependent, reset.DestinationTooNew:
		return errMethod
	}
	return err
}

var errMethod = &reset.Refusal{Code: reset.MethodNotWanted, Msg: "this method is not open for this case"}

// sendCode makes a code, keeps its hash, and leaves the letter, sealed, for
// the job that sends it.
func (g *Gate) sendCode(ctx context.Context, s reset.State, challenge string, to contact, until time.Time) (besides, error) {
	digits := code.New(rand.Reader)
	hash, err := g.hash.Hash(ctx, digits)
	if err != nil {
		return besides{}, err
	}
	token, veto := g.newVeto(s.ID, to.ID, g.now())
	subject, text, err := code.Message(code.Letter{
		Organisation: g.cfg.Organisation, Action: s.Action, Case: s.Case, Code: digits,
		Life: 10 * time.Minute, Repudiate: g.cfg.BaseURL + "/not-me/" + token,
	})
	if err != nil {
		return besides{}, fmt.Errorf("gate: writing the letter: %w", err)
	}
	mail, job, err := g.letter(letter{To: to.address, Subject: subject, Text: text, Request: s.ID, Contact: to.ID, Notice: "code"}, until)
	if err != nil {
		return besides{}, err
	}
	return besides{
		items: []store.ItemChange{put(shelfCode, challenge, s.ID, codeHash{hash}, 0, until), mail, veto},
		jobs:  []store.Job{job},
	}, nil
}
