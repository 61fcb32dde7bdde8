package code

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"countersign/internal/identity"
)

// Letter is what the message with a code tells its reader, who may be in the
// hands of an attacker on the telephone at that moment: what the code would
// do, for which case, and how to stop it.
type Letter struct {
	Organisation string          // from the configuration
	Action       identity.Action // what the code helps to carry out
	Case         string          // the request's case code, as the desk reads it out
	Code         string          // from New
	Life         time.Duration   // how long the code counts
	Repudiate    string          // https address (or http on localhost) for "this wasn't me"

	// Account is the name on record of the account concerned, "" to leave it
	// out. It comes from a directory, so the reader sees it in quotation marks
	// and with nothing in it that a mail program would turn into a link.
	Account string
	// Contact: the reader is not the account's owner but somebody the owner
	// named as a recovery contact (SP 800-63B-4 §4.2.1.3). It needs Account.
	Contact bool
}

// ErrLetter: the message cannot be written from what was given. It is a fault
// of the configuration or of the calling code.
var ErrLetter = errors.New("code: writing the message")

const (
	maxName = 64
	maxURL  = 512
)

// deeds says in words what a code helps to do to an account.
var deeds = map[identity.Action]string{
	identity.PasswordReset:     "set a new password",
	identity.MFAReset:          "replace the second factor (authenticator app, phone or security key) used to sign in",
	identity.Unlock:            "unlock the account",
	identity.RecoveryChange:    "change the addresses and codes that can recover the account",
	identity.AccessPass:        "issue a temporary pass that signs in without the usual factors",
	identity.InitialEnrolment:  "set up the account's first sign-in",
	identity.PrivilegeChange:   "change what the account is allowed to do",
	identity.SecretRotation:    "replace the account's secret",
	identity.SessionRevocation: "sign the account out everywhere",
	identity.Reactivation:      "switch the disabled account on again",
}

var letter = template.Must(template.New("letter").Parse(
	`{{if .Contact}}You are a recovery contact. Somebody has asked {{.Organisation}} to
{{- else}}Somebody has asked {{.Organisation}} to{{end}}

    {{.Deed}}

Case: {{.Case}}
{{- if .Account}}
Account, as on record: "{{.Account}}"
{{- end}}

Your code:

    {{.Code}}

It counts for {{.Life}}, for this case only, and only once.

{{if .Contact -}}
Give it to the owner of the account alone, and only after you have met them
or called them at a number that you knew before.
{{- else -}}
Enter it yourself, on the page of your request.
{{- end}}

Staff will never ask you for this code: not on the telephone, not in a chat,
not in a message. If somebody asks you for it, they are trying to take over
the account.

If {{if .Contact}}the owner did not ask for this{{else}}this wasn't you{{end}}, stop it here; nothing else is needed:

    {{.Repudiate}}
`))

// Message writes the subject line and the plain text (lines end in LF) of the
// message that carries a code. The subject does not contain the code, because
// locked screens show subjects. Text from outside becomes one line each and
// cannot begin a new one.
func Message(l Letter) (subject, text string, err error) {
	deed, ok := deeds[l.Action]
	org := identity.Line(l.Organisation, maxName)
	digits, codeErr := Normalize(l.Code)
	life := lifetime(l.Life)
	switch {
	case !ok:
		return "", "", fmt.Errorf("%w: action %q has no words", ErrLetter, string(l.Action))
	case org == "" || org != l.Organisation:
		return "", "", fmt.Errorf("%w: the organisation's name is empty, too long or not plain text", ErrLetter)
	case l.Contact && unlinked(l.Account) == "":
		return "", "", fmt.Errorf("%w: a recovery contact must be told whose account it is", ErrLetter)
	case !caseForm(l.Case):
		return "", "", fmt.Errorf("%w: a case code is letters, digits and hyphens", ErrLetter)
	case codeErr != nil:
		return "", "", fmt.Errorf("%w: the code is not one of New", ErrLetter)
	case life == "":
		return "", "", fmt.Errorf("%w: the code's life is less than a minute", ErrLetter)
	case !linkForm(l.Repudiate):
		return "", "", fmt.Errorf("%w: the address for \"this wasn't me\" is not a plain https address", ErrLetter)
	}
	var b strings.Builder
	err = letter.Execute(&b, map[string]any{
		"Organisation": org, "Deed": deed, "Case": l.Case, "Account": unlinked(l.Account), "Contact": l.Contact,
		"Code": Show(digits), "Life": life, "Repudiate": l.Repudiate,
	})
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrLetter, err)
	}
	return fmt.Sprintf("%s: code for case %s", org, l.Case), b.String(), nil
}

// lifetime rounds down, so that no code dies earlier than its message says.
func lifetime(d time.Duration) string {
	switch m := int(d / time.Minute); {
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
