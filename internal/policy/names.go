package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"countersign/internal/policy/expr"
	"countersign/internal/policy/yamltext"
)

// How many of each a policy may have.
const (
	maxRules      = 2000
	maxClasses    = 1000
	maxDesks      = 1000
	maxVendors    = 200
	maxLists      = 1000
	maxList       = 10000
	maxConditions = 500
	maxAccepted   = 500
)

// Name is something that a policy names for its own use, and where it uses it.
type Name struct {
	Kind string   // list, condition or vendor
	Name string   // as conditions and desks write it
	Line int      // where it stands, from 1
	Used []string // paths of what uses it, such as rules[3].when, in order
}

// Names lists the lists, named conditions and vendors in that order, each kind
// in the order of the text.
func (p *Policy) Names() []Name {
	out := slices.Clone(p.names)
	for i := range out {
		out[i].Used = slices.Clone(out[i].Used)
	}
	return out
}

func (l *loader) declare(kind, name string, line int) {
	l.policy.names = append(l.policy.names, Name{Kind: kind, Name: name, Line: line})
}

func (l *loader) use(kind, name, path string) {
	for i, n := range l.policy.names {
		if n.Kind == kind && n.Name == name && !slices.Contains(n.Used, path) {
			l.policy.names[i].Used = append(n.Used, path)
		}
	}
}

// atMost refuses a list or a set of fields with more than max entries.
func (l *loader) atMost(v *yaml.Node, path, what string, max int) bool {
	n := len(v.Content)
	if v.Kind == yaml.MappingNode {
		n /= 2
	}
	if n > max {
		l.Fault(v, path, "the policy has %d %s; at most %d are allowed", n, what, max)
	}
	return n <= max
}

func (l *loader) readLists(v *yaml.Node, path string) {
	if v.Kind != yaml.MappingNode {
		l.Fault(v, path, "expected names with a list each, found %s", yamltext.KindOf(v))
		return
	}
	if !l.atMost(v, path, "lists", maxLists) {
		return
	}
	want := yamltext.Fields{}
	for i := 0; i+1 < len(v.Content); i += 2 {
		key := v.Content[i]
		if !isListName(key.Value) {
			l.Fault(key, path, "`%s` cannot name a list: use small letters, digits and underscores, and none of the words conditions already have", yamltext.Clip(key.Value))
		}
		want[key.Value] = func(v *yaml.Node, path string) {
			var entries []string
			l.Filled(v, path, func(v *yaml.Node, path string) {
				s, ok := l.Text(v, path)
				if ok && strings.ContainsAny(s, "\n\t") {
					l.Fault(v, path, "an entry of a list is one line without tabs")
				}
				if ok {
					entries = append(entries, s)
				}
			})
			if len(entries) > maxList {
				l.Fault(v, path, "the list has %d entries; at most %d are allowed", len(entries), maxList)
			}
			l.policy.lists[key.Value] = entries
			l.declare("list", key.Value, key.Line)
		}
	}
	l.Mapping(v, path, want)
}

// prepare makes known what conditions can name, before the first is read.
func (l *loader) prepare(values map[string]*yaml.Node) {
	l.envs.desks = entriesNamed(values["desks"], "desk")
	l.envs.vendors = entriesNamed(values["vendors"], "vendor")
	var names []string
	if v := values["conditions"]; v != nil && v.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(v.Content) && i < 2*maxConditions; i += 2 {
			key := v.Content[i].Value
			if _, list := l.policy.lists[key]; !list && isConditionName(key) && !slices.Contains(names, key) {
				names = append(names, key)
			}
		}
	}
	l.envs.class = newEnvironment(l.policy.lists, true, names...)
	l.envs.rule = newEnvironment(l.policy.lists, false, names...)
	l.policy.listVals = listValues(l.policy.lists)
	l.named, l.forms = map[string]*condition{}, map[string]*expr.Node{}
}

// entriesNamed gives the texts under key of a list's entries.
func entriesNamed(v *yaml.Node, key string) []string {
	var out []string
	if v == nil || v.Kind != yaml.SequenceNode {
		return nil
	}
	for _, d := range v.Content {
		for i := 0; d.Kind == yaml.MappingNode && i+1 < len(d.Content); i += 2 {
			if d.Content[i].Value == key {
				out = append(out, d.Content[i+1].Value)
			}
		}
	}
	return out
}

func (l *loader) readConditions(v *yaml.Node, path string) {
	if v.Kind != yaml.MappingNode {
		l.Fault(v, path, "expected names with a condition each, found %s", yamltext.KindOf(v))
		return
	}
	if !l.atMost(v, path, "named conditions", maxConditions) {
		return
	}
	want := yamltext.Fields{}
	for i := 0; i+1 < len(v.Content); i += 2 {
		key := v.Content[i]
		switch _, list := l.policy.lists[key.Value]; {
		case list:
			l.Fault(key, path, "`%s` is a list already; give the condition another name", yamltext.Clip(key.Value))
		case !isConditionName(key.Value):
			l.Fault(key, path, "`%s` cannot name a condition: use small letters, digits and underscores, and none of the words conditions already have", yamltext.Clip(key.Value))
		}
		want[key.Value] = func(v *yaml.Node, path string) {
			c := l.condition(v, path, l.envs.rule)
			if l.named[key.Value] = c; c != nil {
				l.forms[key.Value] = c.tree
			}
			l.policy.conditions = append(l.policy.conditions, named{key.Value, c})
			l.declare("condition", key.Value, key.Line)
		}
	}
	l.Mapping(v, path, want)
}
