package lint

import (
	"slices"
	"strings"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/expr"
	"countersign/internal/policy/prove"
)

// reaches looks for classes and rules that no request ever meets.
func (c *check) reaches() {
	m := c.model
	standard := false
	for k, s := range c.logic.Classes {
		standard = standard || s.Class == identity.Standard
		if m.possible(m.decides[k]) {
			continue
		}
		why := "its condition can never hold"
		if m.possible(m.holds[k]) {
			why = "the entries above it take every such account"
		}
		c.say("class-never", string(s.Class), of(s.When, 0, entry("classes", k)+".when"), "no account is ever `%s` by this entry: %s", s.Class, why)
	}
	if !standard {
		c.say("no-standard-class", "", c.text.key("classes"), "no entry of `classes` says `standard`")
	}
	c.met = make([]*meeting, len(c.logic.Rules))
	for i, r := range c.logic.Rules {
		f, p, found := m.find(m.applies[i], func(p policy.Plan) bool { return partOf(p, r.Name) })
		switch {
		case found:
			c.met[i] = &meeting{f.Action, p}
		case !m.possible(m.applies[i]):
			c.say("rule-never", r.Name, of(r.When, 0, ruleAt(i)+".when"), "no request ever makes the rule `%s` apply", r.Name)
		}
	}
}

// meeting is a request that a rule applies to.
type meeting struct {
	action identity.Action
	plan   policy.Plan
}

// partOf reports whether a rule brought something into the plan.
func partOf(p policy.Plan, rule string) bool {
	return slices.ContainsFunc(p.Reasons, func(r policy.Reason) bool { return r.Rule == rule }) ||
		slices.ContainsFunc(p.Deny, func(d policy.Denial) bool { return d.Rule == rule })
}

// refused looks for actions and classes of which everything is refused.
func (c *check) refused() {
	m := c.model
	var denied, forgotten []identity.Action
	for _, a := range identity.Actions {
		if m.possible(m.And(m.open, m.action(a))) {
			continue
		}
		denied = append(denied, a)
		if m.possible(m.And(m.sound, m.action(a), m.says("subject.status", "active"), c.ruled().Not())) {
			forgotten = append(forgotten, a)
		}
	}
	if len(forgotten) > 0 {
		c.say("action-refused", "", c.text.key("rules"), "every request is refused for %s, and no rule says why", list(forgotten))
	}
	if len(denied) == len(identity.Actions) {
		return
	}
	for k, s := range c.logic.Classes {
		first := !slices.ContainsFunc(c.logic.Classes[:k], func(o policy.Sorting) bool { return o.Class == s.Class })
		if first && m.possible(m.class(s.Class)) && !m.possible(m.And(m.open, m.class(s.Class))) {
			c.say("class-refused", string(s.Class), c.text.at(entry("classes", k)), "every request about a `%s` account is refused", s.Class)
		}
	}
}

// ruled says that a rule refuses, by its own words or because it fails.
func (c *check) ruled() prove.Lit {
	any := slices.Clone(c.model.fails)
	for i, r := range c.logic.Rules {
		if r.Deny != "" {
			any = append(any, c.model.applies[i])
		}
	}
	return c.model.Or(any...)
}

// guarded are the classes above a vendor.
var guarded = []identity.Class{identity.Privileged, identity.BreakGlass, identity.Unknown}

// desks looks at what the agents of each desk can open.
func (c *check) desks() {
	m := c.model
	for _, d := range c.logic.Desks {
		path := c.text.named("desks", "desk", d.Name)
		here := m.desk(d.Name)
		switch {
		case m.possible(m.And(m.open, here)):
		case m.possible(m.And(here, m.within(d))):
			c.idleDesk(d, path)
		default:
			c.say("desk-never", d.Name, of(d.Reach, 0, path+".reach"), "nothing is within the reach of the desk `%s`", d.Name)
		}
		if !d.Vendor {
			continue
		}
		for _, class := range guarded {
			if f, _, found := m.find(m.And(m.open, here, m.class(class)), allowed); found {
				c.say("vendor-reaches-privileged", d.Name, of(d.Reach, 0, path+".reach"),
					"an agent of the vendor's desk `%s` can open a request about an account of class `%s`", d.Name, class).shows(f)
				break
			}
		}
		if d.TierCap == "" && c.vendorCap(d.Company) == "" {
			c.say("vendor-without-cap", d.Name, c.text.at(path), "the vendor's desk `%s` has no `tier_cap`", d.Name)
		}
	}
}

