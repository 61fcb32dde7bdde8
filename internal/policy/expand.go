package policy

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"countersign/internal/policy/yamltext"
)

// name notes the use of a list or of a named condition.
func (k *check) name(at func(ast.Expr) int, x ast.Expr) {
	name := x.AsIdent()
	if k.env.lists[name] != nil {
		k.use("list", name, k.path)
		return
	}
	if !slices.Contains(k.env.named, name) {
		return
	}
	k.names = append(k.names, x)
	k.use("condition", name, k.path)
	c, above := k.named[name]
	switch {
	case !above:
		k.fault(at(x), "the condition `%s` does not stand above this one; a condition can name only those above it", name)
	case c != nil && c.class && k.env.types.forClass:
		k.fault(at(x), "the condition `%s` reads subject.class, which a class condition is there to decide", name)
	}
}

// element refuses a loop whose element has a name by which something else is
// meant: of the element, or in a condition that the loop names.
func (k *check) element(at func(ast.Expr) int, x ast.Expr) {
	element := x.AsComprehension().IterVar()
	hides := slices.Contains(k.env.named, element)
	if len(k.names) > 0 {
		hides = slices.Contains(k.known(), element)
	}
	if hides {
		k.fault(at(x), "`%s` already means something; call the element of this loop something else", yamltext.Clip(element))
	}
}

// expand writes out the conditions that the text names, so that scope, cost
// and evaluation see one whole.
func (k *check) expand(src string, checked *cel.Ast) *cel.Ast {
	whole := checked
	if len(k.names) > 0 {
		parsed, issues := k.env.cel.Parse(src)
		if issues.Err() != nil || !k.replace(parsed.NativeRep()) {
			return nil // the text was parsed before, and a name's own fault is reported already
		}
		if whole, issues = k.env.cel.Check(parsed); issues.Err() != nil {
			k.fault(0, "%s", firstLine(issues.Err().Error()))
			return nil
		}
	}
	k.nodes = ast.NodeCount(whole.NativeRep())
	k.parts += k.nodes
	switch before := k.parts - k.nodes; {
	case k.parts > maxAllNodes && before <= maxAllNodes:
		k.fault(0, "here the policy's conditions have more than %d parts in all; say with fewer what they say", maxAllNodes)
	case k.parts <= maxAllNodes:
		return whole
	}
	return nil
}

// replace puts what each named condition says where its name stands.
func (k *check) replace(tree *ast.AST) bool {
	last, nodes := ast.MaxID(tree), ast.NodeCount(tree)
	var uses []ast.Expr
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() == ast.IdentKind && slices.Contains(k.env.named, x.AsIdent()) {
			uses = append(uses, x)
		}
	}))
	for _, x := range uses {
		c := k.named[x.AsIdent()]
		if c == nil {
			return false
		}
		if nodes += c.nodes; nodes > maxNodes {
			k.fault(0, "with the conditions it names written out, the condition has more than %d parts", maxNodes)
			return false
		}
		x.SetKindCase(c.copy(&last))
		k.loops = k.loops || c.loops
	}
	return true
}

// copy gives the condition's parts anew, numbered on from last.
func (c *condition) copy(last *int64) ast.Expr {
	x := ast.NewExprFactory().CopyExpr(c.parts)
	fresh := map[int64]int64{}
	x.RenumberIDs(func(id int64) int64 {
		if id == 0 {
			return 0
		}
		if fresh[id] == 0 {
			*last++
			fresh[id] = *last
		}
		return fresh[id]
	})
	return x
}

func readsClass(tree *ast.AST) bool {
	reads := false
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		typ, field := ownerOf(tree, x)
		reads = reads || typ == subjectType.TypeName() && field == "class"
	}))
	return reads
}
