package console

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	numbers "golang.org/x/text/message"
)

// messages/<tag>.json says each English text of the pages in another language.
// The English text is the key, so templates stay readable; messages/en.json
// lists them all for whoever translates, and a test holds it to the pages. How
// to add a language is told in docs/languages.md.
//
//go:embed messages
var messageFiles embed.FS

// message is a text still to be said in the reader's language. One that counts
// has a form for one as well.
type message struct {
	key  string
	args []any
	one  string
	n    int
}

// msg is a text by its English words, with what is put in for its verbs (%s,
// %d). An argument can be a message itself.
func msg(english string, args ...any) message { return message{key: english, args: args} }

// many is a text with a number in it, which comes first among its arguments.
func many(n int, one, other string, args ...any) message { return message{other, args, one, n} }

// String says it in English.
func (m message) String() string { return english.say(m) }

// IsZero reports that nothing is said.
func (m message) IsZero() bool { return m.key == "" }

// tongue is a language that the pages speak.
type tongue struct {
	tag     language.Tag
	name    string // as its speakers call it
	texts   map[string]text
	numbers *numbers.Printer  // writes 12,345 as they do
	missing func(text string) // hears of what nobody has translated; for tests
}

// Tag and Name are for the page on which one chooses.
func (t *tongue) Tag() string  { return t.tag.String() }
func (t *tongue) Name() string { return t.name }

// text is a translation: one form, or one for each plural.
type text struct{ one, other string }

// UnmarshalJSON reads a string, or {"one": …, "other": …}.
func (t *text) UnmarshalJSON(raw []byte) error {
	var forms struct{ One, Other string }
	if err := json.Unmarshal(raw, &forms); err == nil {
		t.one, t.other = forms.One, forms.Other
		return nil
	}
	return json.Unmarshal(raw, &t.other)
}

var english = &tongue{tag: language.English, name: "English", numbers: numbers.NewPrinter(language.English)}

// tongues are the languages there are; the first is for whoever asks for none
// of them.
var tongues = []*tongue{english, loadTongue(language.German, "Deutsch")}

var matcher = language.NewMatcher(tags())

func tags() []language.Tag {
	var out []language.Tag
	for _, t := range tongues {
		out = append(out, t.tag)
	}
	return out
}

// loadTongue reads an embedded file, so a fault is one of the build.
func loadTongue(tag language.Tag, name string) *tongue {
	raw, err := messageFiles.ReadFile("messages/" + tag.String() + ".json")
	if err != nil {
		panic(err)
	}
	t := &tongue{tag: tag, name: name, numbers: numbers.NewPrinter(tag)}
	if err := json.Unmarshal(raw, &t.texts); err != nil {
		panic(fmt.Errorf("console: messages/%s.json: %w", tag, err))
	}
	return t
}

// say is a text in this language: a message, or its English words. What nobody
// has translated is said in English.
func (t *tongue) say(what any, args ...any) string {
	var m message
	switch w := what.(type) {
	case message:
		m = w
	case *message:
		m = *w
	default:
		m = msg(fmt.Sprint(what), args...)
	}
	if m.one != "" {
		return t.count(m.n, m.one, m.key, m.args...)
	}
	return t.fill(t.find(m.key, m.key).other, m.args)
}

// find is the translation that has the key, or else the English forms.
func (t *tongue) find(one, other string) text {
	if found := t.texts[other]; found.other != "" {
		return found
	}
	if t.missing != nil && other != "" && other != "%s" {
		t.missing(other)
	}
	return text{one, other}
}

// count is a text with a number in it, which comes first among its arguments.
func (t *tongue) count(n int, one, other string, args ...any) string {
	found := t.find(one, other)
	form := found.other
	if found.one != "" && plural.Cardinal.MatchPlural(t.tag, n, 0, 0, 0, 0) == plural.One {
		form = found.one
	}
	if !counted.MatchString(form) { // "once", say
		return t.fill(form, args)
	}
	return t.fill(form, append([]any{n}, args...))
}

