package policy

import (
	"slices"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy/expr"
	"countersign/internal/proof"
)

// Logic lays a policy open for tools that reason about it instead of asking it
// about one request. It is what Plan computes with, in the order of the text.
type Logic struct {
	Conditions []Naming
	Classes    []Sorting
	Vendors    []Bound
	Desks      []Bound
	Rules      []Rule
	Expires    int64 // seconds: the longest life of a request, and its life when no rule says
	CoolOff    int64 // seconds: the shortest time on record, and that when no rule says
}

// Naming is a condition with a name. Where others use it, it stands in their
// Expr as a Named node.
type Naming struct {
	Name string
	When Condition
}

// Sorting is one entry of classes: the first whose condition holds decides. A
// condition that cannot be evaluated ends the search, and the class is unknown.
type Sorting struct {
	Class identity.Class
	When  Condition
	Line  int
}

// Bound is what a desk, or a vendor all of whose desks it binds, may reach.
type Bound struct {
	Name    string
	Vendor  bool      // it is a vendor, or a vendor's desk
	Company string    // the vendor's name, when it has one
	Reach   Condition // absent for a vendor without
	TierCap identity.Tier
	Line    int
}

// Rule is one rule: a denial when Deny is not empty, else a demand.
type Rule struct {
	Name   string
	When   Condition
	Deny   string
	Demand Demand
	Line   int
}

// Demand is what a rule asks for; a zero field asks for nothing. Durations are
// seconds.
type Demand struct {
	Said      []string // the demands that the rule's text states, sorted
	Tier      identity.Tier
	Proofs    proof.Formula
	Approvals []approval.Need
	Wait      int64
	CoolOff   int64
	Expires   int64
	Review    int64
	Probation int64
	Delivery  []string
	Notify    []string
	FollowUp  []string
}

// Condition is a compiled condition; the zero Condition is absent.
type Condition struct{ c *condition }

// Absent reports whether there is no condition.
func (c Condition) Absent() bool { return c.c == nil }

// Expr is the condition's form; nil when it is absent.
func (c Condition) Expr() *expr.Node {
	if c.c == nil {
		return nil
	}
	return c.c.tree
}

// Place gives the line and column, in the policy's text, of a character of the
// condition, such as a Node's At.
func (c Condition) Place(at int) (line, column int) {
	if c.c == nil {
		return 0, 0
	}
	return c.c.place(max(at, 0))
}

// Logic lays the policy open. The slices are the caller's own; what they hold
// is shared and not to be changed.
func (p *Policy) Logic() Logic {
	l := Logic{Expires: p.expires, CoolOff: p.coolOff}
	for _, c := range p.conditions {
		l.Conditions = append(l.Conditions, Naming{c.name, Condition{c.when}})
	}
	for _, c := range p.classes {
		l.Classes = append(l.Classes, Sorting{c.class, Condition{c.when}, c.line})
	}
	for _, v := range p.vendors {
		l.Vendors = append(l.Vendors, Bound{Name: v.name, Vendor: true, Company: v.name, Reach: Condition{v.reach}, TierCap: v.tierCap, Line: v.line})
	}
	for _, name := range p.Desks() {
		d := p.desks[name]
		l.Desks = append(l.Desks, Bound{name, d.vendor, d.company, Condition{d.reach}, d.tierCap, d.line})
	}
	for _, r := range p.rules {
		l.Rules = append(l.Rules, Rule{r.name, Condition{r.when}, r.deny, r.demand.open(), r.line})
	}
	return l
}

func (d demand) open() Demand {
	return Demand{
		Said: slices.Clone(d.said), Tier: d.tier, Proofs: d.proofs, Approvals: d.approvals, Wait: d.wait, CoolOff: d.coolOff,
		Expires: d.expires, Review: d.review, Probation: d.probation, Delivery: d.delivery, Notify: d.notify, FollowUp: d.followUp,
	}
}

// Floor is the tier below which a class never falls, whatever the rules say.
func Floor(c identity.Class) identity.Tier { return floors[c] }
