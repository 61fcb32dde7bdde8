package policy

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"

	"countersign/internal/policy/expr"
)

// translate turns a checked condition into the form in which it is evaluated
// and reasoned about. A part that has no such form becomes Opaque. The lists
// and conditions are those the policy names.
func translate(tree *ast.AST, src []rune, lists map[string][]string, named map[string]*expr.Node) *expr.Node {
	t := translator{tree: tree, src: src, lists: lists, named: named, bound: map[string]binding{}}
	return t.node(tree.Expr())
}

type translator struct {
	tree  *ast.AST
	src   []rune
	lists map[string][]string
	named map[string]*expr.Node
	bound map[string]binding
	depth int
}

// binding is what a loop's element stands for.
type binding struct {
	depth int
	path  string // of the list it comes from; "" when that is no fact
	typ   *types.Type
}

func (t *translator) node(x ast.Expr) *expr.Node {
	n := t.form(x)
	if n == nil {
		n = &expr.Node{Op: expr.Opaque, Text: t.text(x)}
	}
	n.Type, n.At = typeOf(t.tree.GetType(x.ID())), t.start(x)
	for _, a := range n.Args {
		if a.At >= 0 {
			n.At = min(n.At, a.At)
		}
	}
	return n
}

// form gives nil where there is none.
func (t *translator) form(x ast.Expr) *expr.Node {
	switch x.Kind() {
	case ast.LiteralKind:
		return literalNode(x.AsLiteral())
	case ast.IdentKind:
		return t.name(x.AsIdent())
	case ast.SelectKind:
		return t.field(x.AsSelect())
	case ast.ListKind:
		return texts(x.AsList().Elements())
	case ast.ComprehensionKind:
		return t.loop(x.AsComprehension())
	case ast.CallKind:
		return t.call(x.AsCall())
	}
	return nil
}

func (t *translator) name(name string) *expr.Node {
	if b, ok := t.bound[name]; ok {
		if b.typ.Kind() != types.StringKind {
			return nil // an element as a whole has no form, only its fields
		}
		return &expr.Node{Op: expr.Elem, Var: b.depth, Path: b.path, Name: name}
	}
	if c, ok := t.named[name]; ok {
		return &expr.Node{Op: expr.Named, Name: name, Args: []*expr.Node{elsewhere(c)}}
	}
	if list, ok := t.lists[name]; ok {
		return &expr.Node{Op: expr.Lit, Name: name, Value: expr.Value{Texts: list}}
	}
	return &expr.Node{Op: expr.Fact, Path: name}
}

// elsewhere copies a named condition without its places, which are those of
// another text.
func elsewhere(n *expr.Node) *expr.Node {
	c := *n
	c.At = -1
	c.Args = make([]*expr.Node, len(n.Args))
	for i, a := range n.Args {
		c.Args[i] = elsewhere(a)
	}
	return &c
}

func (t *translator) field(sel ast.SelectExpr) *expr.Node {
	of := sel.Operand()
	if of.Kind() != ast.IdentKind {
		return nil
	}
	fact := &expr.Node{Op: expr.Fact, At: t.start(of)}
	b, bound := t.bound[of.AsIdent()]
	switch {
	case bound && b.path == "":
		return nil
	case bound:
		fact.Path, fact.Var, fact.Name = b.path+"."+sel.FieldName(), b.depth, of.AsIdent()
	default:
		fact.Path = of.AsIdent() + "." + sel.FieldName()
	}
	if !sel.IsTestOnly() {
		return fact
	}
	return &expr.Node{Op: expr.Has, Args: []*expr.Node{fact}}
}

var celOps = map[string]expr.Op{
	operators.LogicalNot: expr.Not, operators.LogicalAnd: expr.And, operators.LogicalOr: expr.Or, operators.Conditional: expr.If,
	operators.Equals: expr.Eq, operators.NotEquals: expr.Ne,
	operators.Less: expr.Lt, operators.LessEquals: expr.Le, operators.Greater: expr.Gt, operators.GreaterEquals: expr.Ge,
	operators.In: expr.In, operators.Add: expr.Add, operators.Subtract: expr.Sub, operators.Multiply: expr.Mul,
	operators.Divide: expr.Div, operators.Modulo: expr.Mod, operators.Negate: expr.Neg,
}

