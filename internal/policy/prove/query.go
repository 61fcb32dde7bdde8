package prove

import (
	"cmp"
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

// axioms writes down what holds of the atoms of every request.
func (q *query) axioms() {
	for _, a := range q.atoms {
		q.alone(a)
	}
	q.oneText()
	q.rising()
	q.equalTextsAgree()
	for _, lemma := range q.lemmas {
		q.lemma(lemma)
	}
}

func (q *query) clause(ls ...Lit) {
	c := make([]int, 0, len(ls))
	for _, l := range ls {
		switch l {
		case True:
			return
		case False:
		default:
			v, ok := q.vars[l.node()]
			if !ok {
				return // says something of what nobody asks about
			}
			if l.negative() {
				v = -v
			}
			c = append(c, v)
		}
	}
	q.clauses = append(q.clauses, c)
}

func (q *query) lemma(ls []Lit) { q.clause(ls...) }

// alone is what an atom entails by itself.
func (q *query) alone(a *atom) {
	switch a.kind {
	case isText:
		q.clause(a.lit.Not(), q.there(a.ref))
		if textLists[a.ref.path] != nil && slices.Contains(q.texts[a.ref.path], a.text) {
			q.clause(a.lit.Not()) // it stands among the texts, not at a place
		}
	case isThere:
		if strings.HasPrefix(a.ref.path, "emergency.") || strings.HasPrefix(a.ref.path, "delegation.") {
			q.clause(a.lit.Not(), q.there(owner(a.ref)))
		}
	case hasText:
		if a.times > 1 {
			q.clause(a.lit.Not(), q.has(a.list, a.text, a.times-1))
		}
	case tooLarge, isRefused:
		if q.depth == ordinary {
			q.clause(a.lit.Not())
		}
	case hasPlace:
		if a.place > 1 {
			q.clause(a.lit.Not(), q.taken(a.list, a.place-1))
		}
	}
}

// oneText says that no text is two constants, what its functions give for each,
// and that a fact with few words has one of them.
func (q *query) oneText() {
	by := map[ref][]*atom{}
	var order []ref
	for _, a := range q.atoms {
		if a.kind == isText || a.kind == isCall || a.kind == atMost && len(a.term.parts) == 1 && a.term.parts[0].quantity.kind == length {
			r := a.ref
			if a.kind == atMost {
				r = a.term.parts[0].quantity.ref
			}
			if by[r] == nil {
				order = append(order, r)
			}
			by[r] = append(by[r], a)
		}
	}
	for _, r := range order {
		var texts []Lit
		for _, a := range by[r] {
			if a.kind == isText {
				texts = append(texts, a.lit)
			}
		}
		q.atMostOne(texts)
		if closedWords[r.path] != nil && len(texts) == len(closedWords[r.path]) {
			q.clause(append(texts, q.there(r).Not())...)
		}
		for _, a := range by[r] {
			for _, b := range by[r] {
				q.textImplies(a, b)
			}
		}
	}
}

// textImplies says what a text being a means for b.
func (q *query) textImplies(a, b *atom) {
	switch {
	case a == b:
	case a.kind == isText && b.kind == isCall:
		is, _ := callText(b.call, a.text, b.text)
		q.clause(a.lit.Not(), b.lit^truth(is))
	case a.kind == isText && b.kind == atMost:
		is := big.NewInt(characters(a.text)).Cmp(b.num) <= 0
		q.clause(a.lit.Not(), b.lit^truth(is))
	case a.kind == isCall && b.kind == isCall:
		switch entails(a.call, a.text, b.call, b.text) {
		case 1:
			q.clause(a.lit.Not(), b.lit)
		case -1:
			q.clause(a.lit.Not(), b.lit.Not())
		}
	case a.kind == isCall && b.kind == atMost && a.call != "matches" && b.num.Cmp(big.NewInt(characters(a.text))) < 0:
		q.clause(a.lit.Not(), b.lit.Not())
	}
}

// entails says what one function of a text being true means for another: 1
// that it is true, -1 that it is not, 0 nothing that is known.
func entails(call, text, call2, text2 string) int {
	switch {
	case call == "matches" || call2 == "matches":
		return 0
	case call == "startsWith" && call2 == "startsWith":
		if strings.HasPrefix(text, text2) {
			return 1
		}
		if !strings.HasPrefix(text2, text) {
			return -1
		}
	case call == "endsWith" && call2 == "endsWith":
		if strings.HasSuffix(text, text2) {
			return 1
		}
		if !strings.HasSuffix(text2, text) {
			return -1
		}
	case call2 == "contains" && strings.Contains(text, text2):
		return 1
	case text2 == "":
		return 1
	}
	return 0
}

// atMostOne is written pairwise for a few, and for many with a ladder.
func (q *query) atMostOne(ls []Lit) {
	if len(ls) <= 6 {
		for i := range ls {
			for j := range i {
				q.clause(ls[i].Not(), ls[j].Not())
			}
		}
		return
	}
	before := 0 // one of those before holds
	for i, l := range ls {
		x := q.vars[l.node()]
		q.last++
		next := q.last
		q.clauses = append(q.clauses, []int{-x, next})
		if i > 0 {
			q.clauses = append(q.clauses, []int{-before, next}, []int{-before, -x})
		}
		before = next
	}
}

// rising says that what is at most a number is at most a larger one, and that
// who has many has few.
func (q *query) rising() {
	terms, counts := map[*term][]*atom{}, map[string][]*atom{}
	var termOrder []*term
	var countOrder []string
	for _, a := range q.atoms {
		switch a.kind {
		case atMost:
			if terms[a.term] == nil {
				termOrder = append(termOrder, a.term)
			}
			terms[a.term] = append(terms[a.term], a)
		case isCount:
			if counts[a.count.group] == nil {
				countOrder = append(countOrder, a.count.group)
			}
			counts[a.count.group] = append(counts[a.count.group], a)
		}
	}
	for _, t := range termOrder {
		slices.SortFunc(terms[t], func(a, b *atom) int { return a.num.Cmp(b.num) })
		for i := 1; i < len(terms[t]); i++ {
			q.clause(terms[t][i-1].lit.Not(), terms[t][i].lit)
		}
	}
	for _, g := range countOrder {
		slices.SortFunc(counts[g], func(a, b *atom) int { return cmp.Compare(a.times, b.times) })
		for i := 1; i < len(counts[g]); i++ {
			q.clause(counts[g][i].lit.Not(), counts[g][i-1].lit)
		}
	}
}

func (q *query) equalTextsAgree() {
	for _, same := range q.atoms {
		if same.kind != isSame {
			continue
		}
		for _, a := range q.atoms {
			for _, side := range [][2]ref{{same.ref, same.other}, {same.other, same.ref}} {
				l, ok := q.askedOf(a, side[0], side[1])
				if !ok {
					continue
				}
				q.clause(same.lit.Not(), a.lit.Not(), l)
				q.clause(same.lit.Not(), a.lit, l.Not())
				if a.kind == isText {
					q.clause(same.lit, a.lit.Not(), l.Not())
				}
			}
		}
	}
}
