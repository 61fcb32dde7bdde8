package proof

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// anyFormula is of every method there is, and of words that are none.
var anyFormula = rapid.Custom(func(t *rapid.T) Formula {
	word := rapid.SampledFrom([]Method{"telepathy", "unknown"})
	for _, s := range Specs {
		word = rapid.OneOf(word, rapid.Just(s.Method))
	}
	return Formula(rapid.SliceOfN(rapid.SliceOfN(rapid.OneOf(word, methods), 0, 4), 0, 5).Draw(t, "formula"))
})

func identical(t *rapid.T, law string, f, g Formula) {
	t.Helper()
	if (f == nil) != (g == nil) || !slices.EqualFunc(f, g, slices.Equal[[]Method]) {
		t.Fatalf("%s: %#v is not %#v", law, f, g)
	}
}

func TestWaysSayTheSameAsFormulas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, g := anyFormula.Draw(t, "f"), anyFormula.Draw(t, "g")
		unusable := rapid.SliceOf(methods).Draw(t, "unusable")
		a, b := f.Ways(), g.Ways()
		before := slices.Clone(a)
		identical(t, "formula after ways", a.Formula(), And(f, nil))
		identical(t, "and", a.And(b, nil).Formula(), And(f, g))
		identical(t, "and, into room", a.And(b, make(Ways, 3, 40)).Formula(), And(f, g))
		identical(t, "without", slices.Clone(a).Without(Bits(unusable...)).Formula(), f.Without(unusable...))
		if slices.Sort(before); !slices.Equal(before, slices.Sorted(slices.Values(a))) {
			t.Fatalf("the operand changed from %v to %v", before, a)
		}
	})
}

func TestTheFormulaOfWaysBelongsToTheCaller(t *testing.T) {
	w := must(t, "totp || passkey && vouch").Ways()
	f := w.Formula()
	_ = append(f[0], "spoilt")
	f[1][0] = "spoilt"
	if got := w.Formula().String(); got != "(passkey && vouch) || totp" {
		t.Errorf("the ways changed to %q", got)
	}
}
