package cases

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"countersign/internal/policy/yamltext"
)

// choice is one value of one fact of each.
type choice struct {
	fact, value *yaml.Node
}

type combination []choice

func (c combination) text() string {
	parts := make([]string, len(c))
	for i, ch := range c {
		parts[i] = ch.fact.Value + ": " + flow(ch.value)
	}
	return strings.Join(parts, ", ")
}

// combinations of the values of each; without any there is a single empty one.
func (l *loader) combinations(each *yaml.Node, path string) []combination {
	all := []combination{nil}
	if each == nil {
		return all
	}
	if each.Kind != yaml.MappingNode || len(each.Content) == 0 {
		l.Fault(each, path, "expected facts with the values of each, like {action: [unlock, mfa_reset]}")
		return all
	}
	for i := 0; i+1 < len(each.Content); i += 2 {
		fact, values := each.Content[i], each.Content[i+1]
		if values.Kind != yaml.SequenceNode || len(values.Content) == 0 {
			l.Fault(values, yamltext.Below(path, fact.Value), "expected the values that the fact takes in turn, like [a, b]")
			continue
		}
		if len(all)*len(values.Content) > MaxCases {
			l.Fault(values, path, "there are more than %d combinations; test less at once", MaxCases)
			return all[:1]
		}
		all = product(all, fact, values.Content)
	}
	return all
}

func product(all []combination, fact *yaml.Node, values []*yaml.Node) []combination {
	out := make([]combination, 0, len(all)*len(values))
	for _, c := range all {
		for _, v := range values {
			out = append(out, append(slices.Clone(c), choice{fact, v}))
		}
	}
	return out
}

// joined is given with the facts of the combination. The nodes of given are
// shared by all combinations, so what changes is copied.
func (l *loader) joined(given *yaml.Node, c combination, path string) *yaml.Node {
	for _, ch := range c {
		with, free := put(given, strings.Split(ch.fact.Value, "."), ch)
		if !free {
			l.Fault(ch.fact, yamltext.Below(path, "each"), "`%s` is said already; name every fact once, in given or in each", yamltext.Clip(ch.fact.Value))
			continue
		}
		given = with
	}
	return given
}

// put gives a copy of the mapping n in which the fact at the path is said; free
// is false where it is said already.
func put(n *yaml.Node, path []string, ch choice) (with *yaml.Node, free bool) {
	if n.Kind != yaml.MappingNode {
		return nil, false
	}
	out := *n
	out.Content = slices.Clone(n.Content)
	at := -1
	for i := 0; i+1 < len(out.Content); i += 2 {
		if out.Content[i].Value == path[0] {
			at = i + 1
		}
	}
	switch {
	case at < 0:
		key := *ch.fact
		key.Value = path[0]
		out.Content = append(out.Content, &key, nested(path[1:], ch))
		return &out, true
	case len(path) == 1:
		return nil, false
	}
	out.Content[at], free = put(out.Content[at], path[1:], ch)
	return &out, free
}

func nested(path []string, ch choice) *yaml.Node {
	if len(path) == 0 {
		return ch.value
	}
	key := *ch.fact
	key.Value = path[0]
	return &yaml.Node{Kind: yaml.MappingNode, Line: ch.fact.Line, Column: ch.fact.Column, Content: []*yaml.Node{&key, nested(path[1:], ch)}}
}

// flow shows a value on one line, for people.
func flow(n *yaml.Node) string {
	var parts []string
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, n.Content[i].Value+": "+flow(n.Content[i+1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yaml.SequenceNode:
		for _, c := range n.Content {
			parts = append(parts, flow(c))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default: // a scalar; tricks are refused before
		return n.Value
	}
}
