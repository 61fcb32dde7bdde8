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
	m.watch()
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
