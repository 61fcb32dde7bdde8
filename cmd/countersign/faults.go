package main

import (
	"encoding/json"
	"errors"
	"strings"

	"countersign/internal/app"
	"countersign/internal/client"
)

// The exit codes.
const (
	exitOK        = 0
	exitNo        = 1
	exitCannotSay = 2
)

// errNo: the answer is no, and has been given in full.
var errNo = errors.New("no")

// hint is an error with a way out.
type hint struct {
	error
	way string
}

func (h hint) Unwrap() error { return h.error }

func hinted(err error, way string) error {
	if err == nil {
		return nil
	}
	return hint{err, way}
}

// usage is a wrong call.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

// unsaid is why a question could not be answered, whatever the server's no.
type unsaid struct{ error }

func (u unsaid) Unwrap() error { return u.error }

func usageOf(err error) error {
	return hinted(usage{err}, "see countersign --help")
}

// ways are what to do about a server's no.
var ways = map[string]string{
	"unauthenticated":       "sign in first: countersign sign-in --passkey-file FILE",
	"session_unknown":       "come forward again: countersign case claim CODE",
	"not_founded":           "found the roster: countersign roster init, then countersign roster join with the invitation it prints",
	"statement_outdated":    "read the statement again: run the same command once more",
	"too_quick":             "read the statement, then run the same command once more",
	"busy":                  "nothing was counted; run the same command again in a few seconds",
	"proof_too_old":         "sign in again",
	"directory_unavailable": "look at the server's /readyz",
	"proof_missing":         "the requester proves themselves with the case code: countersign case claim CODE, or in a browser",
	"signature_refused":     "sign with a passkey of yours that is on the roster: countersign roster show lists them",
	"policy_eases":          "countersign policy diff OLD NEW shows all of it; a policy that asks less on purpose says so under `eases`",
	"on_probation":          "ask a colleague; it ends by itself",
	"not_available":         "the account is unknown, beyond your desk's reach, or refused by the policy; an officer or auditor can see which",
}

// wayOut finds a hint for an error.
func wayOut(err error) string {
	var h hint
	switch {
	case errors.As(err, &h):
		return h.way
	case errors.Is(err, client.ErrNoServer):
		return "is it running (countersign serve), and is --server or COUNTERSIGN_SERVER right?"
	}
	return ways[client.CodeOf(err)]
}

func exitOf(err error) int {
	var p *client.Problem
	var u unsaid
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &u):
		return exitCannotSay
	case errors.Is(err, errNo):
		return exitNo
	case errors.As(err, &p) && p.Status < 500:
		return exitNo
	}
	return exitCannotSay
}

// fail tells people of an error, if it is one, and returns the exit code.
func (e *env) fail(err error) int {
	if err == nil || errors.Is(err, errNo) {
		return exitOf(err)
	}
	way := wayOut(err)
	if e.json {
		j := json.NewEncoder(e.errs)
		j.SetEscapeHTML(false)
		_ = j.Encode(map[string]string{"error": err.Error(), "code": client.CodeOf(err), "hint": way}) // nowhere else to say it
		return exitOf(err)
	}
	var problems app.Problems
	if errors.As(err, &problems) {
		e.mention("%s", safeLines(problems.Error()))
		return exitOf(err)
	}
	text := safeLines(trimmed(err.Error()))
	e.mention("countersign: %s", text)
	if way != "" {
		e.mention("countersign: hint: %s", way)
	}
	return exitOf(err)
}

// trimmed leaves out the packages' names at the front: they help in a log, not
// here.
func trimmed(text string) string {
	for _, who := range []string{"app: ", "client: ", "gate: ", "softkey: "} {
		text = strings.TrimPrefix(text, who)
	}
	return text
}
