package policy

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"go.yaml.in/yaml/v4"

	"countersign/internal/identity"
	"countersign/internal/policy/expr"
	"countersign/internal/policy/yamltext"
	"countersign/internal/proof"
)

// StatementKind says how much a statement claims.
type StatementKind string

// The kinds of statements.
const (
	Always   StatementKind = "always"   // of every request
	Never    StatementKind = "never"    // of no request
	Possible StatementKind = "possible" // of one request at least
)

// Statement is a sentence about requests and the plans that a policy gives
// them: a condition which can also read the plan.
type Statement struct {
	Name    string
	Kind    StatementKind
	Because string // why it matters; "" when nobody said
	Text    string // the condition as it is written
	Line    int    // where the statement stands, from 1
	What    Condition
}

const (
	maxStatements = 500
	acceptsCall   = "accepts"
)

// planType is the plan as a statement reads it.
var planType = types.NewObjectType("countersign.plan")

func planNumber(name string, get func(p *Plan) int) fact {
	return fact{name, types.IntType, false, func(of any) ref.Val { return types.Int(get(of.(*Plan))) }}
}

func planSpan(name string, get func(p *Plan) int64) fact {
	return fact{name, types.DurationType, false, func(of any) ref.Val {
		return types.Duration{Duration: time.Duration(get(of.(*Plan))) * time.Second}
	}}
}

func planWords(name string, get func(p *Plan) []string) fact {
	return textsFact(name, func(p *Plan) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, get(p)) })
}

func (p *Plan) signatures(roles ...identity.Role) int {
	total := 0
	for _, n := range p.Approvals {
		if slices.Contains(roles, n.Role) {
			total += n.Count
		}
	}
	return total
}

// planFacts are what a statement can read of a plan. A time that no rule asks
// for is 0; fewest_proofs is 0 when nothing can be proved.
var planFacts = []fact{
	boolean("denied", (*Plan).isDenied),
	text("tier", func(p *Plan) identity.Tier { return p.Tier }),
	text("class", func(p *Plan) identity.Class { return p.Class }),
	planNumber("approvers", func(p *Plan) int { return p.signatures(identity.Manager, identity.Security, identity.ResourceOwner) }),
	planNumber("managers", func(p *Plan) int { return p.signatures(identity.Manager) }),
	planNumber("security", func(p *Plan) int { return p.signatures(identity.Security) }),
	planNumber("resource_owners", func(p *Plan) int { return p.signatures(identity.ResourceOwner) }),
	planNumber("fewest_proofs", func(p *Plan) int { return fewest(p.Proofs) }),
	planSpan("wait", func(p *Plan) int64 { return p.Wait }),
	planSpan("expires", func(p *Plan) int64 { return p.Expires }),
	planSpan("review", func(p *Plan) int64 { return p.Review }),
	planSpan("cool_off", func(p *Plan) int64 { return p.CoolOff }),
	planSpan("probation", func(p *Plan) int64 { return p.Probation }),
	planWords("delivery", func(p *Plan) []string { return p.Delivery }),
	planWords("notify", func(p *Plan) []string { return p.Notify }),
	planWords("follow_up", func(p *Plan) []string { return p.FollowUp }),
}

func (p *Plan) isDenied() bool { return p.Denied() }

func fewest(f proof.Formula) int {
	least := 0
	for _, way := range f {
		if least == 0 || len(way) < least {
			least = len(way)
		}
	}
	return least
}

