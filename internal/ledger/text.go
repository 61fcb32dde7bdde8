package ledger

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a JSON string and returns what it means.
func (s *scanner) text() (string, error) {
	s.pos++
	if end, ok := s.plain(); ok {
		text := string(s.in[s.pos:end])
		s.pos = end + 1
		return text, nil
	}
	var out []byte
	for {
		switch c := s.peek(); {
		case c == '"':
			s.pos++
			return string(out), nil
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		case c < 0x20:
			return "", s.fault("a control character in text, or text without its end")
		default:
			r, n := utf8.DecodeRune(s.in[s.pos:])
			if r == utf8.RuneError && n == 1 {
				return "", s.fault("text is not valid UTF-8")
			}
			out = append(out, s.in[s.pos:s.pos+n]...)
			s.pos += n
		}
	}
}

// plain finds the end of a string that is ASCII without escapes.
func (s *scanner) plain() (end int, ok bool) {
	for i, c := range s.in[s.pos:] {
		switch {
		case c == '"':
			return s.pos + i, true
		case c < 0x20, c == '\\', c >= utf8.RuneSelf:
			return 0, false
		}
	}
	return 0, false
}

const (
	escaped  = `"\/bfnrt`
	meanings = "\"\\/\b\f\n\r\t"
)

func (s *scanner) escape() (rune, error) {
	s.pos++
	c := s.peek()
	if c == 'u' {
		return s.unicodeEscape()
	}
	i := strings.IndexByte(escaped, c)
	if c == 0 || i < 0 {
		return 0, s.fault("an unknown escape in text")
	}
	s.pos++
	return rune(meanings[i]), nil
}

// unicodeEscape reads the u and the four hexadecimal digits of an escape, or
// of the two escapes that make a surrogate pair.
func (s *scanner) unicodeEscape() (rune, error) {
	first, err := s.hex()
	if err != nil {
		return 0, err
	}
	if !utf16.IsSurrogate(first) {
		if first == utf8.RuneError && s.refuseReplaced {
			return 0, s.fault("text is not valid UTF-8")
		}
		return first, nil
	}
	if s.peek() != '\\' {
		return 0, s.fault("a lone surrogate in text")
	}
	s.pos++
	if s.peek() != 'u' {
		return 0, s.fault("a lone surrogate in text")
	}
	second, err := s.hex()
	if err != nil {
		return 0, err
	}
	r := utf16.DecodeRune(first, second)
	if r == utf8.RuneError {
		return 0, s.fault("a lone surrogate in text")
	}
	return r, nil
}

// hex reads the u and the four digits of an escape.
func (s *scanner) hex() (rune, error) {
	if len(s.in)-s.pos < 5 {
		return 0, s.fault("an escape is cut short")
	}
	n := rune(0)
	for _, c := range s.in[s.pos+1 : s.pos+5] {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 || c < '0' {
			return 0, s.fault("an escape has a digit that is not hexadecimal")
		}
		n = n<<4 | rune(d)
	}
	s.pos += 5
	return n, nil
}

// appendText writes text as a JSON string with the escapes of RFC 8785
// §3.2.2.2: only what JSON forbids unescaped, in its shortest form.
func appendText(dst []byte, text string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(text) {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[from:i]...)
		from = i + 1
		if j := strings.IndexByte(meanings, c); j >= 0 {
			dst = append(dst, '\\', escaped[j])
			continue
		}
		dst = append(dst, `\u00`...)
		if c < 0x10 {
			dst = append(dst, '0')
		}
		dst = strconv.AppendUint(dst, uint64(c), 16)
	}
	dst = append(dst, text[from:]...)
	return append(dst, '"')
}
