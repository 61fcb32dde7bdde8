package console

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"countersign/internal/proof"
)

// demandWords are what a policy can demand, for people who do not write any.
var demandWords = map[string]string{
	"request":   "The request itself",
	"tier":      "At stake",
	"proofs":    "Proof",
	"approvals": "Signatures",
	"wait":      "Waiting time",
	"cool_off":  "On record for at least",
	"probation": "Probation",
	"expires":   "Runs out after",
	"review":    "Review within",
	"delivery":  "Delivered by",
	"notify":    "Told",
	"follow_up": "Afterwards",
}

// nameWords are the kinds of things that a policy names.
var nameWords = map[string]string{
	"list": "List", "condition": "Condition", "vendor": "Vendor", "rule": "Rule", "class": "Class", "desk": "Desk",
}

// shown makes visible what hides in a stranger's text: characters that turn
// the direction of reading around, or that no screen shows, stand there by
// their number.
func shown(text string) string {
	if !strings.ContainsFunc(text, hides) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hides(r) {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hides(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == '\u3164' || r == '\u115f' || r == '\u1160' || r == '\uffa0')
}

// formula says a way of proving in words: the methods asked for together.
func formula(way []string) []proof.Method {
	out := make([]proof.Method, len(way))
	for i, m := range way {
		out[i] = proof.Method(m)
	}
	slices.Sort(out)
	return out
}
