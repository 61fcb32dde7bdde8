package reset

import (
	"errors"
	"fmt"
)

// Code is a refusal's stable name, used as the problem code over HTTP.
type Code string

// The codes of refusals.
const (
	IllegalTransition     Code = "illegal_transition"
	RequestExpired        Code = "request_expired"
	RequestEnded          Code = "request_ended"
	ClockStep             Code = "clock_step"
	ProofMissing          Code = "proof_missing"
	ApprovalMissing       Code = "approval_missing"
	CoolingOff            Code = "cooling_off"
	StatementOutdated     Code = "statement_outdated"
	SeparationOfDuties    Code = "separation_of_duties"
	RoleMissing           Code = "role_missing"
	SignedAlready         Code = "signed_already"
	MethodNotWanted       Code = "method_not_wanted"
	ChannelNotIndependent Code = "channel_not_independent"
	DestinationTooNew     Code = "destination_too_new"
	ChannelSuspect        Code = "channel_suspect"
	MethodLocked          Code = "method_locked"
	TooMany               Code = "too_many"
	ChallengeUnknown      Code = "challenge_unknown"
	ChallengeLapsed       Code = "challenge_lapsed"
	CaseClaimed           Code = "case_claimed"
	DeliveryImpossible    Code = "delivery_impossible"
	PlanStale             Code = "plan_stale"
	ReviewNotOwed         Code = "review_not_owed"
	Malformed             Code = "malformed_event"
)

// Refusal is a no with its reason. Its text is safe to show to the caller.
type Refusal struct {
	Code Code
	Msg  string
}

func (r *Refusal) Error() string { return "reset: " + r.Msg }

func refuse(code Code, format string, args ...any) error {
	return &Refusal{code, fmt.Sprintf(format, args...)}
}

// CodeOf is the code of the refusal in err, or "".
func CodeOf(err error) Code {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}
