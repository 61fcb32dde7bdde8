package diff

import (
	"math"

	"countersign/internal/identity"
	"countersign/internal/policy/prove"
	"countersign/internal/proof"
)

// respect says that one plan lacks something in one respect.
type respect struct {
	demand string
	is     prove.Lit
}

// weaker says, demand by demand, that b does not demand all that a does. It is
// policy.Weaker for every request at once.
func weaker(s *prove.Space, a, b *prove.Plan) []respect {
	return []respect{
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
	chosen := map[proof.Method]prove.Lit{}
	for _, m := range b.Methods() {
		chosen[m] = s.Choice("proof by " + string(m))
	}
	return s.And(b.AcceptsThose(chosen), a.AcceptsThose(chosen).Not())
}

// shorter says that one span is shorter than another.
func shorter(s *prove.Space, a, b prove.Span) prove.Lit {
	return order(s, a, b, func(v int64) int64 { return v })
}

// sooner is shorter for times within which something is due: 0 is never.
func sooner(s *prove.Space, a, b prove.Span) prove.Lit {
	return order(s, a, b, func(v int64) int64 {
		if v == 0 {
			return math.MaxInt64
		}
		return v
	})
}

func order(s *prove.Space, a, b prove.Span, length func(int64) int64) prove.Lit {
	return anyOf(s, a.Values(), func(v int64) prove.Lit {
		return s.And(a.Is(v), anyOf(s, b.Values(), func(w int64) prove.Lit {
			if length(v) < length(w) {
				return b.Is(w)
			}
			return prove.False
		}))
	})
}
