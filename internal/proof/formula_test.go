package proof

import (
	"encoding/json"
	"errors"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func must(t testing.TB, text string) Formula {
	t.Helper()
	f, err := ParseFormula(text)
	if err != nil {
		t.Fatalf("ParseFormula(%q): %v", text, err)
	}
	return f
}

func TestFormulasAreReducedToTheirMinimalAlternatives(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"totp", "totp"},
		{"totp && totp", "totp"},
		{"totp || totp && email_code", "totp"},
		{"totp && passkey || email_code", "email_code || (passkey && totp)"},
		{"(totp || passkey) && (totp || email_code)", "(email_code && passkey) || totp"},
		{"passkey || (recovery_code && (totp || recovery_contact)) || in_person",
			"in_person || passkey || (recovery_code && recovery_contact) || (recovery_code && totp)"},
		{"totp && recovery_code", "recovery_code && totp"},
		{"\n  totp\t||\r\n( vouch )  ", "totp || vouch"},
	} {
		if got := must(t, c.text).String(); got != c.want {
			t.Errorf("%q reads as %q, want %q", c.text, got, c.want)
		}
	}
}

func TestAFaultyFormulaIsRefusedWithItsPlaceAndTheWayOut(t *testing.T) {
	deep := strings.Repeat("(", 33) + "totp" + strings.Repeat(")", 33)
	wide := "(passkey||totp||email_code||sms_code)&&(voice_code||recovery_code||recovery_contact)&&(vouch||callback||in_person)&&(oidc||device||idv)"
	wider := wide + "||(passkey||voice_code||vouch||oidc)&&(totp||recovery_code||callback)&&(email_code||recovery_contact||device)&&(sms_code||in_person||idv)"
	widest := wider + "||(passkey||recovery_code||in_person||idv)&&(totp||voice_code||device)&&(email_code||vouch||oidc)&&(sms_code||recovery_contact||callback)"
	for _, c := range []struct {
		text   string
		offset int
		msg    string
	}{
		{"", 0, "the formula ends here"},
		{"   ", 3, "the formula ends here"},
		{"totq", 0, "did you mean totp?"},
		{"totp || Passkey", 8, "did you mean passkey?"},
		{"totp || question", 8, "the methods are passkey, totp"},
		{"totp & vouch", 5, "write &&"},
		{"totp | vouch", 5, "write ||"},
		{"totp and vouch", 5, "write && for and"},
		{"totp || !vouch", 8, "cannot say not"},
		{"totp vouch", 5, `found "vouch"`},
		{"(totp", 5, "expected )"},
		{"totp)", 4, `found ")"`},
		{"()", 1, "expected a proof method"},
		{"totp ||", 7, "the formula ends here"},
		{"|| totp", 0, "expected a proof method"},
		{"totp \x00", 5, "expected && or ||"},
		{"totp || é", 8, "expected a proof method"},
		{deep, 32, "more than 32 levels"},
		{strings.Repeat(" ", 4097), 4096, "longer than 4096 bytes"},
		{widest, len(wider), "more than 256 alternatives"},
	} {
		f, err := ParseFormula(c.text)
		var se *SyntaxError
		if !errors.As(err, &se) {
			t.Errorf("%q was read as %q, %v", c.text, f, err)
			continue
		}
		if se.Offset != c.offset || !strings.Contains(se.Msg, c.msg) {
			t.Errorf("%q: byte %d: %s; want byte %d: …%s…", c.text, se.Offset, se.Msg, c.offset, c.msg)
		}
	}
	if len(must(t, wide)) != 108 || len(must(t, wider)) > 256 {
		t.Error("these alternatives are within the bounds")
	}
	if must(t, deep[1:len(deep)-1]) == nil {
		t.Error("32 levels are within the bounds")
	}
}

func TestNothingDemandedIsNeverSatisfied(t *testing.T) {
	everything := make([]Method, len(Specs))
	for i, s := range Specs {
		everything[i] = s.Method
	}
	for _, f := range []Formula{nil, {}, {{}}, {{}, nil}, And(nil, nil), Or(Formula{{}}, nil)} {
		if f.Satisfied(everything) || f.Satisfied(nil) {
			t.Errorf("%#v is satisfied", f)
		}
		if r := f.Remaining(nil); len(r) != 0 {
			t.Errorf("%#v has open ways %v", f, r)
		}
	}
	if (Formula{{}, {TOTP}}).Satisfied(nil) {
		t.Error("an alternative that asks for nothing opens the way")
	}
	if got := And(nil, must(t, "totp")).String(); got != "totp" {
		t.Errorf("joining a demand with none gives %q", got)
	}
}

