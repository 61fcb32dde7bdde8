package prove

import (
	"math"
	"slices"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

// Respect is one demand, and the proposition that a plan asks less for it.
type Respect struct {
	Demand string
	Is     Lit
}

// Weaker says, demand by demand, that a does not demand all that b does, their
// refusals aside. It is policy.Weaker for every request at once.
func (s *Space) Weaker(a, b *Plan) []Respect {
	return []Respect{
		{"tier", anyOf(s, identity.Tiers, func(t identity.Tier) Lit { return s.And(b.TierAtLeast(t), a.TierAtLeast(t).Not()) })},
		{"proofs", otherWay(s, b, a)},
		{"approvals", anyOf(s, identity.Roles, func(r identity.Role) Lit {
			return anyOf(s, b.Counts(r), func(n int) Lit { return s.And(b.ApprovalsAtLeast(r, n), a.ApprovalsAtLeast(r, n).Not()) })
		})},
		{"wait", shorter(s, a.Wait(), b.Wait())},
		{"cool_off", shorter(s, a.CoolOff(), b.CoolOff())},
		{"probation", shorter(s, a.Probation(), b.Probation())},
		{"expires", sooner(s, b.Expires(), a.Expires())},
		{"review", sooner(s, b.Review(), a.Review())},
		{"delivery", s.Or(
			s.And(a.Delivers("session"), b.Delivers("session").Not()),
			anyOf(s, []string{"vault", "in_person"}, func(w string) Lit {
				return s.And(a.Delivers(w), b.Delivers(w).Not(), b.Delivers("session").Not())
			}))},
		{"notify", anyOf(s, []string{"manager", "security"}, func(w string) Lit { return s.And(b.Notifies(w), a.Notifies(w).Not()) })},
		{"follow_up", anyOf(s, []string{"revoke_sessions", "revoke_tokens", "rotate_associated"}, func(w string) Lit {
			return s.And(b.FollowsUp(w), a.FollowsUp(w).Not())
		})},
	}
}

func anyOf[T any](s *Space, of []T, is func(T) Lit) Lit {
	all := make([]Lit, len(of))
	for i, x := range of {
		all[i] = is(x)
	}
	return s.Or(all...)
}

// otherWay says that some set of proofs is enough for b and not for a.
func otherWay(s *Space, a, b *Plan) Lit {
	chosen := choices(s, b)
	return s.And(b.AcceptsThose(chosen), a.AcceptsThose(chosen).Not())
}

// shorter says that one span is shorter than another.
func shorter(s *Space, a, b Span) Lit {
	return order(s, a, b, func(v int64) int64 { return v })
}

// sooner is shorter for times within which something is due.
func sooner(s *Space, a, b Span) Lit { return order(s, a, b, orNever) }

// orNever is a time within which something is due; 0 stands for never, which
// is longer than any.
func orNever(v int64) int64 {
	if v == 0 {
		return math.MaxInt64
	}
	return v
}

func order(s *Space, a, b Span, length func(int64) int64) Lit {
	return anyOf(s, a.Values(), func(v int64) Lit {
		return s.And(a.Is(v), valued(s, b, func(w int64) bool { return length(v) < length(w) }))
	})
}

// Below says, demand by demand, that the plan asks less than a plan that is
// given. Is is False where no request can be asked for less.
func (s *Space) Below(a *Plan, than policy.Plan) []Respect {
	words := func(said []string, is func(string) Lit) Lit {
		return anyOf(s, said, func(w string) Lit { return is(w).Not() })
	}
	return []Respect{
		{"tier", a.TierAtLeast(than.Tier).Not()},
		{"proofs", otherThan(s, a, than.Proofs)},
		{"approvals", anyOf(s, than.Approvals, func(n approval.Need) Lit { return a.ApprovalsAtLeast(n.Role, n.Count).Not() })},
		{"wait", valued(s, a.Wait(), func(v int64) bool { return v < than.Wait })},
		{"cool_off", valued(s, a.CoolOff(), func(v int64) bool { return v < than.CoolOff })},
		{"probation", valued(s, a.Probation(), func(v int64) bool { return v < than.Probation })},
		{"expires", valued(s, a.Expires(), func(v int64) bool { return orNever(v) > orNever(than.Expires) })},
		{"review", valued(s, a.Review(), func(v int64) bool { return orNever(v) > orNever(than.Review) })},
		{"delivery", anyOf(s, []string{"session", "vault", "in_person"}, func(w string) Lit {
			if slices.Contains(than.Delivery, w) || w != "session" && slices.Contains(than.Delivery, "session") {
				return False
			}
			return a.Delivers(w)
		})},
		{"notify", words(than.Notify, a.Notifies)},
		{"follow_up", words(than.FollowUp, a.FollowsUp)},
	}
}

// otherThan says that some set of proofs is enough for a and not for the
// formula.
func otherThan(s *Space, a *Plan, f proof.Formula) Lit {
	chosen := choices(s, a)
	enough := anyOf(s, f, func(way []proof.Method) Lit {
		all := make([]Lit, len(way))
		for i, m := range way {
			all[i] = False
			if l, may := chosen[m]; may {
				all[i] = l
			}
		}
		return s.And(all...)
	})
	return s.And(a.AcceptsThose(chosen), enough.Not())
}

func choices(s *Space, a *Plan) map[proof.Method]Lit {
	chosen := map[proof.Method]Lit{}
	for _, m := range a.Methods() {
		chosen[m] = s.Choice("proof by " + string(m))
	}
	return chosen
}

func valued(s *Space, t Span, is func(int64) bool) Lit {
	return anyOf(s, t.Values(), func(v int64) Lit {
		if is(v) {
			return t.Is(v)
		}
		return False
	})
}
