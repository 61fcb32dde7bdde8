package policy

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/policy/expr"
)

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
