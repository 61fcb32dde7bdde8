package policy

import (
	"time"
	"unicode/utf8"
)

// weigh refuses a policy whose conditions are too many in all.
func (l *loader) weigh() {
	if l.Found() > 0 {
		return
	}
	if worst := l.policy.worst(); worst > maxDecision {
		l.FaultAt(0, 0, "",
			"the conditions together could take too long over the largest facts: %d steps for one decision, where %d are allowed; use fewer loops", worst, maxDecision)
	}
}

// worst is how many steps one decision can take. Of an account of unknown
// class every rule and reach is asked twice; an agent is at one desk.
func (p *Policy) worst() uint64 {
	var sum, desk, vendor uint64
	for _, c := range p.classes {
		sum += c.when.cost
	}
	for _, r := range p.rules {
		sum += 2 * r.when.cost
	}
	for _, d := range p.desks {
		desk = max(desk, d.reach.cost)
	}
	for _, v := range p.vendors {
		if v.reach != nil {
			vendor = max(vendor, v.reach.cost)
		}
	}
	return sum + 2*(desk+vendor)
}

// checkTexts refuses texts beyond the size that the cost of conditions is
// estimated for.
func (d *decision) checkTexts(f *Facts) {
	s := &f.Subject
	long := anyTooLong(string(s.ID), string(s.Person), s.Directory, s.Login, s.Name, s.Unit, s.Location, s.Status, string(s.Manager),
		string(f.Requester.Person), string(f.Agent.Person), f.Agent.Desk, f.Request.Ticket, f.Request.Zone) ||
		anyTooLong(s.Groups...) || anyTooLong(s.Staff...) || anyTooLong(s.Enrolled...) ||
		f.Location != nil && anyTooLong(f.Location.Network, f.Location.Source) ||
		f.Device != nil && anyTooLong(f.Device.ID, f.Device.Source) ||
		f.Emergency != nil && anyTooLong(f.Emergency.Incident) ||
		f.Delegation != nil && anyTooLong(string(f.Delegation.Person))
	for i := range f.Contacts {
		long = long || anyTooLong(f.Contacts[i].ID, f.Contacts[i].Kind, f.Contacts[i].Source)
	}
	for i := range f.History {
		h := &f.History[i]
		long = long || anyTooLong(h.Request, string(h.Action), h.Outcome, h.Desk)
	}
	for i := range f.Signals {
		long = long || anyTooLong(f.Signals[i].Kind)
	}
	if long {
		d.deny(byFacts, "a text is longer than the %d characters a policy can be asked about", maxText)
	}
}

func anyTooLong(texts ...string) bool {
	for _, s := range texts {
		if len(s) > maxText && utf8.RuneCountInString(s) > maxText {
			return true
		}
	}
	return false
}

// Moments that a policy can be asked about. Any two of them are less than 292
// years apart, which is all that a duration can say; so no condition can fail
// for having subtracted one from another.
var (
	Earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	Latest   = time.Date(2190, 1, 1, 0, 0, 0, 0, time.UTC)
)

// checkTimes refuses moments that can only be mistakes. A time that may be
// absent is absent when it is zero.
func (d *decision) checkTimes(f *Facts) {
	odd := isOddUnlessZero(f.At)
	odd = odd || isThereAndOdd(f.Subject.Created) || isThereAndOdd(f.Subject.Starts)
	if l := f.Location; l != nil {
		odd = odd || isOddUnlessZero(l.At)
	}
	if v := f.Device; v != nil {
		odd = odd || isOddUnlessZero(v.At)
	}
	if e := f.Emergency; e != nil {
		odd = odd || isOddUnlessZero(e.Declared) || isOddUnlessZero(e.Until)
	}
	if g := f.Delegation; g != nil {
		odd = odd || isOddUnlessZero(g.Since) || isOddUnlessZero(g.Until)
	}
	for i := range f.Contacts {
		odd = odd || isOdd(f.Contacts[i].FirstSeen) || isThereAndOdd(f.Contacts[i].SIMChanged)
	}
	for i := range f.History {
		odd = odd || isOdd(f.History[i].At)
	}
	for i := range f.Signals {
		odd = odd || isOdd(f.Signals[i].At)
	}
	if odd {
		d.deny(byFacts, "a time lies outside of the years %d to %d", Earliest.Year(), Latest.Year())
	}
}

func isOdd(t time.Time) bool { return t.Before(Earliest) || !t.Before(Latest) }

func isThereAndOdd(t *time.Time) bool { return t != nil && isOdd(*t) }

func isOddUnlessZero(t time.Time) bool { return !t.IsZero() && isOdd(t) }

// checkCircumstances refuses circumstances that contradict themselves.
func (d *decision) checkCircumstances(f *Facts) {
	d.checkTimes(f)
	if o := f.Request.Offset; o != nil && (*o < -maxOffset || *o > maxOffset) {
		d.deny(byFacts, "the desk's clock is more than %d hours from UTC", maxOffset/3600)
	}
	if l := f.Location; l != nil && l.Country != "" && !isCountry(l.Country) {
		d.deny(byFacts, "the country is not a code of two capital letters")
	}
	if e := f.Emergency; e != nil && (f.At.Before(e.Declared) || !f.At.Before(e.Until)) {
		d.deny(byFacts, "the emergency is not in force at the time of the request")
	}
	if g := f.Delegation; g != nil && (f.At.Before(g.Since) || !f.At.Before(g.Until)) {
		d.deny(byFacts, "the delegation is not in force at the time of the request")
	}
}
