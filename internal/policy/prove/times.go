package prove

import (
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Moments are chosen one after the other, now first, each within what the
// differences that the model wants leave open. The differences are edges of a
// graph: hi - lo <= by. Its circles decide whether they can be kept at all.

type difference struct {
	from, to int // moments; 0 is the year 1970
	by       *big.Int
	because  Lit // the atom that asks for it
}

type moments struct {
	refs  []ref // by number, from 1
	diffs []difference
}

func (m *meant) chooseTimes() []Lit {
	t := m.differences()
	if circle := t.circle(); circle != nil {
		clause := make([]Lit, 0, len(circle))
		for _, d := range circle {
			clause = append(clause, d.because.Not())
		}
		return clause
	}
	if impossible := m.calendarAlone(t); impossible != nil {
		return impossible
	}
	for i, r := range t.refs {
		low, high := t.between(i + 1)
		at := m.pick(r, low, high)
		t.fix(i+1, at)
		m.setTime(r, at)
		if r.path == "now" {
			m.shift = at.Sub(m.near.facts.At)
			m.shiftOthers(t.refs)
		}
	}
	m.setClock()
	return nil
}

// differences are those the model wants of the moments that are there.
func (m *meant) differences() *moments {
	t := &moments{}
	number := func(r ref) int {
		i := slices.Index(t.refs, r)
		if i < 0 {
			t.refs = append(t.refs, r)
			i = len(t.refs) - 1
		}
		return i + 1
	}
	number(ref{path: "now"})
	for _, a := range m.atoms {
		if a.kind == isThere && timeFacts[a.ref.path].at != nil && m.speaks(a.ref) {
			number(a.ref)
		}
		if a.kind != atMost || !m.onMoments(a.term) {
			continue
		}
		plus, minus := 0, 0
		for _, p := range a.term.parts {
			if p.times == 1 {
				plus = number(p.quantity.ref)
			} else {
				minus = number(p.quantity.ref)
			}
		}
		if m.is(a) { // plus - minus <= num
			t.diffs = append(t.diffs, difference{minus, plus, a.num, a.lit})
		} else { // minus - plus <= -num-1
			by := new(big.Int).Neg(a.num)
			t.diffs = append(t.diffs, difference{plus, minus, by.Sub(by, big.NewInt(1)), a.lit.Not()})
		}
	}
	return t
}

// onMoments reports whether the term is one moment, or one less another, and
// all of it is there.
func (m *meant) onMoments(t *term) bool {
	for _, p := range t.parts {
		if p.quantity.kind != moment || !m.speaks(p.quantity.ref) {
			return false
		}
	}
	return len(t.parts) == 1 && t.parts[0].times == 1 || len(t.parts) == 2 && t.parts[0].times*t.parts[1].times == -1
}

// circle finds differences that cannot be kept together; nil when all can.
func (t *moments) circle() []difference {
	n := len(t.refs) + 1
	dist, last := make([]*big.Int, n), make([]int, n)
	for i := range dist {
		dist[i], last[i] = new(big.Int), -1
	}
	changed := -1
	for range n {
		changed = -1
		for i, d := range t.diffs {
			if sum := new(big.Int).Add(dist[d.from], d.by); sum.Cmp(dist[d.to]) < 0 {
				dist[d.to], last[d.to], changed = sum, i, d.to
			}
		}
		if changed < 0 {
			return nil
		}
	}
	at := changed
	for range n {
		at = t.diffs[last[at]].from
	}
	var out []difference
	for v := at; ; {
		d := t.diffs[last[v]]
		out = append(out, d)
		if v = d.from; v == at {
			return out
		}
	}
}

// between gives the bounds of a moment by the differences; nil for none.
func (t *moments) between(i int) (low, high *big.Int) {
	high = t.distances(0, false)[i]
	if back := t.distances(0, true)[i]; back != nil {
		low = new(big.Int).Neg(back)
	}
	return low, high
}

func (t *moments) distances(from int, backwards bool) []*big.Int {
	dist := make([]*big.Int, len(t.refs)+1)
	dist[from] = new(big.Int)
	for range dist {
		for _, d := range t.diffs {
			a, b := d.from, d.to
			if backwards {
				a, b = b, a
			}
			if dist[a] == nil {
				continue
			}
			if sum := new(big.Int).Add(dist[a], d.by); dist[b] == nil || sum.Cmp(dist[b]) < 0 {
				dist[b] = sum
			}
		}
	}
	return dist
}

func (t *moments) fix(i int, at time.Time) {
	ns := nanoseconds(at)
	t.diffs = append(t.diffs, difference{0, i, ns, True}, difference{i, 0, new(big.Int).Neg(ns), True})
}

func (m *meant) setTime(r ref, at time.Time) {
	if r.path == "subject.created" && m.f.Subject.Created == nil {
		m.f.Subject.Created = new(time.Time)
	}
	*timeFacts[r.path].at(&m.f, r.place-1) = at
}

// shiftOthers keeps as far from now what nobody asks about.
func (m *meant) shiftOthers(asked []ref) {
	if m.shift == 0 {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(timeFacts)) {
		list, _, _ := strings.Cut(path, ".")
		places := []int{0}
		if slices.Contains(objectLists, list) {
			places = nil
			for k := 1; m.exists(ref{path, k}); k++ {
				places = append(places, k)
			}
		}
		for _, k := range places {
			if r := (ref{path, k}); path != "now" && !slices.Contains(asked, r) && !isAbsent(&m.f, r) {
				m.setTime(r, timeFacts[path].at(&m.f, k-1).Add(m.shift))
			}
		}
	}
}

// pick chooses a moment between the bounds: the one there is if it fits, or
// else one that is a round time away from now.
func (m *meant) pick(r ref, low, high *big.Int) time.Time {
	isNow := r.path == "now"
	wish := m.near.facts.At
	if !isNow && !isAbsent(&m.near.facts, r) {
		f := m.near.facts
		wish = timeFacts[r.path].at(&f, r.place-1).Add(m.shift)
	} else if !isNow {
		wish = m.f.At.Add(-time.Hour)
		if strings.HasSuffix(r.path, ".until") {
			wish = m.f.At.Add(time.Hour)
		}
	}
	fits := func(at time.Time) bool { return within(at, low, high) && m.calendarFits(r, at) }
	if fits(wish) {
		return wish
	}
	best := wish
	for _, at := range m.rounded(wish, low, high, isNow) {
		if within(at, low, high) {
			best = at
		}
		if fits(at) {
			return at
		}
	}
	for _, start := range []time.Time{wish, best, clamp(wish, low, high)} {
		for _, at := range calendarWalk(start) {
			if at = m.seconds(r, at); fits(at) {
				return at
			}
		}
	}
	return best
}

func within(at time.Time, low, high *big.Int) bool {
	ns := nanoseconds(at)
	return (low == nil || ns.Cmp(low) >= 0) && (high == nil || ns.Cmp(high) <= 0)
}

func clamp(at time.Time, low, high *big.Int) time.Time {
	ns := nanoseconds(at)
	if low != nil && ns.Cmp(low) < 0 {
		ns = low
	}
	if high != nil && ns.Cmp(high) > 0 {
		ns = high
	}
	return instant(ns)
}

func instant(ns *big.Int) time.Time {
	s, rest := new(big.Int), new(big.Int)
	s.DivMod(ns, big.NewInt(int64(time.Second)), rest)
	return time.Unix(s.Int64(), rest.Int64()).UTC()
}

var units = []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second, time.Millisecond, 1}

