package lint

import (
	"slices"
	"strings"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/expr"
	"countersign/internal/policy/prove"
	"countersign/internal/policy/specimen"
)

// model is every possible request under the policy, in propositions.
type model struct {
	*prove.Space
	policy           *policy.Policy
	plan             *prove.Plan
	logic            policy.Logic
	expires, coolOff int64

	sound      prove.Lit   // the facts are not refused
	open       prove.Lit   // nothing refuses the request
	applies    []prove.Lit // by rule
	fails      []prove.Lit // by rule
	holds      []prove.Lit // by entry of classes, whatever stands above it
	decides    []prove.Lit // by entry of classes: the account is of the class by it
	classFails []prove.Lit // by entry of classes: it ends the search

	unclear []string // why questions could not be answered
}

func newModel(p *policy.Policy, logic policy.Logic) *model {
	s := prove.NewSpace(p)
	m := &model{Space: s, policy: p, plan: s.Of(0), logic: logic, expires: logic.Expires, coolOff: logic.CoolOff}
	m.sound = m.plan.DeniedBy("(facts)").Not()
	m.open = m.plan.Denied.Not()
	for i := range logic.Rules {
		m.applies = append(m.applies, m.plan.Matches(i))
		m.fails = append(m.fails, m.plan.Fails(i))
	}
	reached := m.sound
	for _, c := range logic.Classes {
		holds, fails := s.Cond(0, c.When.Expr())
		m.holds = append(m.holds, s.And(m.sound, holds))
		m.decides = append(m.decides, s.And(reached, holds))
		m.classFails = append(m.classFails, s.And(reached, fails))
		reached = s.And(reached, holds.Not(), fails.Not())
	}
	return m
}

// find gives a request of which the proposition holds, as ordinary as there is
// one. What it finds is put before the policy itself, whose plan has to agree.
func (m *model) find(l prove.Lit, agrees func(policy.Plan) bool) (policy.Facts, policy.Plan, bool) {
	a := m.Find(l, specimen.Ordinary(), func(f policy.Facts) bool { return agrees(m.policy.Plan(f)) })
	if !a.Found || len(a.RestsOn) > 0 {
		m.puzzled(a)
		return policy.Facts{}, policy.Plan{}, false
	}
	return a.Facts, m.policy.Plan(a.Facts), true
}

// possible reports whether the proposition may hold of some request. Where
// that cannot be told it says yes, so that no finding rests on it.
func (m *model) possible(l prove.Lit) bool {
	a := m.Find(l, specimen.Ordinary(), func(policy.Facts) bool { return true })
	if !a.Found {
		m.puzzled(a)
	}
	return !a.Impossible
}

// puzzled keeps why a question could not be answered.
func (m *model) puzzled(a prove.Answer) {
	why := a.Unclear
	if len(a.RestsOn) > 0 {
		why = "`" + strings.Join(a.RestsOn, "`, `") + "` has no form to reason about"
	}
	if why != "" && !slices.Contains(m.unclear, why) {
		m.unclear = append(m.unclear, why)
	}
}

func allowed(p policy.Plan) bool { return !p.Denied() }

func (m *model) class(c identity.Class) prove.Lit { return m.plan.Class(c) }

func (m *model) classes(cs ...identity.Class) prove.Lit {
	var any []prove.Lit
	for _, c := range cs {
		any = append(any, m.class(c))
	}
	return m.Or(any...)
}

func (m *model) floorAtLeast(t identity.Tier) prove.Lit {
	var any []prove.Lit
	for _, c := range identity.Classes {
		if policy.Floor(c).Rank() >= t.Rank() {
			any = append(any, m.class(c))
		}
	}
	return m.Or(any...)
}

// above says that the plan's tier is above t.
func (m *model) above(t identity.Tier) prove.Lit {
	if t.Rank()+1 >= len(identity.Tiers) {
		return prove.False
	}
	return m.plan.TierAtLeast(identity.Tiers[t.Rank()+1])
}

func (m *model) action(a identity.Action) prove.Lit { return m.says("action", string(a)) }

func (m *model) desk(name string) prove.Lit { return m.says("agent.desk", name) }

// says is that a fact is this text.
func (m *model) says(path, word string) prove.Lit {
	holds, _ := m.Cond(0, equal(fact(path, expr.Text), text(word)))
	return holds
}

// has says that an optional fact is there.
func (m *model) has(path string, t expr.Type) prove.Lit {
	holds, _ := m.Cond(0, &expr.Node{Op: expr.Has, Args: []*expr.Node{fact(path, t)}})
	return holds
}

// within says that desk's reach and its vendor's hold, as they have to for the
// agent to act; caps are left out.
func (m *model) within(d policy.Bound) prove.Lit {
	all := []prove.Lit{m.sound}
	for _, b := range m.bounds(d) {
		if !b.Reach.Absent() {
			holds, asPrivileged, _ := m.asked(b.Reach.Expr())
			all = append(all, holds, m.Or(m.class(identity.Unknown).Not(), asPrivileged))
		}
	}
	return m.And(all...)
}

func (m *model) reachFails(d policy.Bound) prove.Lit {
	_, _, fails := m.asked(d.Reach.Expr())
	return m.And(m.sound, fails)
}

func (m *model) bounds(d policy.Bound) []policy.Bound {
	all := []policy.Bound{d}
	for _, v := range m.logic.Vendors {
		if d.Company == v.Name {
			all = append(all, v)
		}
	}
	return all
}

// asked asks a condition as Plan does: for an unknown class once more as if
// the account were privileged. The class is the one that the plan says.
func (m *model) asked(n *expr.Node) (holds, asPrivileged, fails prove.Lit) {
	if !n.Reads("subject.class") {
		holds, fails = m.Cond(0, n)
		return holds, holds, fails
	}
	var is, not []prove.Lit
	as := func(c identity.Class) (holds, fails prove.Lit) {
		return m.Cond(0, rewrite(n, instead("subject.class", text(string(c)))))
	}
	for _, c := range identity.Classes {
		holds, fails := as(c)
		is, not = append(is, m.And(m.class(c), holds)), append(not, m.And(m.class(c), fails))
	}
	asPrivileged, more := as(identity.Privileged)
	return m.Or(is...), asPrivileged, m.Or(append(not, m.And(m.class(identity.Unknown), more))...)
}

// rewrite copies a condition with some of its parts replaced: those for which
// by gives something else than nil.
func rewrite(n *expr.Node, by func(*expr.Node) *expr.Node) *expr.Node {
	if r := by(n); r != nil {
		return r
	}
	var args []*expr.Node
	changed := false
	for _, a := range n.Args {
		b := rewrite(a, by)
		args = append(args, b)
		changed = changed || a != b
	}
	if !changed {
		return n
	}
	out := *n
	out.Args = args
	return &out
}

func fact(path string, t expr.Type) *expr.Node { return &expr.Node{Op: expr.Fact, Type: t, Path: path} }

func text(s string) *expr.Node {
	return &expr.Node{Op: expr.Lit, Type: expr.Text, Value: expr.Value{Text: s}}
}

func truth(b bool) *expr.Node {
	return &expr.Node{Op: expr.Lit, Type: expr.Bool, Value: expr.Value{Bool: b}}
}

func equal(a, b *expr.Node) *expr.Node {
	return &expr.Node{Op: expr.Eq, Type: expr.Bool, Args: []*expr.Node{a, b}}
}
