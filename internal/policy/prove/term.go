package prove

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"

	"countersign/internal/policy"
	"countersign/internal/policy/expr"
)

// term is a sum of quantities, such as now - subject.created. Terms that mean
// the same have the same key: the first coefficient is positive, and no number
// divides them all.
type term struct {
	key       string
	parts     []part
	low, high *big.Int // bounds that no request can leave; nil for none
}

type part struct {
	times    int64
	quantity *quantity
}

// quantity is one number of a request. Moments are nanoseconds from 1970.
type quantity struct {
	key  string
	kind quantityKind
	ref  ref            // moment, length; of a calendar the moment it is read from
	call string         // calendar: getHours and its like; clock: hour or minute
	zone *time.Location // calendar
	list string         // size: what a count is of
	size func(n int) Lit
	low  *big.Int
	high *big.Int
}

type quantityKind uint8

const (
	moment   quantityKind = iota
	length                // of a text, in characters
	onClock               // request.hour, request.minute
	calendar              // moment.getHours("+01:00")
	size                  // of a list
	unclear               // has no form
)

// linear is a sum of quantities and a number.
type linear struct {
	parts  []part
	number *big.Int
}

func constantOf(n int64) linear { return linear{number: big.NewInt(n)} }

func (a linear) plus(b linear, times int64) linear {
	out := linear{parts: slices.Clone(a.parts), number: new(big.Int).Mul(b.number, big.NewInt(times))}
	out.number.Add(out.number, a.number)
	for _, p := range b.parts {
		i := slices.IndexFunc(out.parts, func(q part) bool { return q.quantity.key == p.quantity.key })
		if i < 0 {
			out.parts = append(out.parts, part{times * p.times, p.quantity})
		} else {
			out.parts[i].times += times * p.times
		}
	}
	out.parts = slices.DeleteFunc(out.parts, func(p part) bool { return p.times == 0 })
	return out
}

func (a linear) scaled(n int64) linear { return constantOf(0).plus(a, n) }

// notAboveZero says that d is at most 0.
func (s *Space) notAboveZero(d linear) Lit {
	if len(d.parts) == 0 {
		return truth(d.number.Sign() <= 0)
	}
	parts := slices.Clone(d.parts)
	slices.SortFunc(parts, func(a, b part) int { return byQuantity(a.quantity, b.quantity) })
	g := new(big.Int)
	for _, p := range parts {
		g.GCD(nil, nil, g, big.NewInt(max(p.times, -p.times)))
	}
	divisor := g.Int64()
	positive := parts[0].times > 0
	if !positive {
		divisor = -divisor
	}
	for i := range parts {
		parts[i].times /= divisor
	}
	if positive { // T <= floor(-k/g)
		return s.sumAtMost(parts, floorDiv(new(big.Int).Neg(d.number), g))
	}
	// T >= ceil(k/g), which is not T <= ceil(k/g)-1 = floor((k-1)/g)
	return s.sumAtMost(parts, floorDiv(new(big.Int).Sub(d.number, big.NewInt(1)), g)).Not()
}

// floorDiv rounds down; g is positive.
func floorDiv(n, g *big.Int) *big.Int {
	q, m := new(big.Int), new(big.Int)
	q.DivMod(n, g, m) // Euclidean: the rest is never negative
	return q
}

func byQuantity(a, b *quantity) int {
	isNow := func(q *quantity) int {
		if q.kind == moment && q.ref.path == "now" {
			return 0
		}
		return 1
	}
	return cmp.Or(isNow(a)-isNow(b), strings.Compare(a.key, b.key))
}

func (s *Space) sumAtMost(parts []part, num *big.Int) Lit {
	if len(parts) == 1 && parts[0].times == 1 && parts[0].quantity.kind == size {
		return s.sizeAtMost(parts[0].quantity, num)
	}
	var key strings.Builder
	for i, p := range parts {
		switch {
		case p.times == 1 && i > 0:
			key.WriteString(" + ")
		case p.times == -1:
			key.WriteString(" - ")
		case p.times != 1:
			key.WriteString(" + " + big.NewInt(p.times).String() + " * ")
		}
		key.WriteString(p.quantity.key)
	}
	name := strings.TrimPrefix(key.String(), " + ")
	t := s.terms[name]
	if t == nil {
		t = &term{key: name, parts: parts}
		if len(parts) == 1 && parts[0].times == 1 {
			t.low, t.high = parts[0].quantity.low, parts[0].quantity.high
		}
		s.terms[t.key] = t
	}
	return s.termAtMost(t, num)
}

func (s *Space) sizeAtMost(q *quantity, num *big.Int) Lit {
	switch {
	case num.Sign() < 0:
		return False
	case !num.IsInt64() || num.Int64() > 1<<20:
		return True // facts of that size are refused before any condition
	}
	return q.size(int(num.Int64()) + 1).Not()
}

func truth(b bool) Lit {
	if b {
		return True
	}
	return False
}

// guarded is what a number is where the guard holds; the guards of a number's
// cases exclude one another and leave nothing out.
type guarded struct {
	guard, fails Lit
	sum          linear
}

const maxCases = 512

