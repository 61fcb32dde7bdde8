package prove

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"countersign/internal/policy"
)

// meant makes a request out of a model: the facts that the query speaks of as
// the model wants them, all others as in the request that is near.
type meant struct {
	*query
	model []bool
	near  *arranged
	f     policy.Facts
	texts map[ref]string // chosen, of elements of lists of texts too
	shift time.Duration  // of now, against the request that is near

	calendars map[ref][]watched // what is wanted of the calendar at a moment
	clock     []watched         // and of the desk's clock
	clockAt   *week             // the minutes at which it shows that
	clockNear *week             // and those from which some zone is there
}

// is reports what the model wants of an atom of the query.
func (m *meant) is(a *atom) bool { return m.model[m.vars[a.lit.node()]] }

// wants is is, of an atom that the query may not speak of.
func (m *meant) wants(l Lit) (is, asked bool) {
	v, asked := m.vars[l.node()]
	return asked && m.model[v], asked
}

// absent reports whether the model wants a fact to be absent.
func (m *meant) absent(r ref) bool {
	owner, optional := presence(r)
	if !optional {
		return false
	}
	if is, asked := m.wants(m.there(owner)); asked {
		return !is
	}
	return isAbsent(&m.near.facts, owner)
}

// facts gives the request, or a clause that the model breaks although every
// request keeps it.
func (m *meant) facts() (policy.Facts, []Lit) {
	m.f = clone(m.near.facts)
	m.texts = map[ref]string{}
	m.objects()
	m.presences()
	if impossible := m.chooseTexts(); impossible != nil {
		return m.f, impossible
	}
	m.textLists()
	if impossible := m.chooseTimes(); impossible != nil {
		return m.f, impossible
	}
	m.bools()
	m.many()
	if refused, _ := m.wants(m.refused()); refused {
		for len(m.f.Contacts) <= 64 {
			m.f.Contacts = append(m.f.Contacts, policy.Contact{ID: "c", Kind: "email", FirstSeen: m.f.At, Source: "more than there can be"})
		}
	}
	return m.f, nil
}

// taken is how many places of a list the model takes.
func (m *meant) placesTaken(list string) (n int, asked bool) {
	for _, a := range m.atoms {
		if a.kind == hasPlace && a.list == list {
			asked = true
			if m.is(a) {
				n = max(n, a.place)
			}
		}
	}
	return n, asked
}

// objects gives the lists of objects their lengths; what is beyond the places
// is kept when nobody asks about the list.
func (m *meant) objects() {
	keep := func(list string) int {
		if n, asked := m.placesTaken(list); asked {
			return n
		}
		return m.near.size[list]
	}
	m.f.Contacts = m.f.Contacts[:keep("contacts")]
	m.f.History = m.f.History[:keep("history")]
	m.f.Signals = m.f.Signals[:keep("signals")]
}

// exists reports whether the fact's element is one of the request's.
func (m *meant) exists(r ref) bool {
	list, _, _ := strings.Cut(r.path, ".")
	switch {
	case r.place == 0:
		return true
	case textLists[r.path] != nil:
		n, asked := m.placesTaken(r.path)
		return asked && r.place <= n
	case list == "contacts":
		return r.place <= len(m.f.Contacts)
	case list == "history":
		return r.place <= len(m.f.History)
	}
	return r.place <= len(m.f.Signals)
}

// presences takes away what the model wants absent, and makes circumstances
// that it wants known.
func (m *meant) presences() {
	for _, a := range m.atoms {
		if a.kind != isThere || !m.exists(a.ref) {
			continue
		}
		switch wants := m.is(a); {
		case a.ref.path == "emergency":
			setCircumstance(&m.f.Emergency, wants, policy.Emergency{Incident: "INC-1", Declared: m.f.At.Add(-time.Hour), Until: m.f.At.Add(time.Hour)})
		case a.ref.path == "delegation":
			setCircumstance(&m.f.Delegation, wants, policy.Delegation{Person: "p4", Since: m.f.At.Add(-time.Hour), Until: m.f.At.Add(time.Hour)})
		case wants && strings.HasPrefix(a.ref.path, "location.") && m.f.Location == nil:
			m.f.Location = &policy.Location{Source: "integration", At: m.f.At}
		case wants && strings.HasPrefix(a.ref.path, "device.") && m.f.Device == nil:
			m.f.Device = &policy.Device{Source: "integration", At: m.f.At}
		case a.ref.path == clockFact && wants && m.f.Request.Offset == nil:
			m.f.Request.Offset, m.f.Request.Zone = new(int), cmp.Or(m.f.Request.Zone, "UTC")
		case a.ref.path == clockFact && !wants:
			m.f.Request.Offset = nil
		}
	}
	for _, a := range m.atoms {
		if a.kind == isThere && m.exists(a.ref) && !m.is(a) && !isAbsent(&m.f, a.ref) {
			m.takeAway(a.ref)
		}
	}
}

