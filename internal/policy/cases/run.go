package cases

import (
	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
)

// Report is how a policy stood its test.
type Report struct {
	Verdicts []Verdict `json:"cases"` // in the order of the file
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`
	Coverage Coverage  `json:"coverage"`
}

// Verdict is what came of one case.
type Verdict struct {
	Case        string       `json:"case"`
	With        string       `json:"with,omitempty"` // the combination of each
	Line        int          `json:"line"`
	Given       string       `json:"given"` // the request as a specimen on one line
	Passed      bool         `json:"passed"`
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is one expectation that was not met.
type Difference struct {
	Expected string `json:"expected"`
	Found    string `json:"found"`
}

// Run asks the policy about every case.
func Run(p *policy.Policy, f File) Report {
	r := Report{Verdicts: []Verdict{}}
	seen := newSeen(p)
	rules := p.Rules()
	for _, c := range f.Cases {
		plan := p.Plan(c.Given)
		seen.note(c.Given, plan)
		v := Verdict{Case: c.Sentence, With: c.With, Line: c.Line, Given: specimen.Line(c.Given), Differences: c.expect.judge(plan, rules)}
		if v.Passed = len(v.Differences) == 0; v.Passed {
			r.Passed++
		} else {
			r.Failed++
		}
		r.Verdicts = append(r.Verdicts, v)
	}
	r.Coverage = seen.coverage()
	return r
}
