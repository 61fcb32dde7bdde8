package diff

import (
	"math"
	"slices"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/prove"
	"countersign/internal/proof"
)

// Respect is one demand, and the proposition that a plan asks less for it.
type Respect struct {
	Demand string
	Is     prove.Lit
}

// weaker says, demand by demand, that b does not demand all that a does. It is
// policy.Weaker for every request at once.
func weaker(s *prove.Space, a, b *prove.Plan) []Respect {
	return []Respect{
		{"tier", anyOf(s, identity.Tiers, func(t identity.Tier) prove.Lit { return s.And(a.TierAtLeast(t), b.TierAtLeast(t).Not()) })},
		{"proofs", otherWay(s, a, b)},
		{"approvals", anyOf(s, identity.Roles, func(r identity.Role) prove.Lit {
			return anyOf(s, a.Counts(r), func(n int) prove.Lit { return s.And(a.ApprovalsAtLeast(r, n), b.ApprovalsAtLeast(r, n).Not()) })
		})},
		{"wait", shorter(s, b.Wait(), a.Wait())},
		{"cool_off", shorter(s, b.CoolOff(), a.CoolOff())},
		{"probation", shorter(s, b.Probation(), a.Probation())},
		{"expires", sooner(s, a.Expires(), b.Expires())},
		{"review", sooner(s, a.Review(), b.Review())},
		{"delivery", s.Or(
			s.And(b.Delivers("session"), a.Delivers("session").Not()),
			anyOf(s, []string{"vault", "in_person"}, func(w string) prove.Lit {
				return s.And(b.Delivers(w), a.Delivers(w).Not(), a.Delivers("session").Not())
			}))},
		{"notify", anyOf(s, []string{"manager", "security"}, func(w string) prove.Lit { return s.And(a.Notifies(w), b.Notifies(w).Not()) })},
		{"follow_up", anyOf(s, []string{"revoke_sessions", "revoke_tokens", "rotate_associated"}, func(w string) prove.Lit {
			return s.And(a.FollowsUp(w), b.FollowsUp(w).Not())
		})},
	}
}

func anyOf[T any](s *prove.Space, of []T, is func(T) prove.Lit) prove.Lit {
	all := make([]prove.Lit, len(of))
	for i, x := range of {
		all[i] = is(x)
	}
	return s.Or(all...)
}

// otherWay says that some set of proofs is enough for b and not for a.
func otherWay(s *prove.Space, a, b *prove.Plan) prove.Lit {
	chosen := choices(s, b)
	return s.And(b.AcceptsThose(chosen), a.AcceptsThose(chosen).Not())
}

// shorter says that one span is shorter than another.
func shorter(s *prove.Space, a, b prove.Span) prove.Lit {
	return order(s, a, b, func(v int64) int64 { return v })
}

// sooner is shorter for times within which something is due.
func sooner(s *prove.Space, a, b prove.Span) prove.Lit { return order(s, a, b, orNever) }

// orNever is a time within which something is due; 0 stands for never, which
// is longer than any.
func orNever(v int64) int64 {
	if v == 0 {
		return math.MaxInt64
	}
	return v
}

func order(s *prove.Space, a, b prove.Span, length func(int64) int64) prove.Lit {
	return anyOf(s, a.Values(), func(v int64) prove.Lit {
		return s.And(a.Is(v), valued(s, b, func(w int64) bool { return length(v) < length(w) }))
	})
}

// Below says, demand by demand, that the plan asks less than a plan that is
// given. Is is False where no request can be asked for less.
func Below(s *prove.Space, a *prove.Plan, than policy.Plan) []Respect {
	words := func(said []string, is func(string) prove.Lit) prove.Lit {
		return anyOf(s, said, func(w string) prove.Lit { return is(w).Not() })
	}
	return []Respect{
		{"tier", a.TierAtLeast(than.Tier).Not()},
		{"proofs", otherThan(s, a, than.Proofs)},
		{"approvals", anyOf(s, than.Approvals, func(n approval.Need) prove.Lit { return a.ApprovalsAtLeast(n.Role, n.Count).Not() })},
		{"wait", valued(s, a.Wait(), func(v int64) bool { return v < than.Wait })},
		{"cool_off", valued(s, a.CoolOff(), func(v int64) bool { return v < than.CoolOff })},
		{"probation", valued(s, a.Probation(), func(v int64) bool { return v < than.Probation })},
		{"expires", valued(s, a.Expires(), func(v int64) bool { return orNever(v) > orNever(than.Expires) })},
		{"review", valued(s, a.Review(), func(v int64) bool { return orNever(v) > orNever(than.Review) })},
		{"delivery", anyOf(s, []string{"session", "vault", "in_person"}, func(w string) prove.Lit {
			if slices.Contains(than.Delivery, w) || w != "session" && slices.Contains(than.Delivery, "session") {
				return prove.False
			}
			return a.Delivers(w)
		})},
		{"notify", words(than.Notify, a.Notifies)},
		{"follow_up", words(than.FollowUp, a.FollowsUp)},
	}
}

// otherThan says that some set of proofs is enough for a and not for the
// formula.
func otherThan(s *prove.Space, a *prove.Plan, f proof.Formula) prove.Lit {
	chosen := choices(s, a)
	enough := anyOf(s, f, func(way []proof.Method) prove.Lit {
		all := make([]prove.Lit, len(way))
		for i, m := range way {
			all[i] = prove.False
			if l, may := chosen[m]; may {
				all[i] = l
			}
		}
		return s.And(all...)
	})
	return s.And(a.AcceptsThose(chosen), enough.Not())
}

func choices(s *prove.Space, a *prove.Plan) map[proof.Method]prove.Lit {
	chosen := map[proof.Method]prove.Lit{}
	for _, m := range a.Methods() {
		chosen[m] = s.Choice("proof by " + string(m))
	}
	return chosen
}

func valued(s *prove.Space, t prove.Span, is func(int64) bool) prove.Lit {
	return anyOf(s, t.Values(), func(v int64) prove.Lit {
		if is(v) {
			return t.Is(v)
		}
		return prove.False
	})
}
