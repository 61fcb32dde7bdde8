package gate

import (
	"errors"
	"strings"

	"countersign/internal/reset"
)

// Fault is a no that is not the request's own (*reset.Refusal is that): who
// may not, what is not there, what is down. Its text is safe for the caller.
type Fault struct {
	Code reset.Code
	Msg  string
}

func (f *Fault) Error() string { return "gate: " + f.Msg }

// The faults callers decide on.
var (
	// ErrNoRequest: there is none, or the caller may not know of it.
	ErrNoRequest = &Fault{"not_found", "there is no such request"}
	// ErrForbidden: the caller does not hold the role or scope.
	ErrForbidden = &Fault{"forbidden", "your role does not allow this"}
	// ErrNotAvailable answers a desk alike whether the account is unknown,
	// out of reach or refused by the policy.
	ErrNotAvailable = &Fault{"not_available", "no request can be opened for this account from here; follow the documented escalation"}
	// ErrDirectory: fail closed while the directory is down.
	ErrDirectory = &Fault{"directory_unavailable", "the directory does not answer, so nothing can be decided; try again shortly"}
	// ErrBusy: others changed the same thing too often meanwhile.
	ErrBusy = &Fault{"conflict", "the request changed meanwhile; read it again and repeat"}
	// ErrSession: the requester's session token is not one.
	ErrSession = &Fault{"session_unknown", "this session is not known or has ended; enter the case code again"}
	// ErrAnswer: the answer was wrong.
	ErrAnswer = &Fault{"answer_refused", "that is not right"}
)

// ErrPolicy: the policy in force does not load here, so nothing is decided.
var ErrPolicy = errors.New("gate: the policy in force does not load")

func invalid(msg string) error { return &Fault{"invalid", msg} }

// unfit is invalid in the words of the package that found it, without its name:
// who reads it knows no packages.
func unfit(pkg string, err error) error { return invalid(strings.TrimPrefix(err.Error(), pkg+": ")) }
