package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"countersign/internal/gate"
	"countersign/internal/reset"
	"countersign/internal/signin"
)

// trouble is a no in plain words: what happened, and what to do about it.
// Both texts are messages, or English words.
type trouble struct {
	Status int
	Title  any
	Text   any
}

// heading is the title as that of a page.
func (t trouble) heading() message {
	if m, ok := t.Title.(message); ok {
		return m
	}
	return msg(fmt.Sprint(t.Title))
}

// The pages' own faults.
var (
	errNowhere = &gate.Fault{Code: "no_page", Msg: "there is no such page"}
	errForeign = &gate.Fault{Code: "foreign_form", Msg: "the form was sent from another site"}
	errForm    = &gate.Fault{Code: "invalid", Msg: "the form could not be read"}
)

// troubles says each refusal in words that need no knowledge of the system.
// One that is missing here shows its own text, which is safe but drier.
var troubles = map[reset.Code]trouble{
	"no_page":                   {http.StatusNotFound, msg("There is no such page"), msg("Check the address, or begin at the front page.")},
	"foreign_form":              {http.StatusForbidden, msg("That came from another site"), msg("Another site tried to send this form in your name, so nothing was done. Begin again on this site.")},
	"not_found":                 {http.StatusNotFound, msg("Nothing is here"), msg("It does not exist, has ended, or is not yours to see.")},
	"forbidden":                 {http.StatusForbidden, msg("Your role does not allow this"), msg("If you think it should, ask an officer of the roster.")},
	"unauthenticated":           {http.StatusUnauthorized, msg("You are not signed in"), msg("Sign in with your passkey and try again.")},
	"not_founded":               {http.StatusServiceUnavailable, msg("Nobody is on the roster yet"), msg("The operator has to found it first, with the invitation that “countersign roster init” prints.")},
	"session_unknown":           {http.StatusUnauthorized, msg("Enter your case code again"), msg("This browser has no open case any more. Nothing is lost: the case code brings you back.")},
	"answer_refused":            {http.StatusUnprocessableEntity, msg("That is not right"), msg("Check it and try again. After five wrong answers this way is closed for this case.")},
	"conflict":                  {http.StatusConflict, msg("Somebody was faster"), msg("The case changed at the same moment. Look at it again and repeat.")},
	"directory_unavailable":     {http.StatusServiceUnavailable, msg("The directory does not answer"), msg("Without it nothing can be decided, so nothing was done. Try again in a few minutes.")},
	"busy":                      {http.StatusServiceUnavailable, msg("Too much to do at once"), msg("Nothing was counted and nothing is lost. Try again in a few seconds.")},
	"provider_off":              {http.StatusNotFound, msg("That is not set up here"), msg("People do not sign in at the organisation's provider here. Choose another way.")},
	"provider_unavailable":      {http.StatusServiceUnavailable, msg("Your organisation's sign-in does not answer"), msg("Nothing was done. Try again in a few minutes, or choose another way.")},
	"provider_refused":          {http.StatusForbidden, msg("That sign-in does not count here"), msg("It took too long, came from another browser, was of somebody else, or did not show what is asked for. Begin again; if it happens again, ask the desk or your security team.")},
	"secret_lapsed":             {http.StatusGone, msg("The new password has lapsed"), msg("It was not fetched in time and is gone. Ask the desk to open a new request.")},
	reset.RequestEnded:          {http.StatusConflict, msg("This case has ended"), msg("Nothing more can be done with it. If you still need help, ask the desk for a new one.")},
	reset.RequestExpired:        {http.StatusGone, msg("This case has run out of time"), msg("Ask the desk for a new one.")},
	reset.MethodLocked:          {http.StatusForbidden, msg("This way is closed"), msg("There were too many wrong answers. Choose another way, or ask the desk what to do.")},
	reset.TooMany:               {http.StatusTooManyRequests, msg("Too many attempts"), msg("The limit for this case has been reached. Ask the desk what to do.")},
	reset.ChallengeLapsed:       {http.StatusGone, msg("That took too long"), msg("The code can no longer be entered. Begin that step again for a new one.")},
	reset.ChallengeUnknown:      {http.StatusNotFound, msg("That step has ended"), msg("Begin it again.")},
	reset.CaseClaimed:           {http.StatusConflict, msg("Somebody else has proved themselves"), msg("This case belongs to another browser. If that was not you, say so with the link in the message you received, and call the desk.")},
	reset.MethodNotWanted:       {http.StatusConflict, msg("This way is not open"), msg("It does not count for this case. Choose one of the ways shown.")},
	reset.ChannelNotIndependent: {http.StatusConflict, msg("This way is not open"), msg("It is too close to what is being reset to count as proof. Choose one of the ways shown.")},
	reset.DestinationTooNew:     {http.StatusConflict, msg("This way is not open yet"), msg("It was added too recently to count as proof. Choose one of the ways shown.")},
	reset.ProofMissing:          {http.StatusForbidden, msg("Prove that it is you first"), msg("Only the person who proved themselves can do this. To stop a case that is not yours, use the link in the message you received.")},
	reset.IllegalTransition:     {http.StatusConflict, msg("That cannot be done now"), msg("It was done already, or it is not time for it.")},
	reset.StatementOutdated:     {http.StatusConflict, msg("The request has changed"), msg("What you read no longer holds. Read it again before you sign.")},
	reset.SeparationOfDuties:    {http.StatusForbidden, msg("You take part in this request"), msg("So somebody else has to decide about it.")},
	reset.RoleMissing:           {http.StatusForbidden, msg("Your signature is not one of those needed"), msg("Somebody in another role has to sign this.")},
	reset.SignedAlready:         {http.StatusConflict, msg("You have signed this already"), msg("There is nothing more for you to do.")},
}

