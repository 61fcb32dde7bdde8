// Package recoverycode makes the codes that people save for the day they lose
// everything else (SP 800-63B-4 §4.2.1.1): 95 random bits and a check
// character, as K7QF-9M2X-3TDW-RB8E-5HJ3.
//
// The caller keeps only the hash of the text that New and Normalize return,
// shows the code once, counts failures, and after use replaces it by a new one.
package recoverycode

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// What Normalize reports. Neither need count as an attempt, since no such text
// was ever given out; an attacker learns nothing that this comment does not say.
var (
	ErrForm = errors.New("recoverycode: a recovery code is five groups of four letters and digits")
	// ErrTypo also stands for a character that no code has, where the length is right.
	ErrTypo = errors.New("recoverycode: a character is wrong, or two have changed places")
)

// alphabet is Crockford's base32: no I, L, O (read as 1, 1 and 0) and no U.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	data  = 19 // characters of 5 bits each; one more is the check
	group = 4
)

// New makes a code in the form that Normalize returns. A reader that fails
// makes it panic: there is no safe code to return.
func New(rand io.Reader) string {
	var raw [data]byte
	if _, err := io.ReadFull(rand, raw[:]); err != nil {
		panic(fmt.Sprintf("recoverycode: reading random bytes: %v", err))
	}
	values := make([]byte, 0, data+1)
	for _, b := range raw {
		values = append(values, b%32) // 32 divides 256: no bias
	}
	return text(append(values, times2(fold(values))))
}

// Normalize turns what somebody typed into the text that New returned: case,
// spaces and hyphens do not matter, O reads as 0, I and L as 1. A single wrong
// character or two exchanged ones are always ErrTypo; other mistakes escape
// it once in 32 times. No error repeats the text.
func Normalize(typed string) (string, error) {
	if len(typed) > 8*(data+1) {
		return "", ErrForm
	}
	values, foreign := make([]byte, 0, data+1), false
	for _, r := range typed {
		if unicode.IsSpace(r) || r == '-' {
			continue
		}
		if len(values) > data {
			return "", ErrForm
		}
		i := value(r)
		foreign = foreign || i < 0
		values = append(values, byte(max(i, 0)))
	}
	if len(values) != data+1 {
		return "", ErrForm
	}
	if foreign || fold(values) != 0 {
		return "", ErrTypo
	}
	return text(values), nil
}

func value(r rune) int {
	switch r {
	case 'O', 'o':
		return 0
	case 'I', 'i', 'L', 'l':
		return 1
	}
	if r >= 'a' && r <= 'z' { // not unicode.ToUpper: other alphabets have letters that it turns into ours
		r -= 'a' - 'A'
	}
	return strings.IndexRune(alphabet, r)
}

func text(values []byte) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 && i%group == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[v])
	}
	return b.String()
}

// fold reads the characters as a polynomial over GF(32) and gives its value at
// 2. A whole code has the value 0. The powers of 2 differ at all 20 places, so
// changing one character, or exchanging two, changes the value.
func fold(values []byte) byte {
	var c byte
	for _, v := range values {
		c = times2(c) ^ v
	}
	return c
}

// times2 multiplies in GF(32), modulo x^5 + x^2 + 1.
func times2(c byte) byte {
	c <<= 1
	if c&32 != 0 {
		c ^= 0b100101
	}
	return c
}
