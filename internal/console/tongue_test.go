package console

import (
	"encoding/json"
	"html/template"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"
)

// foreign is a language of the test's own.
func foreign(t *testing.T) *tongue {
	t.Helper()
	made := &tongue{tag: language.German, name: "Deutsch", numbers: tongues[1].numbers, texts: map[string]text{
		"Case %s":           {other: "Fall %s"},
		"%d requests":       {one: "eine Anfrage", other: "%d Anfragen"},
		"<b>%s</b> of %s":   {other: "%[2]s: <b>%[1]s</b>"},
		"denied":            {other: "abgelehnt"},
		"March":             {other: "März"},
		"untranslated":      {},
		"From the \"desk\"": {other: "Vom \"Helpdesk\""},

		"2 January 2006, 15:04 UTC": {other: "2. January 2006, 15:04 UTC"},
	}}
	return made
}

func TestALanguageSaysWhatItHasAndTheRestInEnglish(t *testing.T) {
	de, made := foreign(t), &tongue{tag: english.tag, numbers: english.numbers}
	for want, got := range map[string]string{
		"Fall ABCD-2345":          de.say("Case %s", "ABCD-2345"),
		"Fall abgelehnt":          de.say("Case %s", msg("denied")), // a message within a message
		"Case denied":             english.say(msg("Case %s", msg("denied"))),
		"untranslated":            de.say("untranslated"),
		"never heard of":          de.say(msg("never heard of")),
		"100 %s of it":            de.say("100 %s of it"), // without arguments nothing is put in
		"eine Anfrage":            de.count(1, "%d request", "%d requests"),
		"0 Anfragen":              de.count(0, "%d request", "%d requests"),
		"12.345 Anfragen":         de.count(12345, "%d request", "%d requests"),
		"12,345 requests":         english.count(12345, "%d request", "%d requests"),
		"one step":                made.say(many(1, "one step", "%d steps")),
		"2 steps":                 made.say(many(2, "one step", "%d steps")),
		"a":                       de.list([]string{"a"}),
		"a, b and c":              english.list([]string{"a", "b", "c"}),
		"5. März 2026, 09:10 UTC": de.when(time.Date(2026, 3, 5, 9, 10, 0, 0, time.UTC)),
		"5 March 2026, 09:10 UTC": english.when(time.Date(2026, 3, 5, 10, 10, 0, 0, time.FixedZone("", 3600))),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhatSomebodyElseSaidIsNeitherTranslatedNorAPattern(t *testing.T) {
	if got := foreign(t).say(verbatim("denied, 100 %s %d")); got != "denied, 100 %s %d" {
		t.Error(got)
	}
}

func TestInARichTextOnlyTheTextHasMarkup(t *testing.T) {
	de := foreign(t)
	if got := de.rich("<b>%s</b> of %s", `<i>"x"`, msg("denied")); got != `abgelehnt: <b>&lt;i&gt;&#34;x&#34;</b>` {
		t.Error(got)
	}
	if got := de.rich("<b>%s</b> of %s", template.HTML("<time>1</time>"), "y"); got != "y: <b><time>1</time></b>" {
		t.Error(got)
	}
}

func TestScriptsGetTheWordsThatTheyName(t *testing.T) {
	raw, err := foreign(t).scriptWords([][]byte{[]byte(`x(say("denied")); say("never heard of"); say("From the \"desk\""); unsay("March")`)})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(raw); !strings.HasPrefix(got, "window.words = {") || !strings.Contains(got, `"denied":"abgelehnt"`) || strings.Contains(got, "never heard of") || strings.Contains(got, "März") {
		t.Error(got)
	}
}

// A refusal is said in the reader's language by its own words or, where they
// are not known, by its code.
func TestScriptsGetTheWordsForWhatIsRefused(t *testing.T) {
	de := tongues[1]
	raw, err := de.scriptWords(nil)
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{}
	if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(string(raw), "window.words = "), ";\n")), &words); err != nil {
		t.Fatal(err)
	}
	for _, s := range gateWords {
		if words[s] == "" || words[s] == s {
			t.Errorf("%q is %q", s, words[s])
		}
	}
	for code := range troubles {
		if got := words["!"+string(code)]; !strings.Contains(got, ". ") {
			t.Errorf("%s is %q", code, got)
		}
	}
}

// What is translated is what is said: word for word.
func TestWhatIsTranslatedOfTheGateStandsInItsCode(t *testing.T) {
	var code strings.Builder
	for _, pattern := range []string{"*.go", "../gate/*.go", "../signin/*.go", "../reset/*.go", "../proof/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") && file != "words.go" {
				code.Write(read(t, file))
			}
		}
	}
	for _, s := range gateWords {
		text := strings.TrimSuffix(s, ".")
		if text = strings.ToLower(text[:1]) + text[1:]; !strings.Contains(code.String(), text) {
			t.Errorf("nobody says %q any more", text)
		}
	}
}

func TestTheLanguageIsTheOneChosenOrElseTheBrowsers(t *testing.T) {
	for _, c := range []struct{ cookie, accept, want string }{
		{"", "", "en"}, {"", "de-AT,de;q=0.9,en;q=0.8", "de"}, {"", "fr,it;q=0.5", "en"}, {"", "fr,de;q=0.1", "de"},
		{"en", "de", "en"}, {"de", "en-GB", "de"}, {"nonsense!", "de", "en"}, {"", strings.Repeat("x-", 9000), "en"}, {"", "de;q=nonsense", "en"}, {"", "*", "en"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", c.accept)
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: tongueCookie, Value: c.cookie})
		}
		if got := tongueOf(r).Tag(); got != c.want {
			t.Errorf("cookie %q, browser %.40q: %s, want %s", c.cookie, c.accept, got, c.want)
		}
	}
}

func TestWaitsAreSaidInTheLargestFittingUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Second: "1 second", 90 * time.Second: "90 seconds", 2*time.Minute + time.Second: "3 minutes", 119 * time.Minute: "119 minutes", 23*time.Hour + time.Second: "24 hours",
	} {
		if got := waitWords(d).String(); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
