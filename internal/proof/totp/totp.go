// Package totp makes and checks time-based one-time codes (RFC 6238) in the
// form that authenticator apps know: SHA-1, six digits, a new code each 30
// seconds. A verifier's duties are SP 800-63B-4 §3.1.4.2.
//
// The package keeps no state: the caller stores the secret sealed, counts
// failures, and stores the step of the last accepted code, below which no code
// is accepted again.
package totp

import (
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/pquerna/otp/hotp"

	"countersign/internal/identity"
)

const (
	secretLen = 20 // what RFC 4226 §4 recommends: the length of a SHA-1 sum
	minSecret = 16 // what it demands
	digits    = 6
	period    = 30 // seconds
	window    = 1  // steps early or late that are accepted
	maxName   = 64
)

var base = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret reads a secret of 20 bytes from rand. A reader that fails makes it
// panic: there is no safe secret to return.
func NewSecret(rand io.Reader) []byte {
	s := make([]byte, secretLen)
	if _, err := io.ReadFull(rand, s); err != nil {
		panic(fmt.Sprintf("totp: reading random bytes: %v", err))
	}
	return s
}

// Text is the secret as people type it into an app that cannot scan.
func Text(secret []byte) string { return base.EncodeToString(secret) }

// URI is the otpauth address that apps scan. It contains the secret: show it to
// the owner once and log it never.
func URI(issuer, account string, secret []byte) string {
	i, a := label(issuer), label(account)
	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		i, a, Text(secret), i, digits, period)
}

// label makes s one part of an otpauth label: such a part has no colon, and
// apps want %20, not a plus sign, for a space.
func label(s string) string {
	s = strings.ReplaceAll(identity.Line(s, maxName), ":", " ")
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// At is the code that an app shows at a moment.
func At(secret []byte, at time.Time) (string, error) { return at6(secret, step(at)) }

// Check reports whether code is the one for now, or for the step before or
// after it, and not for lastStep or earlier: a code counts once. It returns the
// step of the code, which the caller stores as the next lastStep in the same
// transaction as the proof; before the first code lastStep is 0.
//
// Spaces in code are passed over. Only the digits 0 to 9 count as digits.
func Check(secret []byte, code string, now time.Time, lastStep int64) (int64, bool) {
	text, ok := normal(code)
	if !ok || len(secret) < minSecret {
		return 0, false
	}
	var found int64
	// All steps are compared, so that the time taken does not tell which one
	// it was; where two have the same code the later one is spent.
	for s := step(now) - window; s <= step(now)+window; s++ {
		want, err := at6(secret, s)
		if err == nil && subtle.ConstantTimeCompare([]byte(text), []byte(want)) == 1 && s > lastStep {
			found = s
		}
	}
	return found, found > 0
}

func step(at time.Time) int64 { return at.Unix() / period }

func at6(secret []byte, step int64) (string, error) {
	if step < 0 {
		return "", fmt.Errorf("totp: making a code: a moment before 1970")
	}
	code, err := hotp.GenerateCode(Text(secret), uint64(step))
	if err != nil {
		return "", fmt.Errorf("totp: making a code: %w", err)
	}
	return code, nil
}

func normal(code string) (string, bool) {
	if len(code) > 8*digits {
		return "", false
	}
	text := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, code)
	return text, len(text) == digits && strings.Trim(text, "0123456789") == ""
}
