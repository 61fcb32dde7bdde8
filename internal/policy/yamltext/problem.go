package yamltext

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Problem is one fault of a text: where it is and the way out.
type Problem struct {
	Line   int    `json:"line"`   // from 1; 0 when the fault is of the whole text
	Column int    `json:"column"` // in characters, from 1
	Path   string `json:"path"`   // rules[3].demand.proofs
	Msg    string `json:"message"`
}

func (p Problem) String() string {
	where := ""
	if p.Line > 0 {
		where = fmt.Sprintf("%d:%d: ", p.Line, p.Column)
	}
	if p.Path != "" {
		where += p.Path + ": "
	}
	return where + p.Msg
}

// Problems are all faults of a text, in the order of their position.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return "policy: " + strings.Join(lines, "\npolicy: ")
}

// MaxProblems keeps a text that is wrong everywhere from drowning its reader:
// one more tells how many were left out.
const MaxProblems = 100

func (ps Problems) sorted() Problems {
	ps = slices.Clone(ps)
	slices.SortFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Msg, b.Msg))
	})
	ps = slices.Compact(ps)
	if len(ps) > MaxProblems {
		ps = append(ps[:MaxProblems:MaxProblems], Problem{Msg: fmt.Sprintf("and %d more problems", len(ps)-MaxProblems)})
	}
	return ps
}

// Err is a Problems value with what was found so far; nil when nothing was.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return r.problems.sorted()
}

// Found counts the problems so far.
func (r *Reader) Found() int { return len(r.problems) }

// Fault notes a problem at the node.
func (r *Reader) Fault(n *yaml.Node, path, format string, args ...any) {
	r.FaultAt(n.Line, n.Column, path, format, args...)
}

// FaultIn notes a problem at the character at offset of a scalar's value.
func (r *Reader) FaultIn(n *yaml.Node, value []rune, offset int, path, format string, args ...any) {
	line, column := r.Locate(n, value, offset)
	r.FaultAt(line, column, path, format, args...)
}

// FaultAt notes a problem at a place; line 0 is the whole text.
func (r *Reader) FaultAt(line, column int, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: line, Column: column, Path: path, Msg: fmt.Sprintf(format, args...)})
}
