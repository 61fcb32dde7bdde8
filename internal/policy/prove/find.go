package prove

import (
	"fmt"
	"slices"

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
	// Atoms and Solved are how many elementary statements the answer rests on,
	// and how often the solver was asked.
	Atoms, Solved int
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
	if _, ok := solve(wide.clauses, wide.last); !ok {
		return Answer{Impossible: true, Atoms: len(wide.atoms), Solved: 1}
	}
	h := hunt{space: s, goal: goal, near: near, confirm: confirm, out: Answer{Solved: 1}}
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
	h.out.Atoms = max(h.out.Atoms, len(q.atoms))
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
		if h.confirm(f) {
			h.out.Found, h.out.Facts = true, f
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
	h.out.Solved++
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
	for _, a := range m.atoms {
		if a.kind == isOpaque && !slices.Contains(h.restsOn, a.text) {
			h.restsOn = append(h.restsOn, a.text)
			h.best = f
		}
	}
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
		return fmt.Sprintf("`%s <= %s`", a.term.key, a.num)
	case hasText:
		return fmt.Sprintf("`%q in %s`", a.text, a.list)
	case hasPlace:
		return fmt.Sprintf("`size(%s) >= %d`", a.list, a.place)
	}
	return "`" + a.text + "`"
}
