package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"countersign/internal/identity"
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

// deliveryWords and noticedWords are what a policy calls the ways of delivery
// and those who are told.
var deliveryWords = map[string]string{"session": "shown on the requester's screen", "vault": "put into a vault", "in_person": "handed over in person"}

var noticedWords = map[string]string{"owner_all": "the owner (everywhere on record)", "manager": "the manager", "security": "security"}

var spanUnits = map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}

// demanded is what a demand asks for, which the gate tells in the words of the
// policy language; what is none of them stays as it is.
func (t *tongue) demanded(demand, value string) string {
	one := plain
	switch demand {
	case "tier":
		one = func(s string) string { return t.say(say(tierWords, identity.Tier(s))) }
	case "approvals":
		one = func(s string) string {
			n, role, ok := strings.Cut(s, " ")
			if !ok {
				return plain(s)
			}
			return n + " × " + t.say(say(roleWords, identity.Role(role)))
		}
	case "wait", "cool_off", "probation", "expires", "review":
		one = t.spelled
	case "delivery":
		one = func(s string) string { return t.say(say(deliveryWords, s)) }
	case "notify":
		one = func(s string) string { return t.say(say(noticedWords, s)) }
	case "follow_up":
		one = func(s string) string { return t.say(say(followUpWords, s)) }
	}
	if value == "none" {
		return t.say("none")
	}
	said := strings.Split(shown(value), ", ")
	for i := range said {
		said[i] = one(said[i])
	}
	return strings.Join(said, ", ")
}

// spelled is a length of time that stands there as policies write it, 3d.
func (t *tongue) spelled(s string) string {
	if s == "" {
		return s
	}
	n, err := strconv.ParseInt(s[:len(s)-1], 10, 32)
	unit := spanUnits[s[len(s)-1]]
	if err != nil || unit == 0 {
		return s
	}
	return t.span(n * unit)
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
