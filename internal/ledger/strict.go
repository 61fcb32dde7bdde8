package ledger

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// What has to be canonical already needs no second text to compare it with.
// The methods here step over one value and refuse any byte that Canonical would
// have written otherwise. They allocate nothing for text as it usually is.

// IsCanonical reports whether Canonical would return raw itself.
func IsCanonical(raw []byte) bool {
	s := scanner{in: raw}
	return s.skip(0) == nil && s.pos == len(raw)
}

func (s *scanner) skip(depth int) error {
	switch c := s.peek(); c {
	case '{', '[':
		if depth == maxDepth {
			return s.fault("nested deeper than %d", maxDepth)
		}
		if c == '{' {
			return s.skipObject(depth + 1)
		}
		return s.skipArray(depth + 1)
	case '"':
		_, err := s.skipText()
		return err
	}
	return s.scalar()
}

func (s *scanner) skipArray(depth int) error {
	s.pos++
	if s.peek() == ']' {
		s.pos++
		return nil
	}
	for {
		if err := s.skip(depth); err != nil {
			return err
		}
		switch s.peek() {
		case ']':
			s.pos++
			return nil
		case ',':
			s.pos++
		default:
			return s.fault("a comma or the end of the array is expected, without space")
		}
	}
}

func (s *scanner) skipObject(depth int) error {
	s.pos++
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	var last memberName
	for {
		name, err := s.skipMember(depth)
		if err != nil {
			return err
		}
		if last.quoted != nil && !last.before(name) {
			return s.fault("member names stand out of order or twice")
		}
		last = name
		switch s.peek() {
		case '}':
			s.pos++
			return nil
		case ',':
			s.pos++
		default:
			return s.fault("a comma or the end of the object is expected, without space")
		}
	}
}

func (s *scanner) skipMember(depth int) (memberName, error) {
	if s.peek() != '"' {
		return memberName{}, s.fault("a member name is expected, without space")
	}
	start := s.pos
	plain, err := s.skipText()
	if err != nil {
		return memberName{}, err
	}
	name := memberName{quoted: s.in[start:s.pos], plain: plain}
	if s.peek() != ':' {
		return memberName{}, s.fault("a colon is expected, without space")
	}
	s.pos++
	return name, s.skip(depth)
}

// memberName is the name of a member as it is written, with its quotes.
type memberName struct {
	quoted []byte
	plain  bool // ASCII without escapes: ordered by its bytes
}

func (m memberName) before(next memberName) bool {
	if m.plain && next.plain {
		return bytes.Compare(unquoted(m.quoted), unquoted(next.quoted)) < 0
	}
	return compareUTF16(meaningOf(m.quoted), meaningOf(next.quoted)) < 0
}

func unquoted(quoted []byte) []byte { return quoted[1 : len(quoted)-1] }

// meaningOf is what a string says that skipText has stepped over.
func meaningOf(quoted []byte) string {
	s := scanner{in: quoted}
	text, _ := s.text()
	return text
}

// skipText reports whether the text is ASCII without escapes.
func (s *scanner) skipText() (plain bool, err error) {
	s.pos++
	plain = true
	for {
		s.pos += plainRun(s.in[s.pos:])
		switch c := s.peek(); {
		case c == '"':
			s.pos++
			return plain, nil
		case c == '\\':
			plain = false
			if err := s.skipEscape(); err != nil {
				return false, err
			}
		case c < 0x20:
			return false, s.fault("a control character in text, or text without its end")
		default:
			plain = false
			r, n := utf8.DecodeRune(s.in[s.pos:])
			if r == utf8.RuneError && n == 1 {
				return false, s.fault("text is not valid UTF-8")
			}
			s.pos += n
		}
	}
}

// skipEscape takes only the escape that appendText would write.
func (s *scanner) skipEscape() error {
	start := s.pos
	r, err := s.escape()
	if err != nil {
		return err
	}
	var buf [16]byte
	if want := appendText(buf[:0], string(r)); !bytes.Equal(unquoted(want), s.in[start:s.pos]) {
		s.pos = start
		return s.fault("an escape that is not needed, or not in its shortest form")
	}
	return nil
}

// plainRun is how many bytes from the start of b on are ASCII and stand for
// themselves in a JSON string. It looks at eight of them at a time.
func plainRun(b []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(b[n:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// The lowest top bit set here belongs to the first byte that is beyond
		// ASCII, a control character, a quote or a backslash; only bits above
		// it can be wrong.
		if special := (w | (w - ones*0x20) | (quote-ones)&^quote | (slash-ones)&^slash) & tops; special != 0 {
			return n + bits.TrailingZeros64(special)/8
		}
	}
	for ; n < len(b); n++ {
		if c := b[n]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return n
		}
	}
	return n
}
