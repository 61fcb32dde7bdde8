package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"countersign/internal/identity"
	"countersign/internal/proof"
)

// decoder walks the YAML tree and collects every problem it meets.
type decoder struct {
	lines    []string
	problems Problems
}

func (d *decoder) fault(n *yaml.Node, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{Line: n.Line, Column: n.Column, Path: path, Msg: fmt.Sprintf(format, args...)})
}

// parse reads the text into a tree and refuses the parts of YAML that make a
// text mean something other than what it shows.
func (d *decoder) parse(src []byte) *yaml.Node {
	if d.readable(src); len(d.problems) > 0 {
		return nil
	}
	var doc, second yaml.Node
	docs, err := yaml.NewLoader(bytes.NewReader(src), yaml.WithUniqueKeys(false))
	if err == nil {
		err = docs.Load(&doc)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err != nil {
		p := Problem{Msg: "this is not YAML: " + err.Error()}
		if le, ok := errors.AsType[*yaml.LoadError](err); ok {
			p = d.misread(le.Mark.Line, le.Mark.Column+1, le.Message)
		}
		d.problems = append(d.problems, p)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		d.problems = append(d.problems, Problem{Msg: "the text is empty; a policy begins with `apiVersion: " + apiVersion + "`"})
		return nil
	}
	if err := docs.Load(&second); !errors.Is(err, io.EOF) {
		d.problems = append(d.problems, Problem{Line: second.Line, Column: second.Column, Msg: "a second document begins here; a policy is one document"})
	}
	if d.refuseTricks(doc.Content[0], 0); len(d.problems) > 0 {
		return nil
	}
	d.refuseHidden(doc.Content[0])
	return doc.Content[0]
}

func (d *decoder) refuseTricks(n *yaml.Node, depth int) {
	if depth > maxDepth {
		d.fault(n, "", "lists and fields stand in one another more deeply than any policy needs")
		return
	}
	switch {
	case n.Kind == yaml.AliasNode:
		d.fault(n, "", "an alias (*%s) is not allowed; write the value out or use `lists`", clip(n.Value))
		return
	case n.Anchor != "":
		d.fault(n, "", "an anchor (&%s) is not allowed; write the value out or use `lists`", clip(n.Anchor))
	case n.Style&yaml.TaggedStyle != 0, n.Tag == "!":
		d.fault(n, "", "a tag (%s) is not allowed; quote the value when it is a text", clip(n.Tag))
	case n.Tag == "!!merge":
		d.fault(n, "", "a merge key (<<) is not allowed; write the fields out")
	}
	for _, c := range n.Content {
		d.refuseTricks(c, depth+1)
	}
}

// fields maps a field's name to what reads its value.
type fields map[string]func(v *yaml.Node, path string)

// mapping reads n field by field and tells which fields were there.
func (d *decoder) mapping(n *yaml.Node, path string, want fields) map[string]*yaml.Node {
	seen := map[string]*yaml.Node{}
	if n.Kind != yaml.MappingNode {
		d.fault(n, path, "expected fields (%s), found %s", strings.Join(slices.Sorted(maps.Keys(want)), ", "), kindOf(n))
		return seen
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		at := strings.TrimPrefix(path+"."+name, ".")
		read, known := want[name]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.fault(key, path, "a field's name must be a word")
		case !known:
			d.fault(key, path, "unknown field `%s`; %s", clip(name), suggest(name, slices.Collect(maps.Keys(want))))
		case seen[name] != nil:
			d.fault(key, path, "the field `%s` stands here twice (first on line %d); keep one", name, seen[name].Line)
		default:
			seen[name] = key
			read(value, at)
		}
	}
	return seen
}

func (d *decoder) list(n *yaml.Node, path string, each func(v *yaml.Node, path string)) {
	if n.Kind != yaml.SequenceNode {
		d.fault(n, path, "expected a list, found %s; write it as [a, b] or with a dash before each entry", kindOf(n))
		return
	}
	if len(n.Content) == 0 {
		d.fault(n, path, "the list is empty; leave the field out")
	}
	for i, v := range n.Content {
		each(v, path+"["+strconv.Itoa(i)+"]")
	}
}

