package identity_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"countersign/internal/identity"
)

func TestOnlyKnownWordsParse(t *testing.T) {
	for _, c := range identity.Classes {
		if got, err := identity.ParseClass(string(c)); got != c || err != nil {
			t.Errorf("ParseClass(%q) = %q, %v", c, got, err)
		}
	}
	for _, bad := range []string{"", "Standard", "standard ", "root", "privileged\x00"} {
		if got, err := identity.ParseClass(bad); err == nil {
			t.Errorf("ParseClass(%q) = %q", bad, got)
		}
	}
	if _, err := identity.ParseIntakeChannel("saved"); err == nil {
		t.Error("a proof's channel was accepted for intake")
	}
	_, err := identity.ParseAction("paswd_reset")
	if err == nil || !strings.Contains(err.Error(), "password_reset") {
		t.Errorf("the error does not name the words there are: %v", err)
	}
}

func TestTiersRiseAndDamageCountsAsTheHighest(t *testing.T) {
	for i, tier := range identity.Tiers {
		if tier.Rank() != i {
			t.Errorf("%s ranks %d, want %d", tier, tier.Rank(), i)
		}
	}
	if identity.Tier("garbage").Rank() != identity.Critical.Rank() {
		t.Error("a damaged tier ranks below critical")
	}
	if identity.High.Max(identity.Low) != identity.High || identity.Low.Max(identity.High) != identity.High {
		t.Error("Max is not the higher one")
	}
}

func TestAnAccountIDHasADirectoryAndAnObject(t *testing.T) {
	id := identity.NewAccountID("corp", "5f2c")
	if id.Directory() != "corp" || id.Object() != "5f2c" || id.Check() != nil {
		t.Errorf("%q: %q, %q, %v", id, id.Directory(), id.Object(), id.Check())
	}
	for _, bad := range []identity.AccountID{"", "corp", "corp/", "/x", "corp/a b", "corp/é", "corp/a\n"} {
		if bad.Check() == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

func TestDeceivingTextIsNoLine(t *testing.T) {
	for name, s := range map[string]string{
		"line feed": "a\nb", "carriage return": "a\rb", "line separator": "a\u2028b", "next line": "a\u0085b",
		"right-to-left override": "a\u202eb", "isolate": "a\u2066b", "zero width": "a\u200bb", "soft hyphen": "a\u00adb",
		"byte order mark": "\ufeffa", "no-break space": "a\u00a0b", "decomposed": "e\u0301", "bad UTF-8": "a\xffb",
		"nul": "a\x00", "escape": "\x1b[31m", "variation selector": "a\ufe0f", "hangul filler": "a\u3164b",
		"leading space": " a", "trailing space": "a ", "private use": "\ue000", "tag": "a\U000e0041", "too long": strings.Repeat("x", 65),
	} {
		if identity.CheckLine(s, 64) == nil {
			t.Errorf("%s: %q passes", name, s)
		}
		if got := identity.Line(s, 64); identity.CheckLine(got, 64) != nil {
			t.Errorf("%s: made safe it is still %q", name, got)
		}
	}
	for _, good := range []string{"", "Zoë Ito", "李小龍", "O'Neil-Smith (ext.)", "Ağaoğlu", "عمر", "INC-123/4"} {
		if err := identity.CheckLine(good, 64); err != nil {
			t.Errorf("%q: %v", good, err)
		}
		if got := identity.Line(good, 64); got != good {
			t.Errorf("Line(%q) = %q", good, got)
		}
	}
}

func TestLineAlwaysYieldsALine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, max := rapid.String().Draw(t, "text"), rapid.IntRange(1, 40).Draw(t, "max")
		line(t, s, max)
	})
}

func FuzzLine(f *testing.F) {
	f.Add("Zoë\u202e\n", 8)
	f.Add("e\u0301\u0301\u0301", 3)
	f.Fuzz(func(t *testing.T, s string, max int) {
		if max < 1 || max > 1000 {
			return
		}
		line(t, s, max)
	})
}

func line(t interface{ Fatalf(string, ...any) }, s string, max int) {
	got := identity.Line(s, max)
	if err := identity.CheckLine(got, max); err != nil {
		t.Fatalf("Line(%q, %d) = %q: %v", s, max, got, err)
	}
	if again := identity.Line(got, max); again != got || !utf8.ValidString(got) {
		t.Fatalf("Line is not idempotent: %q, then %q", got, again)
	}
}
