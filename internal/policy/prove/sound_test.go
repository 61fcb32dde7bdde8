package prove

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
	"countersign/internal/proof"
)

func load(t testing.TB, src string) *policy.Policy {
	t.Helper()
	p, err := policy.Load([]byte(src))
	if err != nil {
		t.Fatalf("%v\n%.4000s", err, src)
	}
	return p
}

// madeUp loads a policy that the writer makes up.
func madeUp(t testing.TB, w *writer, rules int) (*policy.Policy, string) {
	t.Helper()
	for {
		src := w.policy(rules)
		p, err := policy.Load([]byte(src))
		switch {
		case err == nil:
			return p, src
		case !strings.Contains(err.Error(), "could take too long"):
			t.Fatalf("%v\n%s", err, src)
		}
	}
}

// mirrored is what the real plan is, in the propositions of a Plan: each of
// the literals has to hold.
func mirrored(s *Space, a *Plan, p policy.Plan, w *writer) map[string]Lit {
	out := map[string]Lit{}
	is := func(name string, real bool, l Lit) { out[name] = s.Same(l, truth(real)) }
	is("denied", p.Denied(), a.Denied)
	for _, d := range a.Denials() {
		is("denied by "+d.By, slices.ContainsFunc(p.Deny, func(e policy.Denial) bool { return e.Rule == d.By }), d.If)
	}
	for _, e := range p.Deny {
		is("known denial "+e.Rule, true, a.DeniedBy(e.Rule))
	}
	for _, c := range identity.Classes {
		is("class "+string(c), p.Class == c, a.Class(c))
	}
	for _, t := range identity.Tiers {
		is("tier "+string(t), p.Tier.Rank() >= t.Rank(), a.TierAtLeast(t))
	}
	total := 0
	for _, n := range p.Approvals {
		total += n.Count
	}
	for k := range 8 {
		is(fmt.Sprint("approvers ", k), total >= k, a.ApproversAtLeast(k))
	}
	for _, r := range []identity.Role{identity.Manager, identity.Security, identity.ResourceOwner} {
		for k := range 4 {
			real := k == 0 || slices.ContainsFunc(p.Approvals, func(n approval.Need) bool { return n.Role == r && n.Count >= k })
			is(fmt.Sprint(r, k), real, a.ApprovalsAtLeast(r, k))
		}
	}
	for name, t := range map[string]struct {
		real int64
		span Span
	}{"wait": {p.Wait, a.Wait()}, "cool_off": {p.CoolOff, a.CoolOff()}, "probation": {p.Probation, a.Probation()}, "expires": {p.Expires, a.Expires()}, "review": {p.Review, a.Review()}} {
		if !slices.Contains(t.span.Values(), t.real) {
			out[name+" is a value"] = False
		}
		for _, v := range t.span.Values() {
			is(fmt.Sprint(name, " ", v), t.real == v, t.span.Is(v))
		}
	}
	for _, word := range []string{"session", "vault", "in_person"} {
		is("delivers "+word, slices.Contains(p.Delivery, word), a.Delivers(word))
	}
	for _, word := range []string{"owner_all", "security", "manager"} {
		is("notifies "+word, slices.Contains(p.Notify, word), a.Notifies(word))
	}
	is("follows up", slices.Contains(p.FollowUp, "revoke_tokens"), a.FollowsUp("revoke_tokens"))
	if !slices.ContainsFunc(p.Deny, func(d policy.Denial) bool { return d.Rule == "(facts)" }) {
		ms := w.methods()
		is(fmt.Sprint("accepts ", ms), p.Proofs.Satisfied(ms), a.Accepts(ms...))
		is("single", slices.ContainsFunc(p.Proofs, func(way []proof.Method) bool { return len(way) == 1 }), a.ProvedBy(1, allMethods...))
	}
	return out
}

