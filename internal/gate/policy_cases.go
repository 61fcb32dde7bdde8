package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"countersign/internal/policy"
	"countersign/internal/policy/cases"
)

// PolicyTest is how a policy stood its cases.
type PolicyTest struct {
	Policy string       `json:"policy" doc:"hash of the policy that was asked"`
	Passed int          `json:"passed"`
	Failed int          `json:"failed"`
	Cases  []PolicyCase `json:"cases" nullable:"false" doc:"in the order of the text"`
	Gaps   []PolicyGap  `json:"gaps" nullable:"false" doc:"what no case reaches"`
}

// PolicyCase is what came of one case.
type PolicyCase struct {
	Case   string       `json:"case"`
	With   string       `json:"with,omitempty" doc:"the combination of each"`
	Line   int          `json:"line"`
	Given  string       `json:"given" doc:"the request as a specimen of one line"`
	Passed bool         `json:"passed"`
	Misses []PolicyMiss `json:"misses,omitempty"`
}

// PolicyMiss is one expectation that was not met.
type PolicyMiss struct {
	Expected string `json:"expected"`
	Found    string `json:"found"`
}

// PolicyGap is a part of the policy that no case reaches.
type PolicyGap struct {
	Kind string `json:"kind" enum:"rule,class,desk,vendor,condition"`
	Name string `json:"name"`
	Line int    `json:"line" doc:"in the policy"`
	Part string `json:"part,omitempty" doc:"the way of proving, or the alternative, that never held"`
}

// unread is what is wrong with a text that goes with a policy. Its problems
// call themselves the policy's, which is another text on the same page.
func unread(err error) string {
	problems, ok := errors.AsType[policy.Problems](err)
	if !ok {
		return err.Error()
	}
	said := make([]string, len(problems))
	for i, p := range problems {
		place := ""
		if p.Line > 0 {
			place = fmt.Sprintf("line %d, column %d: ", p.Line, p.Column)
			p.Line = 0
		}
		said[i] = place + p.String()
	}
	return strings.Join(said, "\n")
}

// TestPolicy asks a policy about cases: sentences that say what is to be asked
// of a request. An empty policy is the one in force.
func (g *Gate) TestPolicy(ctx context.Context, c Caller, text, casesText string) (PolicyTest, error) {
	inForce, err := g.policyReader(ctx, c)
	if err != nil {
		return PolicyTest{}, err
	}
	return atBench(ctx, g.bench, c, "test", func(context.Context) (PolicyTest, error) {
		p, err := loadOr(inForce, text)
		if err != nil {
			return PolicyTest{}, err
		}
		f, err := cases.Load([]byte(casesText))
		if err != nil {
			return PolicyTest{}, invalid("the cases do not read: " + unread(err))
		}
		return testOf(p.Hash(), cases.Run(p, f)), nil
	})
}

func testOf(hash string, r cases.Report) PolicyTest {
	t := PolicyTest{Policy: hash, Passed: r.Passed, Failed: r.Failed, Cases: []PolicyCase{}, Gaps: []PolicyGap{}}
	for _, v := range r.Verdicts {
		one := PolicyCase{Case: v.Case, With: v.With, Line: v.Line, Given: v.Given, Passed: v.Passed}
		for _, d := range v.Differences {
			one.Misses = append(one.Misses, PolicyMiss(d))
		}
		t.Cases = append(t.Cases, one)
	}
	for _, of := range []struct {
		kind string
		what []cases.Unreached
	}{{"rule", r.Coverage.Rules}, {"class", r.Coverage.Classes}, {"desk", r.Coverage.Desks}, {"rule", r.Coverage.Proofs}, {"", r.Coverage.Alternatives}} {
		for _, u := range of.what {
			if of.kind != "" {
				u.Kind = of.kind
			}
			t.Gaps = append(t.Gaps, PolicyGap{u.Kind, u.Name, u.Line, u.Part})
		}
	}
	return t
}
