package prove

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"countersign/internal/policy"
)

// Answer is what there is to say of a proposition: that it holds of no request
// (Impossible), of this one (Found), or neither (Unclear says why).
type Answer struct {
	Impossible bool
	Found      bool
	// Facts is the request. It differs in as few facts as can be from the one
	// that was given as ordinary.
	Facts policy.Facts
	// RestsOn names what has no form and had to come out in a certain way for
	// the request to be found. When it is empty, the request was confirmed by
	// the policy itself; otherwise only the rest of it was reasoned out.
	RestsOn []string
	Unclear string
	Basis   Basis
}

// Basis is what an answer was worked out from.
type Basis struct {
	Atoms   int `json:"atoms"`   // elementary statements about a request, such as now - history.at <= 24h
	Facts   int `json:"facts"`   // that they are about
	Clauses int `json:"clauses"` // that tie them together
	Solved  int `json:"solved"`  // how often the solver was asked
	// Opaque names what has no form. It was free to come out in any way.
	Opaque []string `json:"opaque,omitempty"`
}

// Add takes the larger of each measure, and all that is opaque.
func (b *Basis) Add(c Basis) {
	b.Atoms, b.Facts, b.Clauses = max(b.Atoms, c.Atoms), max(b.Facts, c.Facts), max(b.Clauses, c.Clauses)
	b.Solved += c.Solved
	for _, o := range c.Opaque {
		if !slices.Contains(b.Opaque, o) {
			b.Opaque = append(b.Opaque, o)
		}
	}
}

func (b *Basis) saw(q *query) {
	now := Basis{Atoms: len(q.atoms), Clauses: len(q.clauses)}
	about := map[string]bool{}
	for _, a := range q.atoms {
		switch {
		case a.kind == isOpaque:
			if !slices.Contains(now.Opaque, a.text) {
				now.Opaque = append(now.Opaque, a.text)
			}
		case a.about() != "":
			about[a.about()] = true
		}
	}
	now.Facts = len(about)
	b.Add(now)
}

const mostTries = 40

// Find looks for a request of which goal holds, as near to the given one as
// possible. What it finds is shown to confirm, which asks the policy itself;
// only what that agrees with is a request found. It is deterministic.
func (s *Space) Find(goal Lit, near policy.Facts, confirm func(policy.Facts) bool) Answer {
	if goal == False {
		return Answer{Impossible: true}
	}
	wide := s.ask(goal, shallow)
	h := hunt{space: s, goal: goal, near: near, confirm: confirm}
	h.out.Basis.saw(wide)
	if _, ok := h.solve(wide.clauses, wide.last); !ok {
		h.out.Impossible = true
		return h.out
	}
	for _, d := range []depth{ordinary, exact} {
		if h.in(d) {
			return h.out
		}
	}
	h.out.Unclear = h.why
	if len(h.restsOn) > 0 {
		h.out.Found, h.out.Unclear, h.out.Facts, h.out.RestsOn = true, "", h.best, h.restsOn
	}
	return h.out
}

// hunt is one search for a request.
type hunt struct {
	space   *Space
	goal    Lit
	near    policy.Facts
	confirm func(policy.Facts) bool
	out     Answer

	best    policy.Facts // the first that was not confirmed
	restsOn []string
	why     string
}

// in searches at one depth, and says whether the answer is settled.
func (h *hunt) in(d depth) bool {
	q := h.space.ask(h.goal, d)
	h.out.Basis.saw(q)
	near := q.arrange(h.near)
	differs := q.deviations(near)
	least, blocked := 0, false
	for range mostTries {
		model, k, ok := h.nearest(q, differs, least)
		if !ok {
			if d == exact && !blocked {
				h.out.Impossible = true
				return true
			}
			return false
		}
		least = k
		m := &meant{query: q, model: model, near: near}
		f, impossible := m.facts()
		if impossible != nil {
			h.space.lemmas = append(h.space.lemmas, impossible)
			q.clause(impossible...)
			continue
		}
		for _, g := range []policy.Facts{staffed(f), f} {
			if h.confirm(g) {
				h.out.Found, h.out.Facts = true, g
				return true
			}
		}
		if g, ok := h.vary(m, f); ok {
			h.out.Found, h.out.Facts = true, g
			return true
		}
		h.missed(m, f)
		q.clauses = append(q.clauses, m.otherwise())
		blocked = true
	}
	return false
}

// nearest gives a model with as few deviations as there can be.
func (h *hunt) nearest(q *query, differs []int, least int) ([]bool, int, bool) {
	any, ok := h.solve(q.clauses, q.last)
	if !ok {
		return nil, 0, false
	}
	most := 0
	for _, l := range differs {
		if holds(any, l) {
			most++
		}
	}
	for k := least; k < most; k++ {
		few, last := atMostOf(k, differs, q.last)
		if model, ok := h.solve(slices.Concat(q.clauses, few), last); ok {
			return model, k, true
		}
	}
	few, last := atMostOf(most, differs, q.last)
	model, _ := h.solve(slices.Concat(q.clauses, few), last)
	return model, most, true
}

