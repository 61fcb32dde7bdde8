package directory_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/directory"
)

func TestLoginsDifferingOnlyInCaseOrNormalizationAreOne(t *testing.T) {
	for _, p := range [][2]string{{"m.ito", "M.Ito"}, {"élan", "ÉLAN"}, {"é", "e\u0301"}, {"O'Neil", "o'neil"}} {
		if !directory.SameLogin(p[0], p[1]) {
			t.Errorf("%q and %q are told apart", p[0], p[1])
		}
	}
}

func TestLookalikeLoginsAreNotOne(t *testing.T) {
	for _, p := range [][2]string{
		{"jose", "josé"}, {"sam", "\u017fam"}, {"ada", "аda"}, {"admin", "ａdmin"},
		{"a b", "a  b"}, {"straße", "strasse"}, {"i", "İ"},
	} {
		if directory.SameLogin(p[0], p[1]) {
			t.Errorf("%q passes for %q", p[1], p[0])
		}
	}
}

func TestATextThatIsNobodysLoginIsNotEvenItself(t *testing.T) {
	for _, s := range []string{"", " a", "a ", "a\x00b", "a\nb", "a\u202eb", "a\u200bb", "\xff", strings.Repeat("a", 321)} {
		if directory.SameLogin(s, s) {
			t.Errorf("%q is accepted as a login", s)
		}
	}
}

func TestTheErrorDoesNotRepeatTheText(t *testing.T) {
	if _, err := directory.LoginKey("Hunter2\n"); err == nil || strings.Contains(err.Error(), "unter2") {
		t.Errorf("LoginKey of a mistyped password: %v", err)
	}
}

func TestLoginKeyIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "login")
		k, err := directory.LoginKey(s)
		if err != nil {
			return
		}
		if again, err := directory.LoginKey(k); err != nil || again != k {
			t.Fatalf("LoginKey(%q) = %q, and of that %q, %v", s, k, again, err)
		}
	})
}
