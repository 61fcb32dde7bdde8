package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/proof"
	"countersign/internal/proof/code"
	"countersign/internal/proof/recoverycode"
	"countersign/internal/proof/totp"
	"countersign/internal/reset"
	"countersign/internal/sealing"
	"countersign/internal/store"
)

const shelfReplacement = "replacement" // key: request id; value: a recovery code, sealed to the claimant

// Answer checks a claimant's answer to a challenge. A wrong one is counted
// before it is refused; a right one is spent in the same commit that records
// the proof, so that it can never count twice.
func (g *Gate) Answer(ctx context.Context, token, challenge, typed string) (CaseView, error) {
	for try := 0; ; try++ {
		v, err := g.answerOnce(ctx, token, challenge, typed)
		if errors.Is(err, store.ErrConflict) {
			// Somebody else changed the request or used the factor: judge
			// the answer again, from the start.
			if try < 5 {
				continue
			}
			err = ErrBusy
		}
		return v, err
	}
}

func (g *Gate) answerOnce(ctx context.Context, token, challenge, typed string) (CaseView, error) {
	s, session, err := g.claimed(ctx, token)
	if err != nil {
		return CaseView{}, err
	}
	i := slices.IndexFunc(s.Challenges, func(c reset.Challenge) bool { return c.ID == challenge && c.Session == session })
	if i < 0 {
		return CaseView{}, &reset.Refusal{Code: reset.ChallengeUnknown, Msg: "this request has no such challenge"}
	}
	c, at := s.Challenges[i], g.now()
	// Learn before any costly check whether an answer could count at all.
	if _, err := reset.Evolve(s, reset.AnswerRefused{Challenge: challenge}, at); err != nil {
		return CaseView{}, err
	}
	right, more, err := g.check(ctx, s, c, typed, at)
	if err != nil {
		return CaseView{}, err
	}
	events, after, err := reset.Decide(s, reset.Answer{Challenge: challenge, Session: session, Right: right}, at)
	if err != nil {
		return CaseView{}, err
	}
	if err := g.commit(ctx, s, after, "session:"+session, events, more); err != nil {
		return CaseView{}, err
	}
	if !right {
		return CaseView{}, ErrAnswer
	}
	return g.caseView(ctx, after, session), nil
}

// check tells whether the answer is right, and what has to change with it.
func (g *Gate) check(ctx context.Context, s reset.State, c reset.Challenge, typed string, at time.Time) (bool, besides, error) {
	if len(typed) > 128 {
		return false, besides{}, invalid("the answer is too long")
	}
	if c.Method == proof.EmailCode {
		return g.checkCode(ctx, c, typed, at)
	}
	item, err := g.store.Item(ctx, shelfEnrolment, c.Enrolment, at)
	if errors.Is(err, store.ErrNotFound) {
		return false, besides{}, nil // replaced or spent since the challenge
	}
	if err != nil {
		return false, besides{}, fmt.Errorf("gate: reading an enrolment: %w", err)
	}
	f := factor{id: item.Key, item: item}
	if err := unmarshal(item, &f.enrolment); err != nil {
		return false, besides{}, err
	}
	if f.Misses >= maxMisses {
		return false, besides{}, &reset.Refusal{Code: reset.MethodLocked, Msg: "this factor is closed after too many wrong answers; register a new one"}
	}
	switch c.Method {
	case proof.TOTP:
		return g.checkTOTP(s, f, typed, at)
	case proof.RecoveryCode:
		return g.checkRecovery(ctx, s, c, f, typed, at)
	}
	return false, besides{}, invalid("this method is not answered here")
}

func (g *Gate) checkCode(ctx context.Context, c reset.Challenge, typed string, at time.Time) (bool, besides, error) {
	item, err := g.store.Item(ctx, shelfCode, c.ID, at)
	if errors.Is(err, store.ErrNotFound) {
		return false, besides{}, &reset.Refusal{Code: reset.ChallengeLapsed, Msg: "the code has lapsed; ask for a new one"}
	}
	var h codeHash
	if err == nil {
		err = unmarshal(item, &h)
	}
	if err != nil {
		return false, besides{}, fmt.Errorf("gate: reading a code: %w", err)
	}
	digits, err := code.Normalize(typed)
	if err != nil {
		return false, besides{}, nil
	}
	right, err := g.hash.Verify(ctx, h.Hash, digits)
	if err != nil || !right {
		return false, besides{}, err
	}
	return true, besides{items: []store.ItemChange{drop(item)}}, nil
}

func (g *Gate) checkTOTP(s reset.State, f factor, typed string, at time.Time) (bool, besides, error) {
	seed, err := g.box.Open(f.Seed)
	if err != nil {
		return false, besides{}, fmt.Errorf("gate: opening a TOTP seed: %w", err)
	}
	step, right := totp.Check(seed, typed, at, f.LastStep)
	e := f.enrolment
	if right {
		e.LastStep, e.Misses = step, 0
	} else {
		e.Misses++
	}
	return right, besides{items: []store.ItemChange{put(shelfEnrolment, f.id, string(s.Person), e, f.item.Version, time.Time{})}}, nil
}

// checkRecovery spends a right code and puts a new one in its place
// (SP 800-63B-4 §4.2.1.1). The new one is sealed to the claimant, who gets it
// once the request is done; it counts after the cool-off like any new factor.
func (g *Gate) checkRecovery(ctx context.Context, s reset.State, c reset.Challenge, f factor, typed string, at time.Time) (bool, besides, error) {
	plain, err := recoverycode.Normalize(typed)
	if err != nil {
		return false, besides{}, invalid(err.Error()) // a typing error is told, and costs no attempt
	}
	right, err := g.hash.Verify(ctx, f.Hash, plain)
	if err != nil {
		return false, besides{}, err
	}
	if !right {
		e := f.enrolment
		e.Misses++
		return false, besides{items: []store.ItemChange{put(shelfEnrolment, f.id, string(s.Person), e, f.item.Version, time.Time{})}}, nil
	}
	fresh := recoverycode.New(rand.Reader)
	hash, err := g.hashRecovery(ctx, fresh)
	if err != nil {
		return false, besides{}, err
	}
	var recipient string
	for _, x := range s.Sessions {
		if x.ID == c.Session {
			recipient = x.Recipient
		}
	}
	sealed, err := sealing.SealTo(recipient, []byte(fresh))
	if err != nil {
		return false, besides{}, err
	}
	keep := store.ItemChange{Item: store.Item{Shelf: shelfReplacement, Key: s.ID, Owner: s.ID, Value: sealed, Expires: s.ExpiresAt().Add(24 * time.Hour)}}
	return true, besides{items: []store.ItemChange{
		drop(f.item), keep,
		put(shelfEnrolment, newID("enr"), string(s.Person), enrolment{Method: proof.RecoveryCode, Since: at, Hash: hash}, 0, time.Time{}),
	}}, nil
}