func (c *check) idleDesk(d policy.Bound, path string) {
	caps := ""
	for _, t := range []identity.Tier{d.TierCap, c.vendorCap(d.Company)} {
		if t != "" && (caps == "" || t.Rank() < identity.Tier(caps).Rank()) {
			caps = string(t)
		}
	}
	m := c.model
	if caps != "" && !m.possible(m.And(m.desk(d.Name), m.within(d), m.above(identity.Tier(caps)).Not())) {
		c.say("desk-capped-out", d.Name, c.text.at(path), "every request within the reach of the desk `%s` is above its cap of %s", d.Name, caps)
		return
	}
	c.say("desk-never", d.Name, of(d.Reach, 0, path+".reach"), "the rules refuse every request within the reach of the desk `%s`", d.Name)
}

func (c *check) vendorCap(company string) identity.Tier {
	for _, v := range c.logic.Vendors {
		if v.Name == company && company != "" {
			return v.TierCap
		}
	}
	return ""
}

// absences looks for conditions that fail for want of a fact.
func (c *check) absences() {
	m := c.model
	for k, s := range c.logic.Classes {
		why := func(p policy.Plan) (fact string, failed bool) {
			for _, r := range p.Reasons {
				if reason, is := strings.CutPrefix(r.Demand, "class unknown: deciding "+string(s.Class)+": "); is {
					return missing(reason), true
				}
			}
			return "", false
		}
		f, p, found := m.find(m.classFails[k], func(p policy.Plan) bool { _, failed := why(p); return failed })
		if !found {
			continue
		}
		fact, _ := why(p)
		c.say("class-reads-absent-fact", string(s.Class), of(s.When, read(s.When, fact), entry("classes", k)+".when"),
			"without %s the account is `unknown`, and the entries below are not looked at", orFact(fact)).shows(f)
	}
	for i, r := range c.logic.Rules {
		c.absence(m.fails[i], r.Name, "the rule `"+r.Name+"` refuses", r.Name, r.When, ruleAt(i)+".when")
	}
	for _, d := range c.logic.Desks {
		c.absence(m.And(m.desk(d.Name), m.reachFails(d)), "(desk)", "the desk `"+d.Name+"` cannot act", d.Name, d.Reach, c.text.named("desks", "desk", d.Name)+".reach")
	}
}

func (c *check) absence(fails prove.Lit, denial, then, at string, when policy.Condition, path string) {
	why := func(p policy.Plan) (fact string, failed bool) {
		for _, d := range c.policy.Faults(p) {
			if d.Rule == denial {
				_, reason, is := strings.Cut(d.Reason, ": ")
				if !is {
					reason = d.Reason
				}
				return missing(reason), true
			}
		}
		return "", false
	}
	f, p, found := c.model.find(fails, func(p policy.Plan) bool { _, failed := why(p); return failed })
	if !found {
		return
	}
	fact, _ := why(p)
	c.say("condition-reads-absent-fact", at, of(when, read(when, fact), path), "without %s %s", orFact(fact), then).shows(f)
}

// missing is the fact that a failure names, or "".
func missing(reason string) string {
	fact, is := strings.CutPrefix(reason, "the fact ")
	if !is {
		return ""
	}
	return strings.TrimSuffix(fact, " is missing")
}

func orFact(fact string) string {
	if fact == "" {
		return "what it reads"
	}
	return "`" + fact + "`"
}

// read is where a condition reads a fact: the first time that it does not just
// ask for its presence.
func read(when policy.Condition, fact string) int {
	at := -1
	when.Expr().Walk(func(n *expr.Node) bool {
		if n.Op == expr.Fact && n.Path == fact && n.At >= 0 && at < 0 {
			at = n.At
		}
		return n.Op != expr.Has
	})
	return at
}
