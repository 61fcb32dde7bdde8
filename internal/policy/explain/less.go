package explain

import (
	"slices"

	"countersign/internal/policy"
	"countersign/internal/policy/change"
	"countersign/internal/policy/prove"
	"countersign/internal/policy/specimen"
)

// WithLess explains the plan and looks, among all requests for the same action,
// for the nearest of which less is asked, once for each demand. Other actions
// are no answer: the person needs this one.
func WithLess(p *policy.Policy, f policy.Facts) Explanation {
	e := Of(p, f)
	s := prove.NewSpace(p)
	n := nearest{policy: p, facts: f, plan: e.Plan, space: s, same: s.Asks(f.Action)}
	if e.Plan.Denied() {
		e.Less = append(e.Less, n.find("request", s.Of(0).Denied.Not()))
		return e
	}
	for _, q := range s.Below(s.Of(0), e.Plan) {
		if q.Is != prove.False {
			e.Less = append(e.Less, n.find(q.Demand, s.And(q.Is, s.Of(0).Denied.Not())))
		}
	}
	return e
}

type nearest struct {
	policy *policy.Policy
	facts  policy.Facts
	plan   policy.Plan
	space  *prove.Space
	same   prove.Lit
}

func (n nearest) find(demand string, less prove.Lit) Less {
	var x change.Change
	a := n.space.Find(n.space.And(n.same, less), n.facts, func(f policy.Facts) bool {
		i := slices.IndexFunc(change.Compare(n.plan, n.policy.Plan(f)), func(c change.Change) bool {
			return c.Demand == demand && c.Direction.Eases()
		})
		if i >= 0 {
			x = change.Compare(n.plan, n.policy.Plan(f))[i]
		}
		return i >= 0
	})
	switch {
	case a.Impossible:
		return Less{Change: change.Change{Demand: demand}, Never: true}
	case !a.Found:
		return Less{Change: change.Change{Demand: demand}, Unclear: a.Unclear}
	}
	if len(a.RestsOn) > 0 {
		x = change.Change{Demand: demand}
	}
	return Less{Change: x, If: specimen.Changes(n.facts, a.Facts), Facts: a.Facts, RestsOn: a.RestsOn}
}
