package prove

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"countersign/internal/identity"
	"countersign/internal/policy/expr"
)

// verdict is what a condition comes to: it holds, it fails for want of a fact,
// or neither. Never both.
type verdict struct{ holds, fails Lit }

func certain(l Lit) verdict { return verdict{l, False} }

func (s *Space) not(v verdict) verdict { return verdict{s.And(v.holds.Not(), v.fails.Not()), v.fails} }

// isFalse is the proposition that the condition is false.
func (s *Space) isFalse(v verdict) Lit { return s.And(v.holds.Not(), v.fails.Not()) }

// reading is whose policy a condition is read for: what the account's class
// and the agent's company come out as.
type reading struct {
	name    string
	class   map[identity.Class]Lit
	vendor  Lit
	company map[string]Lit // the desk is this vendor's
	plan    *Plan          // for statements, which speak of it
}

// scene is a reading with the elements that loops are at.
type scene struct {
	*reading
	at map[int]element
}

// element is one element of a list: at a place, or the text itself. The rest
// is any text that is none of those which the loop's body names.
type element struct {
	list  string
	place int
	text  string
	known bool // the text is known: text
	rest  bool
}

func (e *scene) with(depth int, u element) *scene {
	at := map[int]element{depth: u}
	for d, v := range e.at {
		if d != depth {
			at[d] = v
		}
	}
	return &scene{e.reading, at}
}

// key names what n means in the scene.
func (e *scene) key(n *expr.Node) string {
	var b strings.Builder
	b.WriteString(n.Key())
	if n.Open() {
		for d := 1; d <= 16; d++ {
			if u, ok := e.at[d]; ok {
				b.WriteString("|" + strconv.Itoa(d) + "=" + u.list + "#" + strconv.Itoa(u.place) + strconv.Quote(u.text) + strconv.FormatBool(u.rest))
			}
		}
	}
	if n.Any(func(m *expr.Node) bool {
		return m.Op == expr.Fact && (slices.Contains(derived, m.Path) || m.Path == "plan" || strings.HasPrefix(m.Path, "plan."))
	}) {
		b.WriteString("|" + e.name)
	}
	return b.String()
}

// refOf finds the fact that a node reads.
func (e *scene) refOf(n *expr.Node) (ref, bool) {
	switch {
	case n.Op != expr.Fact && n.Op != expr.Elem:
		return ref{}, false
	case n.Var == 0:
		return ref{path: n.Path}, true
	}
	u, ok := e.at[n.Var]
	if !ok || u.known || n.Path == "" {
		return ref{}, false
	}
	return ref{n.Path, u.place}, true
}

// cond turns a condition into what holds of a request and what makes it fail.
func (s *Space) cond(n *expr.Node, e *scene) verdict {
	switch n.Op {
	case expr.Lit:
		return certain(truth(n.Value.Bool))
	case expr.Named:
		return s.cond(n.Args[0], e)
	case expr.Fact:
		return s.boolFact(n, e)
	case expr.Has:
		return s.hasFact(n.Args[0], e)
	case expr.Not:
		return s.not(s.cond(n.Args[0], e))
	case expr.And:
		return s.not(s.anyOf(n.Args, e, s.not))
	case expr.Or:
		return s.anyOf(n.Args, e, func(v verdict) verdict { return v })
	case expr.If:
		if n.Type == expr.Bool {
			c, yes, no := s.cond(n.Args[0], e), s.cond(n.Args[1], e), s.cond(n.Args[2], e)
			fails := s.Or(c.fails, s.If(c.holds, yes.fails, no.fails))
			return verdict{s.And(fails.Not(), s.If(c.holds, yes.holds, no.holds)), fails}
		}
	case expr.Eq, expr.Lt, expr.Le, expr.Gt, expr.Ge:
		return s.compare(n.Op, n, e)
	case expr.Ne:
		return s.not(s.compare(expr.Eq, n, e))
	case expr.In:
		return s.member(n, e)
	case expr.Exists, expr.All, expr.One:
		return s.loop(n, e)
	case expr.Call:
		return s.textCall(n, e)
	}
	return s.unknown(n, e)
}

// unknown is free to be anything.
func (s *Space) unknown(n *expr.Node, e *scene) verdict {
	key, source := e.key(n), n.String()
	fails := s.opaque(key, source, true)
	return verdict{s.And(s.opaque(key, source, false), fails.Not()), fails}
}