// Statements reads a file of statements about the policy. Its error is a
// Problems value with every fault that could be found.
func (p *Policy) Statements(src []byte) ([]Statement, error) {
	r := p.statementReader()
	var out []Statement
	if root := r.Parse(src, maxSource); root != nil {
		seen := r.Mapping(root, "", yamltext.Fields{"invariants": func(v *yaml.Node, path string) {
			if r.atMost(v, path, "statements", maxStatements) {
				r.Filled(v, path, func(v *yaml.Node, path string) { out = append(out, r.statement(v, path)) })
			}
		}})
		r.Require(root, "", seen, "invariants")
		r.once(out)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// Statement reads one statement that is not in a file.
func (p *Policy) Statement(name string, kind StatementKind, text string) (Statement, error) {
	r := p.statementReader()
	c := r.condition(r.Scalar(text), "", r.envs.rule)
	if err := r.Err(); err != nil {
		return Statement{}, err
	}
	return Statement{Name: name, Kind: kind, Text: text, What: Condition{c}}, nil
}

type statementReader struct{ *loader }

// statementReader reads with the policy's own names and with the plan. What it
// notes of their use is not the policy's affair.
func (p *Policy) statementReader() statementReader {
	own := *p
	own.names = slices.Clone(p.names)
	l := &loader{decoder: decoderOf("file of statements", "invariants:"), policy: &own,
		named: map[string]*condition{}, forms: map[string]*expr.Node{}}
	var names []string
	for _, c := range p.conditions {
		if c.name == "plan" {
			continue // in a statement the word means the plan
		}
		names = append(names, c.name)
		l.named[c.name], l.forms[c.name] = c.when, c.when.tree
	}
	l.envs.desks = p.Desks()
	for _, v := range p.vendors {
		l.envs.vendors = append(l.envs.vendors, v.name)
	}
	lists := maps.Clone(p.lists)
	delete(lists, "plan")
	l.envs.rule = newStatementEnvironment(lists, names)
	l.envs.class = l.envs.rule
	return statementReader{l}
}

func newStatementEnvironment(lists map[string][]string, named []string) *environment {
	e := newEnvironment(lists, false, named...)
	e.types.planned = true
	var err error
	e.cel, err = e.cel.Extend(
		cel.Variable("plan", planType),
		cel.Function(acceptsCall, cel.MemberOverload("plan_accepts", []*types.Type{planType, types.NewListType(types.StringType)}, types.BoolType,
			cel.BinaryBinding(acceptsThese))),
	)
	if err != nil {
		panic("policy: the language of statements cannot be set up: " + err.Error())
	}
	return e
}

func acceptsThese(plan, methods ref.Val) ref.Val {
	var have []proof.Method
	for it := methods.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		have = append(have, proof.Method(it.Next().(types.String)))
	}
	return types.Bool(plan.(*object).of.(*Plan).Proofs.Satisfied(have))
}

func (r statementReader) statement(v *yaml.Node, path string) Statement {
	s := Statement{Line: v.Line}
	claim := func(kind StatementKind) func(v *yaml.Node, path string) {
		return func(v *yaml.Node, path string) {
			if s.Kind != "" {
				r.Fault(v, path, "a statement is `%s` or `%s`, not both", s.Kind, kind)
				return
			}
			s.Kind, s.Text = kind, strings.TrimSpace(v.Value)
			s.What = Condition{r.condition(v, path, r.envs.rule)}
			r.methods(s.What)
		}
	}
	seen := r.Mapping(v, path, yamltext.Fields{
		"name":           func(v *yaml.Node, path string) { s.Name = r.Line(v, path) },
		"because":        func(v *yaml.Node, path string) { s.Because = r.Line(v, path) },
		string(Always):   claim(Always),
		string(Never):    claim(Never),
		string(Possible): claim(Possible),
	})
	r.Require(v, path, seen, "name")
	if v.Kind == yaml.MappingNode && s.Kind == "" {
		r.Fault(v, path, "the statement claims nothing; write `always`, `never` or `possible` with a condition")
	}
	return s
}

// methods refuses words that are no methods.
func (r statementReader) methods(c Condition) {
	c.Expr().Walk(func(n *expr.Node) bool {
		if n.Op != expr.Call || n.Name != acceptsCall {
			return true
		}
		for _, m := range n.Args[1].Value.Texts {
			if known := words(allMethods()); !slices.Contains(known, m) {
				line, column := c.Place(n.At)
				r.FaultAt(line, column, "", "unknown proof method `%s`; %s", yamltext.Clip(m), yamltext.Suggest(m, known))
			}
		}
		return true
	})
}

func (r statementReader) once(all []Statement) {
	lines := map[string]int{}
	for _, s := range all {
		if first, twice := lines[s.Name]; twice && s.Name != "" {
			r.FaultAt(s.Line, 1, "invariants", "the statement %q stands here twice (first on line %d); give it another name", yamltext.Clip(s.Name), first)
		}
		lines[s.Name] = s.Line
	}
}

// planView shows the plan beside the facts.
type planView struct {
	*view
	plan object
}

// ResolveName implements cel.Activation.
func (v *planView) ResolveName(name string) (any, bool) {
	if name == "plan" {
		return &v.plan, true
	}
	return v.view.ResolveName(name)
}

// True evaluates the statement's condition over a request and the plan that the
// policy gives it. Subject.class is the plan's class. It is an error when the
// condition reads a fact that is missing.
func (p *Policy) True(s Statement, f Facts, plan Plan) (bool, error) {
	view := newView(&f, p.listVals, p.desks[f.Agent.Desk])
	view.subjectFacts.class = plan.Class
	return s.What.c.evaluated(&planView{view, object{planType, &plan}})
}
