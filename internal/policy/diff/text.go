package diff

import (
	"fmt"
	"slices"
	"strings"

	"countersign/internal/policy/change"
)

// Eased reports whether the new policy asks less of some request, or something
// else, and does not acknowledge it.
func (r Report) Eased() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Direction.Eases() && !f.Acknowledged })
}

// Same reports whether every request is treated as before.
func (r Report) Same() bool { return len(r.Findings)+len(r.Unclear) == 0 }

// Effect says in one line what the change does.
func (r Report) Effect() string {
	if r.Same() {
		return "every request is treated as before"
	}
	var parts []string
	for _, d := range directions {
		if n := len(r.kinds(d.direction)); n > 0 {
			parts = append(parts, fmt.Sprintf("%s of %s", d.asks, count(n, "kind of request", "kinds of request")))
		}
	}
	if r.Because != "" {
		parts = append(parts, "acknowledged")
	}
	if len(r.Unclear) > 0 {
		parts = append(parts, "not all could be decided")
	}
	return strings.Join(parts, "; ")
}

type asking struct {
	direction change.Direction
	asks      string
}

// rank is the place of a direction among them.
func rank(d change.Direction) int {
	return slices.IndexFunc(directions, func(a asking) bool { return a.direction == d })
}

var directions = []asking{{change.Less, "asks less"}, {change.Else, "asks something else"}, {change.More, "asks more"}}

// kinds lists the kinds of request that change in a direction, in the order in
// which they were found.
func (r Report) kinds(d change.Direction) []Kind {
	var all []Kind
	for _, f := range r.Findings {
		if f.Direction == d && !slices.Contains(all, f.Kind) {
			all = append(all, f.Kind)
		}
	}
	return all
}

// Text writes the report for people: what changes, for which kinds of request,
// and one request of each kind.
func (r Report) Text() string {
	var b strings.Builder
	for _, d := range directions {
		r.section(&b, d.direction, d.asks)
	}
	if r.Same() {
		b.WriteString("Every request is treated as before.\n")
	}
	if w := r.Escalation; w != nil {
		fmt.Fprintf(&b, "Whoever is refused, or has no path left, is told something else:\n\n  - %s\n  + %s\n\n", orNothing(w.Old), orNothing(w.New))
	}
	for _, u := range r.Unclear {
		fmt.Fprintf(&b, "It could not be decided %s.\n", u)
	}
	if r.Because != "" {
		fmt.Fprintf(&b, "The new policy says why it asks less: %s\n", r.Because)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func orNothing(text string) string {
	if text == "" {
		return "(nothing)"
	}
	return text
}

func (r Report) section(b *strings.Builder, d change.Direction, asks string) {
	kinds := r.kinds(d)
	if len(kinds) == 0 {
		return
	}
	fmt.Fprintf(b, "The new policy %s of %s:\n", asks, count(len(kinds), "kind of request", "kinds of request"))
	var done []string
	for _, f := range r.Findings {
		head := f.Change.String()
		if f.Direction != d || slices.Contains(done, head) {
			continue
		}
		done = append(done, head)
		fmt.Fprintf(b, "\n  %s\n", head)
		r.witnesses(b, f.Change)
	}
	b.WriteByte('\n')
}

func (r Report) witnesses(b *strings.Builder, c change.Change) {
	var same []Finding
	width := 0
	for _, f := range r.Findings {
		if f.Change == c {
			same = append(same, f)
			width = max(width, len(f.Kind.String()))
		}
	}
	for _, f := range same {
		fmt.Fprintf(b, "    %-*s  %s", width, f.Kind, f.Given)
		if f.Acknowledged {
			b.WriteString("  (acknowledged)")
		}
		if len(f.RestsOn) > 0 {
			fmt.Fprintf(b, "  (if %s allows it)", strings.Join(f.RestsOn, ", "))
		}
		b.WriteByte('\n')
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// widened writes class/* for a class of which many actions are eased.
func widened(what []string) []string {
	const many = 6
	count := map[string]int{}
	for _, w := range what {
		class, _, _ := strings.Cut(w, "/")
		count[class]++
	}
	var out []string
	for _, w := range what {
		class, _, _ := strings.Cut(w, "/")
		if count[class] >= many {
			w = `"` + class + `/*"`
		}
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// Acknowledgement is the text by which the new policy would say that it asks
// less; the reason is for its author to give.
func (r Report) Acknowledgement() string {
	var what []string
	for _, f := range r.Findings {
		words := []string{fmt.Sprintf("%s/%s", f.Class, f.Action)}
		if f.Was != "" {
			words = append(words, fmt.Sprintf("%s/%s", f.Was, f.Action))
		}
		for _, w := range words {
			if f.Direction.Eases() && !slices.Contains(what, w) {
				what = append(what, w)
			}
		}
	}
	slices.Sort(what)
	what = widened(what)
	return fmt.Sprintf("eases:\n  since: %s\n  because: (why it is right to ask less)\n  what: [%s]\n", r.Old, strings.Join(what, ", "))
}
