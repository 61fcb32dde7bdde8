package gate

import (
	"context"
	"errors"
	"slices"

	"countersign/internal/reset"
	"countersign/internal/store"
)

// Answer checks a claimant's answer to a challenge. A wrong one is counted
// before it is refused; a right one is spent in the same commit that records
// the proof, so that it can never count twice.
func (g *Gate) Answer(ctx context.Context, token, challenge string, r Reply) (CaseView, error) {
	return g.answer(ctx, token, challenge, func(s reset.State, c reset.Challenge) (verdict, error) {
		w := g.ways[c.Method]
		if w.check == nil {
			return verdict{}, invalid("this method is not answered here")
		}
		return w.check(ctx, s, c, r, g.now())
	})
}

// answer has the claimant's answer checked and records what became of it.
func (g *Gate) answer(ctx context.Context, token, challenge string, check func(reset.State, reset.Challenge) (verdict, error)) (CaseView, error) {
	var v CaseView
	err := g.again(func() error {
		s, session, err := g.claimed(ctx, token)
		if err != nil {
			return err
		}
		c, err := challengeOf(s, challenge)
		if err != nil || c.Session != session {
			return errors.Join(err, errChallenge)
		}
		after, err := g.judge(ctx, s, c, "session:"+session, func() (verdict, error) { return check(s, c) })
		if err == nil {
			v = g.caseView(ctx, after, session)
		}
		return err
	})
	return v, err
}

var errChallenge = &reset.Refusal{Code: reset.ChallengeUnknown, Msg: "this request has no such challenge"}

func challengeOf(s reset.State, id string) (reset.Challenge, error) {
	i := slices.IndexFunc(s.Challenges, func(c reset.Challenge) bool { return c.ID == id })
	if i < 0 {
		return reset.Challenge{}, errChallenge
	}
	return s.Challenges[i], nil
}

// again repeats what somebody else's change got in the way of: the request
// moved on, or the factor was used.
func (g *Gate) again(do func() error) error {
	for try := 0; ; try++ {
		err := do()
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if try == 5 {
			return ErrBusy
		}
	}
}

// judge checks an answer and records what became of it. check is not run for
// an answer that could not count: it may cost.
func (g *Gate) judge(ctx context.Context, s reset.State, c reset.Challenge, actor string, check func() (verdict, error)) (reset.State, error) {
	at := g.now()
	if _, err := reset.Evolve(s, reset.AnswerRefused{Challenge: c.ID}, at); err != nil {
		return s, err
	}
	if err := g.answerable(ctx, s, c.Method, at); err != nil {
		return s, err
	}
	v, err := check()
	if err != nil {
		return s, err
	}
	events, after, err := reset.Decide(s, reset.Answer{Challenge: c.ID, Session: c.Session, Right: v.right, Given: v.given}, at)
	if err != nil {
		return s, err
	}
	if !v.right {
		more, err := g.guessed(ctx, after, c, at)
		if err != nil {
			return s, err
		}
		v.items, v.jobs = append(v.items, more.items...), append(v.jobs, more.jobs...)
	}
	if err := g.commit(ctx, s, after, actor, events, v.besides); err != nil {
		return s, err
	}
	if !v.right {
		return s, ErrAnswer
	}
	return after, nil
}
