package evidence

import (
	"errors"
	"fmt"
	"time"

	"countersign/internal/policy"
)

// Recheck is the hands' last look: with facts they have read themselves, would
// the order still go out? The plan of those facts is joined with the recorded
// one, so a server that recorded a harmless class for a privileged account
// gains nothing. Proofs and signatures have to satisfy the join as it is; a
// signature over anything else does not count.
func Recheck(r Report, fresh policy.Facts, now time.Time) error {
	if r.Verdict != Allowed || r.Policy == nil || r.State.Order == nil {
		return errors.New("evidence: there is no allowed order to check again")
	}
	plan := policy.Join(r.State.Plan, r.Policy.Plan(fresh))
	if plan.Denied() {
		return fmt.Errorf("evidence: the policy refuses it on facts read by the hands: %s: %s", plan.Deny[0].Rule, plan.Deny[0].Reason)
	}
	s := r.State
	s.Plan, s.Order = plan, nil
	if err := s.Unmet(now); err != nil {
		return fmt.Errorf("evidence: on facts read by the hands: %w", err)
	}
	return nil
}
