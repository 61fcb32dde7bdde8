package gate

import (
	"countersign/internal/policy"
	"countersign/internal/policy/diff"
	"countersign/internal/roster"
)

// PolicyChange is what a signer of a new policy has to look at: both texts, so
// that they can compare them on a machine of their own, and what the server
// found. The statement names all three by their hashes.
type PolicyChange struct {
	Old    string `json:"old"`
	New    string `json:"new"`
	Effect string `json:"effect,omitempty"` // absent in proposals made before policies were compared
	Diff   string `json:"diff,omitempty"`
}

// publishing completes the proposal of a policy with what it changes. A policy
// that asks less has to say so itself: who signs should not have to find out.
func publishing(p roster.Proposed, inForce *policy.Policy) (roster.Proposed, error) {
	next, err := LoadPolicy([]byte(p.PolicyText))
	if err != nil {
		return p, invalid("the policy does not load: " + err.Error())
	}
	r := diff.Policies(inForce, next)
	if r.Eased() {
		return p, &Fault{"policy_eases", "the policy " + r.Effect() + ", and does not acknowledge it. If it is meant, add to the policy:\n" + r.Acknowledgement()}
	}
	p.Policy, p.Effect, p.DiffText = next.Hash(), r.Effect(), r.Text()
	p.Diff = roster.HashPolicy(p.DiffText)
	return p, nil
}
