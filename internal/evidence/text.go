package evidence

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"countersign/internal/identity"
)

// VerifyFiles is Verify for the three texts that an auditor has in hand: the
// bundle, the log's verifier key and the founding entry. An error means that
// one of them could not be read at all, so nothing can be said.
func VerifyFiles(bundle, logKey, genesis []byte, now time.Time) (Report, error) {
	log, err := note.NewVerifier(strings.TrimSpace(string(logKey)))
	if err != nil {
		return Report{}, fmt.Errorf("evidence: the log key is not a verifier key: %w", err)
	}
	root, err := ParseGenesis(genesis)
	if err != nil {
		return Report{}, err
	}
	b, err := ParseBundle(bundle)
	if err != nil {
		return Report{}, err
	}
	return Verify(b, Roots{Log: log, Genesis: root}, now), nil
}

// Style is how a report looks on paper or on a screen. The zero Style is plain
// ASCII.
type Style struct {
	Marks  bool // ✓ and ✗ instead of words
	Colour bool // ANSI colours
}

// Sentence is the verdict as a report's last line says it.
func (r Report) Sentence() string {
	if r.Verdict != NotAllowed || len(r.Steps) == 0 {
		return string(r.Verdict)
	}
	last := r.Steps[len(r.Steps)-1]
	return "not allowed: " + last.Name + ": " + identity.Line(last.Detail, maxDetail)
}

const (
	maxDetail = 2000 // bytes of one step's reason
	textWidth = 92
)

// Text renders a report: a line for each step with its reason, then the
// verdict. Nothing in it can steer a terminal, whatever the bundle says.
func (r Report) Text(s Style) string {
	var b strings.Builder
	fmt.Fprintf(&b, "request %s\n\n", identity.Line(r.Request, 200))
	wide := 0
	for _, step := range r.Steps {
		wide = max(wide, len(step.Name))
	}
	for _, step := range r.Steps {
		lead := fmt.Sprintf("  %s %-*s  ", s.mark(step.OK), wide, step.Name)
		indent := strings.Repeat(" ", len([]rune(s.plain(step.OK)))+wide+5)
		lines := wrap(identity.Line(step.Detail, maxDetail), textWidth-len(indent))
		b.WriteString(lead + strings.Join(lines, "\n"+indent) + "\n")
	}
	b.WriteString("\n" + s.paint(r.Verdict != NotAllowed, r.Sentence()) + "\n")
	return b.String()
}

func (s Style) plain(ok bool) string {
	switch {
	case s.Marks && ok:
		return "✓"
	case s.Marks:
		return "✗"
	case ok:
		return "ok"
	}
	return "NO"
}

func (s Style) mark(ok bool) string { return s.paint(ok, s.plain(ok)) }

func (s Style) paint(ok bool, text string) string {
	switch {
	case !s.Colour:
		return text
	case ok:
		return "\x1b[32m" + text + "\x1b[0m"
	}
	return "\x1b[31m" + text + "\x1b[0m"
}

// wrap breaks one line of text at spaces; a longer word stands alone.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
