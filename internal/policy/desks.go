package policy

import (
	"regexp"
	"slices"

	"go.yaml.in/yaml/v4"

	"countersign/internal/identity"
	"countersign/internal/policy/yamltext"
)

func (l *loader) readClasses(v *yaml.Node, path string) {
	if l.atMost(v, path, "classes", maxClasses) {
		l.Filled(v, path, l.class)
	}
}

func (l *loader) class(v *yaml.Node, path string) {
	c := classRule{line: v.Line}
	seen := l.Mapping(v, path, yamltext.Fields{
		"class": func(v *yaml.Node, path string) { c.class = identity.Class(l.Word(v, path, words(identity.Classes))) },
		"when":  func(v *yaml.Node, path string) { c.when = l.condition(v, path, l.envs.class) },
	})
	l.Require(v, path, seen, "class")
	l.requireCondition(v, path, seen, "when")
	l.policy.classes = append(l.policy.classes, c)
}

func (l *loader) readVendors(v *yaml.Node, path string) {
	if !l.atMost(v, path, "vendors", maxVendors) {
		return
	}
	l.Filled(v, path, func(v *yaml.Node, path string) {
		n := &vendor{line: v.Line}
		seen := l.Mapping(v, path, yamltext.Fields{
			"vendor":   func(v *yaml.Node, path string) { n.name = l.name(v, path) },
			"reach":    func(v *yaml.Node, path string) { n.reach = l.condition(v, path, l.envs.rule) },
			"tier_cap": func(v *yaml.Node, path string) { n.tierCap = identity.Tier(l.Word(v, path, words(identity.Tiers))) },
		})
		l.Require(v, path, seen, "vendor")
		if v.Kind == yaml.MappingNode && seen["reach"] == nil && seen["tier_cap"] == nil {
			l.Fault(v, path, "a vendor needs `reach` or `tier_cap`, or both; without either write `vendor: true` at its desks")
		}
		if l.policy.vendor(n.name) != nil {
			l.Fault(v, path, "the vendor `%s` is described twice; keep one", yamltext.Clip(n.name))
		}
		l.policy.vendors = append(l.policy.vendors, n)
		l.declare("vendor", n.name, v.Line)
	})
}

// vendor finds a vendor by its name; nil when there is none.
func (p *Policy) vendor(name string) *vendor {
	i := slices.IndexFunc(p.vendors, func(v *vendor) bool { return name != "" && v.name == name })
	if i < 0 {
		return nil
	}
	return p.vendors[i]
}

func (l *loader) readDesks(v *yaml.Node, path string) {
	if !l.atMost(v, path, "desks", maxDesks) {
		return
	}
	l.Filled(v, path, func(v *yaml.Node, path string) {
		d, name := &desk{line: v.Line}, ""
		seen := l.Mapping(v, path, yamltext.Fields{
			"desk":     func(v *yaml.Node, path string) { name = l.name(v, path) },
			"vendor":   func(v *yaml.Node, path string) { d.vendor, d.company = l.whose(v, path) },
			"reach":    func(v *yaml.Node, path string) { d.reach = l.condition(v, path, l.envs.rule) },
			"tier_cap": func(v *yaml.Node, path string) { d.tierCap = identity.Tier(l.Word(v, path, words(identity.Tiers))) },
			"zone":     func(v *yaml.Node, path string) { d.zone = l.zoneName(v, path) },
		})
		l.Require(v, path, seen, "desk")
		l.requireCondition(v, path, seen, "reach")
		if _, twice := l.policy.desks[name]; twice {
			l.Fault(v, path, "the desk `%s` is described twice; keep one", name)
		}
		l.policy.desks[name] = d
	})
}

// whose reads a desk's vendor: true, false or the name of a listed vendor.
func (l *loader) whose(v *yaml.Node, path string) (vendor bool, company string) {
	switch {
	case v.Kind == yaml.ScalarNode && v.ShortTag() == "!!bool":
		return l.Bool(v, path), ""
	case v.Kind != yaml.ScalarNode || v.ShortTag() != "!!str" || len(l.envs.vendors) == 0:
		l.Fault(v, path, "expected true, false or the name of one of the `vendors`, found %s", yamltext.KindOf(v))
		return true, ""
	}
	name := l.Word(v, path, slices.Clone(l.envs.vendors))
	l.use("vendor", name, path)
	return true, name
}

var zoneShape = regexp.MustCompile(`^(UTC|[A-Z][A-Za-z]+(/[A-Z][A-Za-z0-9_+-]*){1,2})$`)

// zoneName reads an IANA name. Whether there is such a zone is for those to
// say who have the data at hand.
func (l *loader) zoneName(v *yaml.Node, path string) string {
	s, ok := l.Text(v, path)
	if ok && (!zoneShape.MatchString(s) || len(s) > 64) {
		l.Fault(v, path, "%q is not the name of a time zone; write it like Asia/Tokyo, Europe/Berlin or UTC", yamltext.Clip(s))
	}
	return s
}
