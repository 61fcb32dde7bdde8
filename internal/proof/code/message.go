package code

import (
	"fmt"
	"strings"
	"text/template"
)

var letter = template.Must(template.New("letter").Parse(
	`{{if .For}}You are a recovery contact of "{{.For}}".
{{end}}{{.Organisation}} was asked to

    {{.Deed.Long}}

Account:   "{{.Login}}"
Asked by:  {{if .Agent}}"{{.Agent}}"{{else}}somebody at the self-service page{{end}}
{{- if and .Agent .Desk}}
Desk:      "{{.Desk}}"
{{- end}}
{{- if .Opened}}
Opened:    {{.Opened}}
{{- end}}
Case:      {{.Case}}
Two words: {{.Words}}

{{if .For -}}
The page of the owner's request shows the same two words: {{.Words}}.
Ask for them before you give anything away.
{{- else if .Agent -}}
The person on the telephone can read you the same two words: {{.Words}}.
If they cannot, they speak of something else: hang up.
{{- else -}}
The page of your request shows the same two words: {{.Words}}.
If it does not, this code is not for your request.
{{- end}}

Your code{{if .Count}} ({{.Count}}){{end}}:

    {{.Digits}}

It counts for {{.Life}}, for this case only, and only once.

{{if .For -}}
Give it to the owner of the account alone: in person, or by a voice that you
know, on a call that you made yourself to a number that you knew before.

It shows that whoever types it has had it from you. It does not show that the
person who asked you for it is the owner: only you can tell.
{{- else -}}
Enter it yourself, on the page of your request.

It shows that whoever types it can read this mailbox. It does not show that
the person who rang you works here, and neither do the two words.
{{- end}}

Staff will never ask you for this code: not on the telephone, not in a chat,
not in a message. If somebody asks you for it, they are trying to take over
the account.

If {{if .For}}the owner did not ask for this{{else}}this wasn't you{{end}}, stop it here; you need not sign in:

    {{.Link}}
`))

// Message writes the subject line and the plain text (lines end in LF) of the
// mail that carries a code. The subject does not contain the code, because
// locked screens show subjects. Text from outside becomes one line each and
// cannot begin a new one. The text stays below 4 KiB.
func Message(l Letter) (subject, text string, err error) {
	p, err := l.check()
	if err != nil {
		return "", "", err
	}
	if l.ForDesk {
		return "", "", fmt.Errorf("%w: a code for the desk is spoken on the call, never written", ErrLetter)
	}
	var b strings.Builder
	if err := letter.Execute(&b, p); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrLetter, err)
	}
	return fmt.Sprintf("%s: code for case %s", p.Organisation, p.Case), b.String(), nil
}

// Digits is the code as people read it.
func (p plain) Digits() string { return Show(p.Code) }

// Long is the deed at length.
func (d deed) Long() string { return d.long }
