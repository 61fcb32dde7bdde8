package prove

import (
	"fmt"
	"slices"
	"strings"

	"countersign/internal/identity"
	"countersign/internal/policy"
)

// nobodyLockedOut looks for a way back in for each class. It notes what is
// refused altogether.
func (v *Prover) nobodyLockedOut(r *Result) {
	s := v.space
	var restores []Lit
	for _, a := range restoring {
		restores = append(restores, v.space.Asks(a))
	}
	r.Outcome = Holds
	var sortedInto []identity.Class
	var empty []string
	for _, c := range identity.Classes {
		is := func(_ policy.Facts, p policy.Plan) bool { return p.Class == c }
		sorted := Result{Kind: policy.Possible}
		v.decide(&sorted, s.And(v.plan.refused.Not(), v.plan.Class(c)), is)
		r.Basis.Add(sorted.Basis)
		if sorted.Outcome == Broken {
			empty = append(empty, string(c))
			continue
		}
		sortedInto = append(sortedInto, c)
		way := Result{Kind: policy.Possible}
		v.decide(&way, s.And(v.plan.Denied.Not(), v.plan.Class(c), s.Or(restores...)), func(f policy.Facts, p policy.Plan) bool {
			return is(f, p) && !p.Denied() && slices.Contains(restoring, f.Action)
		})
		r.Basis.Add(way.Basis)
		switch {
		case way.Outcome == Holds:
		case way.Outcome == CannotSay || sorted.Outcome == CannotSay:
			if r.Outcome == Holds {
				r.Outcome, r.Why = CannotSay, fmt.Sprintf("for class %s: %s", c, strings.Join(append(slices.Clip(way.RestsOn), way.Why, sorted.Why), " "))
			}
		case r.Outcome != Broken:
			r.Outcome, r.Request, r.Plan, r.Why = Broken, sorted.Request, sorted.Plan, fmt.Sprintf("nobody of class %s can ever get access again", c)
		}
	}
	if len(empty) > 0 {
		r.Notes = append(r.Notes, "no account is "+strings.Join(empty, ", "))
	}
	r.Notes = append(r.Notes, v.refusedAltogether(sortedInto)...)
}

// refusedAltogether names the actions that are refused to classes whatever the
// circumstances.
func (v *Prover) refusedAltogether(classes []identity.Class) []string {
	open := v.openPairs()
	to := map[string][]string{}
	var order []string
	for _, a := range identity.Actions {
		var refused []string
		for _, c := range classes {
			if !open[pair{c, a}] {
				refused = append(refused, string(c))
			}
		}
		whom := strings.Join(refused, ", ")
		if len(refused) == len(classes) {
			whom = "everybody"
		}
		if whom != "" {
			if to[whom] == nil {
				order = append(order, whom)
			}
			to[whom] = append(to[whom], string(a))
		}
	}
	var out []string
	for _, whom := range order {
		out = append(out, fmt.Sprintf("always refused to %s: %s", whom, strings.Join(to[whom], ", ")))
	}
	return out
}

type pair struct {
	class  identity.Class
	action identity.Action
}

// openPairs gives the classes and actions for which refusing is not certain.
// One model shows one pair; when there is no further model, the rest is certain.
func (v *Prover) openPairs() map[pair]bool {
	s, open := v.space, map[pair]bool{}
	lits, any := map[pair]Lit{}, []Lit{}
	for _, c := range identity.Classes {
		for _, a := range identity.Actions {
			l := s.And(v.plan.Class(c), v.space.Asks(a))
			lits[pair{c, a}] = l
			any = append(any, l)
		}
	}
	q := s.ask(s.And(v.plan.Denied.Not(), s.Or(any...)), exact)
	for {
		model, ok := solve(q.clauses, q.last)
		if !ok {
			return open
		}
		for _, c := range identity.Classes {
			for _, a := range identity.Actions {
				if l := lits[pair{c, a}]; l != False && !open[pair{c, a}] && holds(model, q.lit(l)) {
					open[pair{c, a}] = true
					q.clauses = append(q.clauses, []int{-q.lit(l)})
				}
			}
		}
	}
}
