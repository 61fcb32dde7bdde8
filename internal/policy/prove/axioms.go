package prove

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
)

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
