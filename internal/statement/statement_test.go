package statement_test

import (
	"strings"
	"testing"

	"countersign/internal/statement"
)

func TestAStatementIsItsLinesAndNothingElse(t *testing.T) {
	s, err := statement.New("approval", []statement.Line{{"request", "req_1"}, {"name", "Zoë Ito"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "countersign/approval/v1\nrequest: req_1\nname: Zoë Ito\n"; string(s) != want {
		t.Errorf("statement is %q; want %q", s, want)
	}
	if len(s.Challenge()) != 32 || len(s.ID()) != 43 {
		t.Errorf("challenge has %d bytes, id %d characters; want 32 and 43", len(s.Challenge()), len(s.ID()))
	}
}

func TestNoValueCanMimicALine(t *testing.T) {
	for _, hostile := range []string{
		"x\naction: unlock", "x\raction: unlock", "x\u2028action", "x\u0085y", "\u202eevil", "a\u200bb",
		"", " led", "trailed ", "e\u0301", "\xff", strings.Repeat("x", 513), "tab\there", "no\u00a0break",
	} {
		if s, err := statement.New("approval", []statement.Line{{"name", hostile}}); err == nil {
			t.Errorf("value %q was accepted: %q", hostile, s)
		}
	}
}
