package lint

import (
	"slices"
	"strconv"
	"strings"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

// Site is where a policy is to be used. A nil field is not known, and nothing
// is said of it.
type Site struct {
	Zone      func(name string) bool // whether the machine knows the time zone
	Methods   []proof.Method         // that people can prove themselves with
	Roles     map[identity.Role]int  // how many persons the roster has in each role
	Delivery  []string               // ways in which a new secret can travel
	FollowUps []string               // what some directory can carry out
}

// ability looks for demands that the site could never satisfy, or says what
// one would need.
func (c *check) ability() {
	site := c.site
	if site.Methods == nil {
		c.needs()
	}
	c.zones()
	for i, r := range c.logic.Rules {
		path := ruleAt(i) + ".demand"
		if site.Methods != nil && len(r.Demand.Proofs) > 0 {
			c.enabled(i, r, site.Methods)
		}
		for _, n := range r.Demand.Approvals {
			if have := site.Roles[n.Role]; site.Roles != nil && have < n.Count {
				c.say("too-few-approvers", r.Name, c.text.word(path+".approvals", string(n.Role)), "%d of the role %s have to sign, and the roster has %d", n.Count, n.Role, have)
			}
		}
		if site.Delivery != nil && len(r.Demand.Delivery) > 0 && disjoint(r.Demand.Delivery, site.Delivery) {
			c.say("delivery-not-offered", r.Name, c.text.at(path+".delivery"), "the site offers none of %s", list(r.Demand.Delivery))
		}
		for _, w := range r.Demand.FollowUp {
			if site.FollowUps != nil && !slices.Contains(site.FollowUps, w) {
				c.say("follow-up-not-able", r.Name, c.text.word(path+".follow_up", w), "no directory of this site can %s", strings.ReplaceAll(w, "_", " "))
			}
		}
	}
}

// zones looks for time zones that the machine does not know.
func (c *check) zones() {
	for path, n := range c.text.nodes {
		is := path == "zone" || strings.HasPrefix(path, "desks[") && strings.HasSuffix(path, "].zone")
		if is && c.site.Zone != nil && !c.site.Zone(n.Value) {
			c.say(unknownZone, "", c.text.at(path), "there is no time zone `%s`", n.Value)
		}
	}
}

func disjoint(a, b []string) bool {
	return !slices.ContainsFunc(a, func(w string) bool { return slices.Contains(b, w) })
}

func (c *check) enabled(i int, r policy.Rule, have []proof.Method) {
	off := methods(func(s proof.Spec) bool { return !slices.Contains(have, s.Method) })
	if len(r.Demand.Proofs.Without(off...)) == 0 {
		c.say("proofs-not-enabled", r.Name, c.text.at(proofsOf(i)), "this site offers %s, with which no alternative can be met", orNothing(list(have)))
		return
	}
	for _, w := range r.Demand.Proofs.Methods() {
		if slices.Contains(off, w) {
			c.say("method-not-enabled", r.Name, c.text.word(proofsOf(i), string(w)), "this site does not offer `%s`", w)
		}
	}
}

func orNothing(s string) string {
	if s == "" {
		return "no method"
	}
	return s
}

// needs says what a site would have to have.
func (c *check) needs() {
	most := map[identity.Role]int{}
	var delivery, followUps, approvers []string
	for _, r := range c.logic.Rules {
		delivery = append(delivery, r.Demand.Delivery...)
		followUps = append(followUps, r.Demand.FollowUp...)
		for _, n := range r.Demand.Approvals {
			most[n.Role] = max(most[n.Role], n.Count)
		}
	}
	for _, role := range identity.Roles {
		if most[role] > 0 {
			approvers = append(approvers, strconv.Itoa(most[role])+" "+string(role))
		}
	}
	parts := []string{"the methods " + orNothing(list(c.policy.Methods()))}
	for _, p := range []struct {
		what  string
		words []string
	}{{"as approvers ", approvers}, {"for delivery ", unique(delivery)}, {"to follow up ", unique(followUps)}} {
		if len(p.words) > 0 {
			parts = append(parts, p.what+list(p.words))
		}
	}
	c.say("needs", "", c.text.key("rules"), "the policy counts on %s", strings.Join(parts, "; "))
}

func unique(words []string) []string { return slices.Compact(slices.Sorted(slices.Values(words))) }
