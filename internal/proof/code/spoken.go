package code

import (
	"fmt"
	"strings"
	"text/template"
)

var call = template.Must(template.New("call").Parse(
	`This is a call about an account, from {{.Organisation}}.
{{if .For}}You are a recovery contact of {{.For}}.
{{end}}{{if .Agent}}{{.Agent}}{{if .Desk}}, of the desk {{.Desk}},{{end}}{{else}}Somebody at the self-service page{{end}} asked us to {{.Deed.Long}}.
The account is {{.Login}}.
The case is {{.SpelledCase}}.
The two words of the case are {{.SpokenWords}}.
{{if .ForDesk -}}
Read this code to the person who is handling the case, {{.Agent}}, and to nobody else.
Before you do, ask for the two words. If they do not know them, hang up.
{{else if .For -}}
Give this code to {{.For}} alone, in person or by a voice that you know.
Staff never ask for it.
{{else -}}
Type this code yourself, on the page of your request. Staff never ask for it.
{{end -}}
The code is: {{.Spelled}}.
Once more: {{.Spelled}}.
It counts for {{.Life}}.
{{if .ForDesk -}}
It shows that you answer the telephone of this number. It does not show that the person who hears it works here.
{{else if .For -}}
It does not show that the person who asks you for it is the owner: only you can tell.
{{else -}}
It shows that you answer the telephone of this number. It does not show that anybody who rang you works here.
{{end -}}
Hang up if {{if .For}}the owner did not ask for this{{else}}this wasn't you{{end}}, and open {{.Host}}.
`))

// Spoken writes what a call says that carries a code: a sentence or two a line,
// for a gateway that turns text into speech, below 2 KiB. Digits and the
// case are spelled, and the code is said twice. With ForDesk the listener is
// asked to read the code to the agent, who must be named.
func Spoken(l Letter) (string, error) {
	p, err := l.check()
	switch {
	case err != nil:
		return "", err
	case l.ForDesk && p.Agent == "":
		return "", fmt.Errorf("%w: a code for the desk has to say for whom", ErrLetter)
	case l.ForDesk && p.For != "":
		return "", fmt.Errorf("%w: a recovery contact never reads a code to the desk", ErrLetter)
	}
	var b strings.Builder
	if err := call.Execute(&b, struct {
		plain
		ForDesk bool
	}{p, l.ForDesk}); err != nil {
		return "", fmt.Errorf("%w: %w", ErrLetter, err)
	}
	return b.String(), nil
}

// Spelled is the code digit by digit, with a breath in its middle.
func (p plain) Spelled() string {
	half := len(p.Code) / 2
	return strings.Join(strings.Split(p.Code[:half], ""), ", ") + ". " + strings.Join(strings.Split(p.Code[half:], ""), ", ")
}

// SpelledCase is the case code letter by letter.
func (p plain) SpelledCase() string {
	return strings.Join(strings.Split(strings.ReplaceAll(p.Case, "-", ""), ""), " ")
}

// SpokenWords are the two words without what joins them.
func (p plain) SpokenWords() string { return strings.ReplaceAll(p.Words, "-", ", ") }