func TestAMethodNobodyKnowsCannotBeProved(t *testing.T) {
	for _, f := range []Formula{{{"telepathy"}}, {{TOTP, "telepathy"}}, {{"unknown"}}} {
		if f.Satisfied([]Method{TOTP, "telepathy", "unknown"}) {
			t.Errorf("%v is satisfied", f)
		}
		text, _ := f.MarshalText()
		var back Formula
		if back.UnmarshalText(text) == nil {
			t.Errorf("%v was written and read as %v", f, back)
		}
		if r := f.Remaining([]Method{TOTP}); len(r) != 0 {
			t.Errorf("%v shows an open way %v", f, r)
		}
	}
	if !(Formula{{"telepathy"}, {TOTP}}).Satisfied([]Method{TOTP}) {
		t.Error("the alternative with known methods still counts")
	}
}

func TestTheWaysThatRemainAreShownEasiestFirst(t *testing.T) {
	f := must(t, "in_person || passkey && vouch || recovery_code && (totp || recovery_contact && email_code)")
	for _, c := range []struct {
		have []Method
		want string
	}{
		{nil, "in_person; passkey vouch; totp recovery_code; email_code recovery_code recovery_contact"},
		{[]Method{Vouch}, "passkey; in_person; totp recovery_code; email_code recovery_code recovery_contact"},
		{[]Method{RecoveryCode}, "totp; in_person; passkey vouch; email_code recovery_contact"},
		{[]Method{RecoveryCode, EmailCode}, "totp; recovery_contact; in_person; passkey vouch"},
		{[]Method{InPerson}, ""},
		{[]Method{SMSCode}, "in_person; passkey vouch; totp recovery_code; email_code recovery_code recovery_contact"},
	} {
		var ways []string
		for _, alt := range f.Remaining(c.have) {
			var ms []string
			for _, m := range alt {
				ms = append(ms, string(m))
			}
			ways = append(ways, strings.Join(ms, " "))
		}
		if got := strings.Join(ways, "; "); got != c.want {
			t.Errorf("after %v: %s\nwant %s", c.have, got, c.want)
		}
	}
}

func TestUnusableMethodsTakeTheirAlternativesAlong(t *testing.T) {
	f := must(t, "totp || passkey && vouch || email_code")
	if got := f.Without(TOTP, Vouch).String(); got != "email_code" {
		t.Errorf("got %q", got)
	}
	if got := f.Without(TOTP, Vouch, EmailCode); got.Satisfied([]Method{TOTP, Passkey, Vouch, EmailCode}) || len(got) != 0 {
		t.Errorf("nothing should be left, got %q", got)
	}
	if got := f.Without(); !got.Equal(f) {
		t.Errorf("got %q", got)
	}
}

