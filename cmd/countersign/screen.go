package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"countersign/internal/identity"
)

// screen is where people read and answer. Text from a server or a file goes
// through safe before it gets here.
type screen struct {
	in     io.Reader
	lines  *bufio.Reader
	out    io.Writer
	errs   io.Writer
	colour bool
	asks   bool // somebody sits there to answer
}

func newScreen(in io.Reader, out, errs io.Writer) *screen {
	tty := func(v any) bool {
		f, ok := v.(*os.File)
		return ok && term.IsTerminal(int(f.Fd()))
	}
	return &screen{
		in: in, lines: bufio.NewReader(in), out: out, errs: errs, asks: tty(in) && tty(errs),
		colour: tty(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

func (s *screen) environ() []string { return os.Environ() }

func (s *screen) say(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format+"\n", args...) }

// mention is for people beside the answer, on standard error.
func (s *screen) mention(format string, args ...any) {
	_, _ = fmt.Fprintf(s.errs, format+"\n", args...)
}

// safe makes text from outside fit to stand on a line of a terminal.
func safe[T ~string](text T) string { return identity.Line(string(text), 2000) }

// safeLines is safe for text of several lines.
func safeLines(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		indent := l[:len(l)-len(strings.TrimLeft(l, " "))]
		lines[i] = indent + safe(l)
	}
	return strings.Join(lines, "\n")
}

func (s *screen) bold(text string) string { return s.paint("1", text) }

func (s *screen) dim(text string) string { return s.paint("2", text) }

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// fields prints names and values in two columns; empty values are left out.
func (s *screen) fields(pairs ...string) {
	wide := 0
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			wide = max(wide, len(pairs[i]))
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			s.say("%s  %s", s.dim(fmt.Sprintf("%-*s", wide, pairs[i])), pairs[i+1])
		}
	}
}

// table prints rows in columns; the first row is the heading.
func (s *screen) table(rows [][]string) {
	var wide []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(wide) {
				wide = append(wide, 0)
			}
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		line := strings.TrimRight(b.String(), " ")
		if n == 0 {
			line = s.dim(line)
		}
		s.say("%s", line)
	}
}

// answer prints v as JSON when that was asked for, or else calls text.
func (e *env) answer(v any, text func()) error {
	if !e.json {
		text()
		return nil
	}
	j := json.NewEncoder(e.out)
	j.SetEscapeHTML(false)
	j.SetIndent("", "  ")
	return j.Encode(v)
}

var errNobody = errors.New("nobody is there to answer")

// confirm asks a yes-or-no question.
func (s *screen) confirm(question string) (bool, error) {
	if !s.asks {
		return false, hinted(errNobody, "say --yes if you have read the above and mean it")
	}
	text, err := s.ask(question + " [y/N] ")
	return strings.EqualFold(text, "y") || strings.EqualFold(text, "yes"), err
}

func (s *screen) ask(question string) (string, error) {
	_, _ = fmt.Fprint(s.errs, question)
	text, err := s.lines.ReadString('\n')
	if err != nil && text == "" {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	return strings.TrimSpace(text), nil
}

// secret asks for something that must not be seen.
func (s *screen) secret(question string) (string, error) {
	f, ok := s.in.(*os.File)
	if !ok || !s.asks {
		return "", errNobody
	}
	_, _ = fmt.Fprint(s.errs, question)
	raw, err := term.ReadPassword(int(f.Fd()))
	_, _ = fmt.Fprintln(s.errs)
	return string(raw), err
}