// refusal is a no as whoever refused put it; its text is safe for the caller.
// Both are "" for whatever else went wrong.
func refusal(err error) (code reset.Code, text string) {
	var fault *gate.Fault
	var refused *reset.Refusal
	switch {
	case errors.As(err, &fault):
		return fault.Code, fault.Msg
	case errors.As(err, &refused):
		return refused.Code, refused.Msg
	}
	return "", ""
}

func codeOf(err error) reset.Code { code, _ := refusal(err); return code }

func saidBy(err error) string { _, text := refusal(err); return text }

// describe puts an error into plain words. Anything that is not a refusal is
// ours to mend, and its text stays in the log.
func describe(err error) trouble {
	var throttled *signin.Throttled
	var later *gate.Later
	code, text := refusal(err)
	switch {
	case errors.As(err, &later) && later.Code == reset.TooMany:
		return trouble{http.StatusTooManyRequests, msg("Too many attempts"), msg("The limit has been reached. You can try again in %s.", waitWords(later.Wait))}
	case errors.As(err, &throttled):
		return trouble{http.StatusTooManyRequests, msg("Too many attempts"), msg("Wait a little. You can try again in %s.", waitWords(throttled.Retry))}
	case code == "":
		return trouble{http.StatusInternalServerError, msg("Something went wrong here"), msg("It is not your fault, and nothing was done. Try again; if it happens again, call the desk.")}
	}
	if t, ok := troubles[code]; ok {
		return t
	}
	return trouble{http.StatusUnprocessableEntity, msg("That did not work"), spoken(text)}
}

func waitWords(d time.Duration) message {
	up := func(unit time.Duration) int { return int((d + unit - 1) / unit) }
	switch {
	case d < 2*time.Minute:
		return many(up(time.Second), "%d second", "%d seconds")
	case d < 2*time.Hour:
		return many(up(time.Minute), "%d minute", "%d minutes")
	}
	return many(up(time.Hour), "%d hour", "%d hours")
}

// note logs what is not the caller's affair and describes the rest.
func (c *console) note(w http.ResponseWriter, r *http.Request, err error) trouble {
	t := describe(err)
	if t.Status == http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		c.Log.ErrorContext(r.Context(), "page failed", "method", r.Method, "pattern", r.Pattern, "error", err)
	}
	var throttled *signin.Throttled
	if errors.As(err, &throttled) {
		w.Header().Set("Retry-After", strconv.Itoa(int(throttled.Retry/time.Second)))
	}
	return t
}

// faultPage is a no as a page of its own. Staff keep their navigation.
type faultPage struct {
	trouble
	Staff bool
}

// fail shows an error as a page of its own.
func (c *console) fail(w http.ResponseWriter, r *http.Request, err error) {
	t, me := c.note(w, r, err), c.worker(r)
	if err := c.show(w, r, t.Status, "fault", frame{Title: t.heading(), Me: me, Body: faultPage{t, me != nil}}); err != nil {
		c.Log.ErrorContext(r.Context(), "page failed", "pattern", r.Pattern, "error", err)
		http.Error(w, http.StatusText(t.Status), http.StatusInternalServerError)
	}
}

// worker is the member of staff who is signed in, if one is and can be found:
// what says no has to be said even where nothing else works.
func (c *console) worker(r *http.Request) *gate.Me {
	caller, err := c.Signin.Peek(r)
	if err != nil || caller.Person == "" {
		return nil
	}
	me, err := c.Gate.Whoami(r.Context(), caller)
	if err != nil {
		return nil
	}
	return &me
}

func (c *console) nowhere(http.ResponseWriter, *http.Request) error { return errNowhere }