// rounded are moments between the bounds, the roundest first: a whole number of
// days, hours, minutes… away from now, close to the bound that is in the way.
func (m *meant) rounded(wish time.Time, low, high *big.Int, isNow bool) []time.Time {
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

// calendarWalk is a week of minutes, then four years of hours.
func calendarWalk(start time.Time) []time.Time {
	start = start.Truncate(time.Minute)
	out := make([]time.Time, 0, 7*24*60+2*4*366*24)
	for i := range 7 * 24 * 60 {
		out = append(out, start.Add(time.Duration(i)*time.Minute))
	}
	for i := range 4 * 366 * 24 {
		out = append(out, start.Add(time.Duration(i)*time.Hour), start.Add(-time.Duration(i)*time.Hour))
	}
	return out
}

// calendarAtoms are what the query asks of calendars and of the desk's clock.
func (m *meant) calendarAtoms() []*atom {
	if m.onCalendar == nil {
		m.onCalendar = []*atom{}
		for _, a := range m.atoms {
			weekday := a.kind == isText && a.ref.path == "request.weekday"
			if weekday || a.kind == atMost && len(a.term.parts) == 1 && slices.Contains([]quantityKind{calendar, onClock}, a.term.parts[0].quantity.kind) {
				m.onCalendar = append(m.onCalendar, a)
			}
		}
	}
	return m.onCalendar
}

// calendarFits reports whether what the model wants of the calendar, and for
// now of the desk's clock too, is so at this moment.
func (m *meant) calendarFits(r ref, at time.Time) bool {
	for _, a := range m.calendarAtoms() {
		if a.kind != atMost {
			continue
		}
		if q := a.term.parts[0].quantity; q.kind == calendar && q.ref == r {
			if (big.NewInt(calendarOf(q, at)).Cmp(a.num) <= 0) != m.is(a) {
				return false
			}
		}
	}
	if r.path != "now" {
		return true
	}
	return m.f.Request.Offset == nil || slices.ContainsFunc(m.offsets(), func(o int) bool { return m.clockFits(at, o) })
}

// seconds sets the seconds that the model wants, which a walk by minutes
// would miss.
func (m *meant) seconds(r ref, at time.Time) time.Time {
	for _, a := range m.atoms {
		if a.kind != atMost || len(a.term.parts) != 1 {
			continue
		}
		q := a.term.parts[0].quantity
		if q.kind != calendar || q.ref != r || m.is(a) {
			continue
		}
		next := a.num.Int64() + 1
		switch q.call {
		case "getSeconds":
			at = at.Truncate(time.Minute).Add(time.Duration(next)*time.Second + time.Duration(at.Nanosecond()))
		case "getMilliseconds":
			at = at.Truncate(time.Second).Add(time.Duration(next) * time.Millisecond)
		}
	}
	return at
}

// offsets are the desk's distances from UTC to try.
func (m *meant) offsets() []int {
	out := []int{0, 9 * 3600, -5 * 3600}
	for hour := -12; hour <= 14; hour++ {
		out = append(out, hour*3600)
	}
	if o := m.near.facts.Request.Offset; o != nil {
		out = append([]int{*o}, out...)
	}
	return out
}

// clockFits reports whether the desk's clock shows what the model wants.
func (m *meant) clockFits(at time.Time, offset int) bool {
	local := at.UTC().Add(time.Duration(offset) * time.Second)
	for _, a := range m.calendarAtoms() {
		switch {
		case a.kind == isText:
			if (strings.ToLower(local.Weekday().String()) == a.text) != m.is(a) {
				return false
			}
		case a.kind == atMost && len(a.term.parts) == 1 && a.term.parts[0].quantity.kind == onClock:
			if (big.NewInt(clockOf(a.term.parts[0].quantity, local)).Cmp(a.num) <= 0) != m.is(a) {
				return false
			}
		}
	}
	return true
}

func (m *meant) setClock() {
	if m.f.Request.Offset == nil {
		return
	}
	all := m.offsets()
	for minute := -18 * 60; minute <= 18*60; minute++ {
		all = append(all, minute*60)
	}
	for _, o := range all {
		if m.clockFits(m.f.At, o) {
			m.f.Request.Offset = &o
			return
		}
	}
}

// weekly are the readings that repeat every week, to the minute.
var weekly = []string{"getHours", "getMinutes", "getDayOfWeek"}

// calendarAlone looks whether some minute of a week fits what the model wants
// of a moment's hours, minutes and days. When none does, none ever will.
func (m *meant) calendarAlone(t *moments) []Lit {
	for _, r := range t.refs {
		var asked []*atom
		for _, a := range m.atoms {
			if a.kind == atMost && len(a.term.parts) == 1 {
				if q := a.term.parts[0].quantity; q.kind == calendar && q.ref == r && slices.Contains(weekly, q.call) && m.speaks(r) {
					asked = append(asked, a)
				}
			}
		}
		if len(asked) == 0 || fitsSomeMinute(m, asked) {
			continue
		}
		var clause []Lit
		for _, a := range asked {
			if m.is(a) {
				clause = append(clause, a.lit.Not())
			} else {
				clause = append(clause, a.lit)
			}
		}
		if owner, optional := presence(r); optional {
			clause = append(clause, m.there(owner).Not())
		}
		return clause
	}
	return nil
}

func fitsSomeMinute(m *meant, asked []*atom) bool {
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for i := range 7 * 24 * 60 {
		at := monday.Add(time.Duration(i) * time.Minute)
		if !slices.ContainsFunc(asked, func(a *atom) bool {
			return (big.NewInt(calendarOf(a.term.parts[0].quantity, at)).Cmp(a.num) <= 0) != m.is(a)
		}) {
			return true
		}
	}
	return false
}
