package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
)

// planByCEL is Plan as it was before conditions had code and rules an index:
// every condition is asked of CEL, in the order of the text.
func (p *Policy) planByCEL(f Facts) Plan {
	desk := p.desks[f.Agent.Desk]
	d := byCEL{policy: p, view: newView(&f, p.listVals, desk)}
	d.plan.Tier = identity.Low
	checked := decision{policy: p}
	checked.checkFacts(&f)
	if d.plan.Deny = checked.denials; d.plan.Denied() {
		// Conditions are bounded for facts of ordinary size only.
		d.plan.Class, d.plan.Tier = identity.Unknown, identity.Critical
		return d.finish()
	}
	d.classify()
	d.apply()
	if f.Agent.Desk != "" || f.Agent.Person != "" {
		d.reach(desk)
	}
	d.dropUnusable()
	return d.finish()
}

// byCEL is the decision that the one in use is held to.
type byCEL struct {
	policy *Policy
	view   *view
	plan   Plan
}

func (d *byCEL) deny(rule, format string, args ...any) {
	d.plan.Deny = append(d.plan.Deny, Denial{Rule: rule, Reason: fmt.Sprintf(format, args...)})
}

func (d *byCEL) reason(rule, demand string) {
	d.plan.Reasons = append(d.plan.Reasons, Reason{Rule: rule, Demand: demand})
}

// classify takes the first class whose condition holds. A condition that
// cannot be evaluated ends the search, because what comes after it was written
// for accounts that it does not cover.
func (d *byCEL) classify() {
	class := identity.Unknown
	for _, c := range d.policy.classes {
		holds, err := c.when.holds(d.view)
		if err != nil {
			d.reason(byClass, fmt.Sprintf("class unknown: deciding %s: %v", c.class, err))
			break
		}
		if holds {
			class = c.class
			break
		}
	}
	d.view.subjectFacts.class = class
	d.plan.Class = class
	if floor := floors[class]; floor != identity.Low {
		d.plan.Tier = floor
		d.reason(byClass, "tier")
	}
	if status := d.view.facts.Subject.Status; status != "active" {
		d.deny(byLifecycle, "the account is not active")
	}
	if f := d.view.facts; f.Action == identity.InitialEnrolment && f.Subject.Starts != nil && f.Subject.Starts.Sub(f.At) > 24*time.Hour {
		d.deny(byLifecycle, "the owner's first day has not come")
	}
	if d.view.facts.Subject.Fenced {
		d.deny(byFence, "the owner said that this was not them, and nobody has reviewed it yet")
	}
}

// apply joins the demands of every rule that matches.
func (d *byCEL) apply() {
	for _, r := range d.policy.rules {
		holds, err := d.either(r.when)
		switch {
		case err != nil:
			d.deny(r.name, "%v", err)
		case holds && r.deny != "":
			d.deny(r.name, "%s", r.deny)
		case holds:
			d.demand(r)
		}
	}
}

func (d *byCEL) demand(r *rule) {
	m, p := &r.demand, &d.plan
	if m.tier != "" {
		p.Tier = p.Tier.Max(m.tier)
	}
	if len(m.proofs) > 0 {
		p.Proofs = proof.And(p.Proofs, m.proofs)
	}
	p.Approvals = append(p.Approvals, m.approvals...)
	p.Wait = max(p.Wait, m.wait)
	p.CoolOff = max(p.CoolOff, m.coolOff)
	p.Probation = max(p.Probation, m.probation)
	p.Expires = shorter(p.Expires, m.expires)
	p.Review = shorter(p.Review, m.review)
	switch {
	case m.delivery == nil:
	case p.Delivery == nil:
		p.Delivery = slices.Clone(m.delivery)
	default:
		p.Delivery = intersect(p.Delivery, m.delivery)
	}
	p.Notify = append(p.Notify, m.notify...)
	p.FollowUp = append(p.FollowUp, m.followUp...)
	for _, s := range m.said {
		d.reason(r.name, s)
	}
}

// either evaluates a condition; for an unknown class also as if privileged.
func (d *byCEL) either(c *condition) (bool, error) {
	holds, err := c.holds(d.view)
	if d.plan.Class != identity.Unknown {
		return holds, err
	}
	asPrivileged, err2 := d.asPrivileged(c)
	return holds || asPrivileged, cmp.Or(err, err2)
}

func (d *byCEL) both(c *condition) (bool, error) {
	holds, err := c.holds(d.view)
	if d.plan.Class != identity.Unknown {
		return holds, err
	}
	asPrivileged, err2 := d.asPrivileged(c)
	return holds && asPrivileged, cmp.Or(err, err2)
}

func (d *byCEL) asPrivileged(c *condition) (bool, error) {
	d.view.subjectFacts.class = identity.Privileged
	defer func() { d.view.subjectFacts.class = identity.Unknown }()
	return c.holds(d.view)
}

// reach refuses what lies beyond the desk of the agent.
func (d *byCEL) reach(k *desk) {
	if k == nil {
		d.deny(byDesk, "the agent's desk is not one that the policy knows")
		return
	}
	d.within("the desk's reach", "the desk's cap", k.reach, k.tierCap)
	if v := d.policy.vendor(k.company); v != nil {
		d.within("the reach of vendor "+v.name, "the cap of vendor "+v.name, v.reach, v.tierCap)
	}
}

func (d *byCEL) within(area, ceiling string, reach *condition, tierCap identity.Tier) {
	if reach != nil {
		holds, err := d.both(reach)
		switch {
		case err != nil:
			d.deny(byDesk, "outside %s: %v", area, err)
		case !holds:
			d.deny(byDesk, "outside %s", area)
		}
	}
	if tierCap != "" && d.plan.Tier.Rank() > tierCap.Rank() {
		d.deny(byDesk, "tier %s is above %s of %s", d.plan.Tier, ceiling, tierCap)
	}
}

// dropUnusable takes out the alternatives that need a method which counts for
// nothing at this tier or for this action.
func (d *byCEL) dropUnusable() {
	if len(d.plan.Proofs) == 0 {
		return // finish refuses
	}
	var unusable []proof.Method
	for _, s := range proof.Specs {
		if s.Ceiling.Rank() < d.plan.Tier.Rank() || slices.Contains(s.Spoiled, d.view.facts.Action) {
			unusable = append(unusable, s.Method)
		}
	}
	left := d.plan.Proofs.Without(unusable...)
	if len(left) == 0 {
		d.deny(byProofs, "every way to prove who is asking needs a method that does not count at tier %s or for %s", d.plan.Tier, d.view.facts.Action)
	}
	d.plan.Proofs = left
}

// finish fills in what no rule said and puts the plan in canonical form.
func (d *byCEL) finish() Plan {
	p := &d.plan
	if p.Expires == 0 {
		d.reason(byDefault, "expires")
	}
	p.Expires = shorter(p.Expires, d.policy.expires)
	if p.CoolOff == 0 {
		d.reason(byDefault, "cool_off")
	}
	p.CoolOff = max(p.CoolOff, d.policy.coolOff)
	if p.Delivery == nil {
		p.Delivery = []string{"session"}
		d.reason(byDefault, "delivery")
	}
	p.Notify = append(p.Notify, "owner_all")
	return p.canonical()
}
