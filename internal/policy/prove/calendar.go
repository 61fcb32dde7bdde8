package prove

import (
	"math/big"
	"slices"
	"strings"
	"time"
)

// watched is one reading of a calendar or clock, and what the model wants of
// it.
type watched struct {
	atom *atom
	read func(at time.Time) int64
	most int64
	is   bool // the reading is at most that
}

func (w watched) fits(at time.Time) bool { return (w.read(at) <= w.most) == w.is }

func allFit(ws []watched, at time.Time) bool {
	return !slices.ContainsFunc(ws, func(w watched) bool { return !w.fits(at) })
}

// watch sorts out what the model wants of calendars.
func (m *meant) watch() {
	m.calendars = map[ref][]watched{}
	for _, a := range m.atoms {
		switch {
		case a.kind == isText && a.ref.path == "request.weekday":
			day := int64(slices.Index(closedWords[a.ref.path], a.text))
			m.clock = append(m.clock, watched{atom: a, most: 0, is: m.is(a), read: func(at time.Time) int64 {
				if int64(at.Weekday()) == day {
					return 0
				}
				return 1
			}})
		case a.kind != atMost || len(a.term.parts) != 1 || !a.num.IsInt64():
		case a.term.parts[0].quantity.kind == onClock:
			q := a.term.parts[0].quantity
			m.clock = append(m.clock, watched{atom: a, most: a.num.Int64(), is: m.is(a), read: func(at time.Time) int64 { return clockOf(q, at) }})
		case a.term.parts[0].quantity.kind == calendar:
			q := a.term.parts[0].quantity
			if !m.speaks(q.ref) {
				continue
			}
			w := watched{atom: a, most: a.num.Int64(), is: m.is(a), read: func(at time.Time) int64 { return calendarOf(q, at) }}
			m.calendars[q.ref] = append(m.calendars[q.ref], w)
		}
	}
	if m.f.Request.Offset != nil && len(m.clock) > 0 {
		m.clockAt = weekOf(m.clock)
		m.clockNear = m.clockAt.within(18 * 60)
	}
}

// week says of each of its minutes, from Sunday on, whether something is so.
type week [7 * 24 * 60]bool

func minuteOf(at time.Time) int {
	return (int(at.Weekday())*24+at.Hour())*60 + at.Minute()
}

var sunday = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func weekOf(ws []watched) *week {
	var out week
	for i := range out {
		out[i] = allFit(ws, sunday.Add(time.Duration(i)*time.Minute))
	}
	return &out
}

// within says which minutes are at most so far from one of the week.
func (w *week) within(minutes int) *week {
	var out week
	last := -len(w)
	for i := -len(w); i < 2*len(w); i++ {
		if w[(i+len(w))%len(w)] {
			last = i
		}
		if i >= 0 && i-last <= minutes {
			out[i%len(w)] = true
		}
	}
	last = 3 * len(w)
	for i := 2*len(w) - 1; i >= 0; i-- {
		if w[i%len(w)] {
			last = i
		}
		if last-i <= minutes {
			out[i%len(w)] = true
		}
	}
	return &out
}

// weekly are the readings that repeat every week, to the minute.
var weekly = []string{"getHours", "getMinutes", "getDayOfWeek"}

// calendarAlone looks whether some minute of a week, and some zone of the desk,
// fit what the model wants of hours, minutes and days. When none do, none ever
// will.
func (m *meant) calendarAlone(t *moments) []Lit {
	for _, r := range t.refs {
		asked := slices.DeleteFunc(slices.Clone(m.calendars[r]), func(w watched) bool {
			return !slices.Contains(weekly, w.atom.term.parts[0].quantity.call)
		})
		clock := m.clock
		if r.path != "now" || m.clockNear == nil {
			clock = nil
		}
		if len(asked)+len(clock) == 0 || m.someMinute(asked, clock != nil) {
			continue
		}
		var clause []Lit
		for _, w := range slices.Concat(asked, clock) {
			l := w.atom.lit
			if w.is {
				l = l.Not()
			}
			clause = append(clause, l)
		}
		if owner, optional := presence(r); optional {
			clause = append(clause, m.there(owner).Not())
		}
		if clock != nil {
			clause = append(clause, m.there(ref{path: clockFact}).Not())
		}
		return clause
	}
	return nil
}

func (m *meant) someMinute(asked []watched, clock bool) bool {
	fit := weekOf(asked)
	for i := range fit {
		if fit[i] && (!clock || m.clockNear[i]) {
			return true
		}
	}
	return false
}

// pick chooses a moment between the bounds: the one there is if it fits, or
// else one that is a round time away from now.
func (m *meant) pick(r ref, low, high *big.Int) time.Time {
	wish := m.wish(r)
	fits := func(at time.Time) bool { return within(at, low, high) && m.calendarFits(r, at) }
	if fits(wish) {
		return wish
	}
	best := wish
	for _, at := range m.rounded(low, high, r.path == "now") {
		if best == wish {
			best = at
		}
		if fits(at) {
			return at
		}
	}
	if len(m.calendars[r]) == 0 && (r.path != "now" || m.clockNear == nil) {
		return best
	}
	if at, ok := m.walk(r, clamp(wish, low, high), low, high); ok {
		return at
	}
	return best
}

