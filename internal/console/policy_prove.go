package console

import (
	"net/http"

	"countersign/internal/gate"
)

type policyProvePage struct {
	Tab        string
	Text       string // a draft; "" is the policy in force
	Invariants string
	Proof      *gate.PolicyProof
}

// policyProve says what holds of the policy for every request there could be.
// Of the policy in force it is worked out once and kept.
func (c *console) policyProve(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	p := policyProvePage{Tab: "prove", Text: lines(r.PostForm.Get("policy_text")), Invariants: lines(r.PostForm.Get("invariants"))}
	proof, err := c.Gate.ProvePolicy(r.Context(), v.Caller, p.Text, p.Invariants)
	if err != nil {
		said := slip(err)
		if said == nil {
			return err
		}
		return c.showPolicy(w, r, v, said.Status, "policy_prove", msg("Prove the policy"), p, said)
	}
	p.Proof = &proof
	return c.showPolicy(w, r, v, http.StatusOK, "policy_prove", msg("Prove the policy"), p, nil)
}
