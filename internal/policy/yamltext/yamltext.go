// Package yamltext reads the YAML that people write for the policy and its
// tools, strictly and with a place for every fault. What makes a text mean
// something other than what it shows is refused: anchors, aliases, merge keys,
// tags, fields that stand twice, characters that no screen shows, and words
// that readers of YAML disagree about.
//
// A Reader walks the tree that Parse gives it and collects every problem it
// meets instead of stopping at the first.
package yamltext

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Reader collects the problems of one text.
type Reader struct {
	What    string // the sort of text in messages, "file of cases"
	Begins  string // how such a text begins; "" when it may be empty
	Once    string // how such a text says a value but once, after "write the value out"; "" when it cannot
	MaxLine int    // characters in a line; 0 for any number

	lines    []string
	problems Problems
}

// MaxDepth bounds lists and fields in one another.
const MaxDepth = 32

// Parse reads a text of at most max bytes into a tree. It gives nil when there
// was a problem, and also when the text is empty and may be.
func (r *Reader) Parse(src []byte, max int) *yaml.Node {
	before := len(r.problems)
	r.lines = strings.Split(string(src), "\n")
	if r.encoded(src, max) {
		r.shown()
	}
	if len(r.problems) > before {
		return nil
	}
	root := r.load(src)
	if root != nil {
		r.refuseTricks(root, 0)
	} else if r.Begins != "" && len(r.problems) == before {
		r.FaultAt(0, 0, "", "the text is empty; a %s begins with `%s`", r.What, r.Begins)
	}
	if len(r.problems) > before {
		return nil
	}
	return root
}

// Scalar makes a node of a text that stands for itself, in no document.
func (r *Reader) Scalar(text string) *yaml.Node {
	r.lines = strings.Split(text, "\n")
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: 1, Column: 1}
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
		r.misread(err)
		return nil
	case doc.Kind != yaml.DocumentNode || len(doc.Content) != 1:
		return nil
	}
	if err := docs.Load(&second); !errors.Is(err, io.EOF) {
		r.Fault(&second, "", "a second document begins here; a %s is one document", r.What)
	}
	return doc.Content[0]
}

// misread turns the YAML reader's complaint into a problem with a way out.
func (r *Reader) misread(err error) {
	le, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		r.FaultAt(0, 0, "", "this is not YAML: %v", err)
		return
	}
	line, column := le.Mark.Line, le.Mark.Column+1
	text := ""
	if line >= 1 && line <= len(r.lines) {
		text = r.lines[line-1]
	}
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	switch tab := strings.IndexByte(indent, '\t'); {
	case tab >= 0:
		r.FaultAt(line, tab+1, "", "a tab cannot indent; use spaces")
	case strings.Contains(le.Message, "max depth"):
		r.FaultAt(line, column, "", tooDeep, r.What)
	default:
		r.FaultAt(line, column, "", "this is not YAML: %s", le.Message)
	}
}

const tooDeep = "lists and fields stand in one another more deeply than any %s needs"

func (r *Reader) refuseTricks(n *yaml.Node, depth int) {
	if depth > MaxDepth {
		r.Fault(n, "", tooDeep, r.What)
		return
	}
	switch {
	case n.Kind == yaml.AliasNode:
		r.Fault(n, "", "an alias (*%s) is not allowed; write the value out%s", Clip(n.Value), r.Once)
	case n.Anchor != "":
		r.Fault(n, "", "an anchor (&%s) is not allowed; write the value out%s", Clip(n.Anchor), r.Once)
	case n.Style&yaml.TaggedStyle != 0, n.Tag == "!":
		r.Fault(n, "", "a tag (%s) is not allowed; quote the value when it is a text", Clip(n.Tag))
	case n.Tag == "!!merge":
		r.Fault(n, "", "a merge key (<<) is not allowed; write the fields out")
	}
	for _, c := range n.Content {
		r.refuseTricks(c, depth+1)
	}
}
