package decide

import (
	"slices"
	"testing"

	"countersign/internal/policy"
)

func engines(tb testing.TB) map[string]ask {
	tb.Helper()
	rs := rules()
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

func countersign(tb testing.TB) *policy.Policy {
	tb.Helper()
	p, err := byCountersign(rules())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestAllEnginesFindTheSameRules(t *testing.T) {
	p, peers, several := countersign(t), engines(t), 0
	for i, f := range requests() {
		want := namesIn(p.Plan(f))
		if len(want) > 1 {
			several++
		}
		for name, ask := range peers {
			got, err := ask(f)
			if err != nil {
				t.Fatalf("%s, request %d: %v", name, i, err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("request %d: %s finds %q, countersign %q", i, name, got, want)
			}
		}
	}
	if len(rules()) != 40 || several < 30 {
		t.Errorf("%d rules, %d requests match more than one: not the question that was meant", len(rules()), several)
	}
}

func BenchmarkDecide(b *testing.B) {
	p, peers, all := countersign(b), engines(b), requests()
	b.Run("countersign", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if plan := p.Plan(all[i%len(all)]); len(plan.Reasons) == 0 {
				b.Fatal("no reasons")
			}
		}
	})
	for _, name := range []string{"go", "cedar", "opa"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if names, err := peers[name](all[i%len(all)]); err != nil || len(names) == 0 {
					b.Fatal(names, err)
				}
			}
		})
	}
}
