package reset

import (
	"slices"
	"strings"
	"time"

	"countersign/internal/identity"
)

// Unmet says what still stands between the request and its order at a moment,
// the first thing first; nil when nothing does. The cooling-off comes last.
func (s State) Unmet(at time.Time) error {
	if err := s.collecting(at); err != nil {
		return err
	}
	if !s.Plan.Proofs.Satisfied(s.have(at)) {
		return refuse(ProofMissing, "the requester has not proved themselves: %s", s.Plan.Proofs.Remaining(s.have(at)))
	}
	if v := s.tally(at); !v.Granted {
		var words []string
		for _, n := range v.Missing {
			words = append(words, n.String())
		}
		return refuse(ApprovalMissing, "signatures are missing: %s", strings.Join(words, ", "))
	}
	if s.Action == identity.PasswordReset && !slices.Contains(s.Plan.Delivery, "session") {
		return refuse(DeliveryImpossible, "the policy allows only delivery by %s, which is not available here", strings.Join(s.Plan.Delivery, ", "))
	}
	if s.Plan.Wait > 0 && (s.WaitFrom == nil || at.Before(s.WaitUntil())) {
		return refuse(CoolingOff, "the cooling-off of %s is not over", time.Duration(s.Plan.Wait)*time.Second)
	}
	return nil
}

// waitStarted begins the cooling-off, when it is all that is missing.
func (s State) waitStarted(at time.Time) (State, error) {
	if s.WaitFrom != nil || CodeOf(s.Unmet(at)) != CoolingOff {
		return s, refuse(IllegalTransition, "there is nothing to wait for")
	}
	s.WaitFrom = &at
	return s, nil
}

// ordered is the narrow gate: every demand met, on a plan computed at this
// very moment, for exactly the account and action that were asked.
func (s State) ordered(e Ordered, at time.Time) (State, error) {
	if err := s.Unmet(at); err != nil {
		return s, err
	}
	recipient := ""
	if s.Action == identity.PasswordReset {
		if recipient = s.Recipient(s.Claimant); recipient == "" {
			return s, refuse(ProofMissing, "there is nobody to give the new secret to")
		}
	}
	switch {
	case !s.PlannedAt.Equal(at):
		return s, refuse(PlanStale, "the plan has to be computed again from fresh facts")
	case e.Order == "" || e.Subject != s.Subject || e.Action != s.Action || e.Recipient != recipient:
		return s, refuse(Malformed, "the order is not what was asked and proved")
	case e.Attempt != s.Attempts+1 || e.Attempt > maxAttempts:
		return s, refuse(TooMany, "attempt %d does not follow %d of at most %d", e.Attempt, s.Attempts, maxAttempts)
	}
	s.Attempts = e.Attempt
	s.Order = &Order{Ordered: e, At: at}
	s.Receipt = nil
	return s, nil
}

// dispatched writes the marker. A request that ran out between order and
// marker does not go out.
func (s State) dispatched(e Dispatched, at time.Time) (State, error) {
	if err := s.undispatched(); err != nil {
		return s, err
	}
	if s.Order == nil || s.Order.Order != e.Order {
		return s, refuse(IllegalTransition, "there is no order %s to dispatch", e.Order)
	}
	if !at.Before(s.ExpiresAt()) {
		return s, refuse(RequestExpired, "the request ran out at %s", s.ExpiresAt().Format(stamp))
	}
	o := *s.Order
	o.Dispatched, o.MarkedAt = true, &at
	s.Order, s.Probation = &o, s.probationFrom(at)
	return s, nil
}

// probationFrom is when a probation that begins now ends; nil when the plan
// has none. It begins with the marker, because from then on the credential may
// have changed, and again with the receipt that says that it has.
func (s State) probationFrom(at time.Time) *time.Time {
	if s.Plan.Probation <= 0 {
		return nil
	}
	until := at.Add(time.Duration(s.Plan.Probation) * time.Second)
	return &until
}

// received takes the receipt. What was not applied may be ordered again, a few
// times; what is not known stays so until somebody or something can tell.
func (s State) received(e Received, at time.Time) (State, error) {
	if !s.marked() || s.Order.Order != e.Order || s.Status() == Done {
		return s, refuse(IllegalTransition, "order %s waits for no receipt", e.Order)
	}
	switch e.Outcome {
	case Applied:
		s.Receipt, s.Probation = &e, s.probationFrom(at)
	case NotKnown:
		s.Receipt = &e
	case NotApplied:
		s.Receipt, s.Order, s.Probation = nil, nil, nil
		switch {
		case s.Repudiated:
			s.End = Vetoed
		case s.Attempts >= maxAttempts:
			s.End, s.Receipt = Failed, &e
		}
	default:
		return s, refuse(Malformed, "unknown outcome %q", e.Outcome)
	}
	return s, nil
}
