package policy

import (
	"errors"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"go.yaml.in/yaml/v4"

	"countersign/internal/policy/expr"
)

// condition is a compiled `when` or `reach`.
type condition struct {
	program cel.Program
	always  bool  // the text is the constant true
	only    scope // outside of it the condition is certain to be false
	tree    *expr.Node
	code    *code                               // what tree was compiled to; nil when a part of it can only be left to CEL
	place   func(offset int) (line, column int) // of a character of the condition
	class   bool                                // it reads subject.class
	loops   bool
	cost    uint64   // at most, over the largest facts
	parts   ast.Expr // the conditions it names written out
	nodes   int      // how many parts those are
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
	return c.evaluated(v)
}

func (c *condition) evaluated(names cel.Activation) (bool, error) {
	out, _, err := c.program.Eval(names)
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
	src, ok := l.Text(n, path)
	if !ok {
		return nil
	}
	if len(src) > maxWhen {
		l.Fault(n, path, "the condition has %d bytes; at most %d are allowed", len(src), maxWhen)
		return nil
	}
	k := &check{loader: l, env: e, node: n, path: path, src: []rune(src)}
	tree := k.compile(src)
	if tree == nil {
		return nil
	}
	before := l.Found()
	k.inspect(tree.NativeRep())
	if l.Found() > before {
		return nil
	}
	whole := k.expand(src, tree)
	if whole == nil {
		return nil
	}
	cost := k.bound(whole)
	if l.Found() > before {
		return nil
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if k.loops {
		options = append(options, cel.CostLimit(maxCost))
	}
	program, err := e.cel.Program(whole, options...)
	if err != nil {
		k.fault(0, "%s", firstLine(err.Error()))
		return nil
	}
	root := whole.NativeRep().Expr()
	return &condition{
		program: program,
		always:  root.Kind() == ast.LiteralKind && root.AsLiteral() == types.True,
		only:    scopeOf(root),
		tree:    translate(tree.NativeRep(), k.src, e.lists, l.forms),
		place:   func(offset int) (line, column int) { return k.Locate(n, k.src, offset) },
		class:   readsClass(whole.NativeRep()),
		loops:   k.loops,
		cost:    cost,
		parts:   root,
		nodes:   k.nodes,
	}
}
