package policy

import "countersign/internal/policy/expr"

// coder compiles conditions to codes. Conditions of one policy share a coder,
// so that they share the outcomes of what they have in common.
type coder struct {
	seen  map[string]int     // how often a condition worth keeping occurs
	slots map[string]uint16  // 1 more than the slot of its outcome
	class slots              // the slots whose outcome depends on the account's class
	lists [maxLoops + 1]code // that the loops around go over
}

// compile gives every condition its code and the rules their index.
func (p *Policy) compile() {
	k := &coder{seen: map[string]int{}, slots: map[string]uint16{}}
	for _, c := range p.all() {
		k.note(c.tree)
	}
	for _, c := range p.all() {
		c.code = k.compile(c.tree)
	}
	p.classSlots = k.class
	p.index = newIndex(p.rules, worthLooking)
}

// all are the conditions that a decision can ask for.
func (p *Policy) all() []*condition {
	var all []*condition
	for _, c := range p.classes {
		all = append(all, c.when)
	}
	for _, name := range p.Desks() {
		all = append(all, p.desks[name].reach)
	}
	for _, v := range p.vendors {
		if v.reach != nil {
			all = append(all, v.reach)
		}
	}
	for _, r := range p.rules {
		all = append(all, r.when)
	}
	return all
}

// note counts what occurs in a condition, to find what is worth keeping.
func (k *coder) note(n *expr.Node) {
	n.Walk(func(n *expr.Node) bool {
		if worthKeeping(n) {
			k.seen[n.Key()]++
		}
		return true
	})
}

// worthKeeping reports whether an outcome costs more than to look it up, and is
// the same wherever the condition stands.
func worthKeeping(n *expr.Node) bool {
	if n.Type != expr.Bool || n.Open() {
		return false
	}
	switch n.Op {
	case expr.Named:
		return !worthKeeping(n.Args[0])
	case expr.Not, expr.And, expr.Or, expr.If:
		return false
	}
	return n.Any(func(m *expr.Node) bool {
		switch m.Op {
		case expr.Exists, expr.All, expr.One, expr.Filter, expr.Call, expr.Opaque:
			return true
		case expr.In:
			return m.Args[1].Op == expr.Fact
		}
		return false
	})
}

// slot gives a place to what occurs more than once, as long as there are any.
func (k *coder) slot(n *expr.Node) uint16 {
	if !worthKeeping(n) {
		return 0
	}
	key := n.Key()
	slot, given := k.slots[key]
	if given || k.seen[key] < 2 || len(k.slots) == maxSlots {
		return slot
	}
	slot = uint16(len(k.slots) + 1)
	k.slots[key] = slot
	if n.Reads("subject.class") {
		k.class[(slot-1)/64] |= 1 << ((slot - 1) % 64)
	}
	return slot
}

// compile gives nil when a part of the condition has no code.
func (k *coder) compile(n *expr.Node) *code {
	c, ok := k.code(n)
	if !ok || n.Type != expr.Bool {
		return nil
	}
	return &c
}

func (k *coder) code(n *expr.Node) (code, bool) {
	if n.Op == expr.Named {
		c, ok := k.code(n.Args[0])
		if c.memo == 0 {
			c.memo = k.slot(n)
		}
		return c, ok
	}
	c, ok := k.bare(n)
	if ok && c.args == nil && c.op != opIs {
		c.args, ok = k.operands(n)
	}
	if !ok {
		return code{}, false
	}
	c.memo = k.slot(n)
	return c, true
}

func (k *coder) operands(n *expr.Node) ([]code, bool) {
	all := make([]code, len(n.Args))
	for i, a := range n.Args {
		var ok bool
		if all[i], ok = k.code(a); !ok {
			return nil, false
		}
		if i == 0 && n.Var != 0 {
			k.lists[n.Var] = all[0] // which the second operand goes over
		}
	}
	return all, true
}

// bare compiles a node without its operands, unless it is one step with them.
func (k *coder) bare(n *expr.Node) (code, bool) {
	switch n.Op {
	case expr.Lit:
		return literalCode(n)
	case expr.Fact:
		c, ok := factCode(n)
		return c, ok && sourceOf[n.Path].typ == n.Type
	case expr.Elem:
		if n.Var > maxLoops {
			return code{}, false
		}
		return code{op: opElement, depth: uint8(n.Var), args: []code{k.lists[n.Var]}}, true
	case expr.Has:
		fact, ok := factCode(n.Args[0])
		return code{op: opHas, args: []code{fact}}, ok
	case expr.Not:
		return code{op: opNot}, true
	case expr.And:
		return code{op: opAnd}, true
	case expr.Or:
		return code{op: opOr}, true
	case expr.If:
		return code{op: opIf}, true
	case expr.Eq, expr.Ne, expr.Lt, expr.Le, expr.Gt, expr.Ge:
		return k.comparison(n)
	case expr.In:
		return code{op: opAmong}, n.Args[0].Type == expr.Text && n.Args[1].Type == expr.Texts
	case expr.Exists, expr.All, expr.One, expr.Filter:
		op := map[expr.Op]op{expr.Exists: opExists, expr.All: opAll, expr.One: opOne, expr.Filter: opFilter}[n.Op]
		return code{op: op, depth: uint8(n.Var)}, n.Var <= maxLoops && (op != opFilter || fits(n.Args[0]))
	case expr.Size:
		if n.Args[0].Type == expr.Text {
			return code{op: opSize}, true
		}
		return code{op: opCount}, true
	case expr.Add, expr.Sub, expr.Mul, expr.Div, expr.Mod, expr.Neg:
		return arithmeticCode(n)
	case expr.Call:
		return callCode(n)
	}
	return code{}, false
}

// fits reports whether a filter can keep the elements of a list.
func fits(list *expr.Node) bool {
	for list.Op == expr.Filter {
		list = list.Args[0]
	}
	return list.Op != expr.Lit || len(list.Value.Texts) <= maxRange
}
