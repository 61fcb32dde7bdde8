package prove

import (
	"slices"
	"strings"
	"testing"

	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
)

// broken reports whether a request breaks a statement, by what the policy
// itself says and the statement's own evaluation.
func broken(p *policy.Policy, st policy.Statement, f policy.Facts, plan policy.Plan) bool {
	if plan.Denied() && !st.What.Expr().Reads("plan.denied") {
		return false
	}
	is, err := p.True(st, f, plan)
	return (is && err == nil) == (st.Kind == policy.Never)
}

// The promise of prove: what it says holds, no request breaks, however many are
// tried; and what it says is broken is, by the request that it shows.
// COUNTERSIGN_PROVE_SCALE=100 tries a million requests.
func TestNoRequestBreaksWhatHolds(t *testing.T) {
	requests, holding, breaking, unclear, opaque := 0, 0, 0, 0, 0
	// A larger scale is spread over policies and requests.
	policies, each := 15, 300
	if raced {
		policies = 2
	}
	if k := testScale(1); k > 1 {
		policies = min(25*k, 500)
		each = 10_000 * k / policies
	}
	for seed := range uint64(policies) {
		w := newWriter(seed + 2e6)
		p, src := madeUp(t, w, 5)
		sure := slices.Clone(w.sure)
		v := NewProver(p)
		var held []policy.Statement
		witnesses := []policy.Facts{specimen.Ordinary()}
		for i := range 8 + len(sure) {
			kind, text := one(w, policy.Never, policy.Never, policy.Always), w.claim()
			if i >= 8 {
				kind, text = policy.Never, sure[i-8]
			}
			st, err := p.Statement("s", kind, text)
			if err != nil {
				if strings.Contains(err.Error(), "could take too long") {
					continue
				}
				t.Fatalf("%s: %v", text, err)
			}
			r := v.Statement(st)
			switch {
			case r.Outcome == Holds:
				holding++
				held = append(held, st)
			case i >= 8:
				t.Errorf("seed %d: %s: %s %s %v\n%s", seed, text, r.Outcome, r.Why, r.RestsOn, src)
			case r.Outcome == Broken:
				breaking++
				witnesses = append(witnesses, *r.Request)
				if !broken(p, st, *r.Request, p.Plan(*r.Request)) {
					t.Errorf("seed %d: %s %s is not broken by %s\n%s", seed, kind, text, specimen.Line(*r.Request), src)
				}
			case len(r.RestsOn) > 0:
				opaque++
			default:
				unclear++
				t.Logf("seed %d: %s %s: %s", seed, kind, text, r.Why)
			}
		}
		for i := range each {
			requests++
			f := w.facts()
			if i%2 == 0 {
				f = w.crossed(f, one(w, witnesses...))
			}
			plan := p.Plan(f)
			for _, st := range held {
				if broken(p, st, f, plan) {
					t.Fatalf("seed %d: %s %s holds, and is broken by %s\n%s", seed, st.Kind, st.Text, specimen.Line(f), src)
				}
			}
		}
	}
	t.Logf("%d requests; %d statements hold, %d are broken, %d hang on what has no form, %d are unclear", requests, holding, breaking, opaque, unclear)
	if holding == 0 || breaking == 0 || unclear > (holding+breaking)/20 {
		t.Error("the answers are not what they should be")
	}
}
