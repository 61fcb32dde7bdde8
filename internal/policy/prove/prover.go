package prove

import (
	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
)

// Outcome is what came of a statement.
type Outcome string

// The outcomes.
const (
	Holds     Outcome = "holds"
	Broken    Outcome = "broken"
	CannotSay Outcome = "cannot_say"
)

// Result is what there is to say of one statement about a policy.
type Result struct {
	Name     string               `json:"name"`
	Kind     policy.StatementKind `json:"kind"`
	Text     string               `json:"text"`
	Because  string               `json:"because,omitempty"`
	Line     int                  `json:"line,omitempty"`     // in the file of statements; 0 for the standard ones
	Standard bool                 `json:"standard,omitempty"` // of the set that every policy is held against

	Outcome Outcome `json:"outcome"`
	// Request is what breaks the statement or, for one that claims something to
	// be possible, what shows that it is; Plan is what the policy says to it.
	Request *policy.Facts `json:"request,omitempty"`
	Plan    *policy.Plan  `json:"plan,omitempty"`
	// RestsOn names what the request was found by and could not be confirmed
	// with; the outcome is then CannotSay.
	RestsOn []string `json:"rests_on,omitempty"`
	Why     string   `json:"why,omitempty"`   // nothing could be said
	Notes   []string `json:"notes,omitempty"` // to know, without being a fault
	Basis   Basis    `json:"basis"`
}

// Prover holds statements against one policy.
type Prover struct {
	policy *policy.Policy
	space  *Space
	plan   *Plan
	near   policy.Facts
}

// NewProver reads the policy once for any number of statements.
func NewProver(p *policy.Policy) *Prover {
	s := NewSpace(p)
	return &Prover{p, s, s.Of(0), specimen.Ordinary()}
}

// Statement decides a statement. What it says of a request must be true: a
// condition that cannot be evaluated for want of a fact is not, so that it
// breaks what is always to be, and is no case of what is never or possibly so.
// Statements speak of the requests that the policy does not refuse, unless they
// read plan.denied.
func (v *Prover) Statement(st policy.Statement) Result {
	s := v.space
	r := Result{Name: st.Name, Kind: st.Kind, Text: st.Text, Because: st.Because, Line: st.Line}
	speaks := True
	refusals := st.What.Expr().Reads("plan.denied")
	if !refusals {
		speaks = v.plan.Denied.Not()
	}
	is, _ := s.Cond(0, st.What.Expr())
	goal := is
	if st.Kind == policy.Always {
		goal = is.Not()
	}
	v.decide(&r, s.And(speaks, goal), func(f policy.Facts, p policy.Plan) bool {
		if p.Denied() && !refusals {
			return false
		}
		is, err := v.policy.True(st, f, p)
		return (is && err == nil) == (st.Kind != policy.Always)
	})
	return r
}

// decide looks for a request that settles the statement.
func (v *Prover) decide(r *Result, goal Lit, settles func(policy.Facts, policy.Plan) bool) {
	a := v.space.Find(goal, v.near, func(f policy.Facts) bool { return settles(f, v.policy.Plan(f)) })
	r.Basis, r.RestsOn, r.Why = a.Basis, a.RestsOn, a.Unclear
	found, none := Broken, Holds
	if r.Kind == policy.Possible {
		found, none = Holds, Broken
	}
	switch {
	case a.Impossible:
		r.Outcome = none
	case a.Found && len(a.RestsOn) == 0:
		r.Outcome = found
	default:
		r.Outcome = CannotSay
	}
	if a.Found {
		p := v.policy.Plan(a.Facts)
		r.Request, r.Plan = &a.Facts, &p
	}
}

// lacks says that a does not demand all that b does, their refusals aside.
func (s *Space) lacks(a, b *Plan) Lit {
	return anyOf(s, s.Weaker(a, b), func(r Respect) Lit { return r.Is })
}
