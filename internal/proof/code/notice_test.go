package code_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"countersign/internal/proof/code"
)

func TestAShortNoticeSaysWhatBecameOfWhichAccountAndHowToStopIt(t *testing.T) {
	got, err := code.Notice(honest().Card, "carried out", "https://desk.example.org/not-me/abc")
	want := `Acme Corporation, case CS-7Q4K: new second factor for "m.ito" carried out. Not you? Stop it: https://desk.example.org/not-me/abc`
	if err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAShortNoticeStaysShortWhateverNamesSay(t *testing.T) {
	const link = "https://desk.example.org/not-me/abcdefghijklmnopqrstuvwx"
	rapid.Check(t, func(t *rapid.T) {
		c := honest().Card
		c.Login = rapid.String().Draw(t, "login")
		c.Organisation = "Acme " + rapid.String().Draw(t, "organisation")
		got, err := code.Notice(c, "requested", link)
		if errors.Is(err, code.ErrLetter) {
			return // a login of which nothing can be shown
		}
		if err != nil || !strings.HasSuffix(got, link) || !strings.Contains(got, c.Case) {
			t.Fatalf("%q, %v", got, err)
		}
		// Two joined segments: 305 characters of the telephones' own alphabet, 133 of any other.
		if n := len(utf16.Encode([]rune(got))); n > 305 || n > 133 && strings.ContainsFunc(got, foreign) {
			t.Fatalf("%d characters: %q", n, got)
		}
		if strings.ContainsAny(got, "\r\n") {
			t.Fatalf("more than one line: %q", got)
		}
	})
}

// foreign are characters that no telephone's own alphabet has.
func foreign(r rune) bool { return r > '\u03a9' && r != '€' || r == '`' }

func TestAShortNoticeIsNotWrittenWithAnAddressThatNobodyCanOpen(t *testing.T) {
	for _, link := range []string{"", "http://desk.example.org/x", "javascript:alert(1)", "https://desk.example.org/" + strings.Repeat("x", 400)} {
		if got, err := code.Notice(honest().Card, "requested", link); !errors.Is(err, code.ErrLetter) {
			t.Errorf("%q: %q, %v", link, got, err)
		}
	}
}
