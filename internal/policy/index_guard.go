package policy

import (
	"countersign/internal/policy/expr"
)

// A guard is what has to be met for a condition to be anything but false. Unless
// one of its keys is met, the condition is false, and certainly no error: an
// && is false as soon as one operand is, even when others fail. A rule whose
// guard is not met need not be looked at.
type guard []key

// key is met when the text at from, in one of the elements where from is of
// elements, has the value or is absent.
type key struct {
	from  source
	value string
}

// maxKeys is how long a guard may be to be worth having.
const maxKeys = 256

// guardOf finds the shortest guard of a condition. It gives false when there is
// none: the condition may be other than false for any facts.
func guardOf(n *expr.Node) (guard, bool) {
	switch n.Op {
	case expr.Lit:
		return nil, n.Type == expr.Bool && !n.Value.Bool
	case expr.Named:
		return guardOf(n.Args[0])
	case expr.And:
		return shortest(n.Args)
	case expr.Or:
		return allOf(n.Args)
	case expr.Eq:
		if n.Args[0].Type == expr.Int {
			return guardOfCount(n)
		}
		if g, ok := guardOfText(n.Args[0], n.Args[1]); ok {
			return g, true
		}
		return guardOfText(n.Args[1], n.Args[0])
	case expr.In:
		if n.Args[0].Op == expr.Lit {
			return guardOfMember(n.Args[1], n.Args[0].Value.Text)
		}
		return guardOfText(n.Args[0], n.Args[1])
	case expr.Exists, expr.One:
		if n.Args[0].Op == expr.Filter {
			return guardOfFilter(n.Args[0])
		}
		return guardOf(n.Args[1])
	case expr.Lt, expr.Le, expr.Gt, expr.Ge:
		return guardOfCount(n)
	}
	return nil, false
}

func shortest(operands []*expr.Node) (guard, bool) {
	var best guard
	found := false
	for _, a := range operands {
		if g, ok := guardOf(a); ok && (!found || len(g) < len(best)) {
			best, found = g, true
		}
	}
	return best, found
}

func allOf(operands []*expr.Node) (guard, bool) {
	var all guard
	for _, a := range operands {
		g, ok := guardOf(a)
		if all = append(all, g...); !ok || len(all) > maxKeys {
			return nil, false
		}
	}
	return all, true
}

// guardOfText is that of a text being one of some constants. The action and the
// class are left out, because rules are sorted by them already.
func guardOfText(fact, constants *expr.Node) (guard, bool) {
	s, known := sourceOf[fact.Path]
	if !known || fact.Path == "action" || fact.Path == "subject.class" || constants.Op != expr.Lit {
		return nil, false
	}
	text := fact.Op == expr.Fact && s.typ == expr.Text
	element := fact.Op == expr.Elem && s.typ == expr.Texts
	values := constants.Value.Texts
	if constants.Type == expr.Text {
		values = []string{constants.Value.Text}
	}
	if !text && !element || len(values) > maxKeys || constants.Type != expr.Text && constants.Type != expr.Texts {
		return nil, false
	}
	g := make(guard, len(values))
	for i, v := range values {
		g[i] = key{s.from, v}
	}
	return g, true
}

// guardOfMember is that of a constant being in a list.
func guardOfMember(list *expr.Node, value string) (guard, bool) {
	s, known := sourceOf[list.Path]
	if list.Op != expr.Fact || !known || s.typ != expr.Texts {
		return nil, false
	}
	return guard{{s.from, value}}, true
}

// guardOfFilter is that of a filter keeping an element or failing, which takes
// an element of which its condition is not false. Of filters in one another it
// is the first that can fail for any element.
func guardOfFilter(n *expr.Node) (guard, bool) {
	for n.Args[0].Op == expr.Filter {
		n = n.Args[0]
	}
	return guardOf(n.Args[1])
}

// guardOfCount is that of a filter keeping more than none.
func guardOfCount(n *expr.Node) (guard, bool) {
	size, bound, order := n.Args[0], n.Args[1], orders[n.Op]
	none := int64(0)
	if bound.Op == expr.Size {
		size, bound = bound, size
		order = order&equal | order&less<<2 | order&greater>>2
	}
	if size.Op != expr.Size || size.Args[0].Op != expr.Filter || bound.Op != expr.Lit || compare(order, none, bound.Value.Int) {
		return nil, false
	}
	return guardOfFilter(size.Args[0])
}
