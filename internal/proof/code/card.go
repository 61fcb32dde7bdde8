package code

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"countersign/internal/identity"
)

// Card is what every message about a request says, whatever way it travels, so
// that its reader, who may be in the hands of an attacker on the telephone at
// that moment, can compare: who asks, and what would happen to which account.
type Card struct {
	Organisation string          // from the configuration
	Agent        string          // the agent's name; "" in self-service
	Desk         string          // the agent's desk, "" to leave it out
	Action       identity.Action // what the code helps to carry out
	Login        string          // of the account concerned, as its directory has it
	Case         string          // the request's case code, as the desk reads it out
	Words        string          // from proof.Words
	Opened       time.Time       // when the request was opened; the zero time leaves it out
}

// Letter is a card with a code.
type Letter struct {
	Card
	Code      string        // from New
	Life      time.Duration // how long the code counts
	Repudiate string        // https address (or http on localhost) for "this wasn't me"
	// Nth and Most say "code 2 of at most 5 in an hour". They are left out
	// unless 1 ≤ Nth ≤ Most.
	Nth, Most int
	// For is "" when the reader owns the account. Otherwise the reader is a
	// recovery contact (SP 800-63B-4 §4.2.1.3), and For is the owner's name.
	For string
	// ForDesk: the code has to travel back to the agent over this very call,
	// which the desk made to the number on record. Only Spoken takes it.
	ForDesk bool
}

// ErrLetter: the message cannot be written from what was given. It is a fault
// of the configuration or of the calling code.
var ErrLetter = errors.New("code: writing the message")

const (
	maxName = 64
	maxOrg  = 100 // what the configuration allows
	maxURL  = 512
)

// deed says what a code helps to do to an account: at length, and in few words.
type deed struct{ long, short string }

var deeds = map[identity.Action]deed{
	identity.PasswordReset:     {"set a new password", "new password"},
	identity.MFAReset:          {"replace the second factor (authenticator app, phone or security key) used to sign in", "new second factor"},
	identity.Unlock:            {"unlock the account", "unlocking"},
	identity.RecoveryChange:    {"change the addresses and codes that can recover the account", "change of recovery addresses"},
	identity.AccessPass:        {"issue a temporary pass that signs in without the usual factors", "temporary pass"},
	identity.InitialEnrolment:  {"set up the account's first sign-in", "first sign-in"},
	identity.PrivilegeChange:   {"change what the account is allowed to do", "change of rights"},
	identity.SecretRotation:    {"replace the account's secret", "new secret"},
	identity.SessionRevocation: {"sign the account out everywhere", "sign-out everywhere"},
	identity.Reactivation:      {"switch the disabled account on again", "switching on again"},
}

// plain is a letter whose every part is fit to be shown. Text from outside is
// one line each, in no way that a reader could take for our own words.
type plain struct {
	Organisation, Agent, Desk, Login, For, Opened, Case, Words string
	Deed                                                       deed
	Code, Life, Link, Host, Count                              string
}

// check sanitises what comes from outside and refuses what only a fault of ours
// could have put there.
func (l Letter) check() (plain, error) {
	d, known := deeds[l.Action]
	digits, codeErr := Normalize(l.Code)
	p := plain{
		Organisation: identity.Line(l.Organisation, maxOrg), Agent: unlinked(l.Agent), Desk: unlinked(l.Desk), Login: login(l.Login),
		For: unlinked(l.For), Case: l.Case, Words: l.Words, Deed: d, Code: digits, Life: lifetime(l.Life), Link: l.Repudiate,
	}
	if !l.Opened.IsZero() {
		p.Opened = l.Opened.UTC().Format("2006-01-02 15:04 UTC")
	}
	if 1 <= l.Nth && l.Nth <= l.Most {
		p.Count = fmt.Sprintf("code %d of at most %d in an hour", l.Nth, l.Most)
	}
	fault := ""
	switch {
	case !known:
		fault = "the action has no words"
	case p.Organisation == "":
		fault = "the organisation has no name"
	case p.Login == "":
		fault = "the account has no login"
	case l.For != "" && p.For == "":
		fault = "a recovery contact must be told whose account it is"
	case !caseForm(l.Case):
		fault = "a case code is letters, digits and hyphens"
	case !wordsForm(l.Words):
		fault = "the two words are not of proof.Words"
	case codeErr != nil:
		fault = "the code is not one of New"
	case p.Life == "":
		fault = "the code's life is less than a minute"
	case !linkForm(l.Repudiate):
		fault = "the address for \"this wasn't me\" is not a plain https address"
	}
	if fault != "" {
		return plain{}, fmt.Errorf("%w: %s", ErrLetter, fault)
	}
	u, err := url.Parse(l.Repudiate)
	if err != nil || u.Host == "" {
		return plain{}, fmt.Errorf("%w: the address for \"this wasn't me\" has no host", ErrLetter)
	}
	p.Host = u.Host
	return p, nil
}

// lifetime rounds down, so that no code dies earlier than its message says.
func lifetime(d time.Duration) string {
	switch m := int64(d / time.Minute); {
	case m < 1:
		return ""
	case m == 1:
		return "1 minute"
	case m >= 120 && m%60 == 0:
		return fmt.Sprintf("%d hours", m/60)
	default:
		return fmt.Sprintf("%d minutes", m)
	}
}

func caseForm(s string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
	return s != "" && len(s) <= 40 && strings.Trim(s, allowed) == ""
}

func wordsForm(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	a, b, two := strings.Cut(s, "-")
	return two && a != "" && b != "" && len(s) <= 40 && strings.Trim(a+b, letters) == ""
}

func linkForm(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || strings.IndexByte(`"<>\^{|}`+"`", s[i]) >= 0 {
			return false
		}
	}
	host, ok := strings.CutPrefix(s, "https://")
	local := strings.HasPrefix(s, "http://localhost:") || strings.HasPrefix(s, "http://localhost/")
	return len(s) <= maxURL && (ok && host != "" && host[0] != '/' || local)
}

// login keeps an ordinary login as people type it, dots included, so that they
// recognize it. Any other is shown as a name is.
func login(s string) string {
	odd := func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.Mn, unicode.Mc, unicode.Nd) && !strings.ContainsRune("._@+-", r)
	}
	if s == identity.Line(s, maxName) && !strings.ContainsFunc(s, odd) && !strings.Contains(strings.ToLower(s), "www.") {
		return s
	}
	return unlinked(s)
}

// unlinked makes a name from a directory harmless to read: one line, no
// quotation mark that would end the quotation, nothing that mail programs
// turn into a link or an address.
func unlinked(name string) string {
	var b strings.Builder
	rs := []rune(identity.Line(name, maxName))
	for i, r := range rs {
		switch {
		case r == '"':
			b.WriteByte('\'')
		case strings.ContainsRune(`:/\<>@`, r):
			b.WriteByte(' ')
		case r == '.' && i+1 < len(rs) && rs[i+1] != ' ':
			b.WriteString(". ") // www.example.com is a link, "J. Smith" is a name
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}
