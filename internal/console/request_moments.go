package console

import (
	"encoding/json"
	"slices"
	"strings"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// moment is one entry of a request's timeline, in plain words.
type moment struct {
	gate.Moment
	Who  message // its key is "" when it happened by itself
	More message // what exactly; its key is "" where there is no more to say
}

// entryBody has what the bodies of a request's entries say in the open, as far
// as people want to read it. See the types of package reset.
type entryBody struct {
	Challenge string          `json:"challenge"`
	Method    proof.Method    `json:"method"`
	Deny      bool            `json:"deny"`
	Roles     []identity.Role `json:"roles"`
	Notice    string          `json:"notice"`
	Outcome   string          `json:"outcome"`
	Kind      string          `json:"kind"`
	By        string          `json:"by"`
	Verdict   string          `json:"verdict"`
	Reason    string          `json:"reason"`
	Reasons   []struct {
		Rule   string `json:"rule"`
		Reason string `json:"reason"`
	} `json:"reasons"`
}

// moments puts a timeline into words, the newest first.
func moments(all []gate.Moment) []moment {
	methods := map[string]proof.Method{} // of challenges
	out := make([]moment, 0, len(all))
	for _, m := range all {
		var b entryBody
		_ = json.Unmarshal(m.Body, &b) // an entry of a form that is not known here is named by its type alone
		if m.Type == "challenged" {
			methods[b.Challenge] = b.Method
		}
		if b.Method == "" {
			b.Method = methods[b.Challenge]
		}
		out = append(out, moment{m, whoDid(m), b.more(m.Type)})
	}
	slices.Reverse(out)
	return out
}

// whoDid names an actor: somebody on the roster, an integration, or whoever
// came forward with the case code.
func whoDid(m gate.Moment) message {
	kind, name, _ := strings.Cut(m.Actor, ":")
	switch {
	case m.Name != "":
		return msg("%s", m.Name)
	case m.Actor == "system":
		return message{}
	case kind == "session":
		return msg("the requester’s browser")
	case kind == "contact":
		return msg("whoever reads an address on record")
	case kind == "token":
		return msg("integration %s", name)
	}
	return msg("%s", m.Actor)
}

// Did reports whether somebody did it.
func (m moment) Did() bool { return m.Who.key != "" }

func (b entryBody) more(kind string) message {
	switch kind {
	case "challenged", "proved", "answer_refused":
		return msg(say(askedWords, b.Method))
	case "withheld":
		return msg("%s: %s", msg(say(askedWords, b.Method)), msg(say(withheldWords, reset.Code(b.Reason))))
	case "voted":
		if b.Deny {
			return msg("denied, as %s", b.as())
		}
		return msg("approved, as %s", b.as())
	case "notified":
		return msg("%s: %s", msg(say(noticeWords, b.Notice)), msg(say(resultWords, b.Outcome)))
	case "received":
		return msg(say(resultWords, b.Outcome))
	case "followed_up":
		return msg("%s: %s", msg(say(followUpWords, b.Kind)), msg(say(resultWords, b.Outcome)))
	case "cancelled":
		return msg(say(cancelWords, b.By))
	case "reviewed":
		return msg(say(resultWords, b.Verdict))
	case "refused":
		if len(b.Reasons) > 0 {
			return msg("%s: %s", b.Reasons[0].Rule, b.Reasons[0].Reason)
		}
	case "withdrawn":
		return msg("%s", b.Reason)
	}
	return message{}
}

// as is in which role somebody signed.
func (b entryBody) as() message {
	if len(b.Roles) == 0 {
		return msg("nobody")
	}
	return msg(say(roleWords, b.Roles[0]))
}

// Says reports whether there is more to say.
func (m moment) Says() bool { return m.More.key != "" }

var noticeWords = map[string]string{
	"code":       "a code, for the proof",
	"opened":     "that it was opened",
	"done":       "that it is done",
	"ended":      "that it ended",
	"repudiated": "that it was stopped",
	"wanted":     "that a signature is wanted",
	"waiting":    "that the waiting time began",
	"uncertain":  "that its outcome is not known",
}

// resultWords say what came of something: an order, a notice, a review.
var resultWords = map[string]string{
	"applied": "applied", "not_applied": "not applied", "not_known": "not known", "confirmed": "confirmed", "not_supported": "the directory cannot do it",
	"failed": "failed", "sent": "sent", "nobody": "there was nobody to tell", "in_order": "in order", "suspicious": "suspicious",
	"dead": "does not work any more", "alive": "works for a while longer", "unknown": "not known",
}

var withheldWords = map[reset.Code]string{
	reset.ChannelNotIndependent: "too close to what is being reset",
	reset.DestinationTooNew:     "too new on record",
	reset.ChannelSuspect:        "its SIM changed lately, or nobody can tell",
	reset.SeparationOfDuties:    "put on record by the agent of the request",
}

var cancelWords = map[string]string{
	"agent":     "by the desk",
	"requester": "by the requester",
	"officer":   "by an officer or security",
	"fence":     "because the owner stopped another one",
	"reported":  "because somebody reported the caller",
}

var followUpWords = map[string]string{
	"revoke_sessions":   "Open sessions are ended",
	"revoke_tokens":     "Tokens and app passwords are ended",
	"rotate_associated": "Secrets that hang on it are changed",
}

// askedWords name the methods as staff speak of them; methodWords speak to the
// requester.
var askedWords = map[proof.Method]string{
	proof.Passkey: "Passkey", proof.TOTP: "Authenticator app", proof.EmailCode: "Code by e-mail", proof.SMSCode: "Code by text message",
	proof.VoiceCode: "Code by telephone", proof.RecoveryCode: "Saved recovery code", proof.RecoveryContact: "Recovery contact",
	proof.Vouch: "Somebody who vouches", proof.Callback: "Call back", proof.InPerson: "In person", proof.OIDC: "Sign-in at the organisation",
	proof.Device: "Managed device", proof.IDV: "Identity document",
}

// span is a length of time in its largest whole unit.
func (t *tongue) span(seconds int64) string {
	switch {
	case seconds%86400 == 0:
		return t.count(int(seconds/86400), "%d day", "%d days")
	case seconds%3600 == 0:
		return t.count(int(seconds/3600), "%d hour", "%d hours")
	case seconds%60 == 0:
		return t.count(int(seconds/60), "%d minute", "%d minutes")
	}
	return t.count(int(seconds), "%d second", "%d seconds")
}

// stepIcons go with the words of a step's state.
var stepIcons = map[gate.StepState]string{
	gate.StepPending: "circle-dashed", gate.StepCurrent: "circle-dot", gate.StepDone: "circle-check", gate.StepRefused: "circle-x", gate.StepOff: "circle",
}

var stepWords = map[gate.StepState]string{
	gate.StepPending: "not yet", gate.StepCurrent: "now", gate.StepDone: "done", gate.StepRefused: "stopped here", gate.StepOff: "no longer",
}
