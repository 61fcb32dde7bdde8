package yamltext

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Locate finds where in the text the character at offset of a scalar's value
// stands. It walks the value and its source side by side, so quotes, escapes,
// indentation and folded lines are accounted for. The answer is exact for
// scalars on one line and for block scalars; within a folded scalar it is exact
// for every character that is not white space.
func (r *Reader) Locate(n *yaml.Node, value []rune, offset int) (line, column int) {
	offset = max(offset, 0)
	w := walker{src: r.lines, line: n.Line - 1, col: n.Column - 1}
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		w.line, w.col = w.line+1, 0
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		w.col++
	}
	for _, c := range value[:min(offset, len(value))] {
		w.take(c, n.Style)
	}
	if offset < len(value) && !isSpace(value[offset]) {
		w.settle(n.Style)
	}
	return w.line + 1, w.col + 1
}

type walker struct {
	src       []string
	line, col int
	row       []rune
	rowOf     int // the line that row holds, plus one
}

// at is the source character d places on; a newline at the end of a line.
func (w *walker) at(d int) rune {
	if w.line >= len(w.src) {
		return 0
	}
	if w.rowOf != w.line+1 {
		w.row, w.rowOf = []rune(strings.TrimSuffix(w.src[w.line], "\r")), w.line+1
	}
	if w.col+d >= len(w.row) {
		return '\n'
	}
	return w.row[w.col+d]
}

func (w *walker) step(n int) {
	for range n {
		switch w.at(0) {
		case 0:
			return
		case '\n':
			w.line, w.col = w.line+1, 0
		default:
			w.col++
		}
	}
}

func (w *walker) skipSpace() {
	for isSpace(w.at(0)) {
		w.step(1)
	}
}

// settle goes to the source of the next character that is not white space; an
// escaped line break stands for nothing.
func (w *walker) settle(style yaml.Style) {
	w.skipSpace()
	for style&yaml.DoubleQuotedStyle != 0 && w.at(0) == '\\' && w.at(1) == '\n' {
		w.step(2)
		w.skipSpace()
	}
}

// take moves over the source of the value's next character.
func (w *walker) take(r rune, style yaml.Style) {
	if !isSpace(r) {
		w.settle(style)
	}
	switch c := w.at(0); {
	case style&yaml.DoubleQuotedStyle != 0 && c == '\\':
		w.takeEscape()
	case style&yaml.SingleQuotedStyle != 0 && c == '\'':
		w.step(2)
	case c == r, isSpace(c):
		w.step(1)
	}
}

func (w *walker) takeEscape() {
	switch w.at(1) {
	case 'x':
		w.step(4)
	case 'u':
		w.step(6)
	case 'U':
		w.step(10)
	default:
		w.step(2)
	}
}

func isSpace(r rune) bool { return slices.Contains([]rune{' ', '\t', '\n'}, r) }
