// Package idv judges what an external identity-proofing provider says about a
// person: a signed result in the form of a compact JWS (RFC 7515), as repeated
// proofing asks for it (SP 800-63B-4 §4.2.1.4).
//
// A result counts for one challenge, whose value the provider was given as the
// nonce, for one person, and for minutes. Which algorithm a signature has to be
// of is said by the key, never by the token. Nothing here keeps state or knows
// the time: the caller makes the challenge, keeps it, and uses it once.
package idv

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"
)

// What a caller may decide on. Every error of this package wraps exactly one,
// the first that applies in this order, and none repeats the token.
var (
	ErrForm         = errors.New("not in the documented form")
	ErrIssuer       = errors.New("issued by nobody who is configured")
	ErrKey          = errors.New("no key that is accepted (want RS256 or PS256 of 2048 bits or more, ES256 or EdDSA)")
	ErrSignature    = errors.New("the signature is wrong")
	ErrAudience     = errors.New("issued for somebody else")
	ErrNonce        = errors.New("answers another challenge")
	ErrTime         = errors.New("too old, expired or not yet valid")
	ErrPresentation = errors.New("it does not say that a living person was present")
	ErrLevel        = errors.New("the level reached is not accepted")
	ErrPerson       = errors.New("about another person")
)

const (
	maxToken = 16 << 10
	maxText  = 256 // of one claim
	// minChallenge keeps a caller that lost its challenge from accepting what
	// was made for none.
	minChallenge = 16
	maxAge       = 15 * time.Minute
	skew         = time.Minute
)

// Issuer is a provider and what is asked of its results.
type Issuer struct {
	Name     string // the claim iss, byte for byte
	Keys     []Key
	Audience string   // what aud has to contain
	Levels   []string // accepted values of the level's claim, such as IAL2
	// LevelClaim is the name of that claim; "ial" when empty.
	LevelClaim string
	// NameMatch accepts a result by the person's name where the provider's id
	// of the person is not on record. The caller makes sure that the name
	// belongs to one person only.
	NameMatch bool
	// MaxAge is how old a result may be; 15 minutes when zero.
	MaxAge time.Duration
}

// Want is what a result has to be about.
type Want struct {
	Challenge string // the token's nonce; 16 bytes or more
	Subject   string // the provider's id registered for this person; "" when there is none
	Name      string // the directory's display name
}

// Result is what a good token says.
type Result struct {
	Issuer  string    // as configured
	Subject string    // the provider's id of the person; "" when it gave none
	Level   string    // one of the issuer's Levels
	ID      string    // of this result at the provider (jti)
	At      time.Time // when it was issued, in UTC
}

// Check reports what a provider's token says, if one of the issuers signed it
// for this challenge and this person no longer ago than it may be.
func Check(issuers []Issuer, token string, w Want, now time.Time) (Result, error) {
	r, err := check(issuers, token, w, now)
	if err != nil {
		return Result{}, fmt.Errorf("idv: checking a result: %w", err)
	}
	return r, nil
}

func check(issuers []Issuer, token string, w Want, now time.Time) (Result, error) {
	t, err := parse(token)
	if err != nil {
		return Result{}, err
	}
	i := slices.IndexFunc(issuers, func(i Issuer) bool { return i.Name != "" && i.Name == t.issuer })
	if i < 0 {
		return Result{}, ErrIssuer
	}
	from := issuers[i]
	if err := t.signedBy(from.Keys); err != nil {
		return Result{}, err
	}
	level, err := t.text(from.levelClaim())
	if err != nil {
		return Result{}, err
	}
	switch {
	case from.Audience == "" || !slices.Contains(t.audience, from.Audience):
		return Result{}, ErrAudience
	case len(w.Challenge) < minChallenge || subtle.ConstantTimeCompare([]byte(t.nonce), []byte(w.Challenge)) != 1:
		return Result{}, ErrNonce
	case !t.current(from.age(), now):
		return Result{}, ErrTime
	case !t.present:
		return Result{}, ErrPresentation
	case level == "" || !slices.Contains(from.Levels, level):
		return Result{}, ErrLevel
	case !t.about(w, from.NameMatch):
		return Result{}, ErrPerson
	}
	return Result{Issuer: from.Name, Subject: t.subject, Level: level, ID: t.id, At: t.issued}, nil
}

func (i Issuer) levelClaim() string {
	if i.LevelClaim == "" {
		return "ial"
	}
	return i.LevelClaim
}

func (i Issuer) age() time.Duration {
	if i.MaxAge <= 0 {
		return maxAge
	}
	return i.MaxAge
}

// current reports whether the result is of the last minutes. A provider's clock
// may be ahead by a minute, but what has expired here is over.
func (t token) current(age time.Duration, now time.Time) bool {
	return now.Sub(t.issued) <= age && t.issued.Sub(now) <= skew && t.from.Sub(now) <= skew &&
		t.until.After(now) && t.until.After(t.issued)
}

// about reports whether the token speaks of the person wanted. A registered id
// decides alone: the name of somebody else's result can be chosen.
func (t token) about(w Want, byName bool) bool {
	if w.Subject != "" {
		return subtle.ConstantTimeCompare([]byte(t.subject), []byte(w.Subject)) == 1
	}
	return byName && sameName(t.name, w.Name)
}
