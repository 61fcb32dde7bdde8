package lint

import (
	"slices"
	"strings"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/prove"
	"countersign/internal/proof"
)

// The recovery methods of SP 800-63B-4 §4.2.1 by what they are. Two codes count
// as different when they are of different kinds; a vouching colleague is an
// application-specific method and a kind of its own.
var (
	enough         = []proof.Method{proof.Passkey, proof.InPerson, proof.IDV}
	authenticators = []proof.Method{proof.TOTP, proof.Device, proof.OIDC}
	codes          = [][]proof.Method{
		{proof.RecoveryCode},
		{proof.EmailCode, proof.SMSCode, proof.VoiceCode, proof.Callback},
		{proof.RecoveryContact},
		{proof.Vouch},
	}
	telephone  = []proof.Method{proof.SMSCode, proof.VoiceCode, proof.Callback}
	mailOrCall = append([]proof.Method{proof.EmailCode}, telephone...)
)

// strong reports whether the methods are what recovery at AAL2 takes: two codes
// by different methods, a code and an authenticator, or repeated proofing
// (SP 800-63B-4 §4.2.2.2). A passkey is two factors by itself.
func strong(ms []proof.Method) bool {
	kinds := 0
	for _, kind := range codes {
		if meet(ms, kind) {
			kinds++
		}
	}
	return meet(ms, enough) || kinds > 1 || kinds == 1 && meet(ms, authenticators)
}

// weakest lists the largest sets of methods that are not strong: whatever
// accepts less than AAL2 accepts one of them.
func weakest() [][]proof.Method { return append(slices.Clone(codes), authenticators) }

func meet(a, b []proof.Method) bool {
	return slices.ContainsFunc(a, func(m proof.Method) bool { return slices.Contains(b, m) })
}

// only reports whether all of the methods are among the others.
func only(ms, others []proof.Method) bool {
	return !slices.ContainsFunc(ms, func(m proof.Method) bool { return !slices.Contains(others, m) })
}

func methods(are func(proof.Spec) bool) []proof.Method {
	var out []proof.Method
	for _, s := range proof.Specs {
		if are(s) {
			out = append(out, s.Method)
		}
	}
	return out
}

var critical = []identity.Class{identity.Privileged, identity.Service, identity.BreakGlass, identity.Unknown}

// strength looks at what is enough in the end, of all that rules demand.
func (c *check) strength() {
	m := c.model
	accepts := func(sets ...[]proof.Method) prove.Lit {
		var any []prove.Lit
		for _, set := range sets {
			any = append(any, m.plan.Accepts(set...))
		}
		return m.Or(any...)
	}
	var alone [][]proof.Method
	for _, w := range methods(func(s proof.Spec) bool { return !s.PhishingResistant && !strong([]proof.Method{s.Method}) }) {
		alone = append(alone, []proof.Method{w})
	}
	single, combination := accepts(alone...), accepts(weakest()...)
	standard, high := m.class(identity.Standard), m.plan.TierAtLeast(identity.High)
	phished := methods(func(s proof.Spec) bool { return !s.PhishingResistant })
	untied := methods(func(s proof.Spec) bool { return !slices.Contains(telephone, s.Method) })

	isAlone := func(way []proof.Method) bool { return len(way) == 1 && !strong(way) }
	isWeak := func(way []proof.Method) bool { return !strong(way) }
	c.opened("single-weak-proof", m.And(m.open, standard.Not(), single), isAlone, "`%s` alone is enough for the %s account's %s")
	c.opened("single-proof-high-tier", m.And(m.open, standard, high, single), isAlone, "`%s` alone is enough for the %s account's %s, although its tier is high")
	c.opened("recovery-combination", m.And(m.open, standard.Not(), combination, single.Not()), isWeak,
		"`%s` is enough for the %s account's %s, and is no combination that recovery at AAL2 takes")
	c.opened("critical-evidence", m.And(m.open, m.classes(critical...), accepts(phished), combination.Not()),
		func(way []proof.Method) bool { return only(way, phished) }, "`%s` is enough for the %s account's %s, and phishing can take all of it")
	c.opened("callback-alone", m.And(m.open, accepts([]proof.Method{proof.Callback})),
		func(way []proof.Method) bool { return only(way, []proof.Method{proof.Callback}) }, "`%s` alone is enough for the %s account's %s")
	c.opened("no-unrestricted-proof", m.And(m.open, accepts(untied).Not()),
		func(way []proof.Method) bool { return meet(way, telephone) }, "`%s` travels by telephone, and nothing else is offered for the %s account's %s")
	c.secondFactor()
}

// atMost keeps a policy that is wrong everywhere from drowning its reader.
const atMost = 8

// opened says a finding once for every rule whose formula opens the way. The
// format takes the way, the class and the action.
func (c *check) opened(code string, q prove.Lit, is func([]proof.Method) bool, format string) {
	for range atMost {
		f, p, found := c.model.find(q, func(p policy.Plan) bool { return allowed(p) && slices.ContainsFunc(p.Proofs, is) })
		if !found {
			return
		}
		way := p.Proofs[slices.IndexFunc(p.Proofs, is)]
		i := c.brought(p, "proofs", func(r policy.Rule) bool { return len(r.Demand.Proofs) > 0 })
		c.say(code, c.logic.Rules[i].Name, c.formulaPlace(i, way), format, join(way), p.Class, f.Action).shows(f)
		q = c.model.And(q, c.model.applies[i].Not())
	}
}

// brought finds the rule that brought a demand into a plan: the last in the
// text, which is usually the most particular.
func (c *check) brought(p policy.Plan, demand string, is func(policy.Rule) bool) int {
	for i := len(c.logic.Rules) - 1; i >= 0; i-- {
		r := c.logic.Rules[i]
		if slices.Contains(p.Reasons, policy.Reason{Rule: r.Name, Demand: demand}) && is(r) {
			return i
		}
	}
	return -1
}

func (c *check) formulaPlace(i int, way []proof.Method) place {
	for _, m := range way {
		if slices.Contains(c.logic.Rules[i].Demand.Proofs.Methods(), m) {
			return c.text.word(proofsOf(i), string(m))
		}
	}
	return c.text.at(proofsOf(i))
}

func join(way []proof.Method) string {
	words := make([]string, len(way))
	for i, m := range way {
		words[i] = string(m)
	}
	return strings.Join(words, " && ")
}
