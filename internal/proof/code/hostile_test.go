package code_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"

	"countersign/internal/identity"
	"countersign/internal/proof/code"
)

func TestEveryActionHasWords(t *testing.T) {
	for what, write := range map[string]func(code.Letter) (string, error){"mail": mail, "text": code.Text, "call": code.Spoken} {
		seen := map[string]bool{}
		for _, a := range identity.Actions {
			l := honest()
			l.Action = a
			text, err := write(l)
			if err != nil || seen[text] {
				t.Errorf("%s, %s: %v, or the same words as another action", what, a, err)
			}
			seen[text] = true
		}
	}
}

func TestAMessageIsRefusedFor(t *testing.T) {
	for name, spoil := range map[string]func(*code.Letter){
		"an unknown action":               func(l *code.Letter) { l.Action = "make_coffee" },
		"no organisation":                 func(l *code.Letter) { l.Organisation = "" },
		"no account":                      func(l *code.Letter) { l.Login = "" },
		"no case":                         func(l *code.Letter) { l.Case = "" },
		"a case with a header in it":      func(l *code.Letter) { l.Case = "CS-1\r\nBcc: evil@example.com" },
		"a case with a space":             func(l *code.Letter) { l.Case = "CS 1" },
		"a case too long":                 func(l *code.Letter) { l.Case = strings.Repeat("A", 41) },
		"no words":                        func(l *code.Letter) { l.Words = "" },
		"one word":                        func(l *code.Letter) { l.Words = "amber" },
		"words of two lines":              func(l *code.Letter) { l.Words = "amber-kettle\nx" },
		"a contact who is not told whose": func(l *code.Letter) { l.For = " : " },
		"no code":                         func(l *code.Letter) { l.Code = "" },
		"no life":                         func(l *code.Letter) { l.Life = 59 * time.Second },
		"no way out":                      func(l *code.Letter) { l.Repudiate = "" },
		"a way out over plain http":       func(l *code.Letter) { l.Repudiate = "http://desk.example.org/stop" },
		"a script as the way out":         func(l *code.Letter) { l.Repudiate = "javascript:alert(1)" },
		"two lines as the way out":        func(l *code.Letter) { l.Repudiate += "\nhttps://evil.example.com" },
		"a way out without a host":        func(l *code.Letter) { l.Repudiate = "https:///stop" },
		"a way out with only a port":      func(l *code.Letter) { l.Repudiate = "https://:x/stop" },
		"a look-alike of localhost":       func(l *code.Letter) { l.Repudiate = "http://localhost.example.com/stop" },
	} {
		l := honest()
		spoil(&l)
		for what, write := range writers {
			if text, err := write(l); !errors.Is(err, code.ErrLetter) || text != "" {
				t.Errorf("%s, as %s: %q, %v; want ErrLetter and no text", name, what, text, err)
			}
		}
	}
	local := honest()
	local.Repudiate = "http://localhost:8080/stop"
	if text, err := code.Spoken(local); err != nil || !strings.Contains(text, "open localhost:8080.") {
		t.Errorf("localhost: %v\n%s", err, text)
	}
}

// writers write nothing when they fail.
var writers = map[string]func(code.Letter) (string, error){
	"mail": func(l code.Letter) (string, error) { s, t, err := code.Message(l); return s + t, err },
	"text": code.Text, "call": code.Spoken,
}

