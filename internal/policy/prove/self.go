package prove

import (
	"countersign/internal/identity"
	"countersign/internal/policy"
)

// What follows compares the policy with itself, with a part of its rules, or
// with what it says of privileged accounts. That comes out the same whatever
// the conditions are, so at first each condition is free to hold, fail or
// neither; only if that does not settle it are they looked at.

// rulesOnlyAdd compares the policy with any part of itself: a free choice says
// of each rule whether it is left out.
func (v *Prover) rulesOnlyAdd(r *Result) {
	v.compare(r, func(whole *Plan) (Lit, *Plan) {
		s := v.space
		part := s.blank(whole.logic)
		part.refused, part.reading, part.class, part.guess = whole.refused, whole.reading, whole.class, whole.guess
		for i, rule := range whole.logic.Rules {
			kept := s.Choice("rule " + rule.Name).Not()
			part.matches = append(part.matches, s.And(whole.matches[i], kept))
			part.fails = append(part.fails, s.And(whole.fails[i], kept))
		}
		part.complete()
		var asked []Lit
		for _, d := range part.proofs {
			asked = append(asked, d.when)
		}
		return s.Or(asked...), part
	})
}

// unknownIsPrivileged compares what an account of unknown class is asked with
// what it would be asked if it were privileged.
func (v *Prover) unknownIsPrivileged(r *Result) {
	v.compare(r, func(whole *Plan) (Lit, *Plan) {
		s := v.space
		as := s.blank(whole.logic)
		as.refused, as.class = whole.refused, map[identity.Class]Lit{}
		for _, c := range identity.Classes {
			as.class[c] = truth(c == identity.Privileged)
		}
		reading := *v.plan.reading
		reading.name += " as privileged"
		reading.class = as.class
		as.reading = &reading
		if whole.guess != nil {
			as.guess = func(c policy.Condition) (Lit, Lit, Lit) {
				_, asPrivileged, _ := whole.guess(c)
				return asPrivileged, asPrivileged, v.guessed(c, "fails as privileged")
			}
		}
		as.apply()
		as.complete()
		return whole.class[identity.Unknown], as
	})
}

// compare decides that the plan never asks less than another, where a
// proposition holds.
func (v *Prover) compare(r *Result, with func(whole *Plan) (Lit, *Plan)) {
	s := v.space
	for _, whole := range []*Plan{v.free(), v.plan} {
		where, other := with(whole)
		lower := s.Or(other.Denied, s.lacks(whole, other))
		v.decide(r, s.And(whole.Denied.Not(), where, lower), func(policy.Facts, policy.Plan) bool { return false })
		if r.Outcome == Holds {
			return
		}
	}
	r.Request, r.Plan = nil, nil
}

// free is the policy with every condition free. A condition that does not read
// the class comes out the same for a privileged account.
func (v *Prover) free() *Plan {
	s := v.space
	a := s.blank(v.plan.logic)
	a.refused, a.reading, a.class = s.Choice("the facts are refused"), v.plan.reading, map[identity.Class]Lit{}
	for _, c := range identity.Classes {
		a.class[c] = s.Choice("class " + string(c))
	}
	a.guess = func(c policy.Condition) (Lit, Lit, Lit) {
		holds, fails := v.guessed(c, "holds"), v.guessed(c, "fails")
		if !c.Expr().Reads("subject.class") {
			return holds, holds, s.Or(fails, v.guessed(c, "fails as privileged"))
		}
		unknown := a.class[identity.Unknown]
		return holds, v.guessed(c, "holds as privileged"), s.Or(fails, s.And(unknown, v.guessed(c, "fails as privileged")))
	}
	a.apply()
	a.complete()
	return a
}

func (v *Prover) guessed(c policy.Condition, what string) Lit {
	if c.Expr().Always() {
		return truth(what == "holds")
	}
	return v.space.Choice(what + " " + c.Expr().Key())
}
