package console

import (
	"net/http"

	"countersign/internal/gate"
)

type policyTestsPage struct {
	Tab   string
	Text  string // a draft; "" is the policy in force
	Cases string
	Test  *gate.PolicyTest
}

func (c *console) policyTestsAsk(w http.ResponseWriter, r *http.Request, v visitor) error {
	if _, err := c.Gate.Policy(r.Context(), v.Caller, ""); err != nil {
		return err
	}
	return c.showPolicy(w, r, v, http.StatusOK, "policy_tests", msg("Test the policy"), policyTestsPage{Tab: "tests"}, nil)
}

// policyTests asks the policy, or a draft, about the cases that were sent.
func (c *console) policyTests(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	p := policyTestsPage{Tab: "tests", Text: lines(r.PostForm.Get("policy_text")), Cases: lines(r.PostForm.Get("cases"))}
	t, err := c.Gate.TestPolicy(r.Context(), v.Caller, p.Text, p.Cases)
	if err != nil {
		said := slip(err)
		if said == nil {
			return err
		}
		return c.showPolicy(w, r, v, said.Status, "policy_tests", msg("Test the policy"), p, said)
	}
	p.Test = &t
	return c.showPolicy(w, r, v, http.StatusOK, "policy_tests", msg("Test the policy"), p, nil)
}
