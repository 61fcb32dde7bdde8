package console

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// words are the functions by which templates say in plain words, and in the
// reader's language, what the code says in its own.
func words(t *tongue) template.FuncMap {
	return template.FuncMap{
		"t":       t.say,
		"n":       t.count,
		"rich":    t.rich,
		"msg":     msg,
		"action":  func(a identity.Action) string { return t.say(say(actionWords, a)) },
		"promise": func(a identity.Action) string { return t.say(promise(a)) },
		"status":  func(s reset.Status) string { return t.say(say(statusWords, s)) },
		"method":  func(m proof.Method) string { return t.say(say(methodWords, m)) },
		"role":    func(r identity.Role) string { return t.say(say(roleWords, r)) },
		"class":   func(c identity.Class) string { return t.say(say(classWords, c)) },
		"tier":    func(x identity.Tier) string { return t.say(say(tierWords, x)) },
		"suits":   func(m proof.Method) string { return t.say(suits(m)) },
		"doing":   func(m proof.Method) string { return t.say(say(doingWords, m)) },
		"paper":   func(document string) string { return t.say(say(documentWords, document)) },
		"holds":   func(me *gate.Me, r identity.Role) bool { return me != nil && slices.Contains(me.Roles, r) },
		"channel": func(c identity.Channel) string { return t.say(say(channelWords, c)) },
		"plain":   plain,
		"stamp":   stamp,
		"when":    t.when,
		"at":      t.at,
		"day":     t.day,
		"methods": func(all []proof.Method) string { return t.list(t.methods(all)) },

		"event": t.event,

		"odd":      odd,
		"demand":   func(d string) string { return t.say(say(demandWords, d)) },
		"demanded": t.demanded,
		"namekind": func(kind string) string { return t.say(say(nameWords, kind)) },
		"formula":  formula,
		"shown":    shown,
		"together": together,

		"asked":     func(m proof.Method) string { return t.say(say(askedWords, m)) },
		"followup":  func(kind string) string { return t.say(say(followUpWords, kind)) },
		"outcome":   func(word any) string { return t.say(say(resultWords, fmt.Sprint(word))) },
		"span":      t.span,
		"stepicon":  func(s gate.StepState) string { return stepIcons[s] },
		"stepstate": func(s gate.StepState) string { return t.say(say(stepWords, s)) },

		"statusicon": func(s reset.Status) string { return statusIcons[s] },
		"methodicon": func(m proof.Method) string { return cmp.Or(methodIcons[m], "circle-dot") },
	}
}

func (t *tongue) methods(all []proof.Method) []string {
	var out []string
	for _, m := range all {
		out = append(out, t.say(say(methodWords, m)))
	}
	return out
}

// say finds a word's plain form; one that nobody has written yet is spelled
// out as it is.
func say[W ~string](table map[W]string, w W) string {
	if s, ok := table[w]; ok {
		return s
	}
	return plain(string(w))
}

func plain(s string) string { return strings.ReplaceAll(s, "_", " ") }

// sentence makes a sentence of a fault's text.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + s[n:] + "."
}

// spoken is what the gate says in its own words, as a sentence. What a form can
// bring about is translated; the rest stays as it is.
func spoken(text string) message {
	if s := sentence(text); slices.Contains(gateWords, s) {
		return msg(s)
	}
	return verbatim(sentence(text))
}

