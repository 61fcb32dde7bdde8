package policy

import (
	"cmp"
	"fmt"
	"slices"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// The names under which the policy's own floors stand in denials and reasons.
// No rule can be called so.
const (
	byFacts     = "(facts)"
	byLifecycle = "(lifecycle)"
	byFence     = "(fence)"
	byClass     = "(class)"
	byDesk      = "(desk)"
	byProofs    = "(proofs)"
	byDelivery  = "(delivery)"
	byDefault   = "(default)"
)

// floors are the tiers below which a class never falls, whatever the rules say.
var floors = map[identity.Class]identity.Tier{
	identity.Standard:   identity.Low,
	identity.Sensitive:  identity.High,
	identity.Executive:  identity.High,
	identity.External:   identity.High,
	identity.Privileged: identity.Critical,
	identity.Service:    identity.Critical,
	identity.BreakGlass: identity.Critical,
	identity.Unknown:    identity.Critical,
}

// Plan says what the policy demands for the facts. It never fails: whatever is
// wrong becomes a denial with its reason. Equal facts give equal plans, byte
// for byte.
//
// An account of unknown class counts as privileged: a rule applies to it when
// its condition holds for either word, and a desk reaches it only when its
// reach holds for both.
func (p *Policy) Plan(f Facts) Plan {
	desk := p.desks[f.Agent.Desk]
	d := p.decide(&f)
	d.plan.Tier = identity.Low
	if d.checkFacts(&f); d.plan.Denied() {
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

type decision struct {
	policy *Policy
	frame  frame
	view   *view // what CEL reads; nil until a condition has to be left to it
	plan   Plan
}

func (p *Policy) decide(f *Facts) decision {
	d := decision{policy: p, frame: frame{facts: f}}
	if desk := p.desks[f.Agent.Desk]; desk != nil {
		d.frame.vendor, d.frame.company = desk.vendor, desk.company
	}
	return d
}

// holds evaluates a condition for the class that is set.
func (d *decision) holds(c *condition) (bool, error) {
	switch {
	case !c.only.covers(d.frame.facts.Action, d.frame.class):
		return false, nil
	case c.code != nil:
		return d.frame.truth(c.code)
	case d.view == nil:
		f := *d.frame.facts
		d.view = newView(&f, d.policy.listVals, d.policy.desks[f.Agent.Desk])
	}
	d.view.subjectFacts.class = d.frame.class
	return c.holds(d.view)
}

// setClass changes the class that conditions see.
func (d *decision) setClass(class identity.Class) {
	d.frame.class = class
	for i, w := range d.policy.classSlots {
		d.frame.done[i] &^= w
		d.frame.outcomes[i] &^= w
	}
}

func (d *decision) deny(rule, format string, args ...any) {
	d.plan.Deny = append(d.plan.Deny, Denial{Rule: rule, Reason: fmt.Sprintf(format, args...)})
}

func (d *decision) reason(rule, demand string) {
	d.plan.Reasons = append(d.plan.Reasons, Reason{Rule: rule, Demand: demand})
}

func (d *decision) checkFacts(f *Facts) {
	if !slices.Contains(identity.Actions, f.Action) {
		d.deny(byFacts, "the action is not a known one")
	}
	if !slices.Contains(identity.IntakeChannels, f.Request.Channel) {
		d.deny(byFacts, "the intake channel is not a known one")
	}
	if f.At.IsZero() {
		d.deny(byFacts, "the time of the request is missing")
	}
	for _, l := range []struct {
		what      string
		size, max int
	}{
		{"groups", len(f.Subject.Groups), maxGroups},
		{"enrolled methods", len(f.Subject.Enrolled), maxContacts},
		{"roles", len(f.Subject.Staff), maxContacts},
		{"contacts", len(f.Contacts), maxContacts},
		{"earlier requests", len(f.History), maxHistory},
		{"signals", len(f.Signals), maxSignals},
	} {
		if l.size > l.max {
			d.deny(byFacts, "there are %d %s, more than the %d a policy can be asked about", l.size, l.what, l.max)
		}
	}
	if !d.plan.Denied() {
		d.checkTexts(f)
		d.checkCircumstances(f)
	}
}

// classify takes the first class whose condition holds. A condition that
// cannot be evaluated ends the search, because what comes after it was written
// for accounts that it does not cover.
func (d *decision) classify() {
	class := identity.Unknown
	for _, c := range d.policy.classes {
		holds, err := d.holds(c.when)
		if err != nil {
			d.reason(byClass, fmt.Sprintf("class unknown: deciding %s: %v", c.class, err))
			break
		}
		if holds {
			class = c.class
			break
		}
	}
	d.setClass(class)
	d.plan.Class = class
	if floor := floors[class]; floor != identity.Low {
		d.plan.Tier = floor
		d.reason(byClass, "tier")
	}
	if status := d.frame.facts.Subject.Status; status != "active" {
		d.deny(byLifecycle, "the account is not active")
	}
	if d.frame.facts.Subject.Fenced {
		d.deny(byFence, "the owner said that this was not them, and nobody has reviewed it yet")
	}
}

// apply joins the demands of every rule that matches.
func (d *decision) apply() {
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

func (d *decision) demand(r *rule) {
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
func (d *decision) either(c *condition) (bool, error) {
	holds, err := d.holds(c)
	if d.plan.Class != identity.Unknown {
		return holds, err
	}
	asPrivileged, err2 := d.asPrivileged(c)
	return holds || asPrivileged, cmp.Or(err, err2)
}

func (d *decision) both(c *condition) (bool, error) {
	holds, err := d.holds(c)
	if d.plan.Class != identity.Unknown {
		return holds, err
	}
	asPrivileged, err2 := d.asPrivileged(c)
	return holds && asPrivileged, cmp.Or(err, err2)
}

func (d *decision) asPrivileged(c *condition) (bool, error) {
	d.setClass(identity.Privileged)
	holds, err := d.holds(c)
	d.setClass(identity.Unknown)
	return holds, err
}

// reach refuses what lies beyond the desk of the agent.
func (d *decision) reach(k *desk) {
	if k == nil {
		d.deny(byDesk, "the agent's desk is not one that the policy knows")
		return
	}
	d.within("the desk's reach", "the desk's cap", k.reach, k.tierCap)
	if v := d.policy.vendor(k.company); v != nil {
		d.within("the reach of vendor "+v.name, "the cap of vendor "+v.name, v.reach, v.tierCap)
	}
}

func (d *decision) within(area, ceiling string, reach *condition, tierCap identity.Tier) {
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
func (d *decision) dropUnusable() {
	if len(d.plan.Proofs) == 0 {
		return // finish refuses
	}
	var unusable []proof.Method
	for _, s := range proof.Specs {
		if s.Ceiling.Rank() < d.plan.Tier.Rank() || slices.Contains(s.Spoiled, d.frame.facts.Action) {
			unusable = append(unusable, s.Method)
		}
	}
	left := d.plan.Proofs.Without(unusable...)
	if len(left) == 0 {
		d.deny(byProofs, "every way to prove who is asking needs a method that does not count at tier %s or for %s", d.plan.Tier, d.frame.facts.Action)
	}
	d.plan.Proofs = left
}

// finish fills in what no rule said and puts the plan in canonical form.
func (d *decision) finish() Plan {
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

// mostCounts keeps the largest count of each role, sorted by role.
func mostCounts(needs []approval.Need) []approval.Need {
	out := make([]approval.Need, 0, len(needs))
	for _, n := range needs {
		i := slices.IndexFunc(out, func(o approval.Need) bool { return o.Role == n.Role })
		if i < 0 {
			out = append(out, n)
		} else {
			out[i].Count = max(out[i].Count, n.Count)
		}
	}
	slices.SortFunc(out, func(a, b approval.Need) int { return cmp.Compare(a.Role, b.Role) })
	return out
}
