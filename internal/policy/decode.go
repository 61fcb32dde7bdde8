package policy

import (
	"errors"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"

	"countersign/internal/policy/yamltext"
	"countersign/internal/proof"
)

// decoder reads what only policies say.
type decoder struct{ yamltext.Reader }

const (
	maxSource = 256 << 10 // bytes
	maxLine   = 10000     // characters
)

// decoderOf sets up the reader of a text that people sign, or hold a policy to.
func decoderOf(what, begins string) decoder {
	return decoder{yamltext.Reader{What: what, Begins: begins, MaxLine: maxLine}}
}

// requireCondition notes a condition that is not there, and how to write one
// that always holds.
func (d *decoder) requireCondition(n *yaml.Node, path string, seen map[string]*yaml.Node, name string) {
	if seen[name] == nil && n.Kind == yaml.MappingNode {
		d.Fault(n, path, "the field `%s` is missing; write \"true\" when it always holds", name)
	}
}

// name reads the name of a rule, a desk or the policy.
func (d *decoder) name(n *yaml.Node, path string) string {
	s, ok := d.Text(n, path)
	if ok && !isName(s) {
		d.Fault(n, path, "%q is not a name: use letters, digits, dot, dash and underscore, at most 64, beginning with a letter or digit", yamltext.Clip(s))
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

func (d *decoder) words(n *yaml.Node, path string, allowed []string) []string {
	var out []string
	d.Filled(n, path, func(v *yaml.Node, path string) {
		if s := d.Word(v, path, allowed); s != "" {
			out = append(out, s)
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

const maxDays = 90

// duration reads texts like 90s, 10m, 24h and 7d and gives seconds.
func (d *decoder) duration(n *yaml.Node, path string) int64 {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		d.Fault(n, path, "a duration needs a unit: write %sm, %sh or %sd", yamltext.Clip(n.Value), yamltext.Clip(n.Value), yamltext.Clip(n.Value))
		return 0
	}
	s, ok := d.Text(n, path)
	if !ok {
		return 0
	}
	units := map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}
	unit := units[s[len(s)-1]]
	count, err := strconv.ParseInt(s[:len(s)-1], 10, 32)
	switch {
	case err == nil && unit != 0 && count == 0:
		d.Fault(n, path, "%s is no time at all; leave the key out, or write at least 1s", yamltext.Clip(s))
	case err != nil || unit == 0 || count < 1 || s[0] == '+':
		d.Fault(n, path, "%q is not a duration; write a whole number and a unit, like 90s, 10m, 24h or 7d", yamltext.Clip(s))
	case count*unit > maxDays*86400:
		d.Fault(n, path, "%s is longer than %d days", yamltext.Clip(s), maxDays)
	default:
		return count * unit
	}
	return 0
}

func (d *decoder) formula(n *yaml.Node, path string) proof.Formula {
	s, ok := d.Text(n, path)
	if !ok {
		return nil
	}
	f, err := proof.ParseFormula(s)
	if wrong, is := errors.AsType[*proof.SyntaxError](err); is {
		d.FaultIn(n, []rune(s), len([]rune(s[:min(wrong.Offset, len(s))])), path, "%s", wrong.Msg)
	}
	return f
}
