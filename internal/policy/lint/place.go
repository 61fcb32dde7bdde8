package lint

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"countersign/internal/policy"
)

// place is where in the policy's text something stands.
type place struct {
	line, column int
	path         string
}

// source knows where everything stands in a policy that loads.
type source struct {
	lines []string
	nodes map[string]*yaml.Node // values, by path
	keys  map[string]*yaml.Node // the names of fields, by path
}

func parse(src []byte) source {
	t := source{strings.Split(string(src), "\n"), map[string]*yaml.Node{}, map[string]*yaml.Node{}}
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err == nil && len(doc.Content) == 1 {
		t.index(doc.Content[0], "")
	}
	return t
}

func (t source) index(n *yaml.Node, path string) {
	t.nodes[path] = n
	for i, c := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			t.index(c, path+"["+strconv.Itoa(i)+"]")
		case n.Kind == yaml.MappingNode && i%2 == 1:
			below := strings.TrimPrefix(path+"."+n.Content[i-1].Value, ".")
			t.keys[below] = n.Content[i-1]
			t.index(c, below)
		}
	}
}

// at is where the value at path stands, or else what it would be part of.
func (t source) at(path string) place {
	for below := path; ; {
		if n := t.nodes[below]; n != nil {
			return place{n.Line, n.Column, path}
		}
		i := strings.LastIndexAny(below, ".[")
		below = below[:max(i, 0)]
		if i < 0 && t.nodes[""] == nil {
			return place{path: path}
		}
	}
}

// key is where the name of the field at path stands.
func (t source) key(path string) place {
	if n := t.keys[path]; n != nil {
		return place{n.Line, n.Column, path}
	}
	return t.at(path)
}

// word is where a word of the text at path first stands, or else that text.
func (t source) word(path, word string) place {
	where := t.at(path)
	for line := where.line - 1; line >= 0 && line < len(t.lines); line++ {
		row, from := []rune(t.lines[line]), 0
		if line == where.line-1 {
			from = where.column - 1
		}
		for i := from; i+len(word) <= len(row); i++ {
			if string(row[i:i+len(word)]) == word && !within(row, i-1) && !within(row, i+len(word)) {
				return place{line + 1, i + 1, path}
			}
		}
		if line > where.line+40 {
			break
		}
	}
	return where
}

// within reports whether the character at i could be part of a word.
func within(row []rune, i int) bool {
	return i >= 0 && i < len(row) && (row[i] == '_' || row[i] >= 'a' && row[i] <= 'z')
}

// of is where a character of a condition stands.
func of(c policy.Condition, at int, path string) place {
	line, column := c.Place(at)
	return place{line, column, path}
}

// named is the path of the entry of a list that says key: name.
func (t source) named(list, key, name string) string {
	for i := 0; t.nodes[entry(list, i)] != nil; i++ {
		if n := t.nodes[entry(list, i)+"."+key]; n != nil && n.Value == name {
			return entry(list, i)
		}
	}
	return list
}

func entry(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

func ruleAt(i int) string { return entry("rules", i) }

func proofsOf(i int) string { return ruleAt(i) + ".demand.proofs" }
