package lint

import (
	"slices"
	"strings"

	"countersign/internal/policy"
	"countersign/internal/policy/yamltext"
	"countersign/internal/proof"
)

const (
	hour = int64(3600)
	day  = 24 * hour
)

// wording looks at what stands above the classes.
func (c *check) wording() {
	if isPlaceholder(c.policy.RiskAnalysis()) {
		c.say("risk-analysis-placeholder", "", c.text.at("risk_analysis"), "`%s` looks like an example, not like your own risk analysis", c.policy.RiskAnalysis())
	}
	if c.policy.Escalation() == "" {
		c.say("no-escalation", "", c.text.key("rules"), "nothing says what people do who are refused or have no path left")
	}
	if least := int64(proof.CoolOff.Seconds()); c.logic.CoolOff < least {
		c.say("short-cool-off", "", c.text.at("cool_off"), "what has been on record for %s counts as proof", yamltext.Span(c.logic.CoolOff))
	}
	if c.logic.Expires > day {
		c.say("long-expiry", "", c.text.at("expires"), "a request may live for %s", yamltext.Span(c.logic.Expires))
	}
}

// isPlaceholder knows what examples say in the place of a risk analysis.
func isPlaceholder(where string) bool {
	s := strings.ToLower(strings.TrimSpace(where))
	if slices.Contains([]string{"docs/risk/helpdesk.md", "none", "n/a", "na", "no", "-", "x", "xxx", "risk", "test"}, s) {
		return true
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return slices.ContainsFunc([]string{"todo", "tbd", "tba", "fixme", "changeme", "placeholder", "example", "replace", "lorem", "pending"},
		func(p string) bool { return slices.Contains(words, p) })
}

// names looks for what nothing uses, or only what nothing uses.
func (c *check) names() {
	names := c.policy.Names()
	idle := map[string]bool{}
	for changed := true; changed; {
		changed = false
		for _, n := range names {
			used := slices.ContainsFunc(n.Used, func(by string) bool {
				condition, is := strings.CutPrefix(by, "conditions.")
				return !is || !idle["condition "+condition]
			})
			if key := n.Kind + " " + n.Name; !used && !idle[key] {
				idle[key], changed = true, true
			}
		}
	}
	for _, n := range names {
		if idle[n.Kind+" "+n.Name] {
			c.say("unused-name", n.Name, c.whereNamed(n), "the %s `%s` is used nowhere", n.Kind, n.Name)
		}
	}
}

func (c *check) whereNamed(n policy.Name) place {
	switch n.Kind {
	case "list":
		return c.text.key("lists." + n.Name)
	case "condition":
		return c.text.key("conditions." + n.Name)
	}
	return c.text.at(c.text.named("vendors", "vendor", n.Name))
}
