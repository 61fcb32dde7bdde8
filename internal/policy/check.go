package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"go.yaml.in/yaml/v4"

	"countersign/internal/policy/yamltext"
)

// check looks one condition over at load.
type check struct {
	*loader
	env   *environment
	node  *yaml.Node
	path  string
	src   []rune
	loops bool
	names []ast.Expr // the named conditions it uses
	nodes int        // its parts, with theirs
}

// fault reports a problem at a character of the condition.
func (k *check) fault(offset int, format string, args ...any) {
	k.FaultIn(k.node, k.src, offset, k.path, format, args...)
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
		return offset, k.unknownField(tree, at.AsSelect())
	case at.Kind() == ast.IdentKind && strings.HasPrefix(e.Message, "undeclared reference"):
		return offset, fmt.Sprintf("unknown name `%s`; %s", yamltext.Clip(at.AsIdent()), yamltext.Suggest(at.AsIdent(), k.known()))
	case at.Kind() == ast.CallKind && strings.HasPrefix(e.Message, "undeclared reference"):
		name := at.AsCall().FunctionName()
		if start := offset - len(name); start >= 0 && string(k.src[start:offset]) == name {
			offset = start // CEL points at the parenthesis
		}
		return offset, fmt.Sprintf("unknown function `%s`; %s", yamltext.Clip(name), yamltext.Suggest(name, k.functions()))
	case strings.HasPrefix(e.Message, "found no matching overload"):
		return offset, "these types cannot be combined: " + readable(e.Message)
	}
	return offset, readable(e.Message)
}

func (k *check) unknownField(tree *ast.AST, sel ast.SelectExpr) string {
	field := sel.FieldName()
	owner := ""
	if sel.Operand().Kind() == ast.IdentKind {
		owner = sel.Operand().AsIdent()
	}
	if owner == "subject" && field == "class" {
		return "a class condition cannot read subject.class, which it is there to decide"
	}
	known, ok := k.env.types.FindStructFieldNames("countersign." + rangeOf(tree, owner))
	if ok {
		return fmt.Sprintf("unknown field `%s.%s`; %s", owner, yamltext.Clip(field), yamltext.Suggest(field, known))
	}
	for name := range factsOf {
		names, _ := k.env.types.FindStructFieldNames(name)
		known = append(known, names...)
	}
	slices.Sort(known)
	return fmt.Sprintf("unknown field `%s`; %s", yamltext.Clip(field), yamltext.Suggest(field, slices.Compact(known)))
}

// rangeOf names the list that the element goes over; what is no element is
// given back.
func rangeOf(tree *ast.AST, element string) string {
	list := element
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() != ast.ComprehensionKind || x.AsComprehension().IterVar() != element {
			return
		}
		over := x.AsComprehension().IterRange()
		for over.Kind() == ast.ComprehensionKind { // a filtered list
			over = over.AsComprehension().IterRange()
		}
		if over.Kind() == ast.IdentKind {
			list = over.AsIdent()
		}
	}))
	return list
}

func (k *check) functions() []string {
	return slices.DeleteFunc(slices.Collect(maps.Keys(k.env.cel.Functions())), func(f string) bool { return f[0] < 'a' || f[0] > 'z' })
}

func (k *check) known() []string {
	names := slices.Concat(slices.Collect(maps.Keys(k.env.lists)), k.env.named)
	for _, v := range variables {
		names = append(names, v.name)
	}
	return names
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
