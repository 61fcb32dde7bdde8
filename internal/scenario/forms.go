package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
)

// form is one kind of sentence. In its pattern words in capitals are gaps, and
// what stands in brackets may be left out.
type form struct {
	pattern   string
	about     string // what it does, for docs/scenarios.md
	declares  string // account, staff, stranger, system or request: what NEW becomes
	given     bool   // it stands before anything happens
	refusable bool   // somebody is asked who could say no
	proof     bool   // it may bear a star
	do        func(*play, args) error
}

// args are what stands in a form's gaps.
type args map[string]string

func (a args) span() time.Duration { return spans(a["SPAN"]) }

func (a args) number() int {
	n, _ := strconv.Atoi(a["N"]) // the parser has read it
	return n
}

// request is the request that a line is about: the last one opened, unless it
// names another.
func (a args) request() string {
	if a["REQUEST"] == "" {
		return "it"
	}
	return a["REQUEST"]
}

// match finds the form of a line. When there is none, the error stands where
// the most promising one ended.
func (p *parser) match(tokens []token) (*form, args, error) {
	var wanted []string
	furthest := -1
	for i := range forms {
		f := &forms[i]
		a, at, want := p.fit(f, tokens)
		if want == "" {
			return f, a, nil
		}
		if at > furthest {
			furthest, wanted = at, nil
		}
		if at == furthest && !slices.Contains(wanted, want) {
			wanted = append(wanted, want)
		}
	}
	where, col := "the line ends here", 1
	if furthest < len(tokens) {
		where, col = fmt.Sprintf("%q", tokens[furthest].text), tokens[furthest].col
	}
	return nil, nil, p.fault(col, "%s: here could stand %s", where, strings.Join(wanted, ", or "))
}

// fit lays a line over a form. want is "" when it fits; or else at is the token
// that does not, and want what could stand there.
func (p *parser) fit(f *form, tokens []token) (a args, at int, want string) {
	a = args{}
	optional := false
	for _, w := range strings.Fields(f.pattern) {
		if strings.HasPrefix(w, "[") {
			if at == len(tokens) {
				return a, at, ""
			}
			optional = true
		}
		w = strings.Trim(w, "[]")
		if at >= len(tokens) {
			return nil, at, w
		}
		n, ok := p.gap(w, tokens[at:], a)
		if !ok {
			return nil, at, w
		}
		at += n
	}
	if at < len(tokens) {
		if optional {
			return nil, at, "nothing more"
		}
		return nil, at, "the end of the line"
	}
	return a, at, ""
}

// gap says how many tokens a word of a pattern takes, and notes what fills it.
func (p *parser) gap(w string, tokens []token, a args) (int, bool) {
	t := tokens[0]
	if w != strings.ToUpper(w) || w == "->" {
		return 1, t.text == w && !t.quoted
	}
	a[w] = t.text
	switch w {
	case "TEXT", "INTO", "JSON":
		return 1, t.quoted
	case "SPAN":
		if len(tokens) < 2 {
			return 0, false
		}
		a[w] = t.text + " " + tokens[1].text
		return 2, spans(a[w]) > 0
	case "N":
		n, err := strconv.Atoi(t.text)
		return 1, err == nil && n >= 0
	case "WHO", "OTHER":
		return 1, slices.Contains([]string{"account", "staff", "stranger"}, p.names[t.text])
	case "ACCOUNT", "STAFF", "SYSTEM", "REQUEST":
		what := strings.ToLower(w)
		return 1, p.names[t.text] == what || what == "staff" && p.staffed(t.text)
	case "ACTION":
		return 1, slices.Contains(identity.Actions, identity.Action(t.text))
	case "CHANNEL":
		return 1, slices.Contains(identity.IntakeChannels, identity.Channel(t.text))
	case "METHOD":
		_, ok := proof.SpecOf(proof.Method(t.text))
		return 1, ok && !t.quoted
	case "ADDRESS":
		return 1, strings.Contains(t.text, "@")
	}
	return 1, !t.quoted && t.text != "->"
}

// staffed reports whether somebody with an account is on the roster as well.
func (p *parser) staffed(name string) bool {
	return slices.ContainsFunc(p.script.Lines, func(l Line) bool { return l.form.declares == "staff" && l.args["NEW"] == name })
}

// spans reads "an hour", "10 minutes"; 0 when it is no span.
func spans(text string) time.Duration {
	count, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(count)
	switch {
	case count == "a" || count == "an":
		n = 1
	case err != nil || n < 1:
		return 0
	}
	units := map[string]time.Duration{
		"second": time.Second, "minute": time.Minute, "hour": time.Hour,
		"day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "year": 365 * 24 * time.Hour,
	}
	return time.Duration(n) * units[strings.TrimSuffix(unit, "s")]
}