func setCircumstance[T any](p **T, wants bool, usual T) {
	switch {
	case !wants:
		*p = nil
	case *p == nil:
		*p = &usual
	}
}

func (m *meant) takeAway(r ref) {
	switch i := r.place - 1; {
	case textFacts[r.path].at != nil:
		*textFacts[r.path].at(&m.f, i) = ""
	case pointers[r.path] != nil:
		*pointers[r.path](&m.f, i) = nil
	case timeFacts[r.path].at != nil:
		*timeFacts[r.path].at(&m.f, i) = time.Time{}
	case boolFacts[r.path].set != nil:
		boolFacts[r.path].set(&m.f, i, nil)
	}
}

func (m *meant) bools() {
	for _, a := range m.atoms {
		fact, known := boolFacts[a.ref.path]
		if a.kind != isTrue && a.kind != isThere || !known || !m.exists(a.ref) || m.absent(a.ref) {
			continue
		}
		if old := fact.get(&m.f, a.ref.place-1); a.kind == isTrue || old == nil {
			is, _ := m.wants(m.yes(a.ref))
			fact.set(&m.f, a.ref.place-1, &is)
		}
	}
}

// textLists puts together the constants and the other texts of each list.
func (m *meant) textLists() {
	for _, list := range slices.Sorted(maps.Keys(textLists)) {
		asked := map[string]int{} // constant: how many the model wants
		for _, a := range m.atoms {
			if a.kind == hasText && a.list == list {
				asked[a.text] += 0
				if m.is(a) {
					asked[a.text] = max(asked[a.text], a.times)
				}
			}
		}
		places, controlled := m.placesTaken(list)
		if len(asked) == 0 && !controlled {
			continue
		}
		at := textLists[list](&m.f)
		old := *at
		*at = []string{}
		others := 0
		for _, t := range old {
			switch n, constant := asked[t]; {
			case constant && n > 0:
				asked[t]--
				*at = append(*at, t)
			case constant:
			case !controlled:
				*at = append(*at, t)
			case others < places:
				others++
				*at = append(*at, m.textAt(ref{list, others}))
			}
		}
		for ; others < places; others++ {
			*at = append(*at, m.textAt(ref{list, others + 1}))
		}
		for _, t := range sortedKeys(asked) {
			for ; asked[t] > 0; asked[t]-- {
				*at = append(*at, t)
			}
		}
	}
}

func (m *meant) textAt(r ref) string {
	if t, chosen := m.texts[r]; chosen {
		return t
	}
	t, _ := m.near.text(r)
	return t
}

// many repeats an element until a count that is not written down is reached.
func (m *meant) many() {
	for _, a := range m.atoms {
		if a.kind != isCount || a.times <= mostTimes || !m.is(a) {
			continue
		}
		for u := range m.elements(a.list) {
			if is, ok := m.evaluate(a.count.has(u)); ok && is {
				m.repeat(a.list, u, a.times)
				break
			}
		}
	}
}

func (m *meant) elements(list string) func(yield func(element) bool) {
	return func(yield func(element) bool) {
		for _, t := range m.query.texts[list] {
			if is, _ := m.wants(m.has(list, t, 1)); is && !yield(element{list: list, text: t, known: true}) {
				return
			}
		}
		for k := 1; m.exists(ref{list + ".", k}) && textLists[list] == nil || textLists[list] != nil && m.exists(ref{list, k}); k++ {
			if !yield(element{list: list, place: k}) {
				return
			}
		}
	}
}

// evaluate works out a proposition from the model; false when the model says
// nothing of it.
func (m *meant) evaluate(l Lit) (is, ok bool) {
	n := l.node()
	if v, asked := m.vars[n]; asked {
		return m.model[v] != l.negative(), true
	}
	in := m.inputs[n]
	if in == nil {
		return !l.negative(), n == 0
	}
	all := true
	for _, x := range in {
		is, ok := m.evaluate(x)
		if !ok {
			return false, false
		}
		all = all && is
	}
	return all != l.negative(), true
}

func (m *meant) repeat(list string, u element, n int) {
	i := u.place - 1
	switch list {
	case "contacts":
		for len(m.f.Contacts) < n {
			m.f.Contacts = append(m.f.Contacts, m.f.Contacts[i])
		}
	case "history":
		for len(m.f.History) < n {
			m.f.History = append(m.f.History, m.f.History[i])
		}
	case "signals":
		for len(m.f.Signals) < n {
			m.f.Signals = append(m.f.Signals, m.f.Signals[i])
		}
	default:
		t := u.text
		if !u.known {
			t = m.textAt(ref{list, u.place})
		}
		for at := textLists[list](&m.f); len(*at) < n; {
			*at = append(*at, t)
		}
	}
}