func TestJSONCarriesTheText(t *testing.T) {
	type plan struct {
		Proofs Formula `json:"proofs"`
	}
	for _, f := range []Formula{nil, must(t, "totp || vouch && passkey")} {
		b, err := json.Marshal(plan{f})
		if err != nil {
			t.Fatal(err)
		}
		var back plan
		if err := json.Unmarshal(b, &back); err != nil || !back.Proofs.Equal(f) || (back.Proofs == nil) != (f == nil) {
			t.Errorf("%s came back as %#v, %v", b, back.Proofs, err)
		}
	}
	var p plan
	for _, bad := range []string{`{"proofs":"totq"}`, `{"proofs":[["totp"]]}`, `{"proofs":" "}`} {
		if json.Unmarshal([]byte(bad), &p) == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestTheLargestJoinCanBeWrittenAndRead(t *testing.T) {
	var f Formula // every combination of half the methods: the largest antichain
	for s := range set(1 << len(Specs)) {
		if bits.OnesCount64(s) == len(Specs)/2 {
			f = append(f, methodsOf(s))
		}
	}
	text, _ := f.MarshalText()
	var back Formula
	if err := back.UnmarshalText(text); err != nil || !back.Equal(f) {
		t.Fatalf("%d alternatives, %d bytes: %v", len(f), len(text), err)
	}
	if _, err := ParseFormula(string(text)); err == nil {
		t.Error("a person may not write that much")
	}
}

var methods = rapid.SampledFrom(func() []Method {
	var ms []Method
	for _, s := range Specs[:7] { // few enough that formulas overlap
		ms = append(ms, s.Method)
	}
	return ms
}())

// formulas generates formulas as a person might build them: not in normal form.
var formulas = rapid.Custom(func(t *rapid.T) Formula {
	return Formula(rapid.SliceOfN(rapid.SliceOfN(methods, 1, 4), 0, 5).Draw(t, "formula"))
})

func same(t *rapid.T, law string, f, g Formula) {
	t.Helper()
	if !f.Equal(g) || f.String() != g.String() {
		t.Fatalf("%s: %q is not %q", law, f, g)
	}
}

func TestTheLawsOfFormulas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, g, h := formulas.Draw(t, "f"), formulas.Draw(t, "g"), formulas.Draw(t, "h")
		same(t, "and is associative", And(And(f, g), h), And(f, And(g, h)))
		same(t, "or is associative", Or(Or(f, g), h), Or(f, Or(g, h)))
		same(t, "and is commutative", And(f, g), And(g, f))
		same(t, "or is commutative", Or(f, g), Or(g, f))
		same(t, "and is idempotent", And(f, f), f)
		same(t, "or is idempotent", Or(f, f), f)
		if len(f) > 0 && len(g) > 0 {
			same(t, "and absorbs or", And(f, Or(f, g)), f)
			same(t, "or absorbs and", Or(f, And(f, g)), f)
		}
		if len(f) > 0 && len(g) > 0 && len(h) > 0 {
			same(t, "and spreads over or", And(f, Or(g, h)), Or(And(f, g), And(f, h)))
		}
	})
}

func TestBothFormulasHoldWhenTheirJoinDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, g := formulas.Draw(t, "f"), formulas.Draw(t, "g")
		have := rapid.SliceOf(methods).Draw(t, "have")
		if len(f) > 0 && len(g) > 0 {
			if And(f, g).Satisfied(have) != (f.Satisfied(have) && g.Satisfied(have)) {
				t.Fatalf("and of %q, %q with %v", f, g, have)
			}
		}
		if Or(f, g).Satisfied(have) != (f.Satisfied(have) || g.Satisfied(have)) {
			t.Fatalf("or of %q, %q with %v", f, g, have)
		}
	})
}

func TestAFurtherProofNeverHurts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, have, m := formulas.Draw(t, "f"), rapid.SliceOf(methods).Draw(t, "have"), methods.Draw(t, "m")
		more := append(slices.Clone(have), m)
		if f.Satisfied(have) && !f.Satisfied(more) {
			t.Fatalf("%q: %v is enough, with %s it is not", f, have, m)
		}
		if f.Without(m).Satisfied(have) && !f.Satisfied(have) {
			t.Fatalf("%q: dropping alternatives opened a way for %v", f, have)
		}
		for _, way := range f.Remaining(have) {
			if !f.Satisfied(slices.Concat(have, way)) {
				t.Fatalf("%q: the way %v after %v leads nowhere", f, way, have)
			}
		}
		if len(f.Remaining(have)) == 0 != (f.Satisfied(have) || len(f) == 0) {
			t.Fatalf("%q: no way is left after %v", f, have)
		}
	})
}

func TestWhatIsPrintedIsParsedBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := formulas.Draw(t, "f")
		if len(f) == 0 {
			return
		}
		g, err := ParseFormula(f.String())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "parse after print", g, f)
	})
}

func FuzzParseFormula(f *testing.F) {
	for _, s := range []string{"totp", "totp || (passkey && vouch)", "((totp))&&idv", "totq", "((", "a||", "totp & vouch"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := ParseFormula(s)
		if err != nil {
			var se *SyntaxError
			if !errors.As(err, &se) || se.Offset < 0 || se.Offset > len(s) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if len(g) == 0 || g.Satisfied(nil) {
			t.Fatalf("%q asks for nothing", s)
		}
		if len(g.String()) > 4<<10 {
			return
		}
		h, err := ParseFormula(g.String())
		if err != nil || !h.Equal(g) || h.String() != g.String() {
			t.Fatalf("%q prints as %q and reads back as %q, %v", s, g, h, err)
		}
	})
}

func FuzzFormulaText(f *testing.F) {
	f.Add([]byte("totp || vouch"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var g, h Formula
		if g.UnmarshalText(b) != nil {
			return
		}
		text, _ := g.MarshalText()
		if err := h.UnmarshalText(text); err != nil || !h.Equal(g) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
