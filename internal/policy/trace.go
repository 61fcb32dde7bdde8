package policy

import (
	"cel.dev/cel-go/cel"

	"countersign/internal/identity"
	"countersign/internal/policy/expr"
)

// Trace shows how a plan came about: every condition that was tried and what
// became of each of its parts. Facts that the policy refuses to be asked about
// leave only the plan.
type Trace struct {
	Plan    Plan         `json:"plan"`
	Classes []ClassTrace `json:"classes,omitempty"` // those tried, in the order of the text; the last one decided, or failed
	Reach   []ReachTrace `json:"reach,omitempty"`   // of the agent's desk and of its vendor
	Rules   []RuleTrace  `json:"rules,omitempty"`   // all, in the order of the text
}

// ClassTrace is one entry of classes.
type ClassTrace struct {
	Class identity.Class `json:"class"`
	Line  int            `json:"line"`
	ConditionTrace
}

// ReachTrace is the reach of the agent's desk, or of the vendor whose desk it
// is. The condition is empty for a vendor without a reach.
type ReachTrace struct {
	Desk    string        `json:"desk,omitempty"`   // one of the two names
	Vendor  string        `json:"vendor,omitempty"` //
	Line    int           `json:"line"`
	TierCap identity.Tier `json:"tier_cap,omitempty"`
	ConditionTrace
}

// RuleTrace is one rule.
type RuleTrace struct {
	Name string `json:"name"`
	Line int    `json:"line"`
	ConditionTrace
}

// Outcome is what became of a condition or of a part of it.
type Outcome string

// The outcomes. A condition as a whole never is Untold.
const (
	True   Outcome = "true"
	False  Outcome = "false"
	Failed Outcome = "error"
	Untold Outcome = "" // the part cannot be evaluated outside of its condition
)

// ConditionTrace is what became of a condition. For an account of unknown class
// the outcome is that for both classes: a rule applies when it does for either,
// a desk reaches when it does for both.
type ConditionTrace struct {
	Outcome      Outcome       `json:"outcome"`
	Error        string        `json:"error,omitempty"`
	Atoms        []AtomTrace   `json:"atoms,omitempty"`
	Alternatives []Alternative `json:"alternatives,omitempty"`
}

// AtomTrace is one of the statements that a condition is made of by !, &&, ||
// and ?:, evaluated even where the condition was settled without it.
type AtomTrace struct {
	Text    string  `json:"text"`
	Line    int     `json:"line"`
	Column  int     `json:"column"`
	Outcome Outcome `json:"outcome"`
	Error   string  `json:"error,omitempty"`
	// AsPrivileged is the outcome as if the account were privileged, when its
	// class is unknown and the outcome is another then.
	AsPrivileged Outcome `json:"as_privileged,omitempty"`
	// Condition is the named condition in which the atom stands.
	Condition string `json:"condition,omitempty"`
}

