package policy

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"go.yaml.in/yaml/v4"

	"countersign/internal/identity"
)

// condition is a compiled `when` or `reach`.
type condition struct {
	program cel.Program
	always  bool  // the text is the constant true
	only    scope // outside of it the condition is certain to be false
}

// holds evaluates the condition. Its error is fit for a plan: it never repeats
// a value of the facts.
func (c *condition) holds(v *view) (bool, error) {
	if c.always {
		return true, nil
	}
	if !c.only.covers(v.facts.Action, v.subjectFacts.class) {
		return false, nil
	}
	out, _, err := c.program.Eval(v)
	if absent, ok := errors.AsType[missing](err); ok {
		return false, absent
	}
	if err != nil && strings.Contains(err.Error(), "cost limit exceeded") {
		return false, errTooCostly
	}
	b, ok := out.(types.Bool)
	if err != nil || !ok {
		return false, errNotEvaluated
	}
	return bool(b), nil
}

var (
	errTooCostly    = errors.New("the condition costs more than is allowed")
	errNotEvaluated = errors.New("the condition could not be evaluated")
)

// condition compiles the scalar n. It gives nil when there was a fault.
func (l *loader) condition(n *yaml.Node, path string, e *environment) *condition {
	src, ok := l.text(n, path)
	if !ok {
		return nil
	}
	if len(src) > maxWhen {
		l.fault(n, path, "the condition has %d bytes; at most %d are allowed", len(src), maxWhen)
		return nil
	}
	k := &check{loader: l, env: e, node: n, path: path, src: []rune(src)}
	tree := k.compile(src)
	if tree == nil {
		return nil
	}
	before := len(l.problems)
	k.inspect(tree.NativeRep())
	if len(l.problems) == before {
		k.bound(tree)
	}
	if len(l.problems) > before {
		return nil
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if k.loops {
		options = append(options, cel.CostLimit(maxCost))
	}
	program, err := e.cel.Program(tree, options...)
	if err != nil {
		k.fault(0, "%s", firstLine(err.Error()))
		return nil
	}
	root := tree.NativeRep().Expr()
	return &condition{
		program: program,
		always:  root.Kind() == ast.LiteralKind && root.AsLiteral() == types.True,
		only:    scopeOf(root),
	}
}

// check looks one condition over at load.
type check struct {
	*loader
	env   *environment
	node  *yaml.Node
	path  string
	src   []rune
	loops bool
}

// fault reports a problem at a character of the condition.
func (k *check) fault(offset int, format string, args ...any) {
	line, column := locate(k.lines, k.node, k.src, offset)
	k.problems = append(k.problems, Problem{Line: line, Column: column, Path: k.path, Msg: fmt.Sprintf(format, args...)})
}

func (k *check) compile(src string) *cel.Ast {
	tree, issues := k.env.cel.Parse(src)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		k.fault(k.offset(first.Location.Line(), first.Location.Column()), "this is not a condition: %s", k.syntax(first.Message))
		return nil
	}
	parsed := tree.NativeRep()
	checked, issues := k.env.cel.Check(tree)
	for _, e := range issues.Errors() {
		offset, msg := k.explain(parsed, e)
		k.fault(offset, "%s", msg)
	}
	if issues.Err() != nil {
		return nil
	}
	if out := checked.OutputType(); !out.IsExactType(types.BoolType) {
		k.fault(0, "the condition gives %s; it must give true or false", cel.FormatCELType(out))
		return nil
	}
	return checked
}

// offset turns a position of CEL into a count of characters.
func (k *check) offset(line, column int) int {
	at := 0
	for ; line > 1 && at < len(k.src); at++ {
		if k.src[at] == '\n' {
			line--
		}
	}
	return min(at+column, len(k.src))
}

func (k *check) syntax(msg string) string {
	msg = strings.TrimPrefix(firstLine(msg), "Syntax error: ")
	switch {
	case strings.Contains(string(k.src), " and "), strings.Contains(string(k.src), " or "):
		msg += " (write && for and, || for or)"
	case strings.Contains(msg, "'='"), strings.Contains(msg, "at: '= "):
		msg += " (write == to compare)"
	}
	return msg
}

