package directory

import (
	"errors"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"countersign/internal/identity"
)

// maxLogin bounds a login name in bytes. The longest anybody needs is a user
// principal name: 64 bytes before the at sign and 255 behind it.
const maxLogin = 320

// errLogin never repeats the text: people type passwords into login fields.
var errLogin = errors.New("directory: not a possible login name")

// LoginKey gives the form in which two texts are compared as login names: NFC
// and without regard to letter case. A text that could not be anybody's login
// (empty, too long, with invisible or control characters) is an error.
//
// Directories are far more generous: Active Directory ignores accents, LDAP
// servers squeeze spaces and fold compatibility characters. A backend compares
// what it found with what was asked for, so that "josé" never finds "jose". Nor
// does a fold cross from beyond ASCII into ASCII: the long s is not an s.
func LoginKey(s string) (string, error) {
	if len(s) > maxLogin {
		return "", errLogin
	}
	s = norm.NFC.String(s)
	if s == "" || identity.CheckLine(s, maxLogin) != nil {
		return "", errLogin
	}
	out := make([]rune, 0, len(s))
	for _, r := range s {
		l := unicode.ToLower(r)
		if r > unicode.MaxASCII && l <= unicode.MaxASCII {
			l = r
		}
		out = append(out, l)
	}
	return norm.NFC.String(string(out)), nil
}

// SameLogin reports whether two texts are one login name.
func SameLogin(a, b string) bool {
	ka, errA := LoginKey(a)
	kb, errB := LoginKey(b)
	return errA == nil && errB == nil && ka == kb
}
