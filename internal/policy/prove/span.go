package prove

import (
	"math"
	"slices"

	"countersign/internal/policy"
)

// Span is one of the times that a plan says, in seconds.
type Span struct {
	space  *Space
	least  int64 // the policy's own
	shrink bool  // the shorter wins, and 0 is none
	values []int64
	from   []Lit // by value: some rule says so much or more
	upTo   []Lit // by value: some rule says so much or less
}

func (a *Plan) span(name string, least int64, shrink bool, of func(d *policy.Demand) int64) Span {
	if t, known := a.spans[name]; known {
		return t
	}
	s := a.space
	t := Span{space: s, least: least, shrink: shrink, values: occurring(a, of)}
	by := map[int64][]Lit{}
	for i := range a.logic.Rules {
		v := of(&a.logic.Rules[i].Demand)
		by[v] = append(by[v], a.matches[i])
	}
	t.from, t.upTo = make([]Lit, len(t.values)), make([]Lit, len(t.values))
	for i, v := range t.values {
		t.upTo[i] = s.Or(by[v]...)
		if i > 0 {
			t.upTo[i] = s.Or(t.upTo[i], t.upTo[i-1])
		}
	}
	for i := len(t.values) - 1; i >= 0; i-- {
		t.from[i] = s.Or(by[t.values[i]]...)
		if i+1 < len(t.values) {
			t.from[i] = s.Or(t.from[i], t.from[i+1])
		}
	}
	a.spans[name] = t
	return t
}

// Wait is the cooling-off after the last approval.
func (a *Plan) Wait() Span {
	return a.span("wait", 0, false, func(d *policy.Demand) int64 { return d.Wait })
}

// CoolOff is how long factors and destinations must have been on record.
func (a *Plan) CoolOff() Span {
	return a.span("cool_off", a.logic.CoolOff, false, func(d *policy.Demand) int64 { return d.CoolOff })
}

// Probation is how long the person may not act for others afterwards.
func (a *Plan) Probation() Span {
	return a.span("probation", 0, false, func(d *policy.Demand) int64 { return d.Probation })
}

// Expires is the life of the request.
func (a *Plan) Expires() Span {
	return a.span("expires", a.logic.Expires, true, func(d *policy.Demand) int64 { return d.Expires })
}

// Review is within what time a review is owed; 0 is none.
func (a *Plan) Review() Span {
	return a.span("review", 0, true, func(d *policy.Demand) int64 { return d.Review })
}

// Values lists every value the span can have, rising; in one plan it has
// exactly one of them. Without a rule that says, it is the policy's own, or 0.
func (t Span) Values() []int64 {
	out := slices.Clone(t.values)
	if !slices.Contains(out, t.least) {
		out = append(out, t.least)
	}
	slices.Sort(out)
	return slices.DeleteFunc(out, func(v int64) bool {
		return v < t.least && !t.shrink || t.shrink && t.least != 0 && v > t.least
	})
}

// said says that some rule asks for at least v.
func (t Span) said(v int64) Lit {
	i, _ := slices.BinarySearch(t.values, v)
	if i == len(t.values) {
		return False
	}
	return t.from[i]
}

// saidLess says that some rule asks for less than v.
func (t Span) saidLess(v int64) Lit {
	i, _ := slices.BinarySearch(t.values, v)
	if i == 0 {
		return False
	}
	return t.upTo[i-1]
}

// Is says that the span is exactly so long.
func (t Span) Is(v int64) Lit {
	if t.shrink && v == 0 {
		return t.saidLess(math.MaxInt64).Not()
	}
	return t.space.And(t.AtLeast(v), t.AtLeast(v+1).Not())
}

// AtLeast says that the span is v seconds or longer. For Review, 0 counts as
// longer than any time.
func (t Span) AtLeast(v int64) Lit {
	switch {
	case !t.shrink && v <= t.least:
		return True
	case !t.shrink:
		return t.said(v)
	case t.least != 0 && v > t.least:
		return False
	}
	return t.saidLess(v).Not()
}
