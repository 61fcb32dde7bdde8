// Package explain says why a policy asks of a request what it asks: for each
// demand the rules that brought it, for each rule the statements that were
// true, and what would have to differ for less to be asked.
package explain

import (
	"slices"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/change"
)

// Explanation is a plan with its reasons.
type Explanation struct {
	Policy  string      `json:"policy"` // the policy's hash
	Plan    policy.Plan `json:"plan"`
	Class   Sorted      `json:"class"`
	Refused []Refusal   `json:"refused,omitempty"`
	Demands []Demand    `json:"demands,omitempty"` // none of a refused request
	Rules   []Rule      `json:"rules"`             // those that had a say
	// Less says what would have to differ for less to be asked, demand by
	// demand; for a refused request, for it not to be refused.
	Less []Less `json:"less,omitempty"`
}

// Sorted is how the account came by its class.
type Sorted struct {
	Class identity.Class `json:"class"`
	Line  int            `json:"line,omitempty"` // of the entry that decided; 0 when none did
	True  []Atom         `json:"true,omitempty"`
	Error string         `json:"error,omitempty"` // why the entry could not be evaluated
}

// Refusal is a denial and its place.
type Refusal struct {
	policy.Denial
	Line  int  `json:"line,omitempty"`  // 0 for a floor of the policy itself
	Fault bool `json:"fault,omitempty"` // a condition could not be evaluated
}

// Demand is one demand of the plan and who brought it. By names rules, or the
// policy's own floors in parentheses.
type Demand struct {
	Demand string   `json:"demand"`
	Value  string   `json:"value"` // in the words of the policy language
	By     []string `json:"by"`
}

// Rule is one that applied, or refused because it could not be evaluated.
type Rule struct {
	Name  string `json:"name"`
	Line  int    `json:"line"`
	True  []Atom `json:"true,omitempty"`
	Error string `json:"error,omitempty"`
}

// Atom is an elementary statement of a condition.
type Atom struct {
	Text      string `json:"text"`
	Line      int    `json:"line"`
	Condition string `json:"condition,omitempty"` // the named condition that it stands in
}

// Of explains the policy's plan for the facts, without Less.
func Of(p *policy.Policy, f policy.Facts) Explanation {
	t := p.Trace(f)
	e := Explanation{Policy: p.Hash(), Plan: t.Plan, Class: sorted(t), Rules: []Rule{}}
	lines := map[string]int{}
	for _, r := range t.Rules {
		lines[r.Name] = r.Line
		if r.Outcome == policy.True || r.Outcome == policy.Failed {
			e.Rules = append(e.Rules, Rule{r.Name, r.Line, truths(r.ConditionTrace), r.Error})
		}
	}
	faults := p.Faults(t.Plan)
	for _, d := range t.Plan.Deny {
		e.Refused = append(e.Refused, Refusal{d, lines[d.Rule], slices.Contains(faults, d)})
	}
	if !t.Plan.Denied() {
		e.Demands = demands(t.Plan)
	}
	return e
}

func sorted(t policy.Trace) Sorted {
	s := Sorted{Class: t.Plan.Class}
	if len(t.Classes) == 0 {
		return s
	}
	last := t.Classes[len(t.Classes)-1]
	if last.Outcome == policy.False {
		return s // no entry decided: that is why it is unknown
	}
	s.Line, s.True, s.Error = last.Line, truths(last.ConditionTrace), last.Error
	return s
}

func truths(c policy.ConditionTrace) []Atom {
	var all []Atom
	for _, a := range c.Atoms {
		if a.Outcome == policy.True || a.AsPrivileged == policy.True {
			all = append(all, Atom{a.Text, a.Line, a.Condition})
		}
	}
	return all
}

func demands(p policy.Plan) []Demand {
	var all []Demand
	for _, d := range change.Words(p) {
		var by []string
		for _, r := range p.Reasons {
			if r.Demand == d.Demand {
				by = append(by, r.Rule)
			}
		}
		all = append(all, Demand{d.Demand, d.Value, by})
	}
	return all
}

// Less is the request nearest to the one explained of which less is asked.
type Less struct {
	change.Change
	// If lists the facts that would have to differ, as specimen.Changes does.
	If      []string     `json:"if,omitempty"`
	Facts   policy.Facts `json:"-"` // the request
	RestsOn []string     `json:"rests_on,omitempty"`
	// Never: no request for the same action is asked for less.
	Never bool `json:"never,omitempty"`
	// Unclear says why it could not be found out.
	Unclear string `json:"unclear,omitempty"`
}
