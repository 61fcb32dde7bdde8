package yamltext

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"golang.org/x/text/unicode/norm"
)

// MaxBlank is how many spaces may stand in a row. Beyond it a screen may hide
// what follows.
const MaxBlank = 100

// encoded reports whether the text has the right size and is UTF-8.
func (r *Reader) encoded(src []byte, max int) bool {
	switch line, column := notUTF8(src); {
	case len(src) > max:
		r.FaultAt(0, 0, "", "the %s has %d bytes; at most %d are allowed", r.What, len(src), max)
	case bytes.HasPrefix(src, []byte("\ufeff")):
		r.FaultAt(1, 1, "", "the %s must be UTF-8 without a byte order mark", r.What)
	case line > 0:
		r.FaultAt(line, column, "", "the %s must be UTF-8, and here is a byte that is not", r.What)
	default:
		return true
	}
	return false
}

// shown refuses characters through which a text shows something other than what
// it says, wherever they stand. People sign what they look at. Written as an
// escape within double quotes such a character is plain to see; see
// refuseHidden for those that are refused even then.
func (r *Reader) shown() {
	for i, line := range r.lines {
		line = strings.TrimSuffix(line, "\r")
		if n := len([]rune(line)); r.MaxLine > 0 && n > r.MaxLine {
			r.FaultAt(i+1, r.MaxLine+1, "", "the line is too long to be read; break it into several")
		}
		deceptions(line, func(column int, msg string) { r.FaultAt(i+1, column, "", "%s", msg) })
	}
}

// Plain reports whether a line shows what it says: Parse refuses no character
// of it.
func Plain(line string) bool {
	plain := true
	deceptions(line, func(int, string) { plain = false })
	return plain
}

func deceptions(line string, at func(column int, msg string)) {
	if strings.HasPrefix(line, "%") {
		at(1, "a directive is not allowed; take the line out")
	}
	if column := blankAt(line); column > 0 {
		at(column, "more than 100 spaces in a row could push what follows off the screen; take them out")
	}
	column := 0
	for _, c := range line {
		column++
		if msg := hidden(c); msg != "" && c != '\t' {
			at(column, msg)
		}
	}
	if n := norm.NFC.QuickSpanString(line); n < len(line) && !norm.NFC.IsNormalString(line) {
		at(len([]rune(line[:n]))+1, "an accent or syllable here is not in Unicode's composed form (NFC), so it would never match what looks the same; type it anew")
	}
}

// blankAt is the column of an overlong run of spaces and tabs; 0 for none.
func blankAt(line string) int {
	run := 0
	for i, r := range []rune(line) {
		if r != ' ' && r != '\t' {
			run = 0
		} else if run++; run > MaxBlank {
			return i + 2 - run
		}
	}
	return 0
}

// hidden says what is wrong with a character that no screen shows as what it
// is; "" when nothing is.
func hidden(r rune) string {
	switch {
	case r == '\r':
		return "a carriage return without a line feed; end lines with a line feed"
	case r == '\u0085', r == '\u2028', r == '\u2029':
		return "an unusual line break (" + codeOf(r) + "); end lines with a line feed"
	case unicode.IsControl(r):
		return "a control character (" + codeOf(r) + "); take it out"
	case unicode.In(r, unicode.Cf, unicode.Co, unicode.Variation_Selector, unicode.Noncharacter_Code_Point),
		r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0', r == '\u034f', r == '\u2800':
		return "an invisible or direction-changing character (" + codeOf(r) + "); take it out"
	case unicode.Is(unicode.Zs, r) && r != ' ' && r != '\u3000':
		return "a space that is not one (" + codeOf(r) + "); type a plain space"
	}
	return ""
}

func codeOf(r rune) string {
	const digits = "0123456789ABCDEF"
	out := "U+"
	for shift := 20; shift >= 0; shift -= 4 {
		if d := r >> shift & 15; d != 0 || shift < 16 || len(out) > 2 {
			out += string(digits[d])
		}
	}
	return out
}

// refuseHidden refuses what an escape brings into a value and no reader of the
// plan, the ledger or a list of differences would see there.
func (r *Reader) refuseHidden(n *yaml.Node) {
	if i := hiddenAt(n.Value); i >= 0 {
		value := []rune(n.Value)
		r.FaultIn(n, value, i, "", "%s", hidden(value[i]))
	}
}

// hiddenAt is the place of the first character that a value may not have, even
// as an escape; -1 when there is none.
func hiddenAt(value string) int {
	return slices.IndexFunc([]rune(value), func(r rune) bool {
		return hidden(r) != "" && r != '\n' && r != '\t' && !unicode.Is(unicode.Zs, r)
	})
}

// notUTF8 finds the first byte that is no character.
func notUTF8(src []byte) (line, column int) {
	line, column = 1, 1
	for len(src) > 0 {
		r, size := utf8.DecodeRune(src)
		switch {
		case r == utf8.RuneError && size == 1:
			return line, column
		case r == '\n':
			line, column = line+1, 1
		default:
			column++
		}
		src = src[size:]
	}
	return 0, 0
}

// otherwise are plain words that YAML readers disagree about: for some no is a
// boolean and 10:30 the number 630.
var otherwise = regexp.MustCompile(`(?i)^(y|yes|n|no|on|off|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)$`)

func ambiguous(n *yaml.Node) bool { return n.Style == 0 && otherwise.MatchString(n.Value) }
