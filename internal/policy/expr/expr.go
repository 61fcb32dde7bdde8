// Package expr is the form in which a policy's conditions are reasoned about
// and evaluated: CEL with its macros folded back into what their author meant,
// constants computed and types known. A condition written as
//
//	history.exists(h, h.action == "mfa_reset" && now - h.at < duration("24h"))
//
// is an Exists over the fact history whose body is an And of two comparisons.
// What cannot be said in this form is one Opaque node.
//
// Conditions have three outcomes: true, false, and an error when an absent
// fact was read. And is false as soon as one operand is, Or true as soon as
// one is, even when others fail; everything else fails when an operand does.
package expr

import (
	"slices"
	"time"
)

// Op is what a node does.
type Op uint8

// The operations. Operands are Args unless said otherwise.
const (
	Lit    Op = iota // the constant Value
	Fact             // a field of the facts: Path; of the element Var when that is not 0
	Elem             // the element Var itself, of a list of texts at Path
	Has              // whether the fact Args[0], a Fact, is there; never fails
	Not              //
	And              // two or more
	Or               // two or more
	If               // Args[0] ? Args[1] : Args[2]
	Eq               // two, of one type
	Ne               //
	Lt               //
	Le               //
	Gt               //
	Ge               //
	In               // the text Args[0] is one of the texts Args[1]
	Exists           // some element Var of the list Args[0] has Args[1]
	All              // every element
	One              // exactly one element; fails when any element does
	Filter           // the list Args[0] of those elements Var that have Args[1]; fails when any element does
	Size             // of a list, or the characters of a text
	Add              // of two: ints, durations, or a time and a duration
	Sub              // likewise, and of two times
	Mul              // of two ints
	Div              // of two ints
	Mod              // of two ints
	Neg              // of an int or a duration
	Call             // the function Name
	Named            // the condition Name of the policy, which is Args[0]
	Opaque           // something else, Text
)

// Type is a node's type.
type Type uint8

// The types.
const (
	Bool Type = iota
	Int
	Text
	Time
	Duration
	Texts   // a list of texts
	Objects // a list of facts with fields, such as history
	Other
)

// Value is a constant of one of the types Bool to Texts.
type Value struct {
	Bool     bool
	Int      int64
	Text     string
	Time     time.Time
	Duration time.Duration
	Texts    []string
}

// Node is one operation of a condition. Nodes are shared and never changed.
type Node struct {
	Op    Op
	Type  Type
	Args  []*Node
	Value Value
	// Path names a fact as conditions do: "action", "subject.unit", "history".
	// Fields of elements are named by their list: "history.at".
	Path string
	// Var is the element a loop goes over, counted from 1 by depth, so that
	// equal loops are equal whatever their author called the element.
	Var int
	// Name is the function, the named condition, or what the author called Var.
	Name string
	// Text is the source of an Opaque node.
	Text string
	// At is where the node begins in the condition's text, in characters; -1
	// in a named condition, whose text stands elsewhere.
	At int
}

// Walk visits n and what is below it, outermost first, until visit says no.
func (n *Node) Walk(visit func(*Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	for _, a := range n.Args {
		a.Walk(visit)
	}
}

// Any reports whether n or a node below it has the property.
func (n *Node) Any(is func(*Node) bool) bool {
	found := false
	n.Walk(func(m *Node) bool {
		found = found || is(m)
		return !found
	})
	return found
}

// Reads reports whether the condition reads the fact at path, or tests for it.
func (n *Node) Reads(path string) bool {
	return n.Any(func(m *Node) bool { return m.Op == Fact && m.Path == path })
}

// Always reports whether the condition is the constant true.
func (n *Node) Always() bool { return n.Op == Lit && n.Type == Bool && n.Value.Bool }

// Loops reports whether the condition goes over a list.
func (n *Node) Loops() bool {
	return n.Any(func(m *Node) bool { return slices.Contains([]Op{Exists, All, One, Filter}, m.Op) })
}

// Open reports whether n speaks of an element of a loop around it.
func (n *Node) Open() bool { return n.open(map[int]bool{}) }

func (n *Node) open(bound map[int]bool) bool {
	switch n.Op {
	case Fact, Elem:
		return n.Var != 0 && !bound[n.Var]
	case Exists, All, One, Filter:
		if n.Args[0].open(bound) {
			return true
		}
		was := bound[n.Var]
		bound[n.Var] = true
		defer func() { bound[n.Var] = was }()
		return n.Args[1].open(bound)
	}
	return slices.ContainsFunc(n.Args, func(a *Node) bool { return a.open(bound) })
}

// Atoms lists the conditions that n is made of by Not, And, Or, If and Named,
// in the order of the text; loops are atoms whole.
func (n *Node) Atoms() []*Node {
	switch n.Op {
	case Not, And, Or, If, Named:
		var all []*Node
		for _, a := range n.Args {
			all = append(all, a.Atoms()...)
		}
		return all
	case Lit:
		return nil
	}
	return []*Node{n}
}
