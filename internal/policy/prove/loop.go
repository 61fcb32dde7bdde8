package prove

import (
	"maps"
	"slices"
	"strconv"

	"countersign/internal/policy/expr"
)

// A loop asks whether at least so many elements of a list have a property.
// Such a count is an atom; what it means in terms of elements is written down
// only for the questions that need it (see places.go).

// list is a list of the facts with its filters, or one of the policy's own.
type list struct {
	path   string
	texts  []string // of the policy; nil for a list of the facts
	own    bool     // texts
	open   bool     // a filter speaks of an element of a loop around it
	key    string
	in     func(u element) Lit // the element has passed the filters
	fails  Lit                 // a filter failed for some element
	consts []string            // texts that the filters name
	probe  int                 // a place that no element has, and no loop around it tries
}

// count is the meaning of an isCount atom: at least n elements of the list
// have the property.
type count struct {
	list   string
	n      int
	open   bool // it speaks of an element of a loop around it
	has    func(u element) Lit
	consts []string // the texts that the property tells apart
	group  string   // counts of one property
}

// listOf reads a list and its filters; false when it has no form.
func (s *Space) listOf(n *expr.Node, e *scene) (list, bool) {
	probe := 1<<20 + len(e.at)
	switch {
	case n.Op == expr.Lit && n.Type == expr.Texts:
		return list{texts: n.Value.Texts, own: true, key: e.key(n), probe: probe, in: func(element) Lit { return True }, fails: False}, true
	case e.isOfPlan(n):
		words := planList(n.Path, e.plan)
		return list{texts: sortedKeys(words), own: true, key: e.key(n), probe: probe,
			in: func(u element) Lit { return words[u.text] }, fails: False}, words != nil
	case n.Op == expr.Fact && n.Var == 0 && (textLists[n.Path] != nil || slices.Contains(objectLists, n.Path)):
		return list{path: n.Path, key: n.Path, probe: probe, in: func(element) Lit { return True }, fails: False}, true
	case n.Op != expr.Filter:
		return list{}, false
	}
	from, ok := s.listOf(n.Args[0], e)
	if !ok {
		return list{}, false
	}
	passes := func(u element) verdict { return s.cond(n.Args[1], e.with(n.Var, u)) }
	out := list{path: from.path, texts: from.texts, own: from.own, key: e.key(n), probe: probe, open: from.open || n.Open(),
		consts: slices.Concat(from.consts, constants(n.Args[1], e))}
	out.in = func(u element) Lit { return s.And(from.in(u), passes(u).holds) }
	whenFails := func(u element) Lit { return s.And(from.in(u), passes(u).fails) }
	unfiltered := out
	unfiltered.in = from.in
	out.fails = s.Or(from.fails, s.atLeast(unfiltered, 1, "fails", constants(n.Args[1], e), whenFails))
	return out, true
}

// constants are the texts that a loop's element could be compared with: every
// text of the body, but for what speaks of no element at all, and the elements
// that loops around it are at. Some may be too many; none may be too few,
// because an element that is none of these is taken to differ from them.
func constants(body *expr.Node, e *scene) []string {
	var out []string
	for _, u := range e.at {
		if u.known {
			out = append(out, u.text)
		}
	}
	body.Walk(func(n *expr.Node) bool {
		switch {
		case n.Op == expr.Lit && n.Type == expr.Text:
			out = append(out, n.Value.Text)
		case n.Op == expr.Lit && n.Type == expr.Texts:
			out = append(out, n.Value.Texts...)
		case n.Op == expr.Eq || n.Op == expr.Ne || n.Op == expr.In:
			return n.Any(func(m *expr.Node) bool { return m.Var != 0 })
		}
		return true
	})
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *Space) loop(n *expr.Node, e *scene) verdict {
	l, ok := s.listOf(n.Args[0], e)
	if !ok {
		return s.unknown(n, e)
	}
	body := func(u element) verdict { return s.cond(n.Args[1], e.with(n.Var, u)) }
	l.open = l.open || n.Open()
	l.key = e.key(n)
	names := constants(n.Args[1], e)
	some := func(what string, k int, has func(v verdict) Lit) Lit {
		return s.atLeast(l, k, what, names, func(u element) Lit { return s.And(l.in(u), has(body(u))) })
	}
	fails := some("fails", 1, func(v verdict) Lit { return v.fails })
	holds := func(v verdict) Lit { return v.holds }
	switch n.Op {
	case expr.Exists:
		any := some("holds", 1, holds)
		return verdict{s.And(l.fails.Not(), any), s.Or(l.fails, s.And(any.Not(), fails))}
	case expr.All:
		not := some("false", 1, s.isFalse)
		failed := s.Or(l.fails, s.And(not.Not(), fails))
		return verdict{s.And(failed.Not(), not.Not()), failed}
	}
	failed := s.Or(l.fails, fails)
	return verdict{s.And(failed.Not(), some("holds", 1, holds), some("holds", 2, holds).Not()), failed}
}

// atLeast says that n elements of the list have the property.
func (s *Space) atLeast(l list, n int, what string, names []string, has func(u element) Lit) Lit {
	if n <= 0 {
		return True
	}
	if l.own {
		all := make([]Lit, len(l.texts))
		for i, t := range l.texts {
			all[i] = has(element{text: t, known: true})
		}
		return s.AtLeast(n, all...)
	}
	names = union(names, l.consts)
	if textLists[l.path] == nil {
		names = nil
	}
	if textLists[l.path] != nil && n == 1 && has(element{list: l.path, place: l.probe, rest: true}) == False {
		// Only texts that the property names can have it.
		any := make([]Lit, len(names))
		for i, t := range names {
			any[i] = s.And(s.has(l.path, t, 1), has(element{list: l.path, text: t, known: true}))
		}
		return s.Or(any...)
	}
	if textLists[l.path] == nil && has(element{list: l.path, place: l.probe}) == False {
		return False
	}
	group := l.path + " " + what + " " + l.key
	return s.atomOf("count "+strconv.Itoa(n)+" "+group, func() *atom {
		return &atom{kind: isCount, list: l.path, times: n, count: &count{l.path, n, l.open, has, names, group}}
	})
}

func values(m map[string]Lit) []Lit {
	out := make([]Lit, 0, len(m))
	for _, k := range sortedKeys(m) {
		out = append(out, m[k])
	}
	return out
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
