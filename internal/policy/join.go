package policy

import (
	"cmp"
	"slices"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// risk orders the classes by how much harm a wrong reset does. It decides the
// class of a joined plan.
var risk = []identity.Class{
	identity.Standard, identity.External, identity.Sensitive, identity.Executive,
	identity.Service, identity.Privileged, identity.BreakGlass, identity.Unknown,
}

func riskOf(c identity.Class) int {
	if i := slices.Index(risk, c); i >= 0 {
		return i
	}
	return len(risk)
}

// Join is the stricter of two plans in every respect: denials and notices add
// up, proofs are both demanded, approvals, wait, cool-off, probation and tier take the larger,
// expiry and review the shorter, delivery what both allow, and the class the
// riskier. It is associative, commutative and idempotent, and never weaker
// than either plan. When no way of delivery is left, the join is a denial.
//
// A joined formula may ask for a method that does not count at the joined
// tier. Such a request cannot be completed; it is never completed wrongly.
func Join(a, b Plan) Plan {
	p := Plan{
		Class:     riskier(a.Class, b.Class),
		Tier:      a.Tier.Max(b.Tier),
		Deny:      slices.Concat(a.Deny, b.Deny),
		Proofs:    proof.And(a.Proofs, b.Proofs),
		Approvals: slices.Concat(a.Approvals, b.Approvals),
		Wait:      max(a.Wait, b.Wait),
		CoolOff:   max(a.CoolOff, b.CoolOff),
		Probation: max(a.Probation, b.Probation),
		Expires:   shorter(a.Expires, b.Expires),
		Review:    shorter(a.Review, b.Review),
		Delivery:  intersect(a.Delivery, b.Delivery),
		Notify:    slices.Concat(a.Notify, b.Notify),
		FollowUp:  slices.Concat(a.FollowUp, b.FollowUp),
		Reasons:   slices.Concat(a.Reasons, b.Reasons),
	}
	return p.canonical()
}

// canonical sorts the lists, takes out repetitions and refuses a plan that
// nobody could fulfil.
func (p Plan) canonical() Plan {
	if len(p.Proofs) == 0 && !denied(p.Deny, byProofs) && !denied(p.Deny, byFacts) {
		p.Deny = append(p.Deny, Denial{byProofs, "no rule that applies demands a proof"})
	}
	p.Delivery = set(p.Delivery)
	if len(p.Delivery) == 0 && !denied(p.Deny, byDelivery) {
		p.Deny = append(p.Deny, Denial{byDelivery, "the rules that apply leave no way to deliver the new secret"})
	}
	slices.SortFunc(p.Deny, func(a, b Denial) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Reason, b.Reason)) })
	p.Deny = slices.Compact(p.Deny)
	p.Approvals = mostCounts(p.Approvals)
	p.Notify, p.FollowUp = set(p.Notify), set(p.FollowUp)
	if p.Reasons == nil {
		p.Reasons = []Reason{}
	}
	slices.SortFunc(p.Reasons, func(a, b Reason) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Demand, b.Demand)) })
	p.Reasons = slices.Compact(p.Reasons)
	return p
}

// AtLeast reports whether a demands at least what b demands, in every respect.
// A plan that denies is stricter than any that does not. Among the ways of
// delivery, vault and in_person count as stricter than session.
func AtLeast(a, b Plan) bool {
	switch {
	case a.Denied():
		return true
	case b.Denied():
		return false
	}
	return len(Weaker(a, b)) == 0
}

// Weaker names the respects in which a does not demand all that b demands,
// their denials aside: class, tier, proofs, approvals, wait, and so on. Two
// plans can each be weaker than the other in one respect.
func Weaker(a, b Plan) []string {
	var in []string
	for _, r := range respects {
		if !r.atLeast(a, b) {
			in = append(in, r.name)
		}
	}
	return in
}

var respects = []struct {
	name    string
	atLeast func(a, b Plan) bool
}{
	{"class", func(a, b Plan) bool { return riskOf(a.Class) >= riskOf(b.Class) }},
	{"tier", func(a, b Plan) bool { return a.Tier.Rank() >= b.Tier.Rank() }},
	{"proofs", func(a, b Plan) bool { return proof.And(a.Proofs, b.Proofs).Equal(a.Proofs) }},
	{"approvals", func(a, b Plan) bool { return coversNeeds(a.Approvals, b.Approvals) }},
	{"wait", func(a, b Plan) bool { return a.Wait >= b.Wait }},
	{"cool_off", func(a, b Plan) bool { return a.CoolOff >= b.CoolOff }},
	{"probation", func(a, b Plan) bool { return a.Probation >= b.Probation }},
	{"expires", func(a, b Plan) bool { return noLonger(a.Expires, b.Expires) }},
	{"review", func(a, b Plan) bool { return noLonger(a.Review, b.Review) }},
	{"delivery", func(a, b Plan) bool { return strictDelivery(a.Delivery, b.Delivery) }},
	{"notify", func(a, b Plan) bool { return containsAll(a.Notify, b.Notify) }},
	{"follow_up", func(a, b Plan) bool { return containsAll(a.FollowUp, b.FollowUp) }},
}

func riskier(a, b identity.Class) identity.Class {
	if d := cmp.Or(riskOf(a)-riskOf(b), cmp.Compare(a, b)); d < 0 {
		return b
	}
	return a
}

// shorter is the smaller of two times, 0 meaning that none was said.
func shorter(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func noLonger(a, b int64) bool { return b == 0 || a != 0 && a <= b }

func intersect(a, b []string) []string {
	out := []string{}
	for _, s := range a {
		if slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

// set sorts and takes out repetitions; the result is never nil, so that JSON
// shows an empty list.
func set(list []string) []string {
	out := append(make([]string, 0, len(list)), list...)
	slices.Sort(out)
	return slices.Compact(out)
}

func denied(ds []Denial, rule string) bool {
	return slices.ContainsFunc(ds, func(d Denial) bool { return d.Rule == rule })
}

func containsAll(a, b []string) bool {
	return !slices.ContainsFunc(b, func(s string) bool { return !slices.Contains(a, s) })
}

func strictDelivery(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool {
		return !slices.Contains(b, s) && (s == "session" || !slices.Contains(b, "session"))
	})
}

func coversNeeds(a, b []approval.Need) bool {
	return !slices.ContainsFunc(b, func(want approval.Need) bool {
		return !slices.ContainsFunc(a, func(n approval.Need) bool { return n.Role == want.Role && n.Count >= want.Count })
	})
}

// mostCounts keeps the largest count of each role, sorted by role.
func mostCounts(needs []approval.Need) []approval.Need {
	out := make([]approval.Need, 0, len(needs))
	for _, n := range needs {
		i := slices.IndexFunc(out, func(o approval.Need) bool { return o.Role == n.Role })
		if i < 0 {
			out = append(out, n)
		} else {
			out[i].Count = max(out[i].Count, n.Count)
		}
	}
	slices.SortFunc(out, func(a, b approval.Need) int { return cmp.Compare(a.Role, b.Role) })
	return out
}
