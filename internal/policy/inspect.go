package policy

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"countersign/internal/policy/yamltext"
)

// inspect refuses what type checking lets through.
func (k *check) inspect(tree *ast.AST) {
	at := func(x ast.Expr) int {
		start := tree.SourceInfo().GetStartLocation(x.ID())
		return k.offset(start.Line(), start.Column())
	}
	var elements []ast.Expr
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.IdentKind:
			k.name(at, x)
		case ast.ComprehensionKind:
			k.loops = true
			elements = append(elements, x)
		case ast.StructKind:
			k.fault(at(x), "a condition cannot make facts, only read them")
		case ast.CallKind:
			k.zone(at, x.AsCall())
			k.span(at, x.AsCall())
			k.spelling(tree, at, x.AsCall())
			k.measure(tree, at, x.AsCall())
		}
	}))
	for _, x := range elements {
		k.element(at, x)
	}
}

var fixedZone = regexp.MustCompile(`^(UTC|[+-]?\d\d:\d\d)$`)

// zone refuses named time zones: their rules change with the machine's data,
// and a plan must come out the same years later.
func (k *check) zone(at func(ast.Expr) int, call ast.CallExpr) {
	if !strings.HasPrefix(call.FunctionName(), "get") || len(call.Args()) != 1 {
		return
	}
	arg := call.Args()[0]
	if s, ok := literal(arg); !ok || !fixedZone.MatchString(s) {
		k.fault(at(arg), `a time zone must be "UTC" or a fixed offset like "+01:00", because the rules of named zones change`)
	}
}

// span refuses durations that CEL cannot read. It has no days, which the
// durations of demands do have.
func (k *check) span(at func(ast.Expr) int, call ast.CallExpr) {
	if call.FunctionName() != "duration" || len(call.Args()) != 1 {
		return
	}
	s, ok := literal(call.Args()[0])
	if _, err := time.ParseDuration(s); ok && err != nil {
		k.fault(at(call.Args()[0]), "%q is not a duration here; write it in hours, minutes and seconds, such as 72h for three days", yamltext.Clip(s))
	}
}

// spelling refuses comparisons of a fact with a word it can never be.
func (k *check) spelling(tree *ast.AST, at func(ast.Expr) int, call ast.CallExpr) {
	args := call.Args()
	if !slices.Contains([]string{operators.Equals, operators.NotEquals, operators.In}, call.FunctionName()) || len(args) != 2 {
		return
	}
	for i := range args {
		typ, field := ownerOf(tree, args[i])
		if typ == locationType.TypeName() && field == "country" {
			k.country(at, args[1-i])
		}
		known := k.envs.vocabulary(typ, field)
		if k.env.types.forClass && field == "desk" {
			known = nil // an account is what it is at any desk
		}
		if known == nil {
			continue
		}
		for _, w := range literals(args[1-i]) {
			if s, _ := literal(w); !slices.Contains(known, s) {
				k.fault(at(w), "`%s` is never `%s`; %s", nameOf(args[i]), yamltext.Clip(s), yamltext.Suggest(s, known))
			}
		}
	}
}

// country refuses what cannot be a country's code.
func (k *check) country(at func(ast.Expr) int, x ast.Expr) {
	for _, w := range literals(x) {
		if s, _ := literal(w); !isCountry(s) {
			k.fault(at(w), "`%s` is no country; write the two capital letters of ISO 3166-1, like \"JP\"", yamltext.Clip(s))
		}
	}
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

var comparisons = []string{operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals,
	operators.Greater, operators.GreaterEquals, operators.In}

// measure refuses comparisons of a fact with a number it can never be.
func (k *check) measure(tree *ast.AST, at func(ast.Expr) int, call ast.CallExpr) {
	args := call.Args()
	if !slices.Contains(comparisons, call.FunctionName()) || len(args) != 2 {
		return
	}
	for i := range args {
		typ, field := ownerOf(tree, args[i])
		r, bounded := ranges[typ+"."+field]
		if !bounded {
			continue
		}
		others := []ast.Expr{args[1-i]}
		if others[0].Kind() == ast.ListKind {
			others = others[0].AsList().Elements()
		}
		for _, x := range others {
			if n, ok := number(x); ok && (n < r.from || n > r.to) {
				k.fault(at(x), "`%s` is a number from %d to %d", nameOf(args[i]), r.from, r.to)
			}
		}
	}
}

func number(x ast.Expr) (int64, bool) {
	if x.Kind() != ast.LiteralKind {
		return 0, false
	}
	n, ok := x.AsLiteral().(types.Int)
	return int64(n), ok
}

// ownerOf gives the type a field is read from, and the field; for a variable
// the type is "".
func ownerOf(tree *ast.AST, x ast.Expr) (typ, field string) {
	switch x.Kind() {
	case ast.IdentKind:
		return "", x.AsIdent()
	case ast.SelectKind:
		return tree.GetType(x.AsSelect().Operand().ID()).TypeName(), x.AsSelect().FieldName()
	}
	return "", ""
}

func nameOf(x ast.Expr) string {
	switch {
	case x.Kind() == ast.IdentKind:
		return x.AsIdent()
	case x.Kind() == ast.SelectKind && x.AsSelect().Operand().Kind() == ast.IdentKind:
		return x.AsSelect().Operand().AsIdent() + "." + x.AsSelect().FieldName()
	case x.Kind() == ast.SelectKind:
		return x.AsSelect().FieldName()
	}
	return ""
}

// literals gives the text constants of a constant or of a list.
func literals(x ast.Expr) []ast.Expr {
	if x.Kind() != ast.ListKind {
		x := []ast.Expr{x}
		return slices.DeleteFunc(x, func(x ast.Expr) bool { _, ok := literal(x); return !ok })
	}
	return slices.DeleteFunc(slices.Clone(x.AsList().Elements()), func(x ast.Expr) bool { _, ok := literal(x); return !ok })
}

func literal(x ast.Expr) (string, bool) {
	if x.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := x.AsLiteral().(types.String)
	return string(s), ok
}

// bound refuses a condition that could take too long over the largest facts,
// and gives its cost.
func (k *check) bound(tree *cel.Ast) uint64 {
	estimate, err := k.env.cel.EstimateCost(tree, bounds{k.env.lists})
	switch {
	case err != nil:
		k.fault(0, "the cost cannot be estimated: %s", firstLine(err.Error()))
	case estimate.Max > maxCost:
		k.fault(0, "the condition could take too long over the largest facts; nest fewer loops and keep long lists out of them")
	}
	return estimate.Max
}
