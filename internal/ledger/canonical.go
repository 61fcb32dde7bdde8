package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of arrays and objects, so that hostile input
// cannot exhaust the stack.
const maxDepth = 64

// maxInteger is the largest whole number every JSON reader agrees on.
const maxInteger = 1<<53 - 1

// Canonical rewrites a JSON text in the canonical form of RFC 8785: no white
// space, members sorted by the UTF-16 code units of their names, the shortest
// escapes. It is stricter than RFC 8785 about what it accepts: numbers are
// whole and within ±(2^53-1), names are unique within an object, text is valid
// Unicode, nesting stays within 64, and nothing follows the value. Canonical
// is idempotent, and two texts with one canonical form mean the same.
func Canonical(raw []byte) ([]byte, error) {
	out, err := canonical(raw, false)
	if err != nil {
		return nil, fmt.Errorf("ledger: canonical JSON: %w", err)
	}
	return out, nil
}

// Marshal encodes v as encoding/json does and returns the canonical form. Text
// in v that is not valid UTF-8 is an error: encoding/json would replace it,
// and then two different values would have one form.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("ledger: encoding %T: %w", v, err)
	}
	out, err := canonical(buf.Bytes(), true)
	if err != nil {
		return nil, fmt.Errorf("ledger: encoding %T: %w", v, err)
	}
	return out, nil
}

func canonical(raw []byte, refuseReplaced bool) ([]byte, error) {
	s := scanner{in: raw, refuseReplaced: refuseReplaced}
	s.space()
	out, err := s.value(make([]byte, 0, len(raw)), 0)
	if err != nil {
		return nil, err
	}
	if s.space(); s.pos != len(raw) {
		return nil, s.fault("text after the value")
	}
	return out, nil
}

// scanner reads one JSON text from the left. Its methods append the canonical
// form of what they read to dst.
type scanner struct {
	in  []byte
	pos int
	// refuseReplaced refuses the escape \ufffd, which is how encoding/json
	// writes bytes that are not UTF-8; a genuine U+FFFD it writes unescaped.
	refuseReplaced bool
}

func (s *scanner) fault(format string, args ...any) error {
	return fmt.Errorf("byte %d: %w", s.pos, fmt.Errorf(format, args...))
}

func (s *scanner) space() {
	for s.pos < len(s.in) && strings.IndexByte(" \t\r\n", s.in[s.pos]) >= 0 {
		s.pos++
	}
}

// peek is the next byte, or 0 at the end; a 0 in the input is never valid.
func (s *scanner) peek() byte {
	if s.pos < len(s.in) {
		return s.in[s.pos]
	}
	return 0
}

func (s *scanner) value(dst []byte, depth int) ([]byte, error) {
	switch c := s.peek(); c {
	case '{', '[':
		if depth == maxDepth {
			return nil, s.fault("nested deeper than %d", maxDepth)
		}
		if c == '{' {
			return s.object(dst, depth+1)
		}
		return s.array(dst, depth+1)
	case '"':
		text, err := s.text()
		return appendText(dst, text), err
	}
	start := s.pos
	if err := s.scalar(); err != nil {
		return nil, err
	}
	return append(dst, s.in[start:s.pos]...), nil
}

// scalar steps over a number or a word, which have one spelling each.
func (s *scanner) scalar() error {
	if c := s.peek(); c == '-' || '0' <= c && c <= '9' {
		_, err := s.integer()
		return err
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(s.in[s.pos:], []byte(word)) {
			s.pos += len(word)
			return nil
		}
	}
	return s.fault("a JSON value is expected")
}

func (s *scanner) array(dst []byte, depth int) ([]byte, error) {
	dst = append(dst, '[')
	s.pos++
	if s.space(); s.peek() == ']' {
		s.pos++
		return append(dst, ']'), nil
	}
	for {
		var err error
		s.space()
		if dst, err = s.value(dst, depth); err != nil {
			return nil, err
		}
		s.space()
		switch s.peek() {
		case ']':
			s.pos++
			return append(dst, ']'), nil
		case ',':
			s.pos++
			dst = append(dst, ',')
		default:
			return nil, s.fault("a comma or the end of the array is expected")
		}
	}
}

// member is one name of an object and where its text stands in dst.
type member struct {
	name     string
	from, to int
}

func (s *scanner) object(dst []byte, depth int) ([]byte, error) {
	start := len(dst)
	dst = append(dst, '{')
	s.pos++
	if s.space(); s.peek() == '}' {
		s.pos++
		return append(dst, '}'), nil
	}
	var members []member
	for {
		var m member
		var err error
		if m, dst, err = s.member(dst, depth); err != nil {
			return nil, err
		}
		members = append(members, m)
		s.space()
		switch s.peek() {
		case '}':
			s.pos++
			if dst, err = sortMembers(dst, start+1, members); err != nil {
				return nil, s.fault("%w", err)
			}
			return append(dst, '}'), nil
		case ',':
			s.pos++
			dst = append(dst, ',')
		default:
			return nil, s.fault("a comma or the end of the object is expected")
		}
	}
}

func (s *scanner) member(dst []byte, depth int) (member, []byte, error) {
	if s.space(); s.peek() != '"' {
		return member{}, nil, s.fault("a member name is expected")
	}
	name, err := s.text()
	if err != nil {
		return member{}, nil, err
	}
	if s.space(); s.peek() != ':' {
		return member{}, nil, s.fault("a colon is expected")
	}
	s.pos++
	m := member{name: name, from: len(dst)}
	s.space()
	dst, err = s.value(append(appendText(dst, name), ':'), depth)
	m.to = len(dst)
	return m, dst, err
}

// sortMembers puts the members written from dst[start] on into order. Most
// input is in order already, and then nothing is copied.
func sortMembers(dst []byte, start int, members []member) ([]byte, error) {
	byName := func(a, b member) int { return compareUTF16(a.name, b.name) }
	sorted := slices.IsSortedFunc(members, byName)
	if !sorted {
		slices.SortFunc(members, byName)
	}
	for i := 1; i < len(members); i++ {
		if members[i].name == members[i-1].name {
			return nil, errors.New("an object has a member name twice")
		}
	}
	if sorted {
		return dst, nil
	}
	old := slices.Clone(dst[start:])
	dst = dst[:start]
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, old[m.from-start:m.to-start]...)
	}
	return dst, nil
}

// compareUTF16 orders text by UTF-16 code units, which differs from byte order
// only between U+E000..U+FFFF and the characters beyond them.
func compareUTF16(a, b string) int {
	for a != "" && b != "" {
		ra, na := utf8.DecodeRuneInString(a)
		rb, nb := utf8.DecodeRuneInString(b)
		if ra != rb {
			return slices.Compare(utf16.Encode([]rune{ra}), utf16.Encode([]rune{rb}))
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) - len(b)
}

// integer reads a whole number in range.
func (s *scanner) integer() (int64, error) {
	negative := s.peek() == '-'
	if negative {
		s.pos++
	}
	start, n := s.pos, int64(0)
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		if n = n*10 + int64(c-'0'); n > maxInteger {
			return 0, s.fault("a number is beyond ±(2^53-1)")
		}
		s.pos++
	}
	switch c := s.peek(); {
	case s.pos == start:
		return 0, s.fault("a digit is expected")
	case s.in[start] == '0' && (s.pos > start+1 || negative):
		return 0, s.fault("a number has a leading zero or is -0")
	case c == '.' || c == 'e' || c == 'E':
		return 0, s.fault("a number is not written as a whole number")
	case negative:
		n = -n
	}
	return n, nil
}