// explain gives a type error its place and the way out.
func (k *check) explain(tree *ast.AST, e *cel.Error) (offset int, msg string) {
	offset = k.offset(e.Location.Line(), e.Location.Column())
	var at ast.Expr
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.ID() == e.ExprID {
			at = x
		}
	}))
	switch {
	case at == nil:
	case at.Kind() == ast.SelectKind && strings.HasPrefix(e.Message, "undefined field"):
		field := at.AsSelect().FieldName()
		if i := strings.Index(string(k.src[offset:]), field); i >= 0 {
			offset += len([]rune(string(k.src[offset:])[:i]))
		}
		return offset, k.unknownField(at.AsSelect())
	case at.Kind() == ast.IdentKind && strings.HasPrefix(e.Message, "undeclared reference"):
		return offset, fmt.Sprintf("unknown name `%s`; %s", clip(at.AsIdent()), suggest(at.AsIdent(), k.names()))
	case at.Kind() == ast.CallKind && strings.HasPrefix(e.Message, "undeclared reference"):
		name := at.AsCall().FunctionName()
		if start := offset - len(name); start >= 0 && string(k.src[start:offset]) == name {
			offset = start // CEL points at the parenthesis
		}
		return offset, fmt.Sprintf("unknown function `%s`; %s", clip(name), suggest(name, k.functions()))
	case strings.HasPrefix(e.Message, "found no matching overload"):
		return offset, "these types cannot be combined: " + readable(e.Message)
	}
	return offset, readable(e.Message)
}

func (k *check) unknownField(sel ast.SelectExpr) string {
	field := sel.FieldName()
	owner := ""
	if sel.Operand().Kind() == ast.IdentKind {
		owner = sel.Operand().AsIdent()
	}
	if owner == "subject" && field == "class" {
		return "a class condition cannot read subject.class, which it is there to decide"
	}
	known, ok := k.env.types.FindStructFieldNames("countersign." + owner)
	if ok {
		return fmt.Sprintf("unknown field `%s.%s`; %s", owner, clip(field), suggest(field, known))
	}
	for name := range factsOf {
		names, _ := k.env.types.FindStructFieldNames(name)
		known = append(known, names...)
	}
	slices.Sort(known)
	return fmt.Sprintf("unknown field `%s`; %s", clip(field), suggest(field, slices.Compact(known)))
}

func (k *check) functions() []string {
	return slices.DeleteFunc(slices.Collect(maps.Keys(k.env.cel.Functions())), func(f string) bool { return f[0] < 'a' || f[0] > 'z' })
}

func (k *check) names() []string {
	names := slices.Collect(maps.Keys(k.env.lists))
	for _, v := range variables {
		names = append(names, v.name)
	}
	return names
}

// inspect refuses what type checking lets through.
func (k *check) inspect(tree *ast.AST) {
	at := func(x ast.Expr) int {
		start := tree.SourceInfo().GetStartLocation(x.ID())
		return k.offset(start.Line(), start.Column())
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.ComprehensionKind:
			k.loops = true
		case ast.StructKind:
			k.fault(at(x), "a condition cannot make facts, only read them")
		case ast.CallKind:
			k.zone(at, x.AsCall())
			k.spelling(tree, at, x.AsCall())
		}
	}))
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

// spelling refuses comparisons of a fact with a word it can never be.
func (k *check) spelling(tree *ast.AST, at func(ast.Expr) int, call ast.CallExpr) {
	args := call.Args()
	if !slices.Contains([]string{operators.Equals, operators.NotEquals, operators.In}, call.FunctionName()) || len(args) != 2 {
		return
	}
	for i := range args {
		known := k.envs.vocabulary(ownerOf(tree, args[i]))
		if known == nil {
			continue
		}
		for _, w := range literals(args[1-i]) {
			if s, _ := literal(w); !slices.Contains(known, s) {
				k.fault(at(w), "`%s` is never `%s`; %s", nameOf(args[i]), clip(s), suggest(s, known))
			}
		}
	}
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

// bound refuses a condition that could take too long over the largest facts.
func (k *check) bound(tree *cel.Ast) {
	estimate, err := k.env.cel.EstimateCost(tree, bounds{k.env.lists})
	switch {
	case err != nil:
		k.fault(0, "the cost cannot be estimated: %s", firstLine(err.Error()))
	case estimate.Max > maxCost:
		k.fault(0, "the condition could take too long over the largest facts; nest fewer loops and keep long lists out of them")
	}
}

// readable takes CEL's own names of operators and types out of a message.
func readable(msg string) string {
	return strings.NewReplacer("countersign.", "", "_&&_", "&&", "_||_", "||", "_==_", "==", "_!=_", "!=", "_<_", "<", "_<=_", "<=",
		"_>_", ">", "_>=_", ">=", "_+_", "+", "_-_", "-", "@in", "in", "!_", "!", "_?_:_", "?:", "google.protobuf.Timestamp", "timestamp",
		"google.protobuf.Duration", "duration", "found no matching overload for ", "", " (in container '')", "").Replace(firstLine(msg))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

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