var gateWords = []string{
	"The form could not be read.",
	"The answer is too long.",
	"A recovery code is five groups of four letters and digits.",
	"A character is wrong, or two have changed places.",
	"Login: empty, too long, or with characters that no login has.",
	"Directory: too long, or with characters that no name has.",
	"Note: one line of at most 300 bytes.",
	"Say which kind of document you have seen.",
	"You have registered as much as there may be; remove something first.",
	"You have begun to register too much without confirming it; that lapses in a day.",
	"That is not what you have begun.",
	"Address: not of the plain form NAME@DOMAIN, or there is no way to write to it here.",
	"Address: not an international telephone number such as +15550100, or there is no way to reach it here.",
	"Nobody of that login can vouch for you.",
	"You have no passkey here that was registered long enough ago; only with one can you vouch.",
	"The passkey's signature is not yours over this statement.",
	"This invitation is not known, was used, or has lapsed.",
	"The first enrolment was not begun in time; ask for a new one.",
	"Reason: empty, too long, or not a plain line.",
	"Name: empty, too long, or not a plain line.",
	"Name: empty, too long, or with characters that could deceive.",
	"Person: empty or not a plain line.",
	"Name at least one role.",
	"An agent holds no other role, and needs a desk.",
	"This person is on the roster already; change their roles, or invite them to register another passkey.",
	"An invitation for this person waits already; withdraw it first if its link is lost.",
	"There is nobody of that id on the roster; invite them to join first.",
	"A token needs a scope and a life of at most a year.",
	"A token of that name is in use. If it was lost, revoke it and let the integration in again.",
	"Passkeys that are files are not allowed here (signin.software_passkeys).",
	"That is another passkey than the one you signed in with; sign with the passkey you signed in with, or sign in with this one.",
	"That passkey is not of the person who signed in at the organisation's provider; begin again.",
	"That sign-in was not accepted; begin again.",
	"You take part in this request; another proofing officer has to look.",
	"Nobody with this case code has asked to be seen in person; let them choose it on their screen first.",
	"No call is under way for this request; the requester has to choose it on their screen first.",
	"This request is about you; a colleague has to take the code.",
	"This statement was signed already, has lapsed, or was put before somebody else; ask for it again.",
	"Say which login to look up: your place on the roster does not name an account of this directory.",
	"No mail server is configured (mail.host), so there is nothing to test.",
	"Security has no address here (security_mail).",
	"Your place on the roster does not name an account, so no address of yours is on record; send it to security.",
	"Your account has no mail address on record; send it to security.",
	"A policy of yours is still being looked at, or several of others are; try again in a few seconds.",
	"The facts of this request were erased, so it cannot be planned again.",
	"Since comes before until, by 366 days at most.",
}

// standingWords are where a request stands, as the gate tells those who do not
// work here.
var standingWords = []string{
	"waiting for the owner's proof", "waiting for signatures", "waiting, so that somebody can object", "about to be carried out",
	"being carried out", "sent; not known whether it worked", "carried out", "failed; nothing was changed", "refused", "denied",
	"cancelled", "ran out of time", "stopped: somebody said it was not them",
}

var actionWords = map[identity.Action]string{
	identity.PasswordReset:     "New password",
	identity.MFAReset:          "New second factor",
	identity.Unlock:            "Unlock",
	identity.RecoveryChange:    "Change of recovery addresses",
	identity.AccessPass:        "Temporary access pass",
	identity.InitialEnrolment:  "First enrolment",
	identity.PrivilegeChange:   "Change of privileges",
	identity.SecretRotation:    "New secret of a service",
	identity.SessionRevocation: "End of all sessions",
	identity.Reactivation:      "Reactivation",
}

// promise says what an action would do to the account.
func promise(a identity.Action) message {
	if s, ok := promiseWords[a]; ok {
		return msg(s)
	}
	return msg("This is done to the account: %s.", msg(say(actionWords, a)))
}

var promiseWords = map[identity.Action]string{
	identity.PasswordReset:     "The account gets a new, temporary password. It is shown once, to the person who proved themselves, and the old one stops working.",
	identity.Unlock:            "The account is unlocked. Its password stays as it is.",
	identity.MFAReset:          "What it signs in with besides the password (an app, a telephone, a security key) is taken away, so that something new can be set up.",
	identity.InitialEnrolment:  "Its owner gets a link, once, with which they set up their first passkey, app or recovery code.",
	identity.SessionRevocation: "The account is signed out everywhere. Its password stays as it is.",
	identity.RecoveryChange:    "The addresses and codes with which the account can be recovered are changed.",
	identity.AccessPass:        "The account gets a pass with which its owner can sign in for a short time, without a password or a second factor.",
	identity.Reactivation:      "The account, which had been closed, can be used again.",
}

var classWords = map[identity.Class]string{
	identity.Standard: "standard", identity.Sensitive: "sensitive", identity.Executive: "executive", identity.External: "external",
	identity.Privileged: "privileged", identity.Service: "service", identity.BreakGlass: "break glass", identity.Unknown: "unknown",
}

var tierWords = map[identity.Tier]string{
	identity.Low: "low", identity.Elevated: "elevated", identity.High: "high", identity.Critical: "critical",
}

var channelWords = map[identity.Channel]string{
	identity.Phone: "telephone", identity.Chat: "chat", identity.Email: "e-mail",
	identity.SelfService: "self-service", identity.WalkIn: "walk-in", identity.Ticket: "ticket",
}

