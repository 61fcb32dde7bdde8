package yamltext

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"countersign/internal/identity"
)

// Fields maps a field's name to what reads its value.
type Fields map[string]func(v *yaml.Node, path string)

// Mapping reads n field by field, and gives the fields that were there with
// the node of their name.
func (r *Reader) Mapping(n *yaml.Node, path string, want Fields) map[string]*yaml.Node {
	seen := map[string]*yaml.Node{}
	if n.Kind != yaml.MappingNode {
		r.Fault(n, path, "expected fields (%s), found %s", strings.Join(slices.Sorted(maps.Keys(want)), ", "), KindOf(n))
		return seen
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		r.refuseHidden(key)
		read, known := want[name]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.Fault(key, path, "a field's name must be a word")
		case !known:
			r.Fault(key, path, "unknown field `%s`; %s", Clip(name), Suggest(name, slices.Collect(maps.Keys(want))))
		case seen[name] != nil:
			r.Fault(key, path, "the field `%s` stands here twice (first on line %d); keep one", name, seen[name].Line)
		default:
			seen[name] = key
			read(value, Below(path, name))
		}
	}
	return seen
}

// Below is the path of a field within path.
func Below(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

// Require notes the fields that are not there.
func (r *Reader) Require(n *yaml.Node, path string, seen map[string]*yaml.Node, names ...string) {
	for _, name := range names {
		if seen[name] == nil && n.Kind == yaml.MappingNode {
			r.Fault(n, path, "the field `%s` is missing", name)
		}
	}
}

// List reads the entries of a list, which may be empty.
func (r *Reader) List(n *yaml.Node, path string, each func(v *yaml.Node, path string)) {
	if n.Kind != yaml.SequenceNode {
		r.Fault(n, path, "expected a list, found %s; write it as [a, b] or with a dash before each entry", KindOf(n))
		return
	}
	for i, v := range n.Content {
		each(v, path+"["+strconv.Itoa(i)+"]")
	}
}

// Filled reads the entries of a list that has to say something.
func (r *Reader) Filled(n *yaml.Node, path string, each func(v *yaml.Node, path string)) {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.Fault(n, path, "the list is empty; leave the field out")
	}
	r.List(n, path, each)
}

// AnyText reads a text as it is, be it empty or an escape of something that
// cannot be seen: what a fact is, not what somebody has to say. A value that
// YAML, or a reader of YAML, takes for something else is refused with a hint,
// because `when: true`, `name: 007` and `unit: no` rarely mean what they say.
func (r *Reader) AnyText(n *yaml.Node, path string) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.Fault(n, path, "expected a text, found %s", KindOf(n))
	case n.ShortTag() == "!!null" && n.Value == "":
		r.Fault(n, path, "the value is missing")
	case n.ShortTag() != "!!str":
		r.Fault(n, path, "YAML reads %s as %s; quote it: %q", Clip(n.Value), KindOf(n), Clip(n.Value))
	case ambiguous(n):
		r.Fault(n, path, "some readers of YAML take %s for something other than a text; quote it: %q", Clip(n.Value), Clip(n.Value))
	default:
		return n.Value, true
	}
	return "", false
}

// Text reads a text that is not empty and hides nothing.
func (r *Reader) Text(n *yaml.Node, path string) (string, bool) {
	s, ok := r.AnyText(n, path)
	if !ok {
		return "", false
	}
	r.refuseHidden(n)
	if strings.TrimSpace(s) == "" {
		r.Fault(n, path, "the text is empty; leave the field out or say something")
		return "", false
	}
	return s, true
}

// Line reads a text that people will be shown.
func (r *Reader) Line(n *yaml.Node, path string) string {
	s, ok := r.Text(n, path)
	if ok && hiddenAt(s) < 0 {
		if err := identity.CheckLine(s, 300); err != nil {
			r.Fault(n, path, "%v", err)
		}
	}
	return s
}

// Word reads one of the known words; "" after a fault.
func (r *Reader) Word(n *yaml.Node, path string, known []string) string {
	s, ok := r.Text(n, path)
	if ok && !slices.Contains(known, s) {
		r.Fault(n, path, "unknown word `%s`; %s", Clip(s), Suggest(s, known))
		return ""
	}
	return s
}

// Bool reads true or false.
func (r *Reader) Bool(n *yaml.Node, path string) bool {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		r.Fault(n, path, "expected true or false, found %s", KindOf(n))
	}
	return strings.EqualFold(n.Value, "true")
}

// Count reads a number from 1 to max; 1 after a fault.
func (r *Reader) Count(n *yaml.Node, path string, max int) int {
	c, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil || c < 1 || c > max {
		r.Fault(n, path, "expected a number from 1 to %d", max)
		return 1
	}
	return c
}

// Says reports whether n is one of these words, written without quotes.
func Says(n *yaml.Node, words ...string) bool {
	return n.Kind == yaml.ScalarNode && n.Style&Quoted == 0 && slices.Contains(words, n.Value)
}

// Quoted are the styles of a text that was meant as it stands.
const Quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// KindOf says what YAML made of a value.
func KindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	default: // a scalar says by its tag what it is
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

// Suggest names the way out for a word that is not known.
func Suggest(word string, known []string) string {
	if len(known) == 0 {
		return "there is none"
	}
	known = slices.Sorted(slices.Values(known))
	if n := identity.Nearest(word, known); n != "" {
		return "did you mean `" + n + "`?"
	}
	return "expected one of " + strings.Join(known, ", ")
}

// Clip keeps a stranger's text short within a message.
func Clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