// pinned says of every atom that has a value by itself what it is for the
// request. Places of lists are pinned only when the whole list has a place.
func pinned(q *query, f policy.Facts, lists bool) []int {
	n := q.arrange(f)
	var out []int
	for _, a := range q.atoms {
		inList := a.kind == hasPlace || a.kind != hasText && (a.ref.place > 0 || a.other.place > 0)
		if a.kind == atMost {
			inList = slices.ContainsFunc(a.term.parts, func(p part) bool { return p.quantity.ref.place > 0 })
		}
		is, known := n.says(a)
		if !known || a.kind == isRefused || a.kind == tooLarge || inList && !lists {
			continue
		}
		l := q.lit(a.lit)
		if !is {
			l = -l
		}
		out = append(out, l)
	}
	return out
}

func satisfied(q *query, pins []int) bool {
	clauses := slices.Clone(q.clauses)
	for _, l := range pins {
		clauses = append(clauses, []int{l})
	}
	_, ok := solve(clauses, q.last)
	return ok
}

// What holds of every assignment holds of every request, because every request
// has an assignment that keeps all clauses and gives the plan it really gets.
func TestEveryRequestHasAPlaceInTheSpace(t *testing.T) {
	for seed := range uint64(testScale(25)) {
		w := newWriter(seed)
		p, src := madeUp(t, w, 6)
		s := NewSpace(p)
		for range 8 {
			f := w.facts()
			real := p.Plan(f)
			props := mirrored(s, s.Of(0), real, w)
			for _, d := range []depth{shallow, exact} {
				q := s.ask(s.And(values(props)...), d)
				if satisfied(q, pinned(q, f, false)) {
					continue
				}
				for name, l := range props {
					if q := s.ask(l, d); !satisfied(q, pinned(q, f, false)) {
						t.Errorf("seed %d: %s", seed, name)
					}
				}
				t.Fatalf("seed %d at depth %d: no place for %s\n%s\n%+v", seed, d, specimen.Line(f), src, real)
			}
		}
	}
}

// The other direction: where nothing is opaque, the facts settle the plan.
func TestTheFactsSettleThePlan(t *testing.T) {
	settled, all := 0, 0
	for seed := range uint64(testScale(25)) {
		w := newWriter(seed + 1e6)
		p, src := madeUp(t, w, 4)
		s := NewSpace(p)
		for range 4 {
			f := w.facts()
			real := p.Plan(f)
			props := mirrored(s, s.Of(0), real, w)
			for _, name := range sortedKeys(props) {
				q := s.ask(props[name].Not(), exact)
				n := q.arrange(f)
				vague := slices.ContainsFunc(q.atoms, func(a *atom) bool {
					if a.kind == hasPlace {
						return n.size[a.list] > q.places[a.list]
					}
					ofSizes := a.kind == atMost && slices.ContainsFunc(a.term.parts, func(p part) bool { return p.quantity.kind == size || p.quantity.kind == unclear })
					return a.kind == isOpaque || ofSizes || a.isHard() && a.kind == isCount
				}) || q.partial
				for _, a := range q.atoms {
					if a.kind == tooLarge || a.kind == isRefused {
						q.clause(a.lit.Not())
					}
				}
				if all++; vague || len(real.Deny) > 0 && real.Deny[0].Rule == "(facts)" || oddPointer(f) {
					continue
				}
				settled++
				if satisfied(q, pinned(q, f, true)) {
					t.Fatalf("seed %d: %s is left open by %s\n%s\n%+v", seed, name, specimen.Line(f), src, real)
				}
			}
		}
	}
	if settled < all/4 {
		t.Errorf("only %d of %d were asked", settled, all)
	}
}

// oddPointer reports a moment that is there and yet the zero one, for which the
// facts are refused.
func oddPointer(f policy.Facts) bool {
	odd := func(at *time.Time) bool { return at != nil && at.IsZero() }
	return odd(f.Subject.Created) || odd(f.Subject.Starts)
}
