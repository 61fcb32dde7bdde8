package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// String writes the condition as CEL, with the names its author chose.
func (n *Node) String() string {
	var b strings.Builder
	printer{&b, false}.node(n, 0)
	return b.String()
}

// Key is a text that two nodes share when they mean the same: named conditions
// are written out and elements are numbered. It is not CEL.
func (n *Node) Key() string {
	var b strings.Builder
	printer{&b, true}.node(n, 0)
	return b.String()
}

type printer struct {
	*strings.Builder
	key bool
}

// How tightly operators bind, as in CEL.
const (
	bindIf = iota + 1
	bindOr
	bindAnd
	bindCompare
	bindAdd
	bindMul
	bindUnary
	bindMember
)

var infix = map[Op]struct {
	word string
	bind int
}{
	And: {" && ", bindAnd}, Or: {" || ", bindOr},
	Eq: {" == ", bindCompare}, Ne: {" != ", bindCompare}, Lt: {" < ", bindCompare}, Le: {" <= ", bindCompare},
	Gt: {" > ", bindCompare}, Ge: {" >= ", bindCompare}, In: {" in ", bindCompare},
	Add: {" + ", bindAdd}, Sub: {" - ", bindAdd}, Mul: {" * ", bindMul}, Div: {" / ", bindMul}, Mod: {" % ", bindMul},
}

var prefix = map[Op]string{Not: "!", Neg: "-"}

var loops = map[Op]string{Exists: "exists", All: "all", One: "exists_one", Filter: "filter"}

func (p printer) node(n *Node, outside int) {
	if i, ok := infix[n.Op]; ok {
		p.within(outside > i.bind, func() {
			for k, a := range n.Args {
				inside := i.bind
				if k > 0 {
					p.WriteString(i.word)
					inside++
				}
				p.node(a, inside)
			}
		})
		return
	}
	if loop, ok := loops[n.Op]; ok {
		p.node(n.Args[0], bindMember)
		p.WriteString("." + loop + "(" + p.element(n) + ", ")
		p.node(n.Args[1], 0)
		p.WriteByte(')')
		return
	}
	switch n.Op {
	case Lit:
		p.WriteString(n.literal(p.key))
	case Fact:
		p.fact(n)
	case Elem:
		p.WriteString(p.element(n))
	case Has:
		p.call("has", n.Args)
	case Not, Neg:
		p.within(outside > bindUnary, func() { p.WriteString(prefix[n.Op]); p.node(n.Args[0], bindMember) })
	case If:
		p.within(outside >= bindIf, func() {
			p.node(n.Args[0], bindOr)
			p.WriteString(" ? ")
			p.node(n.Args[1], bindOr)
			p.WriteString(" : ")
			p.node(n.Args[2], bindIf-1)
		})
	case Size:
		p.call("size", n.Args)
	case Call:
		p.node(n.Args[0], bindMember)
		p.WriteByte('.')
		p.call(n.Name, n.Args[1:])
	case Named:
		if p.key {
			p.node(n.Args[0], outside)
			return
		}
		p.WriteString(n.Name)
	case Opaque:
		p.within(outside > 0, func() { p.WriteString(n.Text) })
	default:
		fmt.Fprintf(p, "?%d", n.Op)
	}
}

func (p printer) within(parentheses bool, f func()) {
	if !parentheses {
		f()
		return
	}
	p.WriteByte('(')
	f()
	p.WriteByte(')')
}

func (p printer) call(name string, args []*Node) {
	p.WriteString(name + "(")
	for i, a := range args {
		if i > 0 {
			p.WriteString(", ")
		}
		p.node(a, 0)
	}
	p.WriteByte(')')
}

func (p printer) fact(n *Node) {
	if n.Var == 0 {
		p.WriteString(n.Path)
		return
	}
	p.WriteString(p.element(n) + n.Path[strings.LastIndexByte(n.Path, '.'):])
	if p.key {
		p.WriteString("@" + n.Path)
	}
}

func (p printer) element(n *Node) string {
	if p.key {
		return "$" + strconv.Itoa(n.Var)
	}
	return n.Name
}

func (n *Node) literal(key bool) string {
	v := n.Value
	switch n.Type {
	case Bool:
		return strconv.FormatBool(v.Bool)
	case Int:
		return strconv.FormatInt(v.Int, 10)
	case Text:
		return strconv.Quote(v.Text)
	case Time:
		return `timestamp("` + v.Time.UTC().Format(time.RFC3339Nano) + `")`
	case Duration:
		return `duration("` + short(v.Duration) + `")`
	case Texts:
		if n.Name != "" && !key {
			return n.Name // a list that the policy names
		}
		quoted := make([]string, len(v.Texts))
		for i, s := range v.Texts {
			quoted[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return "?"
}

// short writes 24h0m0s as 24h.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
