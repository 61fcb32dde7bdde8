package oidc_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/proof/oidc"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func claims() oidc.Claims {
	return oidc.Claims{Issuer: "https://provider.example", Subject: "1", ACR: "phr", AMR: []string{"pwd", "otp"}, AuthTime: noon.Add(time.Minute),
		Fields: map[string]string{"preferred_username": "m.ito", "email": "m.ito@example.org", "email_verified": "true"}}
}

func want() oidc.Want {
	return oidc.Want{ACR: []string{"phrh", "phr"}, AMR: []string{"hwk", "pwd+otp"}, Claim: "preferred_username", Is: []string{"m.ito", "m.ito@example.org"}, Since: noon}
}

func TestASignInCounts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*oidc.Claims, *oidc.Want)
		want   error
	}{
		"as asked":                          {func(*oidc.Claims, *oidc.Want) {}, nil},
		"by acr alone":                      {func(c *oidc.Claims, _ *oidc.Want) { c.AMR = nil }, nil},
		"by amr alone":                      {func(c *oidc.Claims, _ *oidc.Want) { c.ACR = "" }, nil},
		"with a key":                        {func(c *oidc.Claims, _ *oidc.Want) { c.ACR, c.AMR = "", []string{"hwk"} }, nil},
		"with capitals":                     {func(c *oidc.Claims, _ *oidc.Want) { c.Fields["preferred_username"] = "M.Ito" }, nil},
		"by verified mail":                  {func(_ *oidc.Claims, w *oidc.Want) { w.Claim = "email" }, nil},
		"half a minute before the question": {func(c *oidc.Claims, _ *oidc.Want) { c.AuthTime = noon.Add(-oidc.Skew) }, nil},

		"without a time":           {func(c *oidc.Claims, _ *oidc.Want) { c.AuthTime = time.Time{} }, oidc.ErrNoTime},
		"without a question":       {func(_ *oidc.Claims, w *oidc.Want) { w.Since = time.Time{} }, oidc.ErrStale},
		"from an old session":      {func(c *oidc.Claims, _ *oidc.Want) { c.AuthTime = noon.Add(-oidc.Skew - time.Second) }, oidc.ErrStale},
		"from the future":          {func(c *oidc.Claims, _ *oidc.Want) { c.AuthTime = noon.Add(5*time.Minute + oidc.Skew + 1) }, oidc.ErrFuture},
		"with a password":          {func(c *oidc.Claims, _ *oidc.Want) { c.ACR, c.AMR = "", []string{"pwd"} }, oidc.ErrFactor},
		"with half of two words":   {func(c *oidc.Claims, _ *oidc.Want) { c.ACR, c.AMR = "", []string{"otp"} }, oidc.ErrFactor},
		"with a joined word":       {func(c *oidc.Claims, _ *oidc.Want) { c.ACR, c.AMR = "", []string{"pwd+otp"} }, oidc.ErrFactor},
		"with another acr":         {func(c *oidc.Claims, _ *oidc.Want) { c.ACR, c.AMR = "PHR", nil }, oidc.ErrFactor},
		"with nothing asked for":   {func(_ *oidc.Claims, w *oidc.Want) { w.ACR, w.AMR = nil, nil }, oidc.ErrFactor},
		"with empty words":         {func(c *oidc.Claims, w *oidc.Want) { c.ACR, w.ACR, w.AMR = "", []string{""}, []string{"", "+", "otp+"} }, oidc.ErrFactor},
		"by somebody else":         {func(c *oidc.Claims, _ *oidc.Want) { c.Fields["preferred_username"] = "a.okafor" }, oidc.ErrAccount},
		"by nobody":                {func(c *oidc.Claims, w *oidc.Want) { c.Fields["preferred_username"], w.Is = "", []string{""} }, oidc.ErrAccount},
		"without a claim to read":  {func(c *oidc.Claims, w *oidc.Want) { w.Claim, c.Fields[""] = "", "m.ito" }, oidc.ErrAccount},
		"with a Cyrillic o":        {func(c *oidc.Claims, _ *oidc.Want) { c.Fields["preferred_username"] = "m.it\u043e" }, oidc.ErrAccount},
		"with a Turkish i":         {func(c *oidc.Claims, _ *oidc.Want) { c.Fields["preferred_username"] = "m.\u0130to" }, oidc.ErrAccount},
		"with a wide letter":       {func(c *oidc.Claims, _ *oidc.Want) { c.Fields["preferred_username"] = "\uff4d.ito" }, oidc.ErrAccount},
		"with a letter too many":   {func(c *oidc.Claims, _ *oidc.Want) { c.Fields["preferred_username"] = "m.ito\u200b" }, oidc.ErrAccount},
		"by unverified mail":       {func(c *oidc.Claims, w *oidc.Want) { w.Claim, c.Fields["email_verified"] = "email", "false" }, oidc.ErrUnverified},
		"by mail, verified or not": {func(c *oidc.Claims, w *oidc.Want) { w.Claim = "email"; delete(c.Fields, "email_verified") }, oidc.ErrUnverified},
	} {
		claims, want := claims(), want()
		c.change(&claims, &want)
		if err := oidc.Check(claims, want, noon.Add(5*time.Minute)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

var words = rapid.SliceOfN(rapid.SampledFrom([]string{"pwd", "otp", "hwk", "sms", "user", "mfa", "", "+"}), 0, 4)

// Taking words out of a token never makes it count, nor does wanting more of
// one.
func TestLessShownNeverCountsForMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, w := claims(), want()
		c.ACR, c.AMR = rapid.SampledFrom([]string{"", "phr", "pwd"}).Draw(t, "acr"), words.Draw(t, "amr")
		w.AMR = nil
		for _, e := range rapid.SliceOfN(words, 0, 3).Draw(t, "wanted") {
			w.AMR = append(w.AMR, strings.Join(e, "+"))
		}
		if oidc.Check(c, w, noon.Add(time.Minute)) == nil {
			return
		}
		less := c
		less.AMR = slices.Clone(c.AMR)
		if len(less.AMR) > 0 {
			less.AMR = slices.Delete(less.AMR, 0, 1)
		}
		more := w
		more.AMR = nil
		for _, e := range w.AMR {
			more.AMR = append(more.AMR, e+"+hwk")
		}
		for _, err := range []error{
			oidc.Check(less, w, noon.Add(time.Minute)), oidc.Check(c, more, noon.Add(time.Minute)),
			oidc.Check(c, oidc.Want{Claim: w.Claim, Is: w.Is, Since: w.Since}, noon.Add(time.Minute)),
		} {
			if err == nil {
				t.Fatalf("refused %+v by %+v, then accepted less", c, w)
			}
		}
	})
}

// Only the capitals of ASCII are forgiven.
func TestTwoNamesAreOneOnlyUpToCapitals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		if rapid.Bool().Draw(t, "alike") {
			b = strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' {
					return r - 32
				}
				return r
			}, a)
		}
		same := oidc.Same(a, b)
		if same != oidc.Same(b, a) {
			t.Fatal("not symmetric")
		}
		if same && !strings.EqualFold(a, b) {
			t.Fatalf("%q and %q are one", a, b)
		}
		if a != "" && !oidc.Same(a, a) {
			t.Fatalf("%q is not itself", a)
		}
	})
	for _, pair := range [][2]string{{"k", "\u212a"}, {"s", "\u017f"}, {"É", "é"}, {"", ""}} {
		if oidc.Same(pair[0], pair[1]) {
			t.Errorf("%q is %q", pair[0], pair[1])
		}
	}
}
