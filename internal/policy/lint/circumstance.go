package lint

import (
	"slices"
	"strings"

	"countersign/internal/policy"
	"countersign/internal/policy/expr"
	"countersign/internal/policy/prove"
	"countersign/internal/proof"
)

// circumstances looks for facts about the circumstances by which a request is
// asked for less proof than without them. Where nothing is allowed without
// them, what may be known is compared with what else may be known.
func (c *check) circumstances() {
	m := c.model
	for _, w := range c.worlds() {
		base := m.imagine("", func(*expr.Node) *expr.Node { return nil })
		base.open = m.And(base.open, w.absent)
		if m.possible(base.open) {
			c.anyLowers(w, []*imagined{base})
			continue
		}
		var others []*imagined
		for _, with := range w.with {
			others = append(others, m.imagine("", with.by))
		}
		c.anyLowers(w, others)
	}
}

func (c *check) anyLowers(w world, others []*imagined) {
	for _, with := range w.with {
		v := c.model.imagine("", with.by)
		for _, other := range others {
			if c.lowers(w, with.word, v, other) {
				return
			}
		}
	}
}

// lowers says a finding when v asks for less proof than the other, of requests
// that are the same otherwise and that neither refuses.
func (c *check) lowers(w world, word string, v, other *imagined) bool {
	m := c.model
	for _, i := range w.rules {
		r := c.logic.Rules[i]
		if r.Deny != "" || len(r.Demand.Proofs) == 0 {
			continue
		}
		for _, set := range shy(r.Demand.Proofs) {
			f, _, found := m.find(m.And(v.open, other.open, v.accepts(set), other.accepts(set).Not()), func(policy.Plan) bool { return true })
			if found {
				c.say("circumstance-lowers-proof", r.Name, of(r.When, 0, ruleAt(i)+".when"),
					"the rule `%s` does not ask for `%s` once %s is known, and something weaker is enough then", r.Name, r.Demand.Proofs, word).shows(f)
				return true
			}
		}
	}
	return false
}

// world is one sort of circumstance, and what may be known of it.
type world struct {
	name   string
	absent prove.Lit // nothing is known
	rules  []int     // that read it
	with   []known
}

type known struct {
	word string
	by   func(*expr.Node) *expr.Node
}

// worlds lists the circumstances that rules read.
func (c *check) worlds() []world {
	var all []world
	for _, list := range []string{"signals", "history"} {
		if w := c.listed(list); len(w.rules) > 0 {
			all = append(all, w)
		}
	}
	for _, path := range []string{"device.managed", "device.compliant"} {
		w := c.circumstance(path, expr.Bool)
		for _, b := range []bool{true, false} {
			w.with = append(w.with, known{path + " == " + truth(b).String(), given(path, truth(b))})
		}
		if len(w.rules) > 0 {
			all = append(all, w)
		}
	}
	for _, path := range []string{"location.country", "location.network"} {
		w := c.circumstance(path, expr.Text)
		for _, s := range append(c.words(w.rules, path), "ZZ") {
			w.with = append(w.with, known{path + " == " + text(s).String(), given(path, text(s))})
		}
		if len(w.rules) > 0 {
			all = append(all, w)
		}
	}
	return all
}

func (c *check) circumstance(path string, t expr.Type) world {
	w := world{name: path, absent: c.model.has(path, t).Not()}
	for i, r := range c.logic.Rules {
		if r.When.Expr().Reads(path) {
			w.rules = append(w.rules, i)
		}
	}
	return w
}

// given makes a fact present, and this.
func given(path string, value *expr.Node) func(*expr.Node) *expr.Node {
	return func(n *expr.Node) *expr.Node {
		switch {
		case n.Op == expr.Has && isFact(n.Args[0], path):
			return truth(true)
		case isFact(n, path):
			return value
		}
		return nil
	}
}

// listed is for lists: nothing is known when they are empty, and what is known
// turns conditions over them round, each for itself and all together.
func (c *check) listed(list string) world {
	m := c.model
	empty, _ := m.Cond(0, equal(&expr.Node{Op: expr.Size, Type: expr.Int, Args: []*expr.Node{fact(list, expr.Objects)}}, &expr.Node{Op: expr.Lit, Type: expr.Int}))
	w := world{name: list, absent: empty}
	var atoms []*expr.Node
	for i, r := range c.logic.Rules {
		reads := false
		for _, a := range r.When.Expr().Atoms() {
			if a.Any(func(n *expr.Node) bool { return n.Op == expr.Fact && n.Path == list }) {
				reads = true
				if !slices.ContainsFunc(atoms, func(b *expr.Node) bool { return a.Key() == b.Key() }) {
					atoms = append(atoms, a)
				}
			}
		}
		if reads {
			w.rules = append(w.rules, i)
		}
	}
	atoms = atoms[:min(len(atoms), 2*atMost)]
	before := make([]bool, len(atoms))
	for i, a := range atoms {
		holds, _ := m.Cond(0, a)
		before[i] = m.possible(m.And(empty, holds))
	}
	for turned := -1; turned < len(atoms); turned++ {
		after := map[string]bool{}
		var together []prove.Lit
		for i, a := range atoms {
			after[a.Key()] = before[i] != (turned < 0 || turned == i)
			holds, fails := m.Cond(0, a)
			together = append(together, fails.Not(), m.Same(holds, constant(after[a.Key()])))
		}
		if m.possible(m.And(together...)) {
			w.with = append(w.with, known{"an entry of " + list, turn(after)})
		}
	}
	return w
}

func constant(b bool) prove.Lit {
	if b {
		return prove.True
	}
	return prove.False
}

// turn gives conditions these values.
func turn(after map[string]bool) func(*expr.Node) *expr.Node {
	return func(n *expr.Node) *expr.Node {
		if n.Type == expr.Bool && !n.Open() {
			if b, ok := after[n.Key()]; ok {
				return truth(b)
			}
		}
		return nil
	}
}

// words lists the constants in conditions that read the fact.
func (c *check) words(rules []int, path string) []string {
	var out []string
	for _, i := range rules {
		for _, a := range c.logic.Rules[i].When.Expr().Atoms() {
			if !a.Reads(path) {
				continue
			}
			a.Walk(func(n *expr.Node) bool {
				if n.Op == expr.Lit {
					out = append(append(out, n.Value.Texts...), n.Value.Text)
				}
				return true
			})
		}
	}
	out = slices.DeleteFunc(out, func(s string) bool { return strings.TrimSpace(s) == "" })
	slices.Sort(out)
	return slices.Compact(out)[:min(len(slices.Compact(out)), 2*atMost)]
}

// shy lists the largest sets of methods that do not satisfy the formula.
func shy(f proof.Formula) [][]proof.Method {
	sets := [][]proof.Method{methods(func(proof.Spec) bool { return true })}
	for _, way := range f {
		var next [][]proof.Method
		for _, set := range sets {
			if !only(way, set) {
				next = append(next, set)
				continue
			}
			for _, out := range way {
				next = append(next, slices.DeleteFunc(slices.Clone(set), func(m proof.Method) bool { return m == out }))
			}
		}
		sets = next[:min(len(next), 64)]
	}
	return sets
}
