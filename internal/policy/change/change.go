// Package change says in what two plans for one request differ: what is asked
// less, more or otherwise, in the words of the policy language.
package change

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"countersign/internal/approval"
	"countersign/internal/policy"
)

// Direction says how a demand changed.
type Direction string

// The directions. Else is neither: a way is opened and another closed. Whoever
// guards against asking less has to guard against that too.
const (
	Less Direction = "less"
	More Direction = "more"
	Else Direction = "else"
)

// Eases reports whether something that the old policy refused becomes possible.
func (d Direction) Eases() bool { return d == Less || d == Else }

// Change is one demand that two plans for the same request differ in.
type Change struct {
	Demand    string    `json:"demand"` // request, tier, proofs, approvals, wait, …
	Direction Direction `json:"direction"`
	Old       string    `json:"old"` // in the words of the policy language
	New       string    `json:"new"`
}

// Demands lists what plans can differ in, in the order in which it is told.
func Demands() []string {
	var names []string
	for _, d := range demands {
		names = append(names, d.name)
	}
	return names
}

func (c Change) String() string { return fmt.Sprintf("%s: %s → %s", c.Demand, c.Old, c.New) }

// Compare lists what changes for a request from one plan to another. Between
// plans that both refuse nothing does, whatever their reasons. A change of
// class alone is none: what matters is what follows from it.
func Compare(before, after policy.Plan) []Change {
	switch {
	case before.Denied() && after.Denied():
		return nil
	case before.Denied():
		return []Change{{"request", Less, "refused", "allowed"}}
	case after.Denied():
		return []Change{{"request", More, "allowed", "refused"}}
	}
	less, more := policy.Weaker(after, before), policy.Weaker(before, after)
	var all []Change
	for _, d := range demands {
		way := directionOf(slices.Contains(less, d.name), slices.Contains(more, d.name))
		if way != "" {
			all = append(all, Change{d.name, way, d.words(before), d.words(after)})
		}
	}
	return all
}

func directionOf(less, more bool) Direction {
	switch {
	case less && more:
		return Else
	case less:
		return Less
	case more:
		return More
	}
	return ""
}

type demand struct {
	name  string
	words func(p policy.Plan) string
}

// demands are the respects in which plans that allow a request can differ.
var demands = []demand{
	{"tier", func(p policy.Plan) string { return string(p.Tier) }},
	{"proofs", func(p policy.Plan) string { return p.Proofs.String() }},
	{"approvals", func(p policy.Plan) string { return needs(p.Approvals) }},
	{"wait", func(p policy.Plan) string { return policy.Span(p.Wait) }},
	{"cool_off", func(p policy.Plan) string { return policy.Span(p.CoolOff) }},
	{"probation", func(p policy.Plan) string { return policy.Span(p.Probation) }},
	{"expires", func(p policy.Plan) string { return policy.Span(p.Expires) }},
	{"review", func(p policy.Plan) string { return policy.Span(p.Review) }},
	{"delivery", func(p policy.Plan) string { return list(p.Delivery) }},
	{"notify", func(p policy.Plan) string { return list(p.Notify) }},
	{"follow_up", func(p policy.Plan) string { return list(p.FollowUp) }},
}

func needs(of []approval.Need) string {
	var words []string
	for _, n := range of {
		words = append(words, fmt.Sprintf("%d %s", n.Count, n.Role))
	}
	return list(words)
}

func list(words []string) string { return cmp.Or(strings.Join(words, ", "), "none") }

// Said is one demand of a plan.
type Said struct{ Demand, Value string }

// Words lists what a plan demands, in the words of the policy language.
func Words(p policy.Plan) []Said {
	all := make([]Said, len(demands))
	for i, d := range demands {
		all[i] = Said{d.name, d.words(p)}
	}
	return all
}
