package cases

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/yamltext"
	"countersign/internal/proof"
)

type expectation struct {
	exact, atLeast []want
	enough         proof.Formula // each alternative of it has to be enough
	refused        bool
	refusals       []refusal
	because        []string
}

type want struct {
	word
	set setter
}

// refusal is one that must be among the plan's; an empty text is any.
type refusal struct {
	by, because string
}

func (l *loader) expectation(v *yaml.Node, path string) expectation {
	var e expectation
	fields := l.wordFields(&e.exact)
	fields["refused"] = func(v *yaml.Node, path string) { e.refused, e.refusals = true, l.refusals(v, path) }
	fields["because"] = func(v *yaml.Node, path string) {
		l.Filled(v, path, func(v *yaml.Node, path string) { e.because = append(e.because, l.Line(v, path)) })
	}
	fields["enough"] = func(v *yaml.Node, path string) { e.enough = readFormula(&l.Reader, v, path) }
	fields["at_least"] = func(v *yaml.Node, path string) {
		l.Mapping(v, path, l.wordFields(&e.atLeast))
		if v.Kind == yaml.MappingNode && len(v.Content) == 0 {
			l.Fault(v, path, "nothing is said here; leave the field out")
		}
	}
	l.Mapping(v, path, fields)
	if v.Kind == yaml.MappingNode && len(v.Content) == 0 {
		l.Fault(v, path, "the case expects nothing; say what has to come out")
	}
	return e
}

func (l *loader) wordFields(into *[]want) yamltext.Fields {
	fields := yamltext.Fields{}
	for _, w := range words {
		fields[w.name] = func(v *yaml.Node, path string) { *into = append(*into, want{w, w.read(&l.Reader, v, path)}) }
	}
	return fields
}

func (l *loader) refusals(v *yaml.Node, path string) []refusal {
	var out []refusal
	switch {
	case v.Kind == yaml.ScalarNode && v.ShortTag() == "!!bool":
		if v.Value != "true" {
			l.Fault(v, path, "leave `refused` out when the request must not be refused")
		}
	case v.Kind == yaml.SequenceNode:
		l.Filled(v, path, func(v *yaml.Node, path string) { out = append(out, l.refusal(v, path)) })
	default:
		out = append(out, l.refusal(v, path))
	}
	return out
}

func (l *loader) refusal(v *yaml.Node, path string) refusal {
	var f refusal
	if v.Kind == yaml.ScalarNode {
		f.because = l.Line(v, path)
		return f
	}
	l.Mapping(v, path, yamltext.Fields{
		"by":      func(v *yaml.Node, path string) { f.by = l.Line(v, path) },
		"because": func(v *yaml.Node, path string) { f.because = l.Line(v, path) },
	})
	if len(v.Content) == 0 && v.Kind == yaml.MappingNode {
		l.Fault(v, path, "the refusal is empty; write true when any refusal will do")
	}
	return f
}

func (f refusal) String() string {
	switch {
	case f.by == "":
		return "refused: " + f.because
	case f.because == "":
		return "refused by " + f.by
	}
	return "refused by " + f.by + ": " + f.because
}

func (f refusal) isAmong(denials []policy.Denial) bool {
	return slices.ContainsFunc(denials, func(d policy.Denial) bool {
		return (f.by == "" || f.by == d.Rule) && (f.because == "" || f.because == d.Reason)
	})
}

// judge gives what the plan is otherwise than expected.
func (e expectation) judge(plan policy.Plan, rules []string) []Difference {
	var out []Difference
	differs := func(expected, found string) { out = append(out, Difference{expected, found}) }
	switch {
	case !e.refused && plan.Denied():
		differs("not refused", showDenials(plan))
	case e.refused && !plan.Denied() && len(e.refusals) == 0:
		differs("refused", "not refused")
	}
	for _, f := range e.refusals {
		if !f.isAmong(plan.Deny) {
			differs(f.String(), showDenials(plan)+slip(f.by, rules))
		}
	}
	demands := plan
	demands.Deny = nil // they are judged for themselves
	for _, w := range e.exact {
		expected := demands
		if w.set(&expected); w.show(expected) != w.show(demands) {
			differs(w.name+": "+w.show(expected), w.name+": "+w.show(demands))
		}
	}
	for _, w := range e.atLeast {
		expected := demands
		if w.set(&expected); !policy.AtLeast(demands, expected) {
			differs(w.name+" at least: "+w.show(expected), w.name+": "+w.show(demands))
		}
	}
	for _, way := range e.enough {
		if !plan.Proofs.Satisfied(way) {
			differs("enough: "+proof.Formula{way}.String(), "proofs: "+orNone(plan.Proofs.String()))
		}
	}
	reasons := reasonsOf(plan)
	for _, rule := range e.because {
		if !slices.Contains(reasons, rule) {
			differs("because: "+rule, "because: "+orNone(strings.Join(reasons, ", "))+slip(rule, rules))
		}
	}
	return out
}

// slip tells of a rule's name that the policy does not have.
func slip(rule string, rules []string) string {
	if rule == "" || slices.Contains(rules, rule) || strings.HasPrefix(rule, "(") {
		return ""
	}
	said := "; the policy has no rule `" + rule + "`"
	if n := identity.Nearest(rule, rules); n != "" {
		said += ", did you mean `" + n + "`?"
	}
	return said
}

func showDenials(plan policy.Plan) string {
	if !plan.Denied() {
		return "not refused"
	}
	parts := make([]string, len(plan.Deny))
	for i, d := range plan.Deny {
		parts[i] = refusal{d.Rule, d.Reason}.String()
	}
	return strings.Join(parts, "; ")
}

func reasonsOf(plan policy.Plan) []string {
	rules := []string{}
	for _, r := range plan.Reasons {
		rules = append(rules, r.Rule)
	}
	for _, d := range plan.Deny {
		rules = append(rules, d.Rule)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}
