package policy

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/policy/expr"
)

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
	if !ok {
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

// manyTexts is how many constants are looked up rather than gone through.
const manyTexts = 8

func literalCode(n *expr.Node) (code, bool) {
	v := n.Value
	switch n.Type {
	case expr.Bool:
		if v.Bool {
			return code{op: opTrue}, true
		}
		return code{op: opFalse}, true
	case expr.Int:
		return code{op: opNumber, number: v.Int}, true
	case expr.Duration:
		return code{op: opNumber, number: int64(v.Duration)}, true
	case expr.Text:
		return code{op: opText, text: v.Text}, true
	case expr.Time:
		return code{op: opTime, more: &constant{at: v.Time}}, true
	case expr.Texts:
		c := &constant{texts: v.Texts}
		if len(v.Texts) > manyTexts {
			c.set = make(map[string]struct{}, len(v.Texts))
			for _, s := range v.Texts {
				c.set[s] = struct{}{}
			}
		}
		return code{op: opList, more: c}, true
	}
	return code{}, false
}

func factCode(n *expr.Node) (code, bool) {
	s, known := sourceOf[n.Path]
	if !known || n.Var > maxLoops {
		return code{}, false
	}
	c := code{from: s.from, optional: s.optional, depth: uint8(n.Var)}
	switch s.typ {
	case expr.Bool:
		c.op = opFlag
	case expr.Int:
		c.op = opClock
	case expr.Text:
		c.op = opWord
	case expr.Time:
		c.op = opInstant
	default:
		c.op = opList
	}
	return c, true
}

var orders = map[expr.Op]comparison{
	expr.Eq: equal, expr.Ne: less | greater, expr.Lt: less, expr.Le: less | equal, expr.Gt: greater, expr.Ge: greater | equal,
}

func (k *coder) comparison(n *expr.Node) (code, bool) {
	c := code{when: orders[n.Op]}
	if n.Args[0].Type != n.Args[1].Type {
		return c, false
	}
	switch n.Args[0].Type {
	case expr.Text:
		if is, ok := wordCode(n); ok {
			return is, true
		}
		c.op = opTexts
	case expr.Int, expr.Duration:
		c.op = opNumbers
	case expr.Time:
		c.op = opTimes
	case expr.Bool:
		c.op = opBooleans
	default:
		return c, false
	}
	return c, true
}

// wordCode makes one step of a fact that is, or is not, a constant.
func wordCode(n *expr.Node) (code, bool) {
	fact, value := n.Args[0], n.Args[1]
	if fact.Op == expr.Lit {
		fact, value = value, fact
	}
	if fact.Op != expr.Fact || value.Op != expr.Lit || n.Op != expr.Eq && n.Op != expr.Ne {
		return code{}, false
	}
	c, ok := factCode(fact)
	c.op, c.when, c.text = opIs, orders[n.Op], value.Value.Text
	return c, ok
}

func arithmeticCode(n *expr.Node) (code, bool) {
	ops := map[expr.Op]op{expr.Add: opAdd, expr.Sub: opSub, expr.Mul: opMul, expr.Div: opDiv, expr.Mod: opMod, expr.Neg: opNeg}
	c := code{op: ops[n.Op]}
	first, last := n.Args[0].Type, n.Args[len(n.Args)-1].Type
	switch {
	case first == expr.Time && last == expr.Time:
		c.op = opBetween
		return c, n.Op == expr.Sub
	case first == expr.Time && n.Op == expr.Add:
		c.op = opLater
	case first == expr.Time:
		c.op = opEarlier
		return c, n.Op == expr.Sub
	case last == expr.Time:
		c.op = opDelayed
		return c, n.Op == expr.Add
	}
	return c, true
}

var textCodes = map[string]op{"startsWith": opStarts, "endsWith": opEnds, "contains": opContains, "matches": opMatches}

func callCode(n *expr.Node) (code, bool) {
	if op, ok := textCodes[n.Name]; ok {
		c := code{op: op, text: n.Args[1].Value.Text}
		if op == opMatches {
			pattern, err := regexp.Compile(c.text)
			c.more = &constant{pattern: pattern}
			return c, err == nil && n.Args[1].Op == expr.Lit
		}
		return c, n.Args[1].Op == expr.Lit
	}
	if !slices.Contains(clockCalls, n.Name) {
		return code{}, false
	}
	c := code{op: opPart, text: n.Name, more: &constant{zone: time.UTC}}
	if len(n.Args) == 2 {
		c.more.zone = zoneOf(n.Args[1].Value.Text)
	}
	return c, len(n.Args) == 1 || n.Args[1].Op == expr.Lit
}

// zoneOf reads "UTC" and fixed offsets like "-01:30"; it gives nil for an
// offset that no clock has.
func zoneOf(s string) *time.Location {
	if s == "UTC" {
		return time.UTC
	}
	h, m, _ := strings.Cut(s, ":")
	hours, err := strconv.Atoi(h)
	minutes, err2 := strconv.Atoi(m)
	if err != nil || err2 != nil || hours < -23 || hours > 23 || minutes < 0 || minutes > 59 {
		return nil
	}
	if strings.HasPrefix(s, "-") {
		minutes = -minutes
	}
	return time.FixedZone("", (hours*60+minutes)*60)
}