// Alternative is one operand of an ||, or one text of a list that the condition
// writes out. It held when, without the others, what it is an alternative of
// would be true.
type Alternative struct {
	Text      string `json:"text"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	Held      bool   `json:"held"`
	Condition string `json:"condition,omitempty"`
}

// Trace plans for the facts and shows how the plan came about. It is made for
// people to look at: it takes many times longer than Plan, and its plan is
// Plan's.
func (p *Policy) Trace(f Facts) Trace {
	t := tracer{decision: decision{policy: p}, frame: p.over(&f), out: Trace{Plan: p.Plan(f)}}
	if t.checkFacts(&f); len(t.denials) > 0 {
		return t.out
	}
	t.classes()
	t.class = t.out.Plan.Class
	t.frame.setClass(t.class)
	if f.Agent.Desk != "" || f.Agent.Person != "" {
		t.reaches(f.Agent.Desk)
	}
	for _, r := range p.rules {
		holds, err := t.either(&t.frame, r.when)
		t.out.Rules = append(t.out.Rules, RuleTrace{r.name, r.line, t.condition(r.when, holds, err)})
	}
	return t.out
}

type tracer struct {
	decision
	frame frame
	out   Trace
	env   *cel.Env // for parts that have no code; nil until one has to be compiled
}

func (t *tracer) classes() {
	for _, c := range t.policy.classes {
		holds, err := t.holds(&t.frame, c.when)
		t.out.Classes = append(t.out.Classes, ClassTrace{c.class, c.line, t.condition(c.when, holds, err)})
		if holds || err != nil {
			return
		}
	}
}

func (t *tracer) reaches(name string) {
	k := t.policy.desks[name]
	if k == nil {
		return
	}
	holds, err := t.both(&t.frame, k.reach)
	t.out.Reach = append(t.out.Reach, ReachTrace{Desk: name, Line: k.line, TierCap: k.tierCap, ConditionTrace: t.condition(k.reach, holds, err)})
	v := t.policy.vendor(k.company)
	if v == nil {
		return
	}
	r := ReachTrace{Vendor: v.name, Line: v.line, TierCap: v.tierCap}
	if v.reach != nil {
		holds, err := t.both(&t.frame, v.reach)
		r.ConditionTrace = t.condition(v.reach, holds, err)
	}
	t.out.Reach = append(t.out.Reach, r)
}

func (t *tracer) condition(c *condition, holds bool, err error) ConditionTrace {
	out := ConditionTrace{}
	out.Outcome, out.Error = outcome(holds, err)
	t.parts(&out, c, c.tree, "")
	return out
}

func outcome(holds bool, err error) (Outcome, string) {
	switch {
	case err != nil:
		return Failed, err.Error()
	case holds:
		return True, ""
	}
	return False, ""
}

// parts goes down to the atoms. A named condition is gone through where it is
// written, so that its parts have their place there.
func (t *tracer) parts(out *ConditionTrace, c *condition, n *expr.Node, name string) {
	switch n.Op {
	case expr.Lit:
		return
	case expr.Named:
		for _, d := range t.policy.conditions {
			if d.name == n.Name {
				t.parts(out, d.when, d.when.tree, d.name)
			}
		}
		return
	case expr.Not, expr.And, expr.Or, expr.If:
		for _, a := range n.Args {
			if n.Op == expr.Or {
				out.Alternatives = append(out.Alternatives, t.alternative(c, a, a, name))
			}
			t.parts(out, c, a, name)
		}
		return
	}
	atom := AtomTrace{Text: n.String(), Condition: name}
	atom.Line, atom.Column = c.place(max(n.At, 0))
	var asPrivileged Outcome
	atom.Outcome, atom.Error, asPrivileged = t.value(n)
	if asPrivileged != atom.Outcome {
		atom.AsPrivileged = asPrivileged
	}
	out.Atoms = append(out.Atoms, atom)
	for _, v := range variants(n) {
		out.Alternatives = append(out.Alternatives, t.alternative(c, v.shown, v.whole, name))
	}
}

func (t *tracer) alternative(c *condition, shown, whole *expr.Node, name string) Alternative {
	a := Alternative{Text: shown.String(), Condition: name}
	a.Line, a.Column = c.place(max(shown.At, 0))
	got, _, asPrivileged := t.value(whole)
	a.Held = got == True || asPrivileged == True
	return a
}

// value evaluates a part of a condition, and once more as if the account were
// privileged when its class is unknown.
func (t *tracer) value(n *expr.Node) (got Outcome, msg string, asPrivileged Outcome) {
	part := t.part(n)
	if part == nil {
		return Untold, "", Untold
	}
	got, msg = outcome(t.holds(&t.frame, part))
	if asPrivileged = got; t.class == identity.Unknown {
		asPrivileged, _ = outcome(t.asPrivileged(&t.frame, part))
	}
	return got, msg, asPrivileged
}

// part makes a condition of its own of a part of one, nil when that cannot be.
func (t *tracer) part(n *expr.Node) *condition {
	c := &condition{only: everywhere, tree: n, code: (&coder{}).compile(n)}
	if c.code != nil {
		return c
	}
	if t.env == nil {
		t.env = newEnvironment(t.policy.lists, false).cel
	}
	tree, issues := t.env.Compile(spelt(n).String())
	if issues.Err() != nil {
		return nil
	}
	var err error
	if c.program, err = t.env.Program(tree, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost)); err != nil {
		return nil
	}
	return c
}

// spelt writes out the conditions that n names.
func spelt(n *expr.Node) *expr.Node {
	if n.Op == expr.Named {
		return spelt(n.Args[0])
	}
	c := *n
	c.Args = make([]*expr.Node, len(n.Args))
	for i, a := range n.Args {
		c.Args[i] = spelt(a)
	}
	return &c
}

// variant is an atom of which one alternative is left.
type variant struct{ shown, whole *expr.Node }

// variants finds the alternatives within an atom: the texts of a list that it
// writes out, and the operands of an || within a loop.
func variants(n *expr.Node) []variant {
	var all []variant
	switch {
	case n.Op == expr.In && n.Args[1].Op == expr.Lit && n.Args[1].Name == "" && len(n.Args[1].Value.Texts) > 1:
		for _, s := range n.Args[1].Value.Texts {
			one := &expr.Node{Op: expr.Lit, Type: expr.Text, Value: expr.Value{Text: s}, At: n.At}
			is := &expr.Node{Op: expr.Eq, Type: expr.Bool, Args: []*expr.Node{n.Args[0], one}, At: n.At}
			all = append(all, variant{is, is})
		}
	case n.Op == expr.Or:
		for _, a := range n.Args {
			all = append(all, variant{a, a})
		}
	}
	for i, a := range n.Args {
		for _, v := range variants(a) {
			whole := *n
			whole.Args = append([]*expr.Node{}, n.Args...)
			whole.Args[i] = v.whole
			all = append(all, variant{v.shown, &whole})
		}
	}
	return all
}
