package lint

import (
	"slices"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/prove"
	"countersign/internal/proof"
)

// swallowed looks for rules that never add anything. It goes from the last to
// the first and leaves out what it found, so that all it names can be taken out
// together.
func (c *check) swallowed() {
	var out []int
	for i := len(c.logic.Rules) - 1; i >= 0; i-- {
		r, m := c.logic.Rules[i], c.model
		if !m.possible(m.applies[i]) {
			continue // rule-never says so
		}
		others := func(covers func(policy.Rule) bool) prove.Lit {
			var ls []prove.Lit
			for j, o := range c.logic.Rules {
				if j != i && !slices.Contains(out, j) && covers(o) {
					ls = append(ls, m.applies[j])
				}
			}
			return m.Or(ls...)
		}
		added := []prove.Lit{prove.True}
		if r.Deny == "" {
			added = m.adds(r.Demand, others)
		}
		refused := others(func(o policy.Rule) bool { return o.Deny != "" })
		if !m.possible(m.And(m.applies[i], refused.Not(), m.Or(added...))) {
			out = append(out, i)
			c.say("rule-adds-nothing", r.Name, c.text.at(ruleAt(i)), "whenever the rule `%s` applies, other rules already demand as much or refuse", r.Name)
		}
	}
}

// adds lists, for each part of a demand, that no other rule demands as much.
func (m *model) adds(d policy.Demand, others func(func(policy.Rule) bool) prove.Lit) []prove.Lit {
	var added []prove.Lit
	part := func(said bool, covers func(policy.Demand) bool, already ...prove.Lit) {
		if said {
			more := others(func(o policy.Rule) bool { return o.Deny == "" && covers(o.Demand) })
			added = append(added, m.Or(append(already, more)...).Not())
		}
	}
	part(d.Tier != "", func(o policy.Demand) bool { return o.Tier != "" && o.Tier.Rank() >= d.Tier.Rank() }, m.floorAtLeast(d.Tier))
	part(len(d.Proofs) > 0, func(o policy.Demand) bool { return len(o.Proofs) > 0 && proof.And(o.Proofs, d.Proofs).Equal(o.Proofs) })
	for _, n := range d.Approvals {
		part(true, func(o policy.Demand) bool { return needs(o, n.Role) >= n.Count })
	}
	part(d.Wait > 0, func(o policy.Demand) bool { return o.Wait >= d.Wait })
	part(d.CoolOff > m.coolOff, func(o policy.Demand) bool { return o.CoolOff >= d.CoolOff })
	part(d.Probation > 0, func(o policy.Demand) bool { return o.Probation >= d.Probation })
	part(d.Expires > 0 && d.Expires < m.expires, func(o policy.Demand) bool { return o.Expires > 0 && o.Expires <= d.Expires })
	part(d.Review > 0, func(o policy.Demand) bool { return o.Review > 0 && o.Review <= d.Review })
	part(len(d.Delivery) > 0, func(o policy.Demand) bool { return len(o.Delivery) > 0 && subset(o.Delivery, d.Delivery) }, m.onlySession(d, others))
	for _, w := range d.Notify {
		part(w != "owner_all", func(o policy.Demand) bool { return slices.Contains(o.Notify, w) })
	}
	for _, w := range d.FollowUp {
		part(true, func(o policy.Demand) bool { return slices.Contains(o.FollowUp, w) })
	}
	return added
}

// onlySession: what the demand says of delivery is what holds when nobody says.
func (m *model) onlySession(d policy.Demand, others func(func(policy.Rule) bool) prove.Lit) prove.Lit {
	if !slices.Equal(d.Delivery, []string{"session"}) {
		return prove.False
	}
	return others(func(o policy.Rule) bool { return len(o.Demand.Delivery) > 0 }).Not()
}

func needs(d policy.Demand, role identity.Role) int {
	i := slices.IndexFunc(d.Approvals, func(n approval.Need) bool { return n.Role == role })
	if i < 0 {
		return 0
	}
	return d.Approvals[i].Count
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(w string) bool { return !slices.Contains(b, w) })
}