func (h *hunt) solve(clauses [][]int, last int) ([]bool, bool) {
	h.out.Basis.Solved++
	return solve(clauses, last)
}

func holds(model []bool, l int) bool {
	if l < 0 {
		return !model[-l]
	}
	return model[l]
}

// missed keeps what a request that was not confirmed rests on.
func (h *hunt) missed(m *meant, f policy.Facts) {
	if h.why == "" {
		h.why = m.unlike(f)
	}
	if h.restsOn != nil {
		return
	}
	var all []string
	for _, a := range m.atoms {
		if a.kind == isOpaque && !slices.Contains(all, a.text) {
			all = append(all, a.text)
		}
	}
	for _, text := range all {
		if len(all) == 1 || len(all) <= mostOpaque && h.needs(m, text) {
			h.restsOn = append(h.restsOn, text)
		}
	}
	if h.restsOn == nil {
		h.restsOn = all
	}
	h.best = f
}

// mostOpaque is up to how many opaque parts are looked at one by one.
const mostOpaque = 16

// needs reports whether the model is one only because of how an opaque part
// came out, all else being as it is.
func (h *hunt) needs(m *meant, text string) bool {
	clauses := slices.Clone(m.clauses)
	var otherwise []int
	for _, a := range m.atoms {
		l := m.lit(a.lit)
		if !m.model[l] {
			l = -l
		}
		if a.kind == isOpaque && a.text == text {
			otherwise = append(otherwise, -l)
		} else if a.kind != isChoice {
			clauses = append(clauses, []int{l})
		}
	}
	_, free := h.solve(append(clauses, otherwise), m.last)
	return !free
}

// otherwise is the clause by which the next model differs in what could not be
// made as the model wants it.
func (m *meant) otherwise() []int {
	var hard, all []int
	for _, a := range m.atoms {
		l := m.lit(a.lit)
		if m.model[l] {
			l = -l
		}
		all = append(all, l)
		if a.isHard() {
			hard = append(hard, l)
		}
	}
	if len(hard) > 0 {
		return hard
	}
	return all
}

// isHard finds the atoms that a request is not simply made to fit.
func (a *atom) isHard() bool {
	switch a.kind {
	case isOpaque, isCall, tooLarge, isRefused:
		return true
	case isCount:
		return a.count.open || a.times > mostTimes
	case atMost:
		return slices.ContainsFunc(a.term.parts, func(p part) bool { return p.quantity.kind != moment })
	}
	return false
}

// unlike says in what a request is not as the model wants it.
func (m *meant) unlike(f policy.Facts) string {
	now := m.arrange(f)
	for _, a := range m.atoms {
		if is, known := now.says(a); known && is != m.is(a) {
			return fmt.Sprintf("no request was found in which %s is %v", a.describe(), m.is(a))
		}
	}
	for _, a := range m.atoms {
		switch a.kind {
		case isOpaque, tooLarge:
			return fmt.Sprintf("`%s` has no form to reason about", a.text)
		case isCount:
			if a.isHard() {
				return fmt.Sprintf("a loop over %s depends on the element of another, or counts more than %d", a.list, mostTimes)
			}
		}
	}
	return "the request that was reasoned out is not one"
}

func (a *atom) describe() string {
	switch a.kind {
	case isThere:
		return "`has(" + a.ref.String() + ")`"
	case isTrue:
		return "`" + a.ref.String() + "`"
	case isText:
		return fmt.Sprintf("`%s == %q`", a.ref, a.text)
	case isCall:
		return fmt.Sprintf("`%s.%s(%q)`", a.ref, a.call, a.text)
	case isSame:
		return fmt.Sprintf("`%s == %s`", a.ref, a.other)
	case atMost:
		return "`" + a.term.key + a.bound() + "`"
	case hasText:
		return fmt.Sprintf("`%q in %s`", a.text, a.list)
	case hasPlace:
		return fmt.Sprintf("`size(%s) >= %d`", a.list, a.place)
	}
	return "`" + a.text + "`"
}

// bound writes the bound of a term as people would.
func (a *atom) bound() string {
	next := new(big.Int).Add(a.num, big.NewInt(1))
	moments := 0
	for _, p := range a.term.parts {
		if p.quantity.kind == moment {
			moments++
		}
	}
	switch {
	case moments == 2 && next.IsInt64():
		return " < " + time.Duration(next.Int64()).String()
	case moments == 1 && len(a.term.parts) == 1:
		return " < " + instant(next).Format(time.RFC3339Nano)
	}
	return " <= " + a.num.String()
}

// staffed puts somebody at the desk: a desk without a person is nearer to an
// ordinary request, and is nowhere.
func staffed(f policy.Facts) policy.Facts {
	if f.Agent.Desk != "" && f.Agent.Person == "" {
		f.Agent.Person = "p3"
	}
	return f
}
