package decide

import (
	"testing"

	"countersign/internal/policy/prove"
)

// Every statement of the standard set is decided for every possible request.
func BenchmarkProve(b *testing.B) {
	for name, n := range map[string]int{"forty": 40, "thousand": 1000} {
		p := countersign(b, rules(n))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, r := range prove.NewProver(p).Standard() {
					if r.Outcome == prove.CannotSay {
						b.Fatal(r.Name)
					}
				}
			}
		})
	}
}
