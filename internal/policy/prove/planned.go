package prove

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy/expr"
	"countersign/internal/proof"
)

// What a statement reads of the plan. A number that a plan says has one of the
// few values that the rules can give it, so it is a case for each.

// isOfPlan reports whether a node reads the plan, in a scene that has one.
func (e *scene) isOfPlan(n *expr.Node) bool {
	return e.plan != nil && n.Op == expr.Fact && n.Var == 0 && strings.HasPrefix(n.Path, "plan.")
}

var planRoles = map[string]identity.Role{
	"plan.managers": identity.Manager, "plan.security": identity.Security, "plan.resource_owners": identity.ResourceOwner,
}

// planNumber gives the cases of a count or a span; false when the plan has none
// of that name.
func (s *Space) planNumber(path string, a *Plan) ([]guarded, bool) {
	switch {
	case path == "plan.approvers":
		most := 0
		for _, r := range planRoles {
			for _, c := range a.Counts(r) {
				most += c // more than there can be, and soon found to be so
			}
		}
		return s.counted(min(most, 30), a.ApproversAtLeast), true
	case planRoles[path] != "":
		counts := a.Counts(planRoles[path])
		if len(counts) == 0 {
			return s.counted(0, nil), true
		}
		return s.counted(counts[len(counts)-1], func(n int) Lit { return a.ApprovalsAtLeast(planRoles[path], n) }), true
	case path == "plan.fewest_proofs":
		return s.fewest(a), true
	}
	span, ok := map[string]Span{"plan.wait": a.Wait(), "plan.expires": a.Expires(), "plan.review": a.Review(),
		"plan.cool_off": a.CoolOff(), "plan.probation": a.Probation()}[path]
	if !ok {
		return nil, false
	}
	var out []guarded
	for _, v := range span.Values() {
		out = append(out, guarded{span.Is(v), False, constantOf(v * int64(time.Second))})
	}
	return out, true
}

// counted gives a case for each count from 0 to most.
func (s *Space) counted(most int, atLeast func(n int) Lit) []guarded {
	var out []guarded
	reached := True
	for n := range most + 1 {
		next := False
		if n < most {
			next = atLeast(n + 1)
		}
		if is := s.And(reached, next.Not()); is != False {
			out = append(out, guarded{is, False, constantOf(int64(n))})
		}
		reached = next
	}
	return out
}

// mostProofs is up to where the fewest proofs of a plan are told apart.
const mostProofs = 4

func (s *Space) fewest(a *Plan) []guarded {
	some := a.Accepts(allMethods...)
	out := []guarded{{some.Not(), False, constantOf(0)}}
	before := False
	for n := 1; n <= mostProofs; n++ {
		by := a.FewestProofs(n)
		out = append(out, guarded{s.And(by, before.Not()), False, constantOf(int64(n))})
		before = by
	}
	more := &quantity{key: "plan.fewest_proofs of " + a.reading.name, kind: unclear, low: big.NewInt(mostProofs + 1)}
	return append(out, guarded{s.And(some, before.Not()), False, linear{[]part{{1, more}}, new(big.Int)}})
}

// planWords gives the words that a text of the plan can be.
func (s *Space) planWords(path string, a *Plan) (map[string]Lit, bool) {
	out := map[string]Lit{}
	switch path {
	case "plan.class":
		for _, c := range identity.Classes {
			out[string(c)] = a.Class(c)
		}
	case "plan.tier":
		for rank, t := range identity.Tiers {
			above := False
			if rank+1 < len(identity.Tiers) {
				above = a.TierAtLeast(identity.Tiers[rank+1])
			}
			out[string(t)] = s.And(a.TierAtLeast(t), above.Not())
		}
	default:
		return nil, false
	}
	return out, true
}

// planList gives the words that a list of the plan can hold, and when it does.
func planList(path string, a *Plan) map[string]Lit {
	out := map[string]Lit{}
	words, is := []string{}, a.Delivers
	switch path {
	case "plan.delivery":
		words = []string{"in_person", "session", "vault"}
	case "plan.notify":
		words, is = []string{"manager", "owner_all", "security"}, a.Notifies
	case "plan.follow_up":
		words, is = []string{"revoke_sessions", "revoke_tokens", "rotate_associated"}, a.FollowsUp
	default:
		return nil
	}
	for _, w := range words {
		out[w] = is(w)
	}
	return out
}

// acceptsCall is for plan.accepts([…]).
func (s *Space) acceptsCall(n *expr.Node, e *scene) (verdict, bool) {
	if e.plan == nil || n.Name != "accepts" || len(n.Args) != 2 || n.Args[1].Op != expr.Lit {
		return verdict{}, false
	}
	var ms []proof.Method
	for _, m := range n.Args[1].Value.Texts {
		ms = append(ms, proof.Method(m))
	}
	return certain(e.plan.Accepts(slices.Clip(ms)...)), true
}
