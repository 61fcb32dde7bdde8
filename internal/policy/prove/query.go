package prove

import (
	"math/big"
	"slices"
	"strings"
)

// depth is how far a question goes into what counts mean.
type depth uint8

const (
	// shallow leaves every count free. What is impossible even then is so.
	shallow depth = iota
	// exact writes counts down in terms of places, as many as can matter.
	exact
	// ordinary keeps to requests in which nothing out of the ordinary happens:
	// no more places than a few, no number out of range, no facts refused. What
	// is impossible then may be possible still.
	ordinary
)

const (
	mostPlaces = 24 // of one list
	fewPlaces  = 8  // of one list, in ordinary requests
	mostTimes  = 8  // beyond it a count stays free
)

// query is one question in the form that the solver takes: the part of the
// circuit that the goal rests on, and what is known of the atoms in it.
type query struct {
	*Space
	depth   depth
	vars    map[int32]int
	nodes   []int32 // in the order of their variables
	clauses [][]int
	last    int
	done    int
	atoms   []*atom
	places  map[string]int      // how many places of a list are written down
	texts   map[string][]string // the texts of a list that are told apart
	partial bool                // some count stayed free
}

// ask writes down what rests on the goal. It starts again as long as a list
// turns out to need more places.
func (s *Space) ask(goal Lit, d depth) *query {
	places, texts := map[string]int{}, map[string][]string{}
	for {
		q := &query{Space: s, depth: d, vars: map[int32]int{}, places: places, texts: texts}
		q.write(goal)
		morePlaces, moreTexts := q.needed()
		if d == shallow || sameNeeds(places, morePlaces, texts, moreTexts) {
			q.clauses = append(q.clauses, []int{q.lit(goal)})
			q.axioms()
			return q
		}
		for list := range morePlaces {
			places[list] = max(places[list], morePlaces[list])
			texts[list] = union(texts[list], moreTexts[list])
		}
	}
}

func sameNeeds(places, morePlaces map[string]int, texts, moreTexts map[string][]string) bool {
	for list, n := range morePlaces {
		if n > places[list] || len(union(texts[list], moreTexts[list])) > len(texts[list]) {
			return false
		}
	}
	return true
}

func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// needed says how many places of each list can matter: taking elements away
// keeps what there is too few of, and one that is kept for each demand of each
// count keeps what there is enough of. Every count asks for as many elements as
// it counts, so the sum of the counts is always enough.
func (q *query) needed() (map[string]int, map[string][]string) {
	places, texts := map[string]int{}, map[string][]string{}
	for _, a := range q.atoms {
		switch {
		case a.kind == isCount && a.count.open:
			if q.depth == ordinary {
				places[a.list] += 2 // an element beside the one it is compared with, and one more
			}
		case a.kind == isCount:
			if places[a.list]++; a.times <= mostTimes {
				places[a.list] += a.times - 1
			}
			texts[a.list] = append(texts[a.list], a.count.consts...)
		case a.kind == hasText:
			texts[a.list] = append(texts[a.list], a.text)
			places[a.list] += 0
		}
	}
	if q.depth == ordinary {
		for list, n := range places {
			places[list] = min(n, fewPlaces)
		}
	}
	return places, texts
}

// write takes a proposition, what it rests on, and the atoms that those bring.
func (q *query) write(goal Lit) {
	q.lit(goal)
	for q.done < len(q.nodes) {
		n := q.nodes[q.done]
		q.done++
		if in := q.inputs[n]; in != nil {
			q.gate(q.vars[n], in)
			continue
		}
		if a := q.gates.atoms[n]; a != nil {
			q.atoms = append(q.atoms, a)
			q.brings(a)
		} else {
			q.clauses = append(q.clauses, []int{q.vars[n]}) // the constant
		}
	}
}

// lit is the solver's literal for l.
func (q *query) lit(l Lit) int {
	n := l.node()
	v, ok := q.vars[n]
	if !ok {
		q.last++
		v = q.last
		q.vars[n] = v
		q.nodes = append(q.nodes, n)
	}
	if l.negative() {
		return -v
	}
	return v
}

