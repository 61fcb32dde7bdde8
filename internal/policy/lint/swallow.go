package lint

import (
	"slices"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/prove"
	"countersign/internal/proof"
)

// swallowed looks for rules that never add anything. It goes from the last to
// the first and leaves out what it found, so that all it names can be taken out
// together.
func (c *check) swallowed() {
	out := map[int]bool{}
	for i := len(c.logic.Rules) - 1; i >= 0; i-- {
		if c.met[i] == nil || c.addsThere(i, out) {
			continue
		}
		m, r := c.model, c.logic.Rules[i]
		others := c.others(i, out, func(j int) prove.Lit { return m.applies[j] })
		refused := others(func(o policy.Rule) bool { return o.Deny != "" })
		// A condition that fails refuses, and so adds something too.
		adds := m.Or(m.fails[i], m.And(m.applies[i], m.Or(m.adds(r, others, m.floorAtLeast)...)))
		if !m.possible(m.And(adds, refused.Not())) {
			out[i] = true
			c.say("rule-adds-nothing", r.Name, c.text.at(ruleAt(i)), "whenever the rule `%s` applies, other rules already demand as much or refuse", r.Name)
		}
	}
}

// others gives a way to ask whether, besides rule i and those that are out, a
// rule applies that covers something.
func (c *check) others(i int, out map[int]bool, applies func(int) prove.Lit) func(func(policy.Rule) bool) prove.Lit {
	return func(covers func(policy.Rule) bool) prove.Lit {
		var ls []prove.Lit
		for j, o := range c.logic.Rules {
			if j != i && !out[j] && covers(o) {
				ls = append(ls, applies(j))
			}
		}
		return c.model.Or(ls...)
	}
}

// addsThere reports whether the rule adds something to the one plan that it is
// known to be part of, which spares most rules the question.
func (c *check) addsThere(i int, out map[int]bool) bool {
	p := c.met[i].plan
	there := map[string]bool{}
	for _, r := range p.Reasons {
		there[r.Rule] = true
	}
	for _, d := range p.Deny {
		there[d.Rule] = true
	}
	others := c.others(i, out, func(j int) prove.Lit { return constant(there[c.logic.Rules[j].Name]) })
	if others(func(o policy.Rule) bool { return o.Deny != "" }) == prove.True {
		return false
	}
	added := c.model.adds(c.logic.Rules[i], others, func(t identity.Tier) prove.Lit { return constant(policy.Floor(p.Class).Rank() >= t.Rank()) })
	return c.model.Or(added...) == prove.True
}

// adds lists, for each part of what a rule demands, that no other demands as
// much.
func (m *model) adds(r policy.Rule, others func(func(policy.Rule) bool) prove.Lit, floor func(identity.Tier) prove.Lit) []prove.Lit {
	if r.Deny != "" {
		return []prove.Lit{prove.True}
	}
	d := r.Demand
	var added []prove.Lit
	part := func(said bool, covers func(policy.Demand) bool, already ...prove.Lit) {
		if said {
			more := others(func(o policy.Rule) bool { return o.Deny == "" && covers(o.Demand) })
			added = append(added, m.Or(append(already, more)...).Not())
		}
	}
	if d.Tier != "" {
		part(true, func(o policy.Demand) bool { return o.Tier != "" && o.Tier.Rank() >= d.Tier.Rank() }, floor(d.Tier))
	}
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
	most := 0
	for _, n := range d.Approvals {
		if n.Role == role {
			most = n.Count
		}
	}
	return most
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(w string) bool { return !slices.Contains(b, w) })
}
