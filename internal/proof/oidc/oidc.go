// Package oidc judges a sign-in at the organisation's OpenID Connect provider:
// whether it is fresh, whether another factor than the password took part, and
// whether it is the account in question.
//
//	err := oidc.Check(claims, oidc.Want{AMR: []string{"pwd+otp", "hwk"}, Claim: "preferred_username", Is: []string{"m.ito"}, Since: asked}, now)
//
// The claims come from an ID token whose signature, issuer, audience and nonce
// somebody else has verified; this package only reads them.
//
// What took part stands in two claims. amr lists methods in the words of
// RFC 8176: pwd (password), otp, hwk and swk (a key in hardware or software),
// sms, tel, fpt and face (biometrics), pin, sc (smart card), user (presence),
// mfa (several factors), rba (risk-based). acr is one word that the provider
// and its clients agree upon, such as phr and phrh (phishing-resistant) of the
// OpenID EAP ACR values. Neither is proof of more than the provider says, so
// the policy's author names exactly the words that count.
package oidc

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Claims is what an ID token said, after its verification.
type Claims struct {
	Issuer, Subject string
	ACR             string
	AMR             []string
	AuthTime        time.Time // when the person signed in; zero when the token does not say
	// Fields are the claims that are text; true and false stand as words.
	Fields map[string]string
}

// Want is what a sign-in must show.
type Want struct {
	// ACR and AMR name what counts as another factor: one acr value, or one
	// element of AMR, whose words (joined by +) must all be in the token.
	ACR, AMR []string
	// Claim names the account, and Is lists the values that are this account:
	// its login, its mail.
	Claim string
	Is    []string
	// Since is when the person was asked to sign in.
	Since time.Time
}

// Skew is how far the provider's clock may be from ours.
const Skew = 30 * time.Second

// The reasons to refuse a sign-in.
var (
	// ErrNoTime: the token does not say when the person signed in, though
	// max_age was asked for (OpenID Connect Core §2).
	ErrNoTime = errors.New("oidc: the provider does not say when the person signed in")
	// ErrStale: the provider let an old session pass, although max_age=0 asked
	// for a sign-in now.
	ErrStale = errors.New("oidc: the sign-in is older than the question")
	// ErrFuture: the sign-in is said to lie ahead of us.
	ErrFuture = errors.New("oidc: the sign-in is said to lie in the future; compare the clocks")
	// ErrFactor: no other factor than the password is shown, or none was
	// configured to be looked for.
	ErrFactor = errors.New("oidc: the sign-in does not show the factor that is asked for")
	// ErrAccount: somebody else signed in, or the token names nobody.
	ErrAccount = errors.New("oidc: the sign-in is not of this account")
	// ErrUnverified: the account was to be known by a mail address that the
	// provider has not verified.
	ErrUnverified = errors.New("oidc: the provider has not verified the mail address")
)

// Check reports why the sign-in does not count as proof, or nil when it does.
func Check(c Claims, w Want, now time.Time) error {
	switch err := Fresh(c, w.Since, now); {
	case err != nil:
		return err
	case !w.factor(c):
		return ErrFactor
	}
	return Account(c, w.Claim, w.Is...)
}

// Fresh reports why the sign-in is not one that happened since a moment.
func Fresh(c Claims, since, now time.Time) error {
	switch {
	case c.AuthTime.IsZero():
		return ErrNoTime
	case since.IsZero() || c.AuthTime.Before(since.Add(-Skew)):
		return ErrStale
	case c.AuthTime.After(now.Add(Skew)):
		return ErrFuture
	}
	return nil
}

// Account reports why the claim of that name does not name one of those that
// are meant. A mail address counts only when the provider has verified it.
func Account(c Claims, claim string, is ...string) error {
	named := c.Fields[claim]
	switch {
	case claim == "" || !slices.ContainsFunc(is, func(s string) bool { return Same(named, s) }):
		return ErrAccount
	case claim == "email" && c.Fields["email_verified"] != "true":
		return ErrUnverified
	}
	return nil
}

// factor: a provider that was not asked for a second factor proves the
// password alone, so wanting nothing finds nothing.
func (w Want) factor(c Claims) bool {
	if c.ACR != "" && slices.Contains(w.ACR, c.ACR) {
		return true
	}
	return slices.ContainsFunc(w.AMR, func(all string) bool {
		for _, word := range strings.Split(all, "+") {
			if word == "" || !slices.Contains(c.AMR, word) {
				return false
			}
		}
		return true
	})
}

// Same reports whether two names are one: the same bytes, but for the capitals
// of ASCII. Letters of other alphabets that look like ours make other names,
// and Unicode's own folding is left out because it makes one letter of K and
// the Kelvin sign. Nobody has the empty name.
func Same(a, b string) bool {
	if len(a) != len(b) || a == "" {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
