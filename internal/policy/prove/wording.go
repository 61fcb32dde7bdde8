package prove

import (
	"slices"

	"countersign/internal/policy/expr"
)

// wording is what a text is where the guard holds.
type wording struct {
	guard, fails Lit
	text         string
	known        bool // text, and not a fact
	rest         bool // an element that no constant of the loop is
	ref          ref
	words        map[string]Lit // a text that the policy computes: which it is
}

func (s *Space) wordings(n *expr.Node, e *scene) ([]wording, bool) {
	switch {
	case n.Op == expr.Lit:
		return []wording{{guard: True, fails: False, text: n.Value.Text, known: true}}, true
	case n.Op == expr.Elem && e.at[n.Var].known:
		return []wording{{guard: True, fails: False, text: e.at[n.Var].text, known: true}}, true
	case n.Op == expr.Fact && n.Var == 0 && n.Path == "subject.class" && e.class != nil:
		words := map[string]Lit{}
		for c, l := range e.class {
			words[string(c)] = l
		}
		return []wording{{guard: True, fails: False, words: words}}, true
	case e.isOfPlan(n):
		words, ok := s.planWords(n.Path, e.plan)
		return []wording{{guard: True, fails: False, words: words}}, ok
	case n.Op == expr.Fact && n.Var == 0 && n.Path == "agent.company":
		return []wording{{guard: True, fails: s.Or(values(e.company)...).Not(), words: e.company}}, true
	case n.Op == expr.Fact || n.Op == expr.Elem:
		r, ok := e.refOf(n)
		if !ok || textFacts[r.path].at == nil && closedWords[r.path] == nil {
			return nil, false
		}
		return []wording{{guard: True, fails: s.there(r).Not(), ref: r, rest: e.at[n.Var].rest}}, true
	case n.Op == expr.If:
		c := s.cond(n.Args[0], e)
		yes, ok1 := s.wordings(n.Args[1], e)
		no, ok2 := s.wordings(n.Args[2], e)
		out := slices.Concat(yes, no)
		for i := range out {
			branch := c.holds
			if i >= len(yes) {
				branch = c.holds.Not()
			}
			out[i].guard, out[i].fails = s.And(branch, out[i].guard), s.Or(c.fails, out[i].fails)
		}
		return out, ok1 && ok2 && len(out) <= maxCases
	}
	return nil, false
}

func (s *Space) sameText(n *expr.Node, e *scene) verdict {
	left, ok1 := s.wordings(n.Args[0], e)
	right, ok2 := s.wordings(n.Args[1], e)
	if !ok1 || !ok2 || len(left)*len(right) > maxCases {
		return s.unknown(&expr.Node{Op: expr.Eq, Args: n.Args, Type: expr.Bool}, e)
	}
	var holds, fails []Lit
	for _, a := range left {
		for _, b := range right {
			guard, bad := s.And(a.guard, b.guard), s.Or(a.fails, b.fails)
			holds = append(holds, s.And(guard, bad.Not(), s.equalTexts(a, b)))
			fails = append(fails, s.And(guard, bad))
		}
	}
	return verdict{s.Or(holds...), s.Or(fails...)}
}

func (s *Space) equalTexts(a, b wording) Lit {
	if a.known || b.words != nil && a.words == nil {
		a, b = b, a
	}
	switch {
	case a.known:
		return truth(a.text == b.text)
	case b.known && a.words != nil:
		if l, ok := a.words[b.text]; ok {
			return l
		}
		return False
	case b.known && a.rest:
		return False
	case b.known:
		return s.says(a.ref, b.text)
	case a.words != nil:
		same := []Lit{}
		for _, w := range sortedKeys(a.words) {
			switch {
			case b.words == nil:
				same = append(same, s.And(a.words[w], s.says(b.ref, w)))
			default:
				if l, ok := b.words[w]; ok {
					same = append(same, s.And(a.words[w], l))
				}
			}
		}
		return s.Or(same...)
	}
	return s.equal(a.ref, b.ref)
}

// member is for a text in a list of texts.
func (s *Space) member(n *expr.Node, e *scene) verdict {
	of, list := n.Args[0], n.Args[1]
	if list.Op == expr.Lit {
		texts, ok := s.wordings(of, e)
		if !ok {
			return s.unknown(n, e)
		}
		var holds, fails []Lit
		for _, a := range texts {
			var one []Lit
			for _, t := range list.Value.Texts {
				one = append(one, s.equalTexts(a, wording{text: t, known: true}))
			}
			holds = append(holds, s.And(a.guard, a.fails.Not(), s.Or(one...)))
			fails = append(fails, s.And(a.guard, a.fails))
		}
		return verdict{s.Or(holds...), s.Or(fails...)}
	}
	// x in list is list.exists(y, y == x), which fails when x does.
	depth := 1
	for e.at[depth] != (element{}) {
		depth++
	}
	for of.Any(func(m *expr.Node) bool { return m.Var == depth }) || list.Any(func(m *expr.Node) bool { return m.Var == depth }) {
		depth++
	}
	path := ""
	if l, ok := s.listOf(list, e); ok {
		path = l.path
	}
	elem := &expr.Node{Op: expr.Elem, Type: expr.Text, Var: depth, Path: path, Name: "x"}
	same := &expr.Node{Op: expr.Eq, Type: expr.Bool, Args: []*expr.Node{elem, of}}
	v := s.loop(&expr.Node{Op: expr.Exists, Type: expr.Bool, Var: depth, Name: "x", Args: []*expr.Node{list, same}}, e)
	texts, ok := s.wordings(of, e)
	if !ok {
		return s.unknown(n, e)
	}
	fails := v.fails
	for _, a := range texts {
		fails = s.Or(fails, s.And(a.guard, a.fails))
	}
	return verdict{s.And(v.holds, fails.Not()), fails}
}

// textCall is for startsWith, endsWith, contains and matches.
func (s *Space) textCall(n *expr.Node, e *scene) verdict {
	if v, ok := s.acceptsCall(n, e); ok {
		return v
	}
	texts, ok := s.wordings(n.Args[0], e)
	if len(n.Args) != 2 || n.Args[1].Op != expr.Lit || !ok {
		return s.unknown(n, e)
	}
	with := n.Args[1].Value.Text
	var holds, fails []Lit
	for _, a := range texts {
		var l Lit
		switch {
		case a.known:
			is, ok := callText(n.Name, a.text, with)
			if !ok {
				return s.unknown(n, e)
			}
			l = truth(is)
		case a.words != nil:
			l = False
			for _, w := range sortedKeys(a.words) {
				is, ok := callText(n.Name, w, with)
				if !ok {
					return s.unknown(n, e)
				}
				l = s.Or(l, s.And(a.words[w], truth(is)))
			}
		default:
			if _, ok := callText(n.Name, "", with); !ok {
				return s.unknown(n, e)
			}
			l = s.calls(a.ref, n.Name, with)
		}
		holds = append(holds, s.And(a.guard, a.fails.Not(), l))
		fails = append(fails, s.And(a.guard, a.fails))
	}
	return verdict{s.Or(holds...), s.Or(fails...)}
}
