package lint

import (
	"slices"
	"strings"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/expr"
	"countersign/internal/policy/prove"
	"countersign/internal/proof"
)

// imagined is what the policy would say of the same request if some of its
// facts were other than they are. The account's class stays what it is, and
// nobody acts at a desk.
type imagined struct {
	open     prove.Lit
	applies  []prove.Lit
	tierOver [4]prove.Lit // by rank: above it
	action   identity.Action
	m        *model
}

// imagine plans requests with parts of the rules' conditions replaced. The
// action is the one that is imagined; "" when it stays.
func (m *model) imagine(action identity.Action, by func(*expr.Node) *expr.Node) *imagined {
	v := &imagined{m: m, action: action}
	denied := []prove.Lit{m.sound.Not(), m.plan.DeniedBy("(lifecycle)"), m.plan.DeniedBy("(fence)"),
		m.has("agent.desk", expr.Text), m.has("agent.person", expr.Text)}
	for _, r := range m.logic.Rules {
		holds, asPrivileged, fails := m.asked(rewrite(r.When.Expr(), by))
		applies := m.And(m.Or(holds, m.And(m.class(identity.Unknown), asPrivileged)), fails.Not())
		v.applies = append(v.applies, applies)
		denied = append(denied, fails)
		if r.Deny != "" {
			denied = append(denied, applies)
		}
	}
	for rank, t := range identity.Tiers[:3] {
		above := identity.Tiers[rank+1]
		v.tierOver[rank] = m.Or(m.floorAtLeast(above), v.any(func(d policy.Demand) bool { return d.Tier != "" && d.Tier.Rank() > t.Rank() }))
	}
	v.tierOver[3] = prove.False
	denied = append(denied, v.accepts(methods(func(proof.Spec) bool { return true })).Not())
	v.open = m.Or(denied...).Not()
	return v
}

func (v *imagined) any(is func(policy.Demand) bool) prove.Lit {
	var any []prove.Lit
	for i, r := range v.m.logic.Rules {
		if r.Deny == "" && is(r.Demand) {
			any = append(any, v.applies[i])
		}
	}
	return v.m.Or(any...)
}

// accepts says that the methods together are enough.
func (v *imagined) accepts(ms []proof.Method) prove.Lit {
	all := []prove.Lit{v.any(func(d policy.Demand) bool { return len(d.Proofs) > 0 })}
	for i, r := range v.m.logic.Rules {
		if r.Deny != "" || len(r.Demand.Proofs) == 0 {
			continue
		}
		ways := []prove.Lit{v.applies[i].Not()}
		for _, way := range r.Demand.Proofs {
			if only(way, ms) {
				ways = append(ways, v.usable(way))
			}
		}
		all = append(all, v.m.Or(ways...))
	}
	return v.m.And(all...)
}

func (v *imagined) usable(way []proof.Method) prove.Lit {
	var all []prove.Lit
	for _, w := range way {
		spec, _ := proof.SpecOf(w)
		all = append(all, v.tierOver[spec.Ceiling.Rank()].Not())
		for _, a := range spec.Spoiled {
			switch {
			case v.action == "":
				all = append(all, v.m.action(a).Not())
			case v.action == a:
				all = append(all, prove.False)
			}
		}
	}
	return v.m.And(all...)
}

// isFact reports whether n reads this fact, outside of loops.
func isFact(n *expr.Node, path string) bool { return n.Op == expr.Fact && n.Var == 0 && n.Path == path }

func instead(path string, value *expr.Node) func(*expr.Node) *expr.Node {
	return func(n *expr.Node) *expr.Node {
		if isFact(n, path) {
			return value
		}
		return nil
	}
}

// secondFactor compares the proofs for a new second factor with those for a
// new password of the same account.
func (c *check) secondFactor() {
	m := c.model
	password := m.imagine(identity.PasswordReset, instead("action", text(string(identity.PasswordReset))))
	var weak, strongly []prove.Lit
	for _, set := range weakest() {
		weak = append(weak, m.plan.Accepts(set...))
		strongly = append(strongly, password.accepts(set).Not())
	}
	q := m.And(m.open, m.action(identity.MFAReset), m.Or(weak...), password.open, m.And(strongly...))
	c.opened("mfa-reset-weaker", q, func(way []proof.Method) bool { return !strong(way) },
		"`%s` is enough for the %s account's %s, and not for its password_reset")
}

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