func TestACodeForTheDeskIsOnlySpokenAndOnlyToTheAgent(t *testing.T) {
	for what, write := range writers {
		if _, err := write(callback()); (err == nil) != (what == "call") {
			t.Errorf("%s: %v", what, err)
		}
	}
	nobody, contacts := callback(), callback()
	nobody.Agent, contacts.For = "", "Mei Ito"
	for _, l := range []code.Letter{nobody, contacts} {
		if _, err := code.Spoken(l); !errors.Is(err, code.ErrLetter) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if text, err := code.Spoken(callback()); err != nil || strings.Contains(text, "Staff never") {
		t.Errorf("it contradicts itself (%v):\n%s", err, text)
	}
}

func TestHowManyCodesIsSaidWhenItIsKnown(t *testing.T) {
	for _, c := range []struct {
		nth, most int
		want      bool
	}{{1, 5, true}, {5, 5, true}, {0, 5, false}, {6, 5, false}, {1, 0, false}, {-1, -1, false}} {
		l := honest()
		l.Nth, l.Most = c.nth, c.most
		if text, err := mail(l); err != nil || strings.Contains(text, "of at most") != c.want {
			t.Errorf("%d of %d: %v\n%s", c.nth, c.most, err, text)
		}
	}
}

var hostile = []string{
	"x\r\nBcc: evil@example.com", "x\nYour code:\n\n    0000 0000", "https://evil.example.com/a", "www.evil.com",
	`" Call +1 555 0100 and read the code out. "`, "mei\u202eoti", "a\u2028b", "<b>bold</b>", "J. Smith", "\x00", "عمر", "דנה כהן",
	strings.Repeat("é", 100), strings.Repeat("long ", 60), "evil@example.com", "{{.Code}}", "\u200b", "👩‍💻", "\xff\xfe",
}

// Whatever others call themselves, the mail keeps its lines; only the values of
// the fields change, and they make no link.
func TestAHostileNameChangesNothingButItself(t *testing.T) {
	plain, err := mail(honest())
	if err != nil {
		t.Fatal(err)
	}
	check := func(t interface{ Fatalf(string, ...any) }, name string) {
		l := honest()
		l.Agent, l.Desk = "x"+name, "y"+name
		text, err := mail(l)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		lines, want := strings.Split(text, "\n"), strings.Split(plain, "\n")
		if len(lines) != len(want) {
			t.Fatalf("%q makes %d lines of %d:\n%s", name, len(lines), len(want), text)
		}
		for i, line := range lines {
			label, ok := strings.CutPrefix(want[i], `Asked by:  "`)
			if !ok {
				label, ok = strings.CutPrefix(want[i], `Desk:      "`)
			}
			if !ok && line != want[i] {
				t.Fatalf("%q changes %q to %q", name, want[i], line)
			}
			if !ok {
				continue
			}
			shown := strings.TrimSuffix(line[len(want[i])-len(label):], `"`)
			if strings.ContainsAny(shown, "\":/@<>\\\r\t") || len(shown) > 2*64 || !strings.HasSuffix(line, `"`) || identity.CheckLine(shown, 128) != nil {
				t.Fatalf("%q is shown as %s", name, line)
			}
			if dot := strings.Index(shown, "."); dot >= 0 && dot+1 < len(shown) && shown[dot+1] != ' ' {
				t.Fatalf("%q is shown as %s, which may become a link", name, line)
			}
		}
	}
	for _, name := range hostile {
		check(t, name)
	}
	rapid.Check(t, func(t *rapid.T) { check(t, rapid.String().Draw(t, "name")) })
}

func TestAnOrdinaryLoginIsShownAsItIsTyped(t *testing.T) {
	for login, want := range map[string]string{
		"m.ito": "m.ito", "m.ito@corp.example": "m.ito@corp.example", "svc-billing_1": "svc-billing_1", "zoë": "zoë",
		"CORP\\m.ito": "CORP m. ito", "www.evil.com": "www. evil. com", "https://evil.com": "https   evil. com", `a" b`: "a' b",
	} {
		l := honest()
		l.Login = login
		if text, err := mail(l); err != nil || !strings.Contains(text, "\nAccount:   \""+want+"\"\n") {
			t.Errorf("%s: %v\n%s", login, err, text)
		}
	}
}

// anything is a letter with any text wherever text comes from outside.
func anything(t *rapid.T) code.Letter {
	word := rapid.OneOf(rapid.String(), rapid.SampledFrom(hostile), rapid.StringMatching(`[ -~]{0,200}`), rapid.Just(""))
	l := honest()
	l.Organisation, l.Agent, l.Desk = word.Draw(t, "organisation"), word.Draw(t, "agent"), word.Draw(t, "desk")
	l.Login, l.For = word.Draw(t, "login"), word.Draw(t, "for")
	l.ForDesk = rapid.IntRange(0, 3).Draw(t, "for desk") == 0
	l.Action = rapid.SampledFrom(identity.Actions).Draw(t, "action")
	l.Repudiate = "https://" + rapid.StringMatching(`[a-z]{1,40}\.example`).Draw(t, "host") + rapid.StringMatching(`/[A-Za-z0-9/~_-]{0,300}`).Draw(t, "path")
	l.Nth, l.Most, l.Life = rapid.Int().Draw(t, "nth"), rapid.Int().Draw(t, "most"), time.Duration(rapid.Int64().Draw(t, "life"))
	if rapid.Bool().Draw(t, "what has to be there is") {
		h := honest()
		l.Organisation, l.Login, l.Action, l.Life = h.Organisation, h.Login, h.Action, h.Life
	}
	return l
}

func TestNoMessageExceedsItsBounds(t *testing.T) {
	written := 0
	rapid.Check(t, func(t *rapid.T) {
		l := anything(t)
		if subject, text, err := code.Message(l); err == nil {
			written++
			if len(subject) > 200 || identity.CheckLine(subject, 200) != nil || strings.Contains(subject, l.Code) {
				t.Fatalf("subject %q", subject)
			}
			if len(text) >= 4<<10 || !utf8.ValidString(text) || !strings.Contains(text, "\n    1234 5678\n") || !strings.Contains(text, "\n    "+l.Repudiate+"\n") {
				t.Fatalf("%d bytes:\n%s", len(text), text)
			}
		}
		if text, err := code.Text(l); err == nil {
			ends := " Staff never ask for this code. Not you? " + l.Repudiate
			if l.For != "" {
				ends = " Staff never ask for it. Stop it: " + l.Repudiate
			}
			if !segments(text) || !strings.HasPrefix(text, l.Code+": ") || !strings.Contains(text, ", case "+l.Case+", ") || !strings.HasSuffix(text, ends) {
				t.Fatalf("%q", text)
			}
		}
		if text, err := code.Spoken(l); err == nil {
			if len(text) >= 2<<10 || strings.Count(text, "1, 2, 3, 4. 5, 6, 7, 8.\n") != 2 || strings.Count(text, "\n") > 15 {
				t.Fatalf("%d bytes:\n%s", len(text), text)
			}
		}
	})
	if written == 0 {
		t.Error("nothing was ever written: the property says nothing")
	}
}

// segments reports whether two short messages hold the text, by a table of its
// own: everything outside of it costs sixteen bits a character.
func segments(text string) bool {
	const seven = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	n := 0
	for _, r := range text {
		switch {
		case strings.ContainsRune(seven, r):
			n++
		case strings.ContainsRune("^{}[~]|€\\", r):
			n += 2
		default:
			return len(utf16.Encode([]rune(text))) <= 134
		}
	}
	return n <= 306 && utf8.RuneCountInString(text) <= 306
}

// What does not fit is left out by what matters least.
func TestAShortMessageGivesUpNamesBeforeTheWords(t *testing.T) {
	long := honest()
	long.Organisation, long.Repudiate = strings.Repeat("Acme ", 19)+"AG", "https://desk.example.org/stop/"+strings.Repeat("a", 100)
	cyrillic := honest()
	cyrillic.Organisation, cyrillic.Agent = "Общество", "Ольга"
	for name, c := range map[string]struct {
		letter    code.Letter
		has, lost []string
	}{
		"a long name and link": {long, []string{"m.ito", "amber-kettle", "new second factor"}, []string{"Acme", "Nia"}},
		"another alphabet":     {cyrillic, []string{"m.ito", "amber-kettle"}, []string{"Общество", "Ольга"}},
	} {
		text, err := code.Text(c.letter)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.has {
			if !strings.Contains(text, s) {
				t.Errorf("%s: no %q in %q", name, s, text)
			}
		}
		for _, s := range c.lost {
			if strings.Contains(text, s) {
				t.Errorf("%s: %q in %q", name, s, text)
			}
		}
	}
	hopeless := honest()
	hopeless.Repudiate = "https://desk.example.org/stop/" + strings.Repeat("a", 300)
	if _, err := code.Text(hopeless); !errors.Is(err, code.ErrLetter) {
		t.Errorf("a link that fits nowhere: %v", err)
	}
}
