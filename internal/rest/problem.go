package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/reset"
	"countersign/internal/signin"
)

// statuses is the one table from a problem's code to its status. docs/api.md
// is proved to list it, and a test that every code of the gate stands in it; a
// code that does not is an internal error.
var statuses = map[reset.Code]int{
	// The request as it was sent.
	"invalid":                400,
	"malformed_body":         400,
	"unknown_field":          400,
	"too_large":              413,
	"unsupported_media_type": 415,
	"not_found":              404,
	"method_not_allowed":     405,
	"stale":                  412,

	// Who sent it.
	"unauthenticated":      401,
	"sign_in_refused":      401,
	"session_unknown":      401,
	"forbidden":            403,
	"cross_origin":         403,
	"not_available":        403,
	"on_probation":         403,
	"proof_too_old":        403,
	"provider_off":         404,
	"provider_first":       403,
	"provider_refused":     403,
	"provider_unavailable": 503,
	"throttled":            429,

	// Signatures and answers.
	"signature_refused":         422,
	"passkey_refused":           422,
	"answer_refused":            422,
	reset.MethodLocked:          423,
	reset.TooMany:               429,
	"not_a_proof":               422,
	reset.MethodNotWanted:       422,
	reset.ChannelNotIndependent: 422,
	reset.DestinationTooNew:     422,
	reset.ChannelSuspect:        422,
	reset.ChallengeUnknown:      404,
	reset.ChallengeLapsed:       409,
	reset.CaseClaimed:           409,
	reset.StatementOutdated:     409,
	gate.TooQuick:               409,
	reset.SeparationOfDuties:    403,
	reset.RoleMissing:           403,
	reset.SignedAlready:         409,
	reset.ReviewNotOwed:         409,

	// Where the request or the roster stands.
	reset.IllegalTransition:  409,
	reset.RequestExpired:     409,
	reset.RequestEnded:       409,
	reset.ProofMissing:       409,
	reset.ApprovalMissing:    409,
	reset.CoolingOff:         409,
	reset.DeliveryImpossible: 409,
	reset.PlanStale:          409,
	reset.Malformed:          400,
	"secret_lapsed":          410,
	"roster_refused":         409,
	"policy_eases":           409,
	"founded":                409,
	"conflict":               409,

	// Repetition.
	"idempotency_mismatch":    422,
	"idempotency_in_progress": 409,
	"idempotency_unknown":     409,
	"idempotency_used":        409,

	// The server.
	"not_founded":           503,
	"not_ready":             503,
	"busy":                  503,
	"directory_unavailable": 503,
	reset.ClockStep:         503,
	"request_timeout":       408,
	"internal":              500,
}

// retry is how long to wait where a code says to come back.
var retry = map[reset.Code]time.Duration{
	"directory_unavailable":   10 * time.Second,
	"idempotency_in_progress": time.Second,
	"not_ready":               10 * time.Second,
	"busy":                    2 * time.Second,
	"conflict":                time.Second,
}

// Problem is an RFC 9457 problem. Its type is about:blank; Code is what
// programs decide on and never changes, Detail is for people and may.
//
//nolint:errname // the name RFC 9457 gives it
type Problem struct {
	Title    string     `json:"title" doc:"the status in words"`
	Status   int        `json:"status"`
	Code     reset.Code `json:"code" doc:"stable: see the table in docs/api.md"`
	Detail   string     `json:"detail" doc:"what happened, for people"`
	Instance string     `json:"instance,omitempty" doc:"what to quote to the operator: the log has the rest"`
	Errors   []Fault    `json:"errors,omitempty" doc:"what is wrong with which part of the request"`
	wait     time.Duration
}

// Fault is what is wrong with one part of a request. It never repeats a value.
type Fault struct {
	Location string `json:"location" doc:"body.login, query.limit, …"`
	Message  string `json:"message"`
}

func newProblem(code reset.Code, detail string) *Problem {
	status, ok := statuses[code]
	if !ok {
		code, detail, status = "internal", "", http.StatusInternalServerError
	}
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail, wait: retry[code]}
}

// Error is the detail.
func (p *Problem) Error() string { return "rest: " + string(p.Code) + ": " + p.Detail }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is for huma.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers that belong to the status.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.wait+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// problem turns any error into one. What is not known to be safe for callers
// goes to the log under the request's id, and the caller gets the id alone.
func (a *api) problem(ctx context.Context, err error) *Problem {
	var known *Problem
	var fault *gate.Fault
	var refusal *reset.Refusal
	var throttled *signin.Throttled
	var later *gate.Later
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &later) && statuses[later.Code] != 0:
		p := newProblem(later.Code, later.Msg)
		p.wait = later.Wait
		return p
	case errors.As(err, &throttled):
		p := newProblem("throttled", "too many attempts from your address; try again later")
		p.wait = throttled.Retry
		return p
	case errors.As(err, &fault) && statuses[fault.Code] != 0:
		return newProblem(fault.Code, fault.Msg)
	case errors.As(err, &refusal) && statuses[refusal.Code] != 0:
		return newProblem(refusal.Code, refusal.Msg)
	}
	c := callOf(ctx)
	a.log.ErrorContext(ctx, "request failed", "request_id", c.id, "route", c.route, "error", err)
	p := newProblem("internal", "something went wrong here; nothing is known to have been done")
	p.Instance = c.id
	return p
}

// fail answers outside of huma.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := a.problem(r.Context(), err)
	h := w.Header()
	for k, v := range p.GetHeaders() {
		h[k] = v
	}
	h.Set("Content-Type", p.ContentType(""))
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")
	w.WriteHeader(p.Status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	//nolint:errchkjson // a failed write means that the client has gone
	_ = e.Encode(p)
}

const maxFaults = 10

// refusedInput is what huma makes of input that does not fit its schema. The
// offending values stay out of the answer: they may be secrets.
func refusedInput(status int, msg string, errs ...error) huma.StatusError {
	code := map[int]reset.Code{
		0: "invalid", 400: "invalid", 422: "invalid", 408: "request_timeout", 413: "too_large", 415: "unsupported_media_type",
	}[status]
	if code == "" {
		code = "internal"
	}
	var faults []Fault
	for _, err := range errs {
		var d *huma.ErrorDetail
		if !errors.As(err, &d) {
			continue
		}
		if strings.HasPrefix(d.Message, "unexpected property") || strings.HasPrefix(d.Message, "unknown query parameter") {
			code = "unknown_field"
		}
		if len(faults) < maxFaults {
			faults = append(faults, Fault{Location: cut(d.Location, 100), Message: cut(d.Message, 200)})
		}
	}
	if code == "unknown_field" {
		msg = "the request has a field that this operation does not know"
	}
	p := newProblem(code, msg)
	p.Errors = faults
	return p
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
