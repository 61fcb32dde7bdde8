package cases

import (
	"slices"
	"strings"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

// Coverage is what no case reaches, whether the cases passed or not, in the
// order of the policy's text.
type Coverage struct {
	Rules   []Unreached `json:"rules"`   // no case made the rule apply
	Classes []Unreached `json:"classes"` // no case has an account of the class
	Desks   []Unreached `json:"desks"`   // no case has an agent at the desk
	// Proofs are alternatives of a rule's proofs that are left in no plan,
	// although the rule applied.
	Proofs []Unreached `json:"proofs"`
	// Alternatives are operands of an ||, and texts of a list that a condition
	// writes out, which held in no case, although the condition did.
	Alternatives []Unreached `json:"alternatives"`
}

// Unreached is a part of the policy that no case reaches.
type Unreached struct {
	Kind   string `json:"kind"` // rule, class, desk, vendor or condition
	Name   string `json:"name"`
	Line   int    `json:"line"`             // in the policy
	Column int    `json:"column,omitempty"` // of an alternative
	Part   string `json:"part,omitempty"`   // the way of proving, or the alternative's text
}

// Whole reports whether the cases reach everything.
func (c Coverage) Whole() bool {
	return len(c.Rules)+len(c.Classes)+len(c.Desks)+len(c.Proofs)+len(c.Alternatives) == 0
}

// seen collects what the cases reach, case by case.
type seen struct {
	policy  *policy.Policy
	logic   policy.Logic
	rules   map[string]bool
	classes map[identity.Class]bool
	desks   map[string]bool
	proofs  map[string]bool // rule and alternative
	alternatives
}

func newSeen(p *policy.Policy) *seen {
	return &seen{
		policy: p, logic: p.Logic(), rules: map[string]bool{}, classes: map[identity.Class]bool{},
		desks: map[string]bool{}, proofs: map[string]bool{}, alternatives: alternatives{},
	}
}

func (s *seen) note(f policy.Facts, plan policy.Plan) {
	s.alternatives.note(s.policy.Trace(f))
	s.classes[plan.Class] = true
	s.desks[f.Agent.Desk] = true
	applied := map[string]bool{}
	for _, r := range plan.Reasons {
		applied[r.Rule] = true
	}
	faults := s.policy.Faults(plan)
	for _, d := range plan.Deny {
		// A condition that failed says nothing about what the rule is for.
		if !slices.Contains(faults, d) {
			applied[d.Rule] = true
		}
	}
	for _, r := range s.logic.Rules {
		if !applied[r.Name] {
			continue
		}
		s.rules[r.Name] = true
		for _, way := range r.Demand.Proofs {
			if isLeft(way, plan.Proofs) {
				s.proofs[wayKey(r.Name, way)] = true
			}
		}
	}
}

// isLeft reports whether the plan has an alternative that the way is part of.
func isLeft(way []proof.Method, plan proof.Formula) bool {
	return slices.ContainsFunc(plan, func(alternative []proof.Method) bool {
		return !slices.ContainsFunc(way, func(m proof.Method) bool { return !slices.Contains(alternative, m) })
	})
}

func wayKey(rule string, way []proof.Method) string { return rule + "\n" + wayText(way) }

func wayText(way []proof.Method) string {
	texts := make([]string, len(way))
	for i, m := range way {
		texts[i] = string(m)
	}
	return strings.Join(texts, " && ")
}

func (s *seen) coverage() Coverage {
	c := Coverage{Rules: []Unreached{}, Classes: []Unreached{}, Desks: []Unreached{}, Proofs: []Unreached{}, Alternatives: s.unreached()}
	for _, r := range s.logic.Rules {
		if !s.rules[r.Name] {
			c.Rules = append(c.Rules, Unreached{Kind: "rule", Name: r.Name, Line: r.Line})
			continue
		}
		for _, way := range r.Demand.Proofs {
			if !s.proofs[wayKey(r.Name, way)] {
				c.Proofs = append(c.Proofs, Unreached{Kind: "rule", Name: r.Name, Line: r.Line, Part: wayText(way)})
			}
		}
	}
	for _, k := range s.logic.Classes {
		if !s.classes[k.Class] {
			c.Classes = append(c.Classes, Unreached{Kind: "class", Name: string(k.Class), Line: k.Line})
		}
	}
	for _, d := range s.logic.Desks {
		if !s.desks[d.Name] {
			c.Desks = append(c.Desks, Unreached{Kind: "desk", Name: d.Name, Line: d.Line})
		}
	}
	slices.SortFunc(c.Desks, func(a, b Unreached) int { return a.Line - b.Line })
	return c
}
