package gate

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the times are at which something is tried: no span as long as the
// bound's ever holds more than it allows, and a refusal always says truly when
// the next is let through.
func TestABoundHoldsInEverySpanAndSaysWhenItOpens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := bound{rapid.IntRange(1, 6).Draw(t, "most"), time.Hour}
		day := bound{b.most * 3, 5 * time.Hour}
		at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		var done []time.Time
		var have tally
		for range rapid.IntRange(1, 60).Draw(t, "tries") {
			at = at.Add(time.Duration(rapid.IntRange(0, 2400).Draw(t, "pause")) * time.Second)
			until := have.full(b, at)
			if w := have.full(day, at); w.After(until) {
				until = w
			}
			if !until.IsZero() {
				if !until.After(at) {
					t.Fatalf("refused at %s until %s", at, until)
				}
				if !have.full(b, until).IsZero() || !have.full(day, until).IsZero() {
					t.Fatalf("still refused at %s, which was promised", until)
				}
				continue
			}
			have, _ = have.plus(at, day)
			done = append(done, at)
		}
		for _, limit := range []bound{b, day} {
			for i := range done {
				if i >= limit.most && done[i].Sub(done[i-limit.most]) < limit.in {
					t.Fatalf("%d within %s: %v", limit.most+1, limit.in, done)
				}
			}
		}
	})
}
