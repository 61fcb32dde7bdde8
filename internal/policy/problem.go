package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one fault of a policy's text: where it is and the way out.
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

// Problems are all faults of a policy's text, in the order of their position.
// It is the error of Load.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return "policy: " + strings.Join(lines, "\npolicy: ")
}

// maxProblems keeps a text that is wrong everywhere from drowning its reader.
const maxProblems = 100

func (ps Problems) sorted() Problems {
	slices.SortFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Msg, b.Msg))
	})
	ps = slices.Compact(ps)
	if len(ps) > maxProblems {
		ps = append(ps[:maxProblems:maxProblems], Problem{Msg: fmt.Sprintf("and %d more problems", len(ps)-maxProblems)})
	}
	return ps
}
