// Package code makes the one-time codes that are sent to an address on record,
// and the message that carries one (SP 800-63B-4 §4.2.1.2).
//
// A code is eight digits: two more than the norm asks for, and still easy to
// read out to oneself. The caller keeps only its hash, binds it to one request
// and one method, lets it expire, and counts failures across re-sending.
package code

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// ErrForm: what was typed cannot be a code. It need not count as an attempt,
// since no such text was ever sent.
var ErrForm = errors.New("code: a code is eight digits, 0 to 9")

const (
	digits = 8
	values = 100_000_000
)

// New makes a code, each of the hundred million with the same chance. A reader
// that fails makes it panic: there is no safe code to return.
func New(rand io.Reader) string {
	const fair = (1 << 32) / values * values // from here on the small codes would be likelier
	var b [4]byte
	for {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			panic(fmt.Sprintf("code: reading random bytes: %v", err))
		}
		if n := binary.BigEndian.Uint32(b[:]); uint64(n) < fair {
			return fmt.Sprintf("%0*d", digits, n%values)
		}
	}
}

// Show is the code as people read it: 1234 5678.
func Show(code string) string {
	if len(code) != digits {
		return code
	}
	return code[:digits/2] + " " + code[digits/2:]
}

// Normalize turns what somebody typed into the text that New returned: spaces
// and hyphens go, and only the digits 0 to 9 are digits. The error never
// repeats the text.
func Normalize(typed string) (string, error) {
	if len(typed) > 8*digits {
		return "", ErrForm
	}
	s := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, typed)
	if len(s) != digits || strings.Trim(s, "0123456789") != "" {
		return "", ErrForm
	}
	return s, nil
}
