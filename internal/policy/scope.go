package policy

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"countersign/internal/identity"
)

// scope says for which actions and classes a condition can be true at all, a
// bit for each. It lets Plan skip a rule without evaluating its condition.
type scope struct{ actions, classes uint32 }

var everywhere = scope{1<<31 - 1, 1<<31 - 1}

func (s scope) covers(a identity.Action, c identity.Class) bool {
	return s.actions&bitOf(identity.Actions, a) != 0 && s.classes&bitOf(identity.Classes, c) != 0
}

// bitOf gives a word outside the list a bit that only everywhere has.
func bitOf[T comparable](words []T, w T) uint32 {
	if i := slices.Index(words, w); i >= 0 {
		return 1 << i
	}
	return 1 << 30
}

// scopeOf reads comparisons of action and subject.class with constants. In CEL
// an && is false as soon as one side is, even when the other fails, so a
// conjunct that is certainly false settles the whole.
func scopeOf(x ast.Expr) scope {
	if x.Kind() != ast.CallKind {
		return everywhere
	}
	call := x.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		s := everywhere
		for _, a := range args {
			t := scopeOf(a)
			s = scope{s.actions & t.actions, s.classes & t.classes}
		}
		return s
	case operators.LogicalOr:
		s := scope{}
		for _, a := range args {
			t := scopeOf(a)
			s = scope{s.actions | t.actions, s.classes | t.classes}
		}
		return s
	case operators.Equals:
		if _, ok := literal(args[0]); ok {
			return scopeOfWords(args[1], args[:1])
		}
		return scopeOfWords(args[0], args[1:])
	case operators.In:
		if args[1].Kind() == ast.ListKind {
			return scopeOfWords(args[0], args[1].AsList().Elements())
		}
	}
	return everywhere
}

func scopeOfWords(x ast.Expr, consts []ast.Expr) scope {
	s := scope{}
	name := nameOf(x)
	for _, c := range consts {
		w, ok := literal(c)
		if !ok {
			return everywhere
		}
		s.actions |= bitOf(identity.Actions, identity.Action(w))
		s.classes |= bitOf(identity.Classes, identity.Class(w))
	}
	switch name {
	case "action":
		s.classes = everywhere.classes
	case "subject.class":
		s.actions = everywhere.actions
	default:
		return everywhere
	}
	return s
}
