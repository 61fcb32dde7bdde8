package policy

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"countersign/internal/identity"
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

// floorRanks are their ranks, by the class's place.
var floorRanks = func() (all []int) {
	for _, c := range identity.Classes {
		all = append(all, floors[c].Rank())
	}
	return all
}()

// Plan says what the policy demands for the facts. It never fails: whatever is
// wrong becomes a denial with its reason. Equal facts give equal plans, byte
// for byte.
//
// An account of unknown class counts as privileged: a rule applies to it when
// its condition holds for either word, and a desk reaches it only when its
// reach holds for both.
func (p *Policy) Plan(f Facts) Plan {
	d, e := decision{policy: p}, p.over(&f)
	var applies ruleSet
	if d.checkFacts(&f); len(d.denials) > 0 {
		// Conditions are bounded for facts of ordinary size only.
		d.class, d.tier = identity.Unknown, len(identity.Tiers)-1
		return d.finish(&e, &applies)
	}
	d.classify(&e)
	d.apply(&e, &applies)
	if f.Agent.Desk != "" || f.Agent.Person != "" {
		d.reach(&e)
	}
	return d.finish(&e, &applies)
}

// decision is a plan in the making. It does not hold the frame that it is made
// over, because what it appends to its lists would move the facts to the heap.
type decision struct {
	policy *Policy
	view   *view // what CEL reads; nil until a condition has to be left to it

	class     identity.Class
	undecided string // why the class is unknown, when a condition failed
	floored   bool   // the class alone brings a tier
	denials   []Denial
	joined
}

// over makes a frame of the facts, for no class yet.
func (p *Policy) over(f *Facts) frame {
	return frame{facts: f, class: len(identity.Classes), desk: p.desks[f.Agent.Desk], classful: &p.classSlots}
}

// holds evaluates a condition for the class that is set.
func (d *decision) holds(e *frame, c *condition) (bool, error) {
	if c.code != nil {
		return e.truth(c.code)
	}
	if d.view == nil {
		f := *e.facts
		d.view = newView(&f, d.policy.listVals, e.desk)
	}
	d.view.subjectFacts.class = e.className()
	return c.holds(d.view)
}

func (d *decision) deny(rule, format string, args ...any) {
	d.denials = append(d.denials, Denial{Rule: rule, Reason: fmt.Sprintf(format, args...)})
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
	if len(d.denials) == 0 {
		d.checkTexts(f)
		d.checkCircumstances(f)
	}
}

// classify takes the first class whose condition holds. A condition that
// cannot be evaluated ends the search, because what comes after it was written
// for accounts that it does not cover.
func (d *decision) classify(e *frame) {
	d.class = identity.Unknown
	for i := range d.policy.classes {
		c := &d.policy.classes[i]
		holds, err := d.holds(e, c.when)
		if err != nil {
			d.undecided = fmt.Sprintf("class unknown: deciding %s: %v", c.class, err)
			break
		}
		if holds {
			d.class = c.class
			break
		}
	}
	e.setClass(d.class)
	if floor := floorRanks[e.class]; floor > 0 {
		d.tier, d.floored = floor, true
	}
	if e.facts.Subject.Status != "active" {
		d.deny(byLifecycle, "the account is not active")
	}
	if beforeFirstDay(e.facts) {
		d.deny(byLifecycle, "the owner's first day has not come")
	}
	if e.facts.Subject.Fenced {
		d.deny(byFence, "the owner said that this was not them, and nobody has reviewed it yet")
	}
}

// EnrolAhead is how long before the owner's first day a first credential may be
// given out: that day begins elsewhere in the world before it does in UTC, and
// a starter prepares for it.
const EnrolAhead = 24 * time.Hour

// beforeFirstDay refuses a first credential to whoever does not work here yet:
// accounts made ahead of time belong to nobody who could miss them.
func beforeFirstDay(f *Facts) bool {
	return f.Action == identity.InitialEnrolment && f.Subject.Starts != nil && f.At.Before(f.Subject.Starts.Add(-EnrolAhead))
}

// apply finds the rules that apply and joins their demands.
func (d *decision) apply(e *frame, applies *ruleSet) {
	x := d.policy.index
	var found, failed ruleSet
	x.find(e, &found)
	d.try(e, &found, applies, &failed)
	if d.class == identity.Unknown {
		for w, b := range x.classful {
			found[w] &= b
		}
		e.setClass(identity.Privileged)
		d.try(e, &found, applies, &failed)
		e.setClass(identity.Unknown)
	}
	for w := range x.words {
		applies[w] &^= failed[w]
		for b := applies[w]; b != 0; b &= b - 1 {
			if r := x.rules[w*64+bits.TrailingZeros64(b)]; r.deny != "" {
				d.denials = append(d.denials, Denial{r.name, r.deny})
			} else {
				d.demand(r)
			}
		}
	}
}

// try evaluates the rules found. One that fails denies, and is not tried again.
func (d *decision) try(e *frame, found, applies, failed *ruleSet) {
	x := d.policy.index
	actions := x.actions[place(identity.Actions, e.facts.Action)]
	classes := x.classes[e.class]
	for w := range x.words {
		for b := found[w] & actions[w] & classes[w] &^ failed[w]; b != 0; b &= b - 1 {
			i := w*64 + bits.TrailingZeros64(b)
			r := x.rules[i]
			holds, err := d.holds(e, r.when)
			switch {
			case err != nil:
				failed.add(i)
				d.denials = append(d.denials, Denial{r.name, err.Error()})
			case holds:
				applies.add(i)
			}
		}
	}
}

// either evaluates a condition; for an unknown class also as if privileged.
func (d *decision) either(e *frame, c *condition) (bool, error) {
	holds, err := d.holds(e, c)
	if d.class != identity.Unknown {
		return holds, err
	}
	asPrivileged, err2 := d.asPrivileged(e, c)
	return holds || asPrivileged, cmp.Or(err, err2)
}

func (d *decision) both(e *frame, c *condition) (bool, error) {
	holds, err := d.holds(e, c)
	if d.class != identity.Unknown {
		return holds, err
	}
	asPrivileged, err2 := d.asPrivileged(e, c)
	return holds && asPrivileged, cmp.Or(err, err2)
}

func (d *decision) asPrivileged(e *frame, c *condition) (bool, error) {
	e.setClass(identity.Privileged)
	holds, err := d.holds(e, c)
	e.setClass(identity.Unknown)
	return holds, err
}

// reach refuses what lies beyond the desk of the agent.
func (d *decision) reach(e *frame) {
	k := e.desk
	if k == nil {
		d.deny(byDesk, "the agent's desk is not one that the policy knows")
		return
	}
	d.within(e, "the desk's reach", "the desk's cap", k.reach, k.tierCap)
	if v := d.policy.vendor(k.company); v != nil {
		d.within(e, "the reach of vendor "+v.name, "the cap of vendor "+v.name, v.reach, v.tierCap)
	}
}

func (d *decision) within(e *frame, area, ceiling string, reach *condition, tierCap identity.Tier) {
	if reach != nil {
		holds, err := d.both(e, reach)
		switch {
		case err != nil:
			d.deny(byDesk, "outside %s: %v", area, err)
		case !holds:
			d.deny(byDesk, "outside %s", area)
		}
	}
	if tierCap != "" && d.tier > tierCap.Rank() {
		d.deny(byDesk, "tier %s is above %s of %s", identity.Tiers[d.tier], ceiling, tierCap)
	}
}