func (q *query) gate(out int, in []Lit) {
	all := []int{out}
	for _, l := range in {
		x := q.lit(l)
		q.clauses = append(q.clauses, []int{-out, x})
		all = append(all, -x)
	}
	q.clauses = append(q.clauses, all)
}

// brings adds the atoms without which a would say less than it means.
func (q *query) brings(a *atom) {
	switch a.kind {
	case isTrue, isText, isCall:
		q.lit(q.there(a.ref))
	case hasText:
		if a.times > 1 {
			q.lit(q.has(a.list, a.text, a.times-1))
		}
	case atMost:
		for _, p := range a.term.parts {
			if p.quantity.kind == onClock {
				q.lit(q.there(ref{path: clockFact}))
			}
		}
	case isCount:
		q.define(a)
	}
	if a.kind == isThere && (strings.HasPrefix(a.ref.path, "emergency.") || strings.HasPrefix(a.ref.path, "delegation.")) {
		q.lit(q.there(owner(a.ref)))
	}
	if a.kind == isText && closedWords[a.ref.path] != nil {
		for _, w := range closedWords[a.ref.path] {
			q.lit(q.says(a.ref, w))
		}
	}
	q.share(a)
}

func owner(field ref) ref {
	object, _, _ := strings.Cut(field.path, ".")
	return ref{path: object}
}

// share sees to it that two texts which may be equal are asked the same.
func (q *query) share(a *atom) {
	for _, b := range q.atoms {
		switch {
		case a.kind == isSame:
			q.pass(b, a)
		case b.kind == isSame:
			q.pass(a, b)
		}
	}
}

func (q *query) pass(a, same *atom) {
	for _, side := range [][2]ref{{same.ref, same.other}, {same.other, same.ref}} {
		if l, ok := q.askedOf(a, side[0], side[1]); ok {
			q.lit(l)
		}
	}
}

// askedOf is what a says of one text, said of another.
func (q *query) askedOf(a *atom, from, to ref) (Lit, bool) {
	switch {
	case a.kind == isText && a.ref == from:
		return q.says(to, a.text), true
	case a.kind == isCall && a.ref == from:
		return q.calls(to, a.call, a.text), true
	case a.kind == atMost && isLengthOf(a.term, from):
		low := big.NewInt(0)
		if _, optional := presence(to); optional {
			low = big.NewInt(1)
		}
		return q.sumAtMost([]part{{1, &quantity{key: "size(" + to.String() + ")", kind: length, ref: to, low: low}}}, a.num), true
	}
	return False, false
}

func isLengthOf(t *term, r ref) bool {
	return len(t.parts) == 1 && t.parts[0].times == 1 && t.parts[0].quantity.kind == length && t.parts[0].quantity.ref == r
}

// define writes down what a count means.
func (q *query) define(a *atom) {
	free := q.depth == shallow || a.count.open && q.depth != ordinary || q.places[a.list] > mostPlaces
	if free {
		q.partial = true
		return
	}
	meaning, ok := q.meaning(a)
	if !ok {
		return
	}
	x, y := q.lit(a.lit), q.lit(meaning)
	q.clauses = append(q.clauses, []int{-x, y})
	if a.times <= mostTimes {
		q.clauses = append(q.clauses, []int{x, -y})
	} else {
		q.partial = true
	}
}

// meaning is a count in terms of the places; of a count that is too large, only
// that there is one such element.
func (q *query) meaning(a *atom) (Lit, bool) {
	times := a.times
	if times > mostTimes {
		times = 1
	}
	var units []Lit
	for _, t := range q.texts[a.list] {
		is := a.count.has(element{list: a.list, text: t, known: true})
		for j := 1; j <= times && is != False; j++ {
			units = append(units, q.And(q.has(a.list, t, j), is))
		}
	}
	for k := 1; k <= q.places[a.list]; k++ {
		units = append(units, q.And(q.taken(a.list, k), a.count.has(element{list: a.list, place: k})))
	}
	return q.AtLeast(times, units...), len(units) > 0
}
