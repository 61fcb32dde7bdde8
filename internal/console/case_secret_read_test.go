package console

import (
	"strings"
	"testing"
)

// read puts the groups together again, with a bar between them.
func (s shownSecret) read() string {
	var groups []string
	for _, g := range s.Groups {
		var b strings.Builder
		for _, c := range g {
			b.WriteString(c.Text)
		}
		groups = append(groups, b.String())
	}
	return strings.Join(groups, "|")
}

func TestASecretIsReadInGroups(t *testing.T) {
	for secret, want := range map[string]string{
		"abcd":        "abcd",
		"abcdefghij":  "abcd|efgh|ij",
		"ABCD-EFGH-J": "ABCD-|EFGH-|J",
		"äöü😀x":       "äöü😀|x",
	} {
		s := shownAs("password", secret)
		if s.read() != want || strings.ReplaceAll(s.read(), "|", "") != secret {
			t.Errorf("%s is read %s, want %s", secret, s.read(), want)
		}
		if s.Gaps == strings.Contains(secret, "-") {
			t.Errorf("%s: gaps %v", secret, s.Gaps)
		}
	}
	if shownAs("password", "") != nil {
		t.Error("nothing is shown as a secret")
	}
}

func TestWhatIsTakenForSomethingElseIsExplainedOnce(t *testing.T) {
	s := shownAs("password", "0Ol1lx7-")
	var said []string
	for _, c := range s.Alike {
		said = append(said, c.Text+" "+c.Kind.String())
	}
	if got := strings.Join(said, ", "); got != "0 the digit zero, O the capital letter O, l the small letter L, 1 the digit one" {
		t.Error(got)
	}
	last := s.Groups[len(s.Groups)-1]
	if c := last[len(last)-1]; c.Kind.String() != "hyphen" || c.Digit {
		t.Errorf("%+v", c)
	}
	if c := characterOf('7'); !c.Digit || c.Kind.String() != "digit" {
		t.Errorf("%+v", c)
	}
}