var counted = regexp.MustCompile(`%(\[1\])?d`)

func (t *tongue) fill(form string, args []any) string {
	if len(args) == 0 {
		return form
	}
	said := make([]any, len(args))
	for i, a := range args {
		if m, ok := a.(message); ok {
			a = t.say(m)
		}
		said[i] = a
	}
	return t.numbers.Sprintf(form, said...)
}

// list is a list of texts in a sentence.
func (t *tongue) list(texts []string) string {
	if n := len(texts); n > 1 {
		return t.say("%s and %s", strings.Join(texts[:n-1], ", "), texts[n-1])
	}
	return strings.Join(texts, "")
}

// at is a time within a rich text, as {{template "time"}} writes it.
func (t *tongue) at(at time.Time) template.HTML {
	return template.HTML(`<time datetime="` + stamp(at) + `">` + template.HTMLEscapeString(t.when(at)) + `</time>`) //nolint:gosec // a date and words of the program's own
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// rich is say for a text that has markup of its own; its arguments have none.
func (t *tongue) rich(english string, args ...any) template.HTML {
	safe := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case template.HTML, int:
			safe[i] = v
		case message:
			safe[i] = template.HTMLEscapeString(t.say(v))
		default: // somebody's name, say: not for translation
			safe[i] = template.HTMLEscapeString(fmt.Sprint(v))
		}
	}
	return template.HTML(t.say(english, safe...)) //nolint:gosec // the text is the program's own, and its arguments are escaped
}

// verbatim is what somebody else has said, in whatever language: nobody
// translates it.
func verbatim(s string) message { return msg("%s", s) }

// when is a time as it stands on a page without a script, in UTC; a script
// writes it in the reader's zone.
func (t *tongue) when(at time.Time) string {
	at = at.UTC()
	written := at.Format(t.say("2 January 2006, 15:04 UTC"))
	return strings.Replace(written, at.Month().String(), t.say(monthWords[at.Month()-1]), 1)
}

// day is a day in words, in UTC; what is none stays as it is.
func (t *tongue) day(written string) string {
	at, err := time.Parse(time.DateOnly, written)
	if err != nil {
		return written
	}
	return strings.Replace(at.Format(t.say("2 January 2006")), at.Month().String(), t.say(monthWords[at.Month()-1]), 1)
}

var monthWords = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}

// scripted is how a script names a text: say("English words").
var scripted = regexp.MustCompile(`\bsay\("((?:[^"\\]|\\.)+)"`)

// scriptWords is a script with the texts of the other scripts in this language:
// they find them in window.words by their English words, and what the server
// refuses besides by "!" and its code.
func (t *tongue) scriptWords(scripts [][]byte) ([]byte, error) {
	words := map[string]string{}
	for _, script := range scripts {
		for _, m := range scripted.FindAllSubmatch(script, -1) {
			if found, ok := t.texts[string(m[1])]; ok {
				words[string(m[1])] = found.other
			}
		}
	}
	for _, s := range gateWords {
		words[s] = t.say(s)
	}
	for code, no := range troubles {
		words["!"+string(code)] = t.say(no.Title) + ". " + t.say(no.Text)
	}
	raw, err := json.Marshal(words)
	if err != nil {
		return nil, fmt.Errorf("console: writing the words of scripts: %w", err)
	}
	return []byte("window.words = " + string(raw) + ";\n"), nil
}

const tongueCookie = "language"

// tongueOf is the language that the reader chose here, or else told their
// browser.
func tongueOf(r *http.Request) *tongue {
	wanted := r.Header.Get("Accept-Language")
	if c, err := r.Cookie(tongueCookie); err == nil {
		wanted = c.Value + "," + wanted
	}
	tags, _, err := language.ParseAcceptLanguage(strings.ToLower(wanted[:min(len(wanted), 200)]))
	if err != nil {
		return english
	}
	_, i, confidence := matcher.Match(tags...)
	if confidence == language.No {
		return english
	}
	return tongues[i]
}
