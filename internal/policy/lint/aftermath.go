package lint

import (
	"slices"
	"strings"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/expr"
	"countersign/internal/policy/prove"
)

// approvals looks at who has to sign.
func (c *check) approvals() {
	m := c.model
	two := m.plan.ApproversAtLeast(2)
	c.lacking("privileged-approvals", m.And(m.classes(guarded...), two.Not()), "the %s account's %s needs fewer than two approvers")
	c.lacking("privileged-without-security", m.And(m.classes(guarded...), two, m.plan.ApprovalsAtLeast(identity.Security, 1).Not()),
		"the %s account's %s needs no approver of security")
	for i, r := range c.logic.Rules {
		if needs(r.Demand, identity.Manager) > 1 {
			c.say("manager-count", r.Name, c.text.at(ruleAt(i)+".demand.approvals"), "%d managers are asked to sign, and an account has one", needs(r.Demand, identity.Manager))
		}
	}
	c.missingManager()
}

func (c *check) missingManager() {
	m := c.model
	q := m.And(m.open, m.plan.ApprovalsAtLeast(identity.Manager, 1), m.has("subject.manager", expr.Text).Not(), m.has("delegation.person", expr.Text).Not())
	for range atMost {
		f, p, found := m.find(q, allowed)
		if !found {
			return
		}
		i := c.brought(p, "approvals", func(r policy.Rule) bool { return needs(r.Demand, identity.Manager) > 0 })
		if i < 0 {
			return
		}
		r := c.logic.Rules[i]
		c.say("manager-may-be-absent", r.Name, c.text.at(ruleAt(i)+".demand.approvals"),
			"the rule `%s` asks for a manager's signature, and the account may have no manager on record", r.Name).shows(f)
		q = m.And(q, m.applies[i].Not())
	}
}

// lacking says a finding for every rule that opens a way on which something is
// not demanded. The format takes the class and the action.
func (c *check) lacking(code string, q prove.Lit, format string) {
	q = c.model.And(c.model.open, q)
	for range atMost {
		f, p, found := c.model.find(q, allowed)
		if !found {
			return
		}
		i := c.brought(p, "proofs", func(r policy.Rule) bool { return len(r.Demand.Proofs) > 0 })
		c.say(code, c.logic.Rules[i].Name, c.text.at(ruleAt(i)), format, p.Class, f.Action).shows(f)
		q = c.model.And(q, c.model.applies[i].Not())
	}
}

// aftermath looks at what comes after the signatures.
func (c *check) aftermath() {
	m, p := c.model, c.model.plan
	high, top := p.TierAtLeast(identity.High), p.TierAtLeast(identity.Critical)
	factor := m.Or(m.action(identity.MFAReset), m.action(identity.RecoveryChange))
	c.lacking("no-review", m.And(high, p.Review().Is(0)), "the %s account's %s is never reviewed, although its tier is high")
	// Who is unlocked or signed out has nothing new in their hands.
	given := m.Or(m.action(identity.Unlock), m.action(identity.SessionRevocation)).Not()
	c.lacking("no-probation", m.And(given, m.Or(m.And(high, p.Probation().AtLeast(day).Not()), m.And(top, p.Probation().AtLeast(3*day).Not()))),
		"after the %s account's %s there is no probation, or a short one")
	c.lacking("sessions-survive", m.And(m.Or(m.action(identity.PasswordReset), m.action(identity.MFAReset)), p.FollowsUp("revoke_sessions").Not()),
		"the %s account's %s leaves whoever is signed in signed in")
	c.lacking("no-time-to-veto", m.And(high, factor, p.Wait().Is(0)), "the %s account's %s happens at once, although its tier is high")
	c.lacking("nobody-else-hears", m.And(top, p.Notifies("manager").Not(), p.Notifies("security").Not()),
		"nobody but its owner hears of the %s account's %s")
}

// reactions looks for rules that react to what is known of attacks.
func (c *check) reactions() {
	for _, k := range []struct{ code, list, msg string }{
		{"no-signal-rule", "signals", "no rule reads `signals`"},
		{"no-history-rule", "history", "no rule reads `history`"},
	} {
		reads := func(r policy.Rule) bool {
			return r.When.Expr().Any(func(n *expr.Node) bool {
				return n.Op == expr.Fact && (n.Path == k.list || strings.HasPrefix(n.Path, k.list+"."))
			})
		}
		if !slices.ContainsFunc(c.logic.Rules, reads) {
			c.say(k.code, "", c.text.key("rules"), "%s", k.msg)
		}
	}
}
