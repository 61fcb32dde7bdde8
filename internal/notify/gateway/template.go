package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"countersign/internal/identity"
)

// values are what places stand for in one request.
type values map[string]string

// template is a text with places, taken apart once: what is put into a place
// is never read for places again.
type template []piece

// piece is either text as written or the name of a place.
type piece struct{ text, slot string }

var (
	slotsOfMessage = []string{"to", "to_digits", "from", "id", "text"}
	slotsOfNumber  = []string{"to", "to_digits", "from"}
	slot           = regexp.MustCompile(`\{[A-Za-z0-9_]*\}`)
)

// parse takes a text apart. Braces that are no place are refused: they are
// more likely a mistake than meant.
func parse(text string, slots []string) (template, error) {
	var t template
	rest := text
	for rest != "" {
		at := slot.FindStringIndex(rest)
		if at == nil {
			at = []int{len(rest), len(rest)}
		}
		before, name := rest[:at[0]], strings.Trim(rest[at[0]:at[1]], "{}")
		if strings.ContainsAny(before, "{}") {
			return nil, fmt.Errorf("a brace stands alone; places are written {%s}", strings.Join(slots, "}, {"))
		}
		if before != "" {
			t = append(t, piece{text: before})
		}
		if at[1] > at[0] {
			if !slices.Contains(slots, name) {
				return nil, unknown(name, slots)
			}
			t = append(t, piece{slot: name})
		}
		rest = rest[at[1]:]
	}
	return t, nil
}

func unknown(name string, slots []string) error {
	if near := identity.Nearest(name, slots); near != "" {
		return fmt.Errorf("there is no {%s} here; did you mean {%s}?", name, near)
	}
	return fmt.Errorf("there is no {%s} here; there are {%s}", name, strings.Join(slots, "}, {"))
}

// fill puts values into their places, each encoded.
func (t template) fill(v values, encode func(string) string) string {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.text)
		if p.slot != "" {
			b.WriteString(encode(v[p.slot]))
		}
	}
	return b.String()
}

func plain(s string) string { return s }

// names reports whether one of the places stands in t.
func (t template) names(slots ...string) bool {
	return slices.ContainsFunc(t, func(p piece) bool { return slices.Contains(slots, p.slot) && p.slot != "" })
}
