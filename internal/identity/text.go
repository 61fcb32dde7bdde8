package identity

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// CheckLine reports why s may not stand as one line of human-readable text in
// a statement, a notice or a page: it must be valid UTF-8 in NFC, at most max
// bytes, without control, line-breaking, bidirectional or invisible
// characters, and without leading or trailing space. The error names the fault
// and its byte offset but never repeats the text.
func CheckLine(s string, max int) error {
	switch {
	case len(s) > max:
		return fmt.Errorf("text is %d bytes long, at most %d are allowed", len(s), max)
	case !utf8.ValidString(s):
		return fmt.Errorf("text is not valid UTF-8")
	case !norm.NFC.IsNormalString(s):
		return fmt.Errorf("text is not in Unicode normalization form C")
	}
	for i, r := range s {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return fmt.Errorf("text has a control or line-breaking character at byte %d", i)
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Variation_Selector, r), r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0':
			return fmt.Errorf("text has an invisible or direction-changing character (U+%04X) at byte %d", r, i)
		case unicode.Is(unicode.Zs, r) && r != ' ':
			return fmt.Errorf("text has an unusual space (U+%04X) at byte %d", r, i)
		}
	}
	if s != "" && (s[0] == ' ' || s[len(s)-1] == ' ') {
		return fmt.Errorf("text begins or ends with a space")
	}
	return nil
}

// Line makes arbitrary text from outside (a directory's display name, say)
// safe to stand on one line: normalized to NFC, with every character CheckLine
// refuses replaced by U+FFFD, trimmed, and cut to max bytes on a character
// boundary. Line is idempotent and its result always passes CheckLine.
func Line(s string, max int) string {
	out := make([]rune, 0, len(s))
	for _, r := range norm.NFC.String(s) {
		if r != ' ' && CheckLine(string(r), utf8.UTFMax) != nil {
			r = utf8.RuneError
		}
		out = append(out, r)
	}
	t := norm.NFC.String(string(out))
	for len(t) > max {
		_, n := utf8.DecodeLastRuneInString(t)
		t = t[:len(t)-n]
	}
	for t != "" && t[0] == ' ' {
		t = t[1:]
	}
	for t != "" && t[len(t)-1] == ' ' {
		t = t[:len(t)-1]
	}
	return t
}
