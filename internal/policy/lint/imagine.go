package lint

import (
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/expr"
	"countersign/internal/policy/prove"
	"countersign/internal/proof"
)

// imagined is what the policy would say of the same request if some of its
// facts were other than they are. The account's class stays what it is, and
// nobody acts at a desk.
type imagined struct {
	open     prove.Lit
	applies  []prove.Lit
	tierOver [4]prove.Lit // by rank: above it
	action   identity.Action
	m        *model
}

// imagine plans requests with parts of the rules' conditions replaced. The
// action is the one that is imagined; "" when it stays.
func (m *model) imagine(action identity.Action, by func(*expr.Node) *expr.Node) *imagined {
	v := &imagined{m: m, action: action}
	denied := []prove.Lit{m.sound.Not(), m.plan.DeniedBy("(lifecycle)"), m.plan.DeniedBy("(fence)"),
		m.has("agent.desk", expr.Text), m.has("agent.person", expr.Text)}
	for _, r := range m.logic.Rules {
		holds, asPrivileged, fails := m.asked(rewrite(r.When.Expr(), by))
		applies := m.And(m.Or(holds, m.And(m.class(identity.Unknown), asPrivileged)), fails.Not())
		v.applies = append(v.applies, applies)
		denied = append(denied, fails)
		if r.Deny != "" {
			denied = append(denied, applies)
		}
	}
	for rank, t := range identity.Tiers[:3] {
		above := identity.Tiers[rank+1]
		v.tierOver[rank] = m.Or(m.floorAtLeast(above), v.any(func(d policy.Demand) bool { return d.Tier != "" && d.Tier.Rank() > t.Rank() }))
	}
	v.tierOver[3] = prove.False
	denied = append(denied, v.accepts(methods(func(proof.Spec) bool { return true })).Not())
	v.open = m.Or(denied...).Not()
	return v
}

func (v *imagined) any(is func(policy.Demand) bool) prove.Lit {
	var any []prove.Lit
	for i, r := range v.m.logic.Rules {
		if r.Deny == "" && is(r.Demand) {
			any = append(any, v.applies[i])
		}
	}
	return v.m.Or(any...)
}

// accepts says that the methods together are enough.
func (v *imagined) accepts(ms []proof.Method) prove.Lit {
	all := []prove.Lit{v.any(func(d policy.Demand) bool { return len(d.Proofs) > 0 })}
	for i, r := range v.m.logic.Rules {
		if r.Deny != "" || len(r.Demand.Proofs) == 0 {
			continue
		}
		ways := []prove.Lit{v.applies[i].Not()}
		for _, way := range r.Demand.Proofs {
			if only(way, ms) {
				ways = append(ways, v.usable(way))
			}
		}
		all = append(all, v.m.Or(ways...))
	}
	return v.m.And(all...)
}

func (v *imagined) usable(way []proof.Method) prove.Lit {
	var all []prove.Lit
	for _, w := range way {
		spec, _ := proof.SpecOf(w)
		all = append(all, v.tierOver[spec.Ceiling.Rank()].Not())
		for _, a := range spec.Spoiled {
			switch v.action {
			case "":
				all = append(all, v.m.action(a).Not())
			case a:
				all = append(all, prove.False)
			}
		}
	}
	return v.m.And(all...)
}

// isFact reports whether n reads this fact, outside of loops.
func isFact(n *expr.Node, path string) bool { return n.Op == expr.Fact && n.Var == 0 && n.Path == path }

func instead(path string, value *expr.Node) func(*expr.Node) *expr.Node {
	return func(n *expr.Node) *expr.Node {
		if isFact(n, path) {
			return value
		}
		return nil
	}
}

// secondFactor compares the proofs for a new second factor with those for a
// new password of the same account.
func (c *check) secondFactor() {
	m := c.model
	password := m.imagine(identity.PasswordReset, instead("action", text(string(identity.PasswordReset))))
	var weak, strongly []prove.Lit
	for _, set := range weakest() {
		weak = append(weak, m.plan.Accepts(set...))
		strongly = append(strongly, password.accepts(set).Not())
	}
	q := m.And(m.open, m.action(identity.MFAReset), m.Or(weak...), password.open, m.And(strongly...))
	c.opened("mfa-reset-weaker", q, func(way []proof.Method) bool { return !strong(way) },
		"`%s` is enough for the %s account's %s, and not for its password_reset")
}
