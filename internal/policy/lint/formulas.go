package lint

import (
	"slices"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/prove"
	"countersign/internal/proof"
)

// formulas looks at each rule's own formula.
func (c *check) formulas() {
	for i, r := range c.logic.Rules {
		if len(r.Demand.Proofs) == 0 || c.met[i] == nil {
			continue
		}
		var live proof.Formula
		var dead []func()
		for _, way := range r.Demand.Proofs {
			if c.usable(i, way) {
				live = append(live, way)
				continue
			}
			if code, msg := c.whyDead(i, way); code == "mail-or-phone-high-tier" {
				c.say(code, r.Name, c.formulaPlace(i, way), msg, join(way), r.Name)
			} else {
				dead = append(dead, func() { c.say(code, r.Name, c.formulaPlace(i, way), msg, join(way), r.Name) })
			}
		}
		if len(live) == 0 {
			c.say("proofs-never-enough", r.Name, c.text.at(proofsOf(i)), "no alternative counts in any request that the rule `%s` applies to", r.Name)
			continue
		}
		for _, say := range dead {
			say()
		}
		c.compare(i, r, live)
	}
}

// usable: every method of the way counts in some request the rule applies to.
func (c *check) usable(i int, way []proof.Method) bool {
	m, met := c.model, c.met[i]
	there := func(w proof.Method) bool {
		spec, _ := proof.SpecOf(w)
		return spec.Ceiling.Rank() >= met.plan.Tier.Rank() && !slices.Contains(spec.Spoiled, met.action)
	}
	if !slices.ContainsFunc(way, func(w proof.Method) bool { return !there(w) }) {
		return true
	}
	all := []prove.Lit{m.applies[i]}
	for _, w := range way {
		all = append(all, m.plan.Usable(w))
	}
	return m.possible(m.And(all...))
}

// whyDead tells the tier from the action.
func (c *check) whyDead(i int, way []proof.Method) (code, format string) {
	m := c.model
	for _, w := range way {
		spec, _ := proof.SpecOf(w)
		if m.possible(m.And(m.applies[i], m.above(spec.Ceiling).Not())) {
			continue
		}
		if only(way, mailOrCall) {
			return "mail-or-phone-high-tier", "`%s` counts for nothing at the tier that the rule `%s` always has"
		}
		return "proof-never-counts", "`%s` counts for nothing at the tier that the rule `%s` always has"
	}
	return "proof-spoiled", "`%s` counts for nothing for the actions of the rule `%s`: it is what they replace"
}

// compare looks at the alternatives that can count, side by side.
func (c *check) compare(i int, r policy.Rule, live proof.Formula) {
	var alone, several []proof.Method
	for _, way := range live {
		switch {
		case len(way) > 1 && several == nil:
			several = way
		case len(way) == 1 && !strong(way) && alone == nil:
			alone = way
		}
		if channel, one := oneChannel(way); one {
			c.say("same-channel", r.Name, c.formulaPlace(i, way), "the proofs of `%s` all travel by %s", join(way), channel)
		}
	}
	if alone != nil && several != nil {
		c.say("unequal-alternatives", r.Name, c.formulaPlace(i, alone), "`%s` alone stands beside `%s` in the rule `%s`", join(alone), join(several), r.Name)
	}
}

// oneChannel reports whether several proofs reach their owner by one mailbox or
// one telephone. A recovery contact's mailbox is somebody else's.
func oneChannel(way []proof.Method) (identity.Channel, bool) {
	var channel identity.Channel
	if slices.Contains(way, proof.RecoveryContact) {
		return "", false
	}
	for _, m := range way {
		s, _ := proof.SpecOf(m)
		if channel != "" && s.Channel != channel {
			return "", false
		}
		channel = s.Channel
	}
	return channel, len(way) > 1 && (channel == identity.Email || channel == identity.Phone)
}
