package gate

import (
	"context"
	"errors"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/lint"
	"countersign/internal/proof"
)

// PolicyCheck is what there is to say of a policy's text.
type PolicyCheck struct {
	Loads    bool            `json:"loads"`
	Name     string          `json:"name,omitempty"`
	Policy   string          `json:"policy,omitempty" doc:"its hash, when it loads"`
	InForce  string          `json:"in_force" doc:"hash of the policy in force"`
	Methods  []proof.Method  `json:"methods,omitempty" doc:"that some rule mentions"`
	Errors   int             `json:"errors"`
	Warnings int             `json:"warnings"`
	Notes    int             `json:"notes"`
	Accepted int             `json:"accepted"`
	Findings []PolicyFinding `json:"findings" nullable:"false" doc:"in the order of the text"`
}

// PolicyFinding is one thing that is wrong with a policy, and where.
type PolicyFinding struct {
	Code     string        `json:"code" doc:"stable; docs/policy-findings.md explains each"`
	Severity lint.Severity `json:"severity" enum:"error,warning,note"`
	Line     int           `json:"line" doc:"from 1; 0 when it is of the whole text"`
	Column   int           `json:"column" doc:"in characters, from 1"`
	Path     string        `json:"path,omitempty"`
	At       string        `json:"at,omitempty" doc:"the rule, class, desk, vendor, list or condition it is about"`
	Section  string        `json:"section,omitempty" doc:"of the norm, where one rules"`
	Message  string        `json:"message"`
	Way      string        `json:"way_out"`
	Example  string        `json:"example,omitempty" doc:"a request that shows it, as a specimen of one line"`
	Accepted string        `json:"accepted,omitempty" doc:"why the policy lives with it"`
}

// CheckPolicy says whether a policy loads here, and what is unwise in it: by
// the norms, and by what this site can do.
func (g *Gate) CheckPolicy(ctx context.Context, c Caller, text string) (PolicyCheck, error) {
	inForce, err := g.policyReader(ctx, c)
	if err != nil {
		return PolicyCheck{}, err
	}
	chain, _, err := g.rules(ctx)
	if err != nil {
		return PolicyCheck{}, err
	}
	site := lint.Site{Methods: g.Methods(), Roles: map[identity.Role]int{}, Zone: func(name string) bool {
		_, err := time.LoadLocation(name)
		return err == nil
	}}
	for _, m := range chain.Members {
		for _, r := range m.Roles {
			site.Roles[r]++
		}
	}
	return atBench(ctx, g.bench, c, "check", func(context.Context) (PolicyCheck, error) {
		out := PolicyCheck{InForce: inForce.Hash(), Findings: []PolicyFinding{}}
		p, err := policy.Load([]byte(text))
		var faults policy.Problems
		switch {
		case errors.As(err, &faults):
			out.note(lint.Problems(faults))
		case err != nil:
			return out, invalid("the policy does not load: " + err.Error())
		default:
			out.Loads, out.Name, out.Policy, out.Methods = true, p.Name(), p.Hash(), p.Methods()
			out.note(lint.Policy(p, site))
		}
		return out, nil
	})
}

func (c *PolicyCheck) note(found []lint.Finding) {
	for _, f := range found {
		c.Findings = append(c.Findings, PolicyFinding(f))
		c.Accepted += count(f.Accepted != "")
		c.Errors += count(f.Counts(lint.Error))
		c.Warnings += count(f.Counts(lint.Warning))
		c.Notes += count(f.Counts(lint.Note))
	}
}