func (t *translator) call(call ast.CallExpr) *expr.Node {
	all := call.Args()
	if call.IsMemberFunction() {
		all = append([]ast.Expr{call.Target()}, all...)
	}
	if n := folded(call, all); n != nil {
		return n
	}
	args := make([]*expr.Node, len(all))
	for i, a := range all {
		args[i] = t.node(a)
	}
	op, isOp := celOps[call.FunctionName()]
	switch {
	case isOp && op == expr.In && isEmptyList(all[1]):
		return &expr.Node{Op: expr.Lit} // false, even when the fact is absent
	case isOp && (op == expr.And || op == expr.Or):
		return &expr.Node{Op: op, Args: flat(op, args)}
	case isOp && op == expr.In && args[0].Type != expr.Text:
		return oneOf(args[0], all[1], t)
	case isOp && hasForm(op, args):
		return &expr.Node{Op: op, Args: args}
	case call.FunctionName() == "size" && slices.Contains([]expr.Type{expr.Text, expr.Texts, expr.Objects}, args[0].Type):
		return &expr.Node{Op: expr.Size, Args: args}
	case isKnownCall(call.FunctionName(), args):
		return &expr.Node{Op: expr.Call, Name: call.FunctionName(), Args: args}
	}
	return nil
}

// flat makes a && (b && c) one And of three, as CEL evaluates it.
func flat(op expr.Op, args []*expr.Node) []*expr.Node {
	var all []*expr.Node
	for _, a := range args {
		if a.Op == op {
			all = append(all, a.Args...)
		} else {
			all = append(all, a)
		}
	}
	return all
}

// hasForm says for which types an operator is more than CEL's own affair.
func hasForm(op expr.Op, args []*expr.Node) bool {
	types := make([]expr.Type, len(args))
	for i, a := range args {
		types[i] = a.Type
	}
	scalar := []expr.Type{expr.Bool, expr.Int, expr.Text, expr.Time, expr.Duration}
	switch op {
	case expr.Not:
		return true
	case expr.If:
		return types[1] == types[2] && slices.Contains(scalar, types[1])
	case expr.Eq, expr.Ne, expr.Lt, expr.Le, expr.Gt, expr.Ge:
		return types[0] == types[1] && slices.Contains(scalar, types[0])
	case expr.In:
		return types[1] == expr.Texts
	case expr.Add:
		return !slices.ContainsFunc(types, func(t expr.Type) bool {
			return t != expr.Int && t != expr.Duration && t != expr.Time
		})
	case expr.Sub:
		return !slices.ContainsFunc(types, func(t expr.Type) bool {
			return t != expr.Int && t != expr.Duration && t != expr.Time
		})
	case expr.Mul, expr.Div, expr.Mod:
		return types[0] == expr.Int && types[1] == expr.Int
	case expr.Neg:
		return types[0] == expr.Int
	}
	return false
}

func isEmptyList(x ast.Expr) bool { return x.Kind() == ast.ListKind && x.AsList().Size() == 0 }

// oneOf writes x in [1, 2] as comparisons; texts keep their In.
func oneOf(x *expr.Node, list ast.Expr, t *translator) *expr.Node {
	if list.Kind() != ast.ListKind {
		return nil
	}
	or := &expr.Node{Op: expr.Or}
	for _, e := range list.AsList().Elements() {
		c := t.node(e)
		if c.Op != expr.Lit || !hasForm(expr.Eq, []*expr.Node{x, c}) {
			return nil
		}
		or.Args = append(or.Args, &expr.Node{Op: expr.Eq, Args: []*expr.Node{x, c}, At: x.At})
	}
	switch len(or.Args) {
	case 0:
		return nil
	case 1:
		return or.Args[0]
	}
	return or
}

var textCalls = []string{"startsWith", "endsWith", "contains", "matches"}

var clockCalls = []string{
	"getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
	"getHours", "getMinutes", "getSeconds", "getMilliseconds",
}

func isKnownCall(name string, args []*expr.Node) bool {
	switch {
	case slices.Contains(textCalls, name):
		return len(args) == 2 && args[0].Type == expr.Text && args[1].Type == expr.Text && args[1].Op == expr.Lit
	case name == acceptsCall:
		return args[1].Op == expr.Lit
	case slices.Contains(clockCalls, name):
		return args[0].Type == expr.Time && (len(args) == 1 || args[1].Op == expr.Lit)
	}
	return false
}

// folded computes duration("24h") and timestamp("…").
func folded(call ast.CallExpr, args []ast.Expr) *expr.Node {
	if len(args) != 1 {
		return nil
	}
	s, ok := literal(args[0])
	if !ok {
		return nil
	}
	switch call.FunctionName() {
	case "duration":
		if d, ok := types.String(s).ConvertToType(types.DurationType).(types.Duration); ok {
			return &expr.Node{Op: expr.Lit, Value: expr.Value{Duration: d.Duration}}
		}
	case "timestamp":
		if at, ok := types.String(s).ConvertToType(types.TimestampType).(types.Timestamp); ok {
			return &expr.Node{Op: expr.Lit, Value: expr.Value{Time: at.Time}}
		}
	}
	return nil
}

func literalNode(v ref.Val) *expr.Node {
	n := &expr.Node{Op: expr.Lit}
	switch v := v.(type) {
	case types.Bool:
		n.Value.Bool = bool(v)
	case types.Int:
		n.Value.Int = int64(v)
	case types.String:
		n.Value.Text = string(v)
	case types.Duration:
		n.Value.Duration = v.Duration
	case types.Timestamp:
		n.Value.Time = v.Time
	default:
		return nil
	}
	return n
}

