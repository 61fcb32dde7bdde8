// Package yamltext reads the YAML that people write for the policy's tools,
// strictly and with a place for every fault. What makes a text mean something
// other than what it shows is refused: anchors, aliases, merge keys, tags and
// fields that stand twice.
//
// A Reader walks the tree that Parse gives it and collects every problem it
// meets instead of stopping at the first.
package yamltext

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Problem is one fault of a text: where it is and the way out.
type Problem struct {
	Line   int    `json:"line"`   // from 1; 0 when the fault is of the whole text
	Column int    `json:"column"` // in characters, from 1
	Path   string `json:"path"`   // cases[3].expect.tier
	Msg    string `json:"message"`
}

// Reader collects the problems of one text.
type Reader struct {
	// What names the sort of text in messages: "a file of cases".
	What string

	problems []Problem
}

// maxProblems keeps a text that is wrong everywhere from drowning its reader.
const maxProblems = 100

// Problems gives what was found, in the order of the text.
func (r *Reader) Problems() []Problem {
	ps := slices.Clone(r.problems)
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

// Fault notes a problem at the node.
func (r *Reader) Fault(n *yaml.Node, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: n.Line, Column: n.Column, Path: path, Msg: fmt.Sprintf(format, args...)})
}

// Parse reads the text into a tree of at most max bytes. It gives nil when
// there was a problem, and also when the text is empty, which is for the caller
// to judge.
func (r *Reader) Parse(src []byte, max int) *yaml.Node {
	before := len(r.problems)
	if len(src) > max {
		r.problems = append(r.problems, Problem{Msg: fmt.Sprintf("the text has %d bytes; at most %d are allowed", len(src), max)})
		return nil
	}
	root := r.load(src)
	if root != nil {
		r.refuseTricks(root)
	}
	if len(r.problems) > before {
		return nil
	}
	return root
}

func (r *Reader) load(src []byte) *yaml.Node {
	var doc, second yaml.Node
	docs, err := yaml.NewLoader(bytes.NewReader(src), yaml.WithUniqueKeys(false))
	if err == nil {
		err = docs.Load(&doc)
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		p := Problem{Msg: "this is not YAML: " + err.Error()}
		if le, ok := errors.AsType[*yaml.LoadError](err); ok {
			p = Problem{Line: le.Mark.Line, Column: le.Mark.Column + 1, Msg: "this is not YAML: " + le.Message}
		}
		r.problems = append(r.problems, p)
		return nil
	case doc.Kind != yaml.DocumentNode || len(doc.Content) != 1:
		return nil
	}
	if err := docs.Load(&second); !errors.Is(err, io.EOF) {
		r.Fault(&second, "", "a second document begins here; %s is one document", r.What)
	}
	return doc.Content[0]
}

func (r *Reader) refuseTricks(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		r.Fault(n, "", "an alias (*%s) is not allowed; write the value out", Clip(n.Value))
	case n.Anchor != "":
		r.Fault(n, "", "an anchor (&%s) is not allowed; write the value out", Clip(n.Anchor))
	case n.Style&yaml.TaggedStyle != 0:
		r.Fault(n, "", "a tag (%s) is not allowed; quote the value when it is a text", Clip(n.Tag))
	case n.Tag == "!!merge":
		r.Fault(n, "", "a merge key (<<) is not allowed; write the fields out")
	}
	for _, c := range n.Content {
		r.refuseTricks(c)
	}
}