// text reads a string. A value that YAML reads as something else is refused
// with a hint, because `when: true` and `name: 007` rarely mean what they say.
func (d *decoder) text(n *yaml.Node, path string) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.fault(n, path, "expected a text, found %s", kindOf(n))
	case n.ShortTag() == "!!null" && n.Value == "":
		d.fault(n, path, "the value is missing")
	case n.ShortTag() != "!!str":
		d.fault(n, path, "YAML reads %s as %s; quote it: %q", clip(n.Value), kindOf(n), clip(n.Value))
	case ambiguous(n):
		d.fault(n, path, "some readers of YAML take %s for something other than a text; quote it: %q", clip(n.Value), clip(n.Value))
	case strings.TrimSpace(n.Value) == "":
		d.fault(n, path, "the text is empty; leave the field out or say something")
	default:
		return n.Value, true
	}
	return "", false
}

// line reads a text that people will be shown.
func (d *decoder) line(n *yaml.Node, path string) string {
	s, ok := d.text(n, path)
	if ok {
		if err := identity.CheckLine(s, 300); err != nil && hiddenAt(s) < 0 {
			d.fault(n, path, "%v", err)
		}
	}
	return s
}

// name reads the name of a rule, a desk or the policy.
func (d *decoder) name(n *yaml.Node, path string) string {
	s, ok := d.text(n, path)
	if ok && !isName(s) {
		d.fault(n, path, "%q is not a name: use letters, digits, dot, dash and underscore, at most 64, beginning with a letter or digit", clip(s))
	}
	return s
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '-' && c != '_') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// word reads one of the allowed words.
func (d *decoder) word(n *yaml.Node, path string, allowed []string) string {
	s, ok := d.text(n, path)
	if ok && !slices.Contains(allowed, s) {
		d.fault(n, path, "unknown word `%s`; %s", clip(s), suggest(s, allowed))
		return ""
	}
	return s
}

func (d *decoder) words(n *yaml.Node, path string, allowed []string) []string {
	var out []string
	d.list(n, path, func(v *yaml.Node, path string) {
		if s := d.word(v, path, allowed); s != "" {
			out = append(out, s)
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

func (d *decoder) boolean(n *yaml.Node, path string) bool {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		d.fault(n, path, "expected true or false, found %s", kindOf(n))
	}
	return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
}

func (d *decoder) count(n *yaml.Node, path string, max int) int {
	c, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil || c < 1 || c > max {
		d.fault(n, path, "expected a number from 1 to %d", max)
		return 1
	}
	return c
}

const maxDays = 90

// duration reads texts like 90s, 10m, 24h and 7d and gives seconds.
func (d *decoder) duration(n *yaml.Node, path string) int64 {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		d.fault(n, path, "a duration needs a unit: write %sm, %sh or %sd", clip(n.Value), clip(n.Value), clip(n.Value))
		return 0
	}
	s, ok := d.text(n, path)
	if !ok {
		return 0
	}
	units := map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}
	unit := units[s[len(s)-1]]
	count, err := strconv.ParseInt(s[:len(s)-1], 10, 32)
	switch {
	case err == nil && unit != 0 && count == 0:
		d.fault(n, path, "%s is no time at all; leave the key out, or write at least 1s", clip(s))
	case err != nil || unit == 0 || count < 1 || s[0] == '+':
		d.fault(n, path, "%q is not a duration; write a whole number and a unit, like 90s, 10m, 24h or 7d", clip(s))
	case count*unit > maxDays*86400:
		d.fault(n, path, "%s is longer than %d days", clip(s), maxDays)
	default:
		return count * unit
	}
	return 0
}

func (d *decoder) formula(n *yaml.Node, path string) proof.Formula {
	s, ok := d.text(n, path)
	if !ok {
		return nil
	}
	f, err := proof.ParseFormula(s)
	if se, wrong := errors.AsType[*proof.SyntaxError](err); wrong {
		line, column := locate(d.lines, n, []rune(s), len([]rune(s[:min(se.Offset, len(s))])))
		d.problems = append(d.problems, Problem{Line: line, Column: column, Path: path, Msg: se.Msg})
	}
	return f
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	case "!!null":
		return "nothing"
	case "!!timestamp":
		return "a date"
	}
	return "a text"
}

// suggest names the way out for a word that is not known.
func suggest(word string, known []string) string {
	if len(known) == 0 {
		return "there is none"
	}
	slices.Sort(known)
	if n := proof.Nearest(word, known); n != "" {
		return "did you mean `" + n + "`?"
	}
	return "expected one of " + strings.Join(known, ", ")
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
