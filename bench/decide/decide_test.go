package decide

import (
	"fmt"
	"slices"
	"testing"

	"countersign/internal/policy"
)

func engines(tb testing.TB, rs []rule) map[string]ask {
	tb.Helper()
	opa, err := byOPA(tb.Context(), rs)
	if err != nil {
		tb.Fatal(err)
	}
	cedar, err := byCedar(rs)
	if err != nil {
		tb.Fatal(err)
	}
	return map[string]ask{"go": byHand(rs), "opa": opa, "cedar": cedar}
}

func countersign(tb testing.TB, rs []rule) *policy.Policy {
	tb.Helper()
	p, err := byCountersign(rs)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// sizes are the numbers of rules that are measured. The answers are the same
// for each: of more rules, no more apply.
var sizes = []int{40, 1000}

func TestAllEnginesFindTheSameRules(t *testing.T) {
	first, several := countersign(t, rules(sizes[0])), 0
	for _, n := range sizes {
		rs := rules(n)
		p, peers := countersign(t, rs), engines(t, rs)
		for i, f := range requests() {
			want := namesIn(first.Plan(f))
			if len(want) > 1 {
				several++
			}
			if got := namesIn(p.Plan(f)); !slices.Equal(got, want) {
				t.Errorf("request %d: of %d rules %q apply, not %q", i, n, got, want)
			}
			for name, ask := range peers {
				got, err := ask(f)
				if err != nil {
					t.Fatalf("%s, request %d: %v", name, i, err)
				}
				if !slices.Equal(got, want) {
					t.Errorf("request %d of %d rules: %s finds %q, countersign %q", i, n, name, got, want)
				}
			}
		}
		if len(rs) != n {
			t.Errorf("there are %d rules, not %d", len(rs), n)
		}
	}
	if several < 30*len(sizes) {
		t.Errorf("%d requests match more than one: not the question that was meant", several)
	}
}

func BenchmarkDecide(b *testing.B) {
	all := requests()
	for _, n := range sizes {
		variant := ""
		if n > sizes[0] {
			variant = fmt.Sprintf("/rules=%d", n)
		}
		rs := rules(n)
		p, peers := countersign(b, rs), engines(b, rs)
		b.Run("countersign"+variant, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if plan := p.Plan(all[i%len(all)]); len(plan.Reasons) == 0 {
					b.Fatal("no reasons")
				}
			}
		})
		for _, name := range []string{"go", "cedar", "opa"} {
			b.Run(name+variant, func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if names, err := peers[name](all[i%len(all)]); err != nil || len(names) == 0 {
						b.Fatal(names, err)
					}
				}
			})
		}
	}
}
