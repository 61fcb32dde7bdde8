package prove

import (
	"strconv"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/expr"
)

const (
	lt = expr.Lt
	ge = expr.Ge
)

// Space is every possible request, described by propositions that any number
// of policies share. It only grows; a proposition keeps its meaning. One Space
// is not for several goroutines at a time; several Spaces are.
type Space struct {
	gates
	policies []*policy.Policy
	plans    []*Plan
	terms    map[string]*term
	lemmas   [][]Lit // each a clause that holds of every request
}

// NewSpace describes requests for these policies.
func NewSpace(ps ...*policy.Policy) *Space {
	s := &Space{gates: newGates(), policies: ps, terms: map[string]*term{}}
	for i, p := range ps {
		s.plans = append(s.plans, s.plan("policy "+strconv.Itoa(i), p))
	}
	return s
}

// Of is the plan of the policy of this number.
func (s *Space) Of(i int) *Plan { return s.plans[i] }

// Cond says when a condition holds and when it fails for want of a fact, read
// as the policy of this number reads it: subject.class is the class that its
// plan says, agent.vendor what it says of the desk.
func (s *Space) Cond(i int, n *expr.Node) (holds, fails Lit) {
	a := s.plans[i]
	r := *a.reading
	r.name += " planned"
	r.plan = a
	r.class = map[identity.Class]Lit{}
	for _, c := range identity.Classes {
		r.class[c] = a.Class(c)
	}
	v := s.cond(n, &scene{reading: &r})
	return v.holds, v.fails
}
