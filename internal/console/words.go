package console

import (
	"html/template"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// words are the functions by which templates say in plain words what the code
// says in its own.
var words = template.FuncMap{
	"action":  func(a identity.Action) string { return say(actionWords, a) },
	"promise": promise,
	"status":  func(s reset.Status) string { return say(statusWords, s) },
	"method":  func(m proof.Method) string { return say(methodWords, m) },
	"role":    func(r identity.Role) string { return say(roleWords, r) },
	"channel": func(c identity.Channel) string { return plain(string(c)) },
	"plain":   plain,
	"stamp":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"when":    func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
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
func promise(a identity.Action) string {
	switch a {
	case identity.PasswordReset:
		return "The account gets a new, temporary password. It is shown once, on this page, to the person who proved themselves, and the old one stops working."
	case identity.Unlock:
		return "The account is unlocked. Its password stays as it is."
	}
	return "This is done to the account: " + strings.ToLower(say(actionWords, a)) + "."
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

var methodWords = map[proof.Method]string{
	proof.Passkey:         "Passkey",
	proof.TOTP:            "Authenticator app",
	proof.EmailCode:       "Code by e-mail",
	proof.SMSCode:         "Code by text message",
	proof.VoiceCode:       "Code by telephone",
	proof.RecoveryCode:    "Saved recovery code",
	proof.RecoveryContact: "Recovery contact",
	proof.Vouch:           "Somebody vouches",
	proof.Callback:        "Call back",
	proof.InPerson:        "In person",
	proof.OIDC:            "Sign-in elsewhere",
	proof.Device:          "Managed device",
	proof.IDV:             "Identity document",
}

var roleWords = map[identity.Role]string{
	identity.Agent:         "agent",
	identity.Manager:       "manager",
	identity.Security:      "security",
	identity.ResourceOwner: "resource owner",
	identity.Officer:       "officer",
	identity.Reviewer:      "reviewer",
	identity.Auditor:       "auditor",
}
