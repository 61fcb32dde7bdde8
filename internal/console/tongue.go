package console

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// messages/<tag>.json says each English text of the pages in another language.
// The English text is the key, so templates stay readable; messages/en.json
// lists them all for whoever translates, and a test holds it to the pages.
//
//go:embed messages
var messageFiles embed.FS

// message is a text still to be said in the reader's language.
type message struct {
	key  string
	args []any
}

// msg is a text by its English words, with what is put in for its verbs (%s,
// %d). An argument can be a message itself.
func msg(english string, args ...any) message { return message{english, args} }

// String says it in English.
func (m message) String() string { return english.say(m) }

// tongue is a language that the pages speak.
type tongue struct {
	tag   language.Tag
	name  string // as its speakers call it
	texts map[string]text
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

var english = &tongue{tag: language.English, name: "English"}

// tongues are the languages there are; the first is for whoever asks for none
// of them.
var tongues = []*tongue{english, loadTongue(language.German, "Deutsch")}

var matcher = language.NewMatcher([]language.Tag{tongues[0].tag, tongues[1].tag})

// loadTongue reads an embedded file, so a fault is one of the build.
func loadTongue(tag language.Tag, name string) *tongue {
	raw, err := messageFiles.ReadFile("messages/" + tag.String() + ".json")
	if err != nil {
		panic(err)
	}
	t := &tongue{tag: tag, name: name}
	if err := json.Unmarshal(raw, &t.texts); err != nil {
		panic(fmt.Errorf("console: messages/%s.json: %w", tag, err))
	}
	return t
}

// say is a text in this language: a message, or its English words. What nobody
// has translated is said in English.
func (t *tongue) say(what any, args ...any) string {
	m, ok := what.(message)
	if !ok {
		m = message{fmt.Sprint(what), args}
	}
	form := m.key
	if found, ok := t.texts[m.key]; ok {
		form = found.other
	}
	return t.fill(form, m.args)
}

// count is a text with a number in it, which comes first among its arguments.
func (t *tongue) count(n int, one, other string, args ...any) string {
	form := other
	if found, ok := t.texts[other]; ok {
		one, form = found.one, found.other
	}
	if one != "" && plural.Cardinal.MatchPlural(t.tag, n, 0, 0, 0, 0) == plural.One {
		form = one
	}
	return t.fill(form, append([]any{n}, args...))
}

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
	return fmt.Sprintf(form, said...)
}

// rich is say for a text that has markup of its own; its arguments have none.
func (t *tongue) rich(english string, args ...any) template.HTML {
	safe := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case template.HTML, int:
			safe[i] = v
		default:
			safe[i] = template.HTMLEscapeString(t.say(v))
		}
	}
	return template.HTML(t.say(english, safe...)) //nolint:gosec // the text is the program's own, and its arguments are escaped
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
