package prove

import (
	"encoding/binary"
	"slices"
)

// Lit is a proposition about one request, within the Space that made it.
type Lit int32

// The propositions that hold of every request, and of none.
const (
	True  Lit = 0
	False Lit = 1
)

// Not is the opposite.
func (l Lit) Not() Lit { return l ^ 1 }

func (l Lit) node() int32    { return int32(l >> 1) }
func (l Lit) negative() bool { return l&1 == 1 }

// gates is a circuit of ands over atoms; equal parts are one. A gate's inputs
// stand before it.
type gates struct {
	inputs [][]Lit // nil for the constant and for atoms
	atoms  []*atom // nil for the constant and for gates
	byArgs map[string]Lit
	byName map[string]Lit
}

func newGates() gates {
	return gates{inputs: [][]Lit{nil}, atoms: []*atom{nil}, byArgs: map[string]Lit{}, byName: map[string]Lit{}}
}

// And holds when all of the propositions do.
func (g *gates) And(ls ...Lit) Lit {
	in := make([]Lit, 0, len(ls))
	for _, l := range ls {
		switch l {
		case False:
			return False
		case True:
		default:
			in = append(in, l)
		}
	}
	slices.Sort(in)
	in = slices.Compact(in)
	for i := 1; i < len(in); i++ {
		if in[i] == in[i-1].Not() {
			return False
		}
	}
	switch len(in) {
	case 0:
		return True
	case 1:
		return in[0]
	}
	key := make([]byte, 0, 4*len(in))
	for _, l := range in {
		key = binary.LittleEndian.AppendUint32(key, uint32(l))
	}
	if l, ok := g.byArgs[string(key)]; ok {
		return l
	}
	l := g.add(in, nil)
	g.byArgs[string(key)] = l
	return l
}

// Or holds when one of the propositions does.
func (g *gates) Or(ls ...Lit) Lit {
	not := make([]Lit, len(ls))
	for i, l := range ls {
		not[i] = l.Not()
	}
	return g.And(not...).Not()
}

// If is then where cond holds, and otherwise where it does not.
func (g *gates) If(cond, then, otherwise Lit) Lit {
	switch {
	case cond == True || then == otherwise:
		return then
	case cond == False:
		return otherwise
	}
	return g.And(g.Or(cond.Not(), then), g.Or(cond, otherwise))
}

// Same holds when both propositions hold or neither does.
func (g *gates) Same(a, b Lit) Lit { return g.If(a, b, b.Not()) }

// AtLeast holds when n of the propositions do.
func (g *gates) AtLeast(n int, ls ...Lit) Lit {
	reached := make([]Lit, n+1)
	for j := range reached {
		reached[j] = False
	}
	reached[0] = True
	for _, l := range ls {
		for j := n; j > 0; j-- {
			reached[j] = g.Or(reached[j], g.And(l, reached[j-1]))
		}
	}
	return reached[n]
}

func (g *gates) add(in []Lit, a *atom) Lit {
	g.inputs = append(g.inputs, in)
	g.atoms = append(g.atoms, a)
	return Lit(len(g.inputs)-1) << 1
}

// atomOf gives the atom of this name, made when it is new.
func (g *gates) atomOf(name string, a func() *atom) Lit {
	if l, ok := g.byName[name]; ok {
		return l
	}
	l := g.add(nil, a())
	g.byName[name] = l
	g.atoms[l.node()].name = name
	g.atoms[l.node()].lit = l
	return l
}
