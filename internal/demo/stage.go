package demo

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"countersign/internal/client"
	"countersign/internal/identity"
)

// stage is what the audience sees.
type stage struct {
	out     io.Writer
	colour  bool
	chapter int
	doing   string // the step under way, to be named if it fails
}

const width = 92

func (s *stage) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *stage) bold(t string) string  { return s.paint("1", t) }
func (s *stage) dim(t string) string   { return s.paint("2", t) }
func (s *stage) green(t string) string { return s.paint("32", t) }
func (s *stage) amber(t string) string { return s.paint("33", t) }

func (s *stage) line(format string, args ...any) {
	text := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	_, _ = io.WriteString(s.out, text+"\n") // an audience that has left is no fault of the play
}

func (s *stage) title(text string) {
	s.chapter++
	s.line("")
	s.line("%s", s.bold(fmt.Sprintf("%d  %s", s.chapter, text)))
	s.line("")
}

// tell wraps a paragraph of narration.
func (s *stage) tell(format string, args ...any) {
	for _, l := range wrap(fmt.Sprintf(format, args...), width-3) {
		s.line("   %s", l)
	}
}

// so is a finding: what the calls above have shown.
func (s *stage) so(format string, args ...any) {
	for i, l := range wrap(fmt.Sprintf(format, args...), width-5) {
		mark := " "
		if i == 0 {
			mark = "✓"
		}
		s.line("   %s %s", s.green(mark), l)
	}
}

// quote shows text that is not ours, indented, safe for a terminal.
func (s *stage) quote(text string) {
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		indent := len(l) - len(strings.TrimLeft(l, " "))
		s.line("     %s %s", s.dim("│"), strings.Repeat(" ", indent)+identity.Line(l, 500))
	}
}

// coloured is quote for text that this program has coloured itself.
func (s *stage) coloured(text string) {
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		s.line("     %s %s", s.dim("│"), l)
	}
}

// try announces an attempt: "to choose a lower tier".
func (s *stage) try(format string, args ...any) {
	s.line("   %s", s.dim("· tries "+fmt.Sprintf(format, args...)))
}

func (s *stage) gap() { s.line("") }

var id = regexp.MustCompile(`\b(req|chl|chg)_[0-9a-f-]{32}([0-9a-f]{4})\b`)

// call shows one exchange with the API, briefly.
func (s *stage) call(who string) func(client.Exchange) {
	return func(x client.Exchange) {
		path := id.ReplaceAllString(x.Path, "${1}_…$2")
		what := cut(fmt.Sprintf("%-4s %s", x.Method, path), 60)
		status := s.green(fmt.Sprint(x.Status))
		if x.Status >= http.StatusBadRequest {
			status = s.amber(fmt.Sprintf("%d %s", x.Status, identity.Line(x.Code, 60)))
		}
		pad := max(1, 62-utf8.RuneCountInString(what))
		s.line("   %s %s %s%s%s", s.dim(fmt.Sprintf("%-8s", who)), s.dim("→"), what, strings.Repeat(" ", pad), status)
	}
}

func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// act is one step of the play. The first that goes otherwise ends it.
func (s *stage) act(name string, do func() error) error {
	s.doing = name
	if err := do(); err != nil {
		return fmt.Errorf("demo: %s: %w", name, err)
	}
	return nil
}

// refused wants the server's no, by its code.
func refused(err error, code string) error {
	switch got := client.CodeOf(err); {
	case err == nil:
		return fmt.Errorf("it was allowed; the answer should have been %s", code)
	case got != code:
		return fmt.Errorf("the answer should have been %s: %w", code, err)
	}
	return nil
}

// want states something that has to be so.
func want(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return errors.New(fmt.Sprintf(format, args...)) //nolint:revive // the sentence is the error
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
