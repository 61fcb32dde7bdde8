package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"countersign/internal/passhash"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/proof/recoverycode"
	"countersign/internal/proof/totp"
	"countersign/internal/reset"
	"countersign/internal/sealing"
	"countersign/internal/store"
)

const shelfReplacement = "replacement" // key: request id; value: a recovery code, sealed to the claimant

// answering reads a registered factor again: it may have been replaced, spent
// or closed since the challenge. ok is false when it is no longer there.
func (g *Gate) answering(ctx context.Context, id string, at time.Time) (f factor, ok bool, err error) {
	item, err := g.store.Item(ctx, shelfEnrolment, id, at)
	if errors.Is(err, store.ErrNotFound) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("gate: reading an enrolment: %w", err)
	}
	f = factor{id: item.Key, item: item}
	if err := unmarshal(item, &f.enrolment); err != nil {
		return f, false, err
	}
	if f.Misses >= maxMisses {
		return f, false, &reset.Refusal{Code: reset.MethodLocked, Msg: "this factor is closed after too many wrong answers; register a new one"}
	}
	return f, true, nil
}

// missed counts a wrong answer with the factor, over all requests.
func (f factor) missed() verdict {
	e := f.enrolment
	e.Misses++
	return verdict{besides: besides{items: []store.ItemChange{f.as(e)}}}
}

// as writes the factor's item with another content.
func (f factor) as(e enrolment) store.ItemChange {
	return put(shelfEnrolment, f.id, f.item.Owner, e, f.item.Version, time.Time{})
}

func (g *Gate) checkTOTP(ctx context.Context, _ reset.State, c reset.Challenge, r Reply, at time.Time) (verdict, error) {
	f, ok, err := g.answering(ctx, c.Enrolment, at)
	if err == nil {
		err = short(r.Text)
	}
	if err != nil || !ok {
		return verdict{}, err
	}
	seed, err := g.box.Open(f.Seed)
	if err != nil {
		return verdict{}, fmt.Errorf("gate: opening a TOTP seed: %w", err)
	}
	step, right := totp.Check(seed, r.Text, at, f.LastStep)
	if !right {
		return f.missed(), nil
	}
	e := f.enrolment
	e.LastStep, e.Misses = step, 0
	return verdict{right: true, besides: besides{items: []store.ItemChange{f.as(e)}}}, nil
}

// checkRecovery spends a right code and puts a new one in its place
// (SP 800-63B-4 §4.2.1.1). The new one is sealed to the claimant, who gets it
// once the request is done; it counts after the cool-off like any new factor.
func (g *Gate) checkRecovery(ctx context.Context, s reset.State, c reset.Challenge, r Reply, at time.Time) (verdict, error) {
	if err := short(r.Text); err != nil {
		return verdict{}, err
	}
	plain, err := recoverycode.Normalize(r.Text)
	if err != nil {
		return verdict{}, unfit("recoverycode", err) // a typing error is told, and costs no attempt
	}
	f, ok, err := g.answering(ctx, c.Enrolment, at)
	if err != nil || !ok {
		return verdict{}, err
	}
	ctx = passhash.For(ctx, s.ID)
	right, err := g.hash.Verify(ctx, f.Hash, plain)
	if err != nil {
		return verdict{}, err
	}
	if !right {
		return f.missed(), nil
	}
	more, err := g.replaceRecovery(ctx, s, c, f, at)
	return verdict{right: err == nil, besides: more}, err
}

func (g *Gate) replaceRecovery(ctx context.Context, s reset.State, c reset.Challenge, f factor, at time.Time) (besides, error) {
	fresh := recoverycode.New(rand.Reader)
	hash, err := g.hashRecovery(ctx, fresh)
	if err != nil {
		return besides{}, err
	}
	sealed, err := sealing.SealTo(s.Recipient(c.Session), []byte(fresh))
	if err != nil {
		return besides{}, err
	}
	keep := store.ItemChange{Item: store.Item{Shelf: shelfReplacement, Key: s.ID, Owner: s.ID, Value: sealed, Expires: s.ExpiresAt().Add(24 * time.Hour)}}
	return besides{items: []store.ItemChange{
		drop(f.item), keep,
		put(shelfEnrolment, newID("enr"), string(s.Person), enrolment{Method: proof.RecoveryCode, Since: at, Hash: hash, Request: s.ID}, 0, time.Time{}),
	}}, nil
}

// askPasskey puts the statement before the claimant that their passkey signs.
func (g *Gate) askPasskey(ctx context.Context, a *asked) error {
	chain, _, err := g.rules(ctx)
	if err != nil {
		return err
	}
	text, err := a.state.ProofStatement(a.prompt.Challenge, "", "")
	if err != nil {
		return err
	}
	var keys [][]byte
	for _, f := range a.factors {
		keys = append(keys, f.Passkey.ID)
	}
	options := passkey.RequestOptions(chain.RelyingParty, text.Challenge(), keys)
	a.prompt.Statement, a.prompt.Options = string(text), &options
	return nil
}

// checkPasskey verifies the assertion over the challenge's statement with the
// passkey that made it, if that was one of those asked.
func (g *Gate) checkPasskey(ctx context.Context, s reset.State, c reset.Challenge, r Reply, at time.Time) (verdict, error) {
	if r.Assertion == nil {
		return verdict{}, invalid("a passkey answers with an assertion")
	}
	chain, _, err := g.rules(ctx)
	if err != nil {
		return verdict{}, err
	}
	text, err := s.ProofStatement(c.ID, "", "")
	if err != nil {
		return verdict{}, err
	}
	for _, choice := range c.Choices() {
		f, ok, err := g.answering(ctx, choice.Enrolment, at)
		if err != nil {
			return verdict{}, err
		}
		if !ok || f.Passkey == nil || string(f.Passkey.ID) != string(r.Assertion.CredentialID) {
			continue
		}
		if passkey.Verify(chain.RelyingParty, *f.Passkey, text.Challenge(), *r.Assertion) != nil {
			return f.missed(), nil
		}
		e := f.enrolment
		e.Misses = 0
		return verdict{right: true, given: reset.Proved{Enrolment: f.id, Assertion: r.Assertion},
			besides: besides{items: []store.ItemChange{f.as(e)}, rests: footing(chain)}}, nil
	}
	return verdict{}, nil
}
