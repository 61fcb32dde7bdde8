package rest

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
)

// maxPolicies bounds a request with two texts: they are JSON, which takes more
// bytes than the texts themselves.
const maxPolicies = 2 * maxPolicy

type policyInput struct {
	Policy string `query:"policy" maxLength:"100" doc:"hash of an earlier policy; absent: the one in force"`
}

type policyOutput struct{ Body gate.PolicyView }

type languageOutput struct{ Body gate.PolicyLanguage }

type checkInput struct {
	Keyed
	Body struct {
		PolicyText string `json:"policy_text" minLength:"1"`
	}
}

type checkOutput struct{ Body gate.PolicyCheck }

type explainInput struct {
	Keyed
	Body struct {
		PolicyText string `json:"policy_text,omitempty" doc:"absent: the policy in force"`
		Given      string `json:"given,omitempty" doc:"the request as a specimen: what differs from an ordinary one"`
		Request    string `json:"request,omitempty" maxLength:"100" doc:"instead: the id of a recorded request"`
		Less       bool   `json:"less,omitempty" doc:"look also for what would have to differ for less to be asked"`
	}
}

type explainOutput struct{ Body gate.PolicyAnswer }

type testInput struct {
	Keyed
	Body struct {
		PolicyText string `json:"policy_text,omitempty" doc:"absent: the policy in force"`
		CasesText  string `json:"cases_text" minLength:"1"`
	}
}

type testOutput struct{ Body gate.PolicyTest }

type diffInput struct {
	Keyed
	Body struct {
		Old        string `json:"old,omitempty" doc:"a policy's text, or the hash of one that was in force; absent: the policy in force"`
		PolicyText string `json:"policy_text" minLength:"1"`
	}
}

type diffOutput struct{ Body gate.PolicyDiff }

type proveInput struct {
	Keyed
	Body struct {
		PolicyText     string `json:"policy_text,omitempty" doc:"absent: the policy in force"`
		InvariantsText string `json:"invariants_text,omitempty" doc:"statements of your own, beside those that every policy is held against"`
	}
}

type proofOutput struct{ Body gate.PolicyProof }

func (a *api) policies(h huma.API) {
	staff(a, h, get("/policy", "show-policy", "Read the policy in force or an earlier one (oversight, or scope ledger:read)"), a.showPolicy)
	staff(a, h, get("/policy/language", "show-policy-language", "What policies can be written with, for editors"), a.showLanguage)
	heavy := func(path, id, summary string) op {
		o := post(path, id, summary+" (oversight, or scope ledger:read)", 200)
		o.limit = maxPolicies
		return o.reading()
	}
	staff(a, h, heavy("/policy/check", "check-policy", "Say whether a policy loads, and what is unwise in it"), a.checkPolicy)
	staff(a, h, heavy("/policy/explain", "explain-policy", "Say what a policy asks of a request, and which rules ask it"), a.explainPolicy)
	staff(a, h, heavy("/policy/tests", "test-policy", "Ask a policy about cases"), a.testPolicy)
	staff(a, h, heavy("/policy/diff", "diff-policies", "Say of which requests a policy asks less, more or something else"), a.diffPolicies)
	staff(a, h, heavy("/policy/proofs", "prove-policy", "Decide statements about a policy for every possible request"), a.provePolicy)
}

func (a *api) showPolicy(ctx context.Context, c gate.Caller, in *policyInput) (*policyOutput, error) {
	v, err := a.gate.Policy(ctx, c, in.Policy)
	return &policyOutput{v}, err
}

func (a *api) showLanguage(context.Context, gate.Caller, *none) (*languageOutput, error) {
	return &languageOutput{a.gate.PolicyLanguage()}, nil
}

func (a *api) checkPolicy(ctx context.Context, c gate.Caller, in *checkInput) (*checkOutput, error) {
	v, err := a.gate.CheckPolicy(ctx, c, in.Body.PolicyText)
	return &checkOutput{v}, err
}

func (a *api) explainPolicy(ctx context.Context, c gate.Caller, in *explainInput) (*explainOutput, error) {
	v, err := a.gate.ExplainPolicy(ctx, c, gate.PolicyAsk{Text: in.Body.PolicyText, Given: in.Body.Given, Request: in.Body.Request, Less: in.Body.Less})
	return &explainOutput{v}, err
}

func (a *api) testPolicy(ctx context.Context, c gate.Caller, in *testInput) (*testOutput, error) {
	v, err := a.gate.TestPolicy(ctx, c, in.Body.PolicyText, in.Body.CasesText)
	return &testOutput{v}, err
}

func (a *api) diffPolicies(ctx context.Context, c gate.Caller, in *diffInput) (*diffOutput, error) {
	v, err := a.gate.DiffPolicies(ctx, c, in.Body.Old, in.Body.PolicyText)
	return &diffOutput{v}, err
}

func (a *api) provePolicy(ctx context.Context, c gate.Caller, in *proveInput) (*proofOutput, error) {
	v, err := a.gate.ProvePolicy(ctx, c, in.Body.PolicyText, in.Body.InvariantsText)
	return &proofOutput{v}, err
}
