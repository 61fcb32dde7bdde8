package policy

import (
	"cmp"
	"math/bits"
	"slices"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// joined are the demands of the rules so far, the stricter of each.
type joined struct {
	tier                     int // its rank
	needs                    [3]int
	wait, coolOff, probation int64
	expires, review          int64
	delivery                 uint32 // what every rule that says allows
	delivered                bool   // a rule says
	notify, followUp         uint32
}

func (j *joined) demand(r *demanding) {
	m := &r.rule.demand
	j.tier = max(j.tier, r.tier)
	for i, n := range r.needs {
		j.needs[i] = max(j.needs[i], n)
	}
	j.wait = max(j.wait, m.wait)
	j.coolOff = max(j.coolOff, m.coolOff)
	j.probation = max(j.probation, m.probation)
	j.expires = shorter(j.expires, m.expires)
	j.review = shorter(j.review, m.review)
	j.notify |= r.notify
	j.followUp |= r.followUp
	switch {
	case r.delivery == 0:
	case j.delivered:
		j.delivery &= r.delivery
	default:
		j.delivery, j.delivered = r.delivery, true
	}
}

// finish fills in what no rule said and writes the plan out in canonical form.
// Its slices belong to the caller.
func (d *decision) finish(e *frame, applies *ruleSet) Plan {
	p := Plan{
		Class: d.class, Tier: identity.Tiers[d.tier], Wait: d.wait, Probation: d.probation, Review: d.review,
		Expires: shorter(d.expires, d.policy.expires), CoolOff: max(d.coolOff, d.policy.coolOff),
	}
	p.Reasons = d.reasons(applies)
	p.Proofs = d.proofs(e, applies)
	p.Approvals = d.approvals()
	d.words(&p)
	if len(d.denials) > 1 {
		slices.SortFunc(d.denials, func(a, b Denial) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Reason, b.Reason)) })
		d.denials = slices.Compact(d.denials)
	}
	p.Deny = d.denials
	return p
}

// reasons writes them in order: those of the policy itself begin with a
// parenthesis, which comes before every name, and the rules are by name.
func (d *decision) reasons(applies *ruleSet) []Reason {
	x := d.policy.index
	n := one(d.undecided != "") + one(d.floored) + one(d.coolOff == 0) + one(!d.delivered) + one(d.expires == 0)
	for w := range x.words {
		for b := applies[w]; b != 0; b &= b - 1 {
			n += int64(len(x.rules[w*64+bits.TrailingZeros64(b)].reasons))
		}
	}
	all := make([]Reason, 0, n)
	if d.undecided != "" {
		all = append(all, Reason{byClass, d.undecided})
	}
	if d.floored {
		all = append(all, Reason{byClass, "tier"})
	}
	if d.coolOff == 0 {
		all = append(all, Reason{byDefault, "cool_off"})
	}
	if !d.delivered {
		all = append(all, Reason{byDefault, "delivery"})
	}
	if d.expires == 0 {
		all = append(all, Reason{byDefault, "expires"})
	}
	for w := range x.words {
		for b := applies[w]; b != 0; b &= b - 1 {
			all = append(all, x.rules[w*64+bits.TrailingZeros64(b)].reasons...)
		}
	}
	return all
}

// proofs joins the formulas of the rules that apply and takes out the
// alternatives that need a method which counts for nothing at this tier or for
// this action.
func (d *decision) proofs(e *frame, applies *ruleSet) proof.Formula {
	x := d.policy.index
	var one, other [24]uint64
	all, spare := proof.Ways(one[:0]), proof.Ways(other[:0])
	for w := range x.words {
		for b := applies[w]; b != 0; b &= b - 1 {
			if r := x.rules[w*64+bits.TrailingZeros64(b)]; len(r.ways) > 0 {
				all, spare = all.And(r.ways, spare), all
			}
		}
	}
	if len(all) == 0 {
		if !denied(d.denials, byFacts) {
			d.deny(byProofs, "no rule that applies demands a proof")
		}
		return nil
	}
	all = all.Without(unusable[d.tier][place(identity.Actions, e.facts.Action)])
	if len(all) == 0 {
		d.deny(byProofs, "every way to prove who is asking needs a method that does not count at tier %s or for %s", identity.Tiers[d.tier], e.facts.Action)
	}
	return all.Formula()
}

// unusable are the methods that count for nothing, by the tier's rank and the
// action's place.
var unusable = func() [][]uint64 {
	table := make([][]uint64, len(identity.Tiers))
	for rank := range table {
		for _, a := range identity.Actions {
			var methods []proof.Method
			for _, s := range proof.Specs {
				if s.Ceiling.Rank() < rank || slices.Contains(s.Spoiled, a) {
					methods = append(methods, s.Method)
				}
			}
			table[rank] = append(table[rank], proof.Bits(methods...))
		}
	}
	return table
}()

func (d *decision) approvals() []approval.Need {
	n := 0
	for _, count := range d.needs {
		n += min(count, 1)
	}
	all := make([]approval.Need, 0, n)
	for i, count := range d.needs {
		if count > 0 {
			all = append(all, approval.Need{Role: identity.Role(approvingRoles[i]), Count: count})
		}
	}
	return all
}

// words writes out the lists of words, one after the other in one piece of
// memory.
func (d *decision) words(p *Plan) {
	delivery, notify := d.delivery, d.notify|bitsOf(notifyWords, []string{"owner_all"})
	if !d.delivered {
		delivery = bitsOf(deliveryWords, []string{"session"})
	}
	if delivery == 0 {
		d.deny(byDelivery, "the rules that apply leave no way to deliver the new secret")
	}
	all := make([]string, 0, bits.OnesCount32(delivery)+bits.OnesCount32(notify)+bits.OnesCount32(d.followUp))
	p.Delivery, all = spell(deliveryWords, delivery, all)
	p.Notify, all = spell(notifyWords, notify, all)
	p.FollowUp, _ = spell(followUpWords, d.followUp, all)
}

// spell writes the words of bits into the room behind list, in the order of the
// vocabulary. It gives them, and the room that is left.
func spell(vocabulary []string, said uint32, room []string) (words, left []string) {
	for ; said != 0; said &= said - 1 {
		room = append(room, vocabulary[bits.TrailingZeros32(said)])
	}
	n := len(room)
	return room[:n:n], room[n:]
}

func bitsOf(vocabulary, said []string) uint32 {
	var all uint32
	for _, s := range said {
		all |= 1 << place(vocabulary, s)
	}
	return all
}