// number gives the cases of a node that counts or measures; false when it has
// too many or no such form.
func (s *Space) number(n *expr.Node, e *scene) ([]guarded, bool) {
	one := func(l linear, fails Lit) ([]guarded, bool) { return []guarded{{True, fails, l}}, true }
	switch n.Op {
	case expr.Lit:
		return one(linear{number: valueOf(n)}, False)
	case expr.Fact:
		if e.isOfPlan(n) {
			return s.planNumber(n.Path, e.plan)
		}
		if q, fails := s.quantityOf(n, e); q != nil {
			return one(linear{[]part{{1, q}}, new(big.Int)}, fails)
		}
	case expr.Size:
		if q, fails := s.sizeOf(n, e); q != nil {
			return one(linear{[]part{{1, q}}, new(big.Int)}, fails)
		}
	case expr.Call:
		if q, fails := s.calendarOf(n, e); q != nil {
			return one(linear{[]part{{1, q}}, new(big.Int)}, fails)
		}
	case expr.Add, expr.Sub:
		times := int64(1)
		if n.Op == expr.Sub {
			times = -1
		}
		return s.combined(n, e, func(a, b linear) (linear, bool) { return a.plus(b, times), true })
	case expr.Mul:
		return s.combined(n, e, func(a, b linear) (linear, bool) {
			if len(a.parts) > 0 {
				a, b = b, a
			}
			small := len(a.parts) == 0 && a.number.IsInt64() && a.number.Int64() < 1<<20 && a.number.Int64() > -1<<20
			if !small {
				return linear{}, false
			}
			out := b.scaled(a.number.Int64())
			wide := func(p part) bool { return p.times > 1<<20 || p.times < -1<<20 }
			return out, out.number.BitLen() < 60 && !slices.ContainsFunc(out.parts, wide)
		})
	case expr.Neg:
		cases, ok := s.number(n.Args[0], e)
		for i := range cases {
			cases[i].sum = cases[i].sum.scaled(-1)
		}
		return cases, ok
	case expr.If:
		return s.either(n, e)
	}
	return nil, false
}

func (s *Space) either(n *expr.Node, e *scene) ([]guarded, bool) {
	c := s.cond(n.Args[0], e)
	yes, ok1 := s.number(n.Args[1], e)
	no, ok2 := s.number(n.Args[2], e)
	if !ok1 || !ok2 || len(yes)+len(no) > maxCases {
		return nil, false
	}
	var out []guarded
	for _, g := range yes {
		out = append(out, guarded{s.And(c.holds, g.guard), s.Or(c.fails, g.fails), g.sum})
	}
	for _, g := range no {
		out = append(out, guarded{s.And(c.holds.Not(), g.guard), s.Or(c.fails, g.fails), g.sum})
	}
	return out, true
}

func (s *Space) combined(n *expr.Node, e *scene, op func(a, b linear) (linear, bool)) ([]guarded, bool) {
	left, ok1 := s.number(n.Args[0], e)
	right, ok2 := s.number(n.Args[1], e)
	if !ok1 || !ok2 || len(left)*len(right) > maxCases {
		return nil, false
	}
	beyond := False
	if n.Any(func(m *expr.Node) bool { return m.Type == expr.Time }) || n.Any(isLarge) {
		// A span of more than 292 years cannot be computed, nor a time outside of
		// the years 1 to 9999.
		beyond = s.leavesRange(e.key(n), n.String())
		if isModest(n) {
			beyond = s.And(beyond, s.refused())
		}
	}
	var out []guarded
	for _, a := range left {
		for _, b := range right {
			sum, ok := op(a.sum, b.sum)
			if !ok {
				return nil, false
			}
			out = append(out, guarded{s.And(a.guard, b.guard), s.Or(a.fails, b.fails, beyond), sum})
		}
	}
	return out, true
}

// isModest finds the computations that succeed with all moments a policy can be
// asked about.
func isModest(n *expr.Node) bool {
	const century = 100 * 365 * 24 * time.Hour
	moment := func(m *expr.Node) bool {
		return m.Type == expr.Time && (m.Op == expr.Fact || m.Op == expr.Lit && !m.Value.Time.Before(policy.Earliest) && m.Value.Time.Before(policy.Latest))
	}
	short := func(m *expr.Node) bool {
		return m.Type == expr.Duration && m.Op == expr.Lit && m.Value.Duration.Abs() < century
	}
	a, b := n.Args[0], n.Args[1]
	return moment(a) && (short(b) || n.Op == expr.Sub && moment(b)) || short(a) && moment(b) && n.Op == expr.Add
}

// isLarge finds the numbers with which a computation could overflow.
func isLarge(n *expr.Node) bool {
	const large = 1 << 40
	switch {
	case n.Op == expr.Lit && n.Type == expr.Int:
		return n.Value.Int > large || n.Value.Int < -large
	case n.Op == expr.Lit && n.Type == expr.Duration:
		return true
	}
	return false
}

func valueOf(n *expr.Node) *big.Int {
	switch n.Type {
	case expr.Time:
		return nanoseconds(n.Value.Time)
	case expr.Duration:
		return big.NewInt(int64(n.Value.Duration))
	}
	return big.NewInt(n.Value.Int)
}

func nanoseconds(t time.Time) *big.Int {
	ns := new(big.Int).Mul(big.NewInt(t.Unix()), big.NewInt(int64(time.Second)))
	return ns.Add(ns, big.NewInt(int64(t.Nanosecond())))
}