// wish is the moment of the request that is near, as far from now as there.
func (m *meant) wish(r ref) time.Time {
	switch {
	case r.path == "now":
		return m.near.facts.At
	case !isAbsent(&m.near.facts, r):
		f := m.near.facts
		return timeFacts[r.path].at(&f, r.place-1).Add(m.shift)
	case strings.HasSuffix(r.path, ".until"):
		return m.f.At.Add(time.Hour)
	}
	return m.f.At.Add(-time.Hour)
}

func within(at time.Time, low, high *big.Int) bool {
	return (low == nil || !at.Before(instant(low))) && (high == nil || !at.After(instant(high)))
}

func clamp(at time.Time, low, high *big.Int) time.Time {
	switch {
	case low != nil && at.Before(instant(low)):
		return instant(low)
	case high != nil && at.After(instant(high)):
		return instant(high)
	}
	return at
}

func instant(ns *big.Int) time.Time {
	s, rest := new(big.Int), new(big.Int)
	s.DivMod(ns, big.NewInt(int64(time.Second)), rest)
	return time.Unix(s.Int64(), rest.Int64()).UTC()
}

var units = []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second, time.Millisecond, 1}

// rounded are moments between the bounds, the roundest first: a whole number of
// days, hours, minutes… away from now, close to the bound that is in the way.
func (m *meant) rounded(low, high *big.Int, isNow bool) []time.Time {
	from := new(big.Int)
	if !isNow {
		from = nanoseconds(m.f.At)
	}
	away := func(b *big.Int) *big.Int { return new(big.Int).Sub(b, from) }
	var out []time.Time
	for _, zero := range []bool{false, true} {
		for _, u := range units {
			unit := big.NewInt(int64(u))
			for _, bound := range []*big.Int{low, high} {
				if bound == nil {
					continue
				}
				d := floorDiv(away(bound), unit)
				for _, step := range []int64{0, 1} {
					v := new(big.Int).Mul(new(big.Int).Add(d, big.NewInt(step)), unit)
					if at := instant(new(big.Int).Add(from, v)); (v.Sign() == 0) == zero && within(at, low, high) {
						out = append(out, at)
					}
				}
			}
		}
	}
	return out
}

// walk looks at every minute of a week from the start on, and then at every
// hour of the four years around it.
func (m *meant) walk(r ref, start time.Time, low, high *big.Int) (time.Time, bool) {
	first, last := time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	if low != nil {
		first = instant(low)
	}
	if high != nil {
		last = instant(high)
	}
	fits := func(at time.Time) (time.Time, bool) {
		at = m.seconds(r, at)
		return at, !at.Before(first) && !at.After(last) && m.calendarFits(r, at)
	}
	if at, ok := fits(start); ok {
		return at, true
	}
	start = start.Truncate(time.Minute)
	for _, leg := range []struct {
		step  time.Duration
		count int
	}{{time.Minute, 7 * 24 * 60}, {-time.Minute, 7 * 24 * 60}, {time.Hour, 4 * 366 * 24}, {-time.Hour, 4 * 366 * 24}} {
		for i := range leg.count {
			at := start.Add(time.Duration(i+1) * leg.step)
			if at.After(last) && leg.step > 0 || at.Before(first.Add(leg.step)) && leg.step < 0 {
				break
			}
			if at, ok := fits(at); ok {
				return at, true
			}
		}
	}
	return start, false
}

// calendarFits reports whether what the model wants of the calendar, and for
// now of the desk's clock too, is so at this moment.
func (m *meant) calendarFits(r ref, at time.Time) bool {
	if !allFit(m.calendars[r], at) {
		return false
	}
	return r.path != "now" || m.clockNear == nil || m.clockNear[minuteOf(at.UTC())]
}

// seconds sets the seconds that the model wants, which a walk by minutes
// would miss.
func (m *meant) seconds(r ref, at time.Time) time.Time {
	for _, w := range m.calendars[r] {
		if w.is {
			continue
		}
		switch w.atom.term.parts[0].quantity.call {
		case "getSeconds":
			at = at.Truncate(time.Minute).Add(time.Duration(w.most+1)*time.Second + time.Duration(at.Nanosecond()))
		case "getMilliseconds":
			at = at.Truncate(time.Second).Add(time.Duration(w.most+1) * time.Millisecond)
		}
	}
	return at
}

// setClock finds a zone in which the desk's clock shows what the model wants:
// the one there is, UTC or whole hours before others.
func (m *meant) setClock() {
	if m.clockNear == nil {
		return
	}
	offsets := []int{*m.f.Request.Offset, 0, 9 * 3600, -5 * 3600}
	for hour := -12; hour <= 14; hour++ {
		offsets = append(offsets, hour*3600)
	}
	for minute := -18 * 60; minute <= 18*60; minute++ {
		offsets = append(offsets, minute*60)
	}
	for _, o := range offsets {
		if allFit(m.clock, m.f.At.UTC().Add(time.Duration(o)*time.Second)) {
			m.f.Request.Offset = &o
			return
		}
	}
}