var statusWords = map[reset.Status]string{
	reset.Proving:     "waiting for proof",
	reset.Approving:   "waiting for signatures",
	reset.Waiting:     "waiting time",
	reset.Ready:       "about to be carried out",
	reset.OrderedUp:   "about to be carried out",
	reset.Dispatching: "being carried out",
	reset.Uncertain:   "outcome not known",
	reset.Done:        "done",
	reset.Failed:      "failed",
	reset.RefusedEnd:  "refused",
	reset.Denied:      "denied",
	reset.CancelledBy: "cancelled",
	reset.ExpiredEnd:  "ran out of time",
	reset.Vetoed:      "stopped by the owner",
}

// statusIcons go with the words, so that a state is known at a glance and not
// by its colour.
var statusIcons = map[reset.Status]string{
	reset.Proving:     "fingerprint",
	reset.Approving:   "signature",
	reset.Waiting:     "hourglass",
	reset.Ready:       "play",
	reset.OrderedUp:   "play",
	reset.Dispatching: "play",
	reset.Uncertain:   "circle-help",
	reset.Done:        "circle-check",
	reset.Failed:      "circle-alert",
	reset.RefusedEnd:  "ban",
	reset.Denied:      "circle-x",
	reset.CancelledBy: "undo-2",
	reset.ExpiredEnd:  "timer",
	reset.Vetoed:      "hand",
}

var methodWords = map[proof.Method]string{
	proof.Passkey:         "Passkey",
	proof.TOTP:            "Authenticator app",
	proof.EmailCode:       "Code by e-mail",
	proof.SMSCode:         "Code by text message",
	proof.VoiceCode:       "Code by telephone",
	proof.RecoveryCode:    "Saved recovery code",
	proof.RecoveryContact: "Recovery contact",
	proof.Vouch:           "Somebody vouches for you",
	proof.Callback:        "We call you back",
	proof.InPerson:        "In person",
	proof.OIDC:            "Sign-in at your organisation",
	proof.Device:          "Managed device",
	proof.IDV:             "Identity document",
}

var methodIcons = map[proof.Method]string{
	proof.Passkey: "fingerprint", proof.TOTP: "smartphone", proof.EmailCode: "mail", proof.SMSCode: "message-square", proof.VoiceCode: "phone",
	proof.RecoveryCode: "file-text", proof.RecoveryContact: "user-check", proof.Vouch: "users", proof.Callback: "phone-call",
	proof.InPerson: "id-card", proof.OIDC: "globe", proof.Device: "laptop", proof.IDV: "badge-check",
}

// doingWords are what one does who chooses a method.
var doingWords = map[proof.Method]string{
	proof.Passkey:         "Confirm with your fingerprint, face or PIN, or a security key.",
	proof.TOTP:            "Type the six digits that your app shows.",
	proof.EmailCode:       "We send a code to the address on record.",
	proof.SMSCode:         "We send a code to the telephone on record.",
	proof.VoiceCode:       "We ring the telephone on record and say a code.",
	proof.RecoveryCode:    "Type the code from the card that you kept. It is used up, and you get a new one.",
	proof.RecoveryContact: "We send a code to the person whom you named, and they give it to you.",
	proof.Vouch:           "We write to your manager and the colleagues you named. You give one of them a code, and they sign.",
	proof.Callback:        "We ring the telephone on record. You read the code that you hear to the agent.",
	proof.InPerson:        "Show a document, and a code from this page, to a proofing officer.",
	proof.OIDC:            "Sign in where you always do, with your second factor.",
	proof.Device:          "Have your computer sign a text with its own key.",
	proof.IDV:             "Show an identity document to a provider that your organisation trusts.",
}

// suits says whom a method is for.
func suits(m proof.Method) string {
	spec, ok := proof.SpecOf(m)
	if !ok {
		return ""
	}
	if rest, found := strings.CutPrefix(spec.Suits, "who "); found {
		return "For whoever " + rest + "."
	}
	return "For " + spec.Suits + "."
}

var documentWords = map[string]string{
	"passport":         "Passport",
	"identity_card":    "Identity card",
	"residence_permit": "Residence permit",
	"driving_licence":  "Driving licence",
	"staff_badge":      "Staff badge",
}

var roleWords = map[identity.Role]string{
	identity.Agent:         "agent",
	identity.Manager:       "manager",
	identity.Security:      "security",
	identity.ResourceOwner: "resource owner",
	identity.Officer:       "officer",
	identity.Reviewer:      "reviewer",
	identity.Auditor:       "auditor",
	identity.Proofing:      "proofing officer",
}
