package policy

import (
	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// Plan is what the policy demands for one request. Plans join: see Join.
// Durations are whole seconds; lists are sorted and without repetition.
type Plan struct {
	Class     identity.Class  `json:"class"`
	Tier      identity.Tier   `json:"tier"`
	Deny      []Denial        `json:"deny,omitempty"` // any entry refuses the request
	Proofs    proof.Formula   `json:"proofs"`         // text form in JSON
	Approvals []approval.Need `json:"approvals"`      // at most one per role
	Wait      int64           `json:"wait"`           // cooling-off after the last approval
	Expires   int64           `json:"expires"`        // life of the request; 0: no rule said, the default applies
	Review    int64           `json:"review"`         // a review is owed within; 0: none
	CoolOff   int64           `json:"cool_off"`       // how long factors and destinations must have been on record
	Delivery  []string        `json:"delivery"`       // ways the new secret may travel
	Notify    []string        `json:"notify"`
	FollowUp  []string        `json:"follow_up"`
	// Probation is how long after the reset the person may not act for others.
	Probation int64    `json:"probation,omitempty"`
	Reasons   []Reason `json:"reasons"`
}

// Denial is a rule's refusal.
type Denial struct {
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
}

// Reason says which rule brought a demand into the plan.
type Reason struct {
	Rule   string `json:"rule"`
	Demand string `json:"demand"` // tier, proofs, approvals, wait, …
}

// Denied reports whether the plan refuses the request outright.
func (p Plan) Denied() bool { return len(p.Deny) > 0 }

// Span writes seconds as policies do: 90s, 10m, 24h, 3d; none for 0.
func Span(seconds int64) string {
	if seconds == 0 {
		return "none"
	}
	return inWords(seconds)
}
