package idv

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"countersign/internal/identity"
)

// sameName reports whether two names are the same but for letter case, the way
// letters are composed, and spaces. A name that mixes scripts whose letters
// pass for each other's is the same as none, and so is one with anything
// invisible in it.
func sameName(a, b string) bool {
	a, b = plainName(a), plainName(b)
	return a != "" && a == b
}

// plainName is the form in which names are compared; "" for one that is not to
// be compared.
func plainName(name string) string {
	name = norm.NFC.String(strings.Join(strings.Fields(name), " "))
	if identity.CheckLine(name, maxText) != nil || !oneScript(name) {
		return ""
	}
	return norm.NFC.String(cases.Fold().String(name))
}

// together are the scripts that names are written in together (UTS #39 §5.2,
// highly restrictive): Chinese, Japanese and Korean, also beside Latin.
var together = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo"}, {"Latin", "Han", "Hangul"},
}

// oneScript reports whether a name has letters, all of one script or of scripts
// that go together.
func oneScript(name string) bool {
	found := map[string]bool{}
	for _, r := range name {
		if unicode.IsLetter(r) && !unicode.In(r, unicode.Common) {
			found[scriptOf(r)] = true
		}
	}
	if len(found) == 1 {
		return true
	}
	for _, set := range together {
		n := 0
		for _, s := range set {
			if found[s] {
				n++
			}
		}
		if n == len(found) && n > 0 {
			return true
		}
	}
	return false
}

func scriptOf(r rune) string {
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}