func texts(elements []ast.Expr) *expr.Node {
	n := &expr.Node{Op: expr.Lit, Value: expr.Value{Texts: []string{}}}
	for _, x := range elements {
		s, ok := literal(x)
		if !ok {
			return nil
		}
		n.Value.Texts = append(n.Value.Texts, s)
	}
	return n
}

// loop recognises the macros by what they were unfolded to.
func (t *translator) loop(c ast.ComprehensionExpr) *expr.Node {
	if c.HasIterVar2() {
		return nil
	}
	list := t.node(c.IterRange())
	op, body, ok := macro(c)
	if !ok || list.Op == expr.Opaque || list.Type != expr.Texts && list.Type != expr.Objects {
		return nil
	}
	t.depth++
	defer func() { t.depth-- }()
	element := t.tree.GetType(c.IterRange().ID()).Parameters()[0]
	shadowed, was := t.bound[c.IterVar()]
	t.bound[c.IterVar()] = binding{t.depth, pathOf(list), element}
	defer func() {
		delete(t.bound, c.IterVar())
		if was {
			t.bound[c.IterVar()] = shadowed
		}
	}()
	return &expr.Node{Op: op, Var: t.depth, Name: c.IterVar(), Args: []*expr.Node{list, t.node(body)}}
}

// pathOf names the fact that a list is taken from.
func pathOf(list *expr.Node) string {
	for list.Op == expr.Filter {
		list = list.Args[0]
	}
	if list.Op == expr.Fact && list.Var == 0 {
		return list.Path
	}
	return ""
}

func macro(c ast.ComprehensionExpr) (op expr.Op, body ast.Expr, ok bool) {
	step, accu := c.LoopStep(), c.AccuVar()
	if step.Kind() != ast.CallKind {
		return 0, nil, false
	}
	args := step.AsCall().Args()
	isAccu := func(x ast.Expr) bool { return x.Kind() == ast.IdentKind && x.AsIdent() == accu }
	whole := isAccu(c.Result())
	switch step.AsCall().FunctionName() {
	case operators.LogicalOr:
		return expr.Exists, args[1], whole && isAccu(args[0])
	case operators.LogicalAnd:
		return expr.All, args[1], whole && isAccu(args[0])
	case operators.Conditional:
		if !isAccu(args[2]) || args[1].Kind() != ast.CallKind {
			return 0, nil, false
		}
		if !whole {
			return expr.One, args[0], c.AccuInit().Kind() == ast.LiteralKind
		}
		added := args[1].AsCall().Args()[1]
		same := added.Kind() == ast.ListKind && added.AsList().Size() == 1 && added.AsList().Elements()[0].Kind() == ast.IdentKind &&
			added.AsList().Elements()[0].AsIdent() == c.IterVar()
		return expr.Filter, args[0], same // otherwise it is a map with a condition
	}
	return 0, nil, false
}

func typeOf(t *types.Type) expr.Type {
	switch t.Kind() {
	case types.BoolKind:
		return expr.Bool
	case types.IntKind:
		return expr.Int
	case types.StringKind:
		return expr.Text
	case types.TimestampKind:
		return expr.Time
	case types.DurationKind:
		return expr.Duration
	case types.ListKind:
		switch of := t.Parameters()[0]; {
		case of.Kind() == types.StringKind:
			return expr.Texts
		case of.Kind() == types.StructKind && strings.HasPrefix(of.TypeName(), "countersign."):
			return expr.Objects
		}
	}
	return expr.Other
}

// start is where x begins. CEL points at the dot of a field, at the operator
// of an operation and at the parenthesis of a call.
func (t *translator) start(x ast.Expr) int {
	word := ""
	switch {
	case x.Kind() == ast.SelectKind && x.AsSelect().IsTestOnly():
		word = "has"
	case x.Kind() == ast.SelectKind:
		return t.start(x.AsSelect().Operand())
	case x.Kind() == ast.CallKind && !x.AsCall().IsMemberFunction():
		word = x.AsCall().FunctionName()
	}
	place := t.tree.SourceInfo().GetStartLocation(x.ID())
	at := offsetIn(t.src, place.Line(), place.Column())
	if before := at - len(word); before >= 0 && string(t.src[before:at]) == word {
		return before
	}
	return at
}

// offsetIn turns a position of CEL into a count of characters.
func offsetIn(src []rune, line, column int) int {
	at := 0
	for ; line > 1 && at < len(src); at++ {
		if src[at] == '\n' {
			line--
		}
	}
	return min(at+column, len(src))
}

func (t *translator) text(x ast.Expr) string {
	s, err := parser.Unparse(x, t.tree.SourceInfo())
	if err != nil {
		return "…"
	}
	return s
}
