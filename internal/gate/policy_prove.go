package gate

import (
	"context"

	"countersign/internal/policy"
	"countersign/internal/policy/change"
	"countersign/internal/policy/prove"
	"countersign/internal/policy/specimen"
)

// PolicyProof is what holds of a policy for every request there could be.
type PolicyProof struct {
	Policy     string            `json:"policy" doc:"hash of the policy"`
	Holding    int               `json:"holding"`
	Broken     int               `json:"broken"`
	Unclear    int               `json:"unclear"`
	Statements []PolicyStatement `json:"statements" nullable:"false"`
}

// PolicyStatement is a sentence about every possible request, and what came
// of it.
type PolicyStatement struct {
	Name     string               `json:"name"`
	Kind     policy.StatementKind `json:"kind" enum:"always,never,possible"`
	Text     string               `json:"text"`
	Because  string               `json:"because,omitempty"`
	Line     int                  `json:"line,omitempty"`
	Standard bool                 `json:"standard,omitempty" doc:"of the set that every policy is held against"`
	Outcome  prove.Outcome        `json:"outcome" enum:"holds,broken,cannot_say"`
	Given    string               `json:"given,omitempty" doc:"the request that breaks it, or shows that it is possible, as a specimen of one line"`
	Refused  []PolicyRefusal      `json:"refused,omitempty" doc:"why that request is refused"`
	Plan     []PolicyDemand       `json:"plan,omitempty" doc:"what is asked of that request"`
	RestsOn  []string             `json:"rests_on,omitempty"`
	Why      string               `json:"why,omitempty" doc:"why nothing could be said"`
	Notes    []string             `json:"notes,omitempty"`
}

// ProvePolicy decides, over every possible request, the statements that every
// policy is held against and, if there are any, its own. An empty policy is
// the one in force.
func (g *Gate) ProvePolicy(ctx context.Context, c Caller, text, invariants string) (PolicyProof, error) {
	inForce, err := g.policyReader(ctx, c)
	if err != nil {
		return PolicyProof{}, err
	}
	standing := invariants == "" && (text == "" || text == string(inForce.Source()))
	if standing {
		if kept := g.bench.kept.Load(); kept != nil && kept.Policy == inForce.Hash() {
			return *kept, nil
		}
	}
	out, err := atBench(ctx, g.bench, c, "prove", func(ctx context.Context) (PolicyProof, error) {
		p, err := loadOr(inForce, text)
		if err != nil {
			return PolicyProof{}, err
		}
		var own []policy.Statement
		if invariants != "" {
			if own, err = p.Statements([]byte(invariants)); err != nil {
				return PolicyProof{}, invalid("the invariants do not read: " + unread(err))
			}
		}
		return proving(ctx, p, own)
	})
	if err == nil && standing {
		g.bench.kept.Store(&out)
	}
	return out, err
}

func proving(ctx context.Context, p *policy.Policy, own []policy.Statement) (PolicyProof, error) {
	out := PolicyProof{Policy: p.Hash(), Statements: []PolicyStatement{}}
	prover := prove.NewProver(p)
	for _, r := range prover.Standard() {
		out.add(r)
	}
	for _, st := range own {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		out.add(prover.Statement(st))
	}
	return out, nil
}

func (p *PolicyProof) add(r prove.Result) {
	s := PolicyStatement{Name: r.Name, Kind: r.Kind, Text: r.Text, Because: r.Because, Line: r.Line, Standard: r.Standard,
		Outcome: r.Outcome, RestsOn: r.RestsOn, Why: r.Why, Notes: r.Notes}
	if r.Request != nil {
		s.Given = specimen.Line(*r.Request)
	}
	if r.Plan != nil {
		for _, d := range r.Plan.Deny {
			s.Refused = append(s.Refused, PolicyRefusal{Rule: d.Rule, Reason: d.Reason})
		}
		for _, d := range change.Words(*r.Plan) {
			if d.Value != "none" && !r.Plan.Denied() {
				s.Plan = append(s.Plan, PolicyDemand(d))
			}
		}
	}
	p.Holding += count(r.Outcome == prove.Holds)
	p.Broken += count(r.Outcome == prove.Broken)
	p.Unclear += count(r.Outcome == prove.CannotSay)
	p.Statements = append(p.Statements, s)
}