// anyOf holds as soon as one operand does, even when others fail.
func (s *Space) anyOf(ns []*expr.Node, e *scene, turn func(verdict) verdict) verdict {
	var holds, fails []Lit
	for _, n := range ns {
		v := turn(s.cond(n, e))
		holds, fails = append(holds, v.holds), append(fails, v.fails)
	}
	any := s.Or(holds...)
	return verdict{any, s.And(any.Not(), s.Or(fails...))}
}

func (s *Space) boolFact(n *expr.Node, e *scene) verdict {
	if e.isOfPlan(n) && n.Path == "plan.denied" {
		return certain(e.plan.Denied)
	}
	if n.Path == "agent.vendor" && n.Var == 0 {
		return certain(e.vendor)
	}
	r, ok := e.refOf(n)
	if n.Path == "emergency.active" || n.Path == "delegation.active" {
		return certain(s.yes(r))
	}
	if !ok || boolFacts[r.path].get == nil {
		return s.unknown(n, e)
	}
	there := s.there(r)
	return verdict{s.And(there, s.yes(r)), there.Not()}
}

func (s *Space) hasFact(n *expr.Node, e *scene) verdict {
	if e.isOfPlan(n) {
		return certain(True)
	}
	if n.Var == 0 && slices.Contains(derived, n.Path) {
		if n.Path == "agent.company" {
			return certain(s.Or(values(e.company)...))
		}
		return certain(True)
	}
	r, ok := e.refOf(n)
	if !ok || !isKnownFact(r.path) {
		return s.unknown(&expr.Node{Op: expr.Has, Args: []*expr.Node{n}}, e)
	}
	return certain(s.there(r))
}

func isKnownFact(path string) bool {
	return textFacts[path].at != nil || timeFacts[path].at != nil || boolFacts[path].get != nil || textLists[path] != nil ||
		slices.Contains(clockFacts, path) || path == "emergency.active" || path == "delegation.active"
}

// compare is for Eq and the orders.
func (s *Space) compare(op expr.Op, n *expr.Node, e *scene) verdict {
	switch a, b := n.Args[0], n.Args[1]; {
	case a.Type == expr.Bool:
		x, y := s.cond(a, e), s.cond(b, e)
		fails := s.Or(x.fails, y.fails)
		return verdict{s.And(fails.Not(), s.boolOrder(op, x.holds, y.holds)), fails}
	case a.Type == expr.Text && op == expr.Eq:
		return s.sameText(n, e)
	case a.Type == expr.Int || a.Type == expr.Time || a.Type == expr.Duration:
		left, ok1 := s.number(a, e)
		right, ok2 := s.number(b, e)
		if ok1 && ok2 && len(left)*len(right) <= maxCases {
			return s.compareNumbers(op, left, right)
		}
	}
	return s.unknown(&expr.Node{Op: op, Args: n.Args, Type: expr.Bool}, e)
}

func (s *Space) boolOrder(op expr.Op, a, b Lit) Lit {
	switch op {
	case expr.Lt:
		return s.And(a.Not(), b)
	case expr.Le:
		return s.Or(a.Not(), b)
	case expr.Gt:
		return s.And(a, b.Not())
	case expr.Ge:
		return s.Or(a, b.Not())
	}
	return s.Same(a, b)
}

func (s *Space) compareNumbers(op expr.Op, left, right []guarded) verdict {
	var holds, fails []Lit
	for _, a := range left {
		for _, b := range right {
			d := a.sum.plus(b.sum, -1)
			guard, bad := s.And(a.guard, b.guard), s.Or(a.fails, b.fails)
			holds = append(holds, s.And(guard, bad.Not(), s.ordered(op, d)))
			fails = append(fails, s.And(guard, bad))
		}
	}
	return verdict{s.Or(holds...), s.Or(fails...)}
}

// ordered compares d with zero.
func (s *Space) ordered(op expr.Op, d linear) Lit {
	atMost := s.notAboveZero(d)
	below := s.notAboveZero(d.plus(constantOf(1), 1)) // d+1 <= 0
	switch op {
	case expr.Lt:
		return below
	case expr.Le:
		return atMost
	case expr.Gt:
		return atMost.Not()
	case expr.Ge:
		return below.Not()
	}
	return s.And(atMost, below.Not())
}

// callText computes a function of two texts; false when it cannot be, as for
// what is no regular expression.
func callText(call, text, with string) (is, ok bool) {
	switch call {
	case "startsWith":
		return strings.HasPrefix(text, with), true
	case "endsWith":
		return strings.HasSuffix(text, with), true
	case "contains":
		return strings.Contains(text, with), true
	case "matches":
		re, err := regexp.Compile(with)
		return err == nil && re.MatchString(text), err == nil
	}
	return false, false
}

func characters(text string) int64 { return int64(utf8.RuneCountInString(text)) }
