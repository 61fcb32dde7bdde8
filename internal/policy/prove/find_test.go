package prove

import (
	"os"
	"slices"
	"testing"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
)

func starter(t testing.TB) *policy.Policy {
	t.Helper()
	src, err := os.ReadFile("../../../policies/starter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return load(t, string(src))
}

func TestFindingTheNearestRequest(t *testing.T) {
	p := starter(t)
	s := NewSpace(p)
	a := s.Of(0)
	for _, c := range identity.Classes {
		got := s.Find(s.And(a.Class(c), a.Denied.Not()), specimen.Ordinary(), func(f policy.Facts) bool {
			plan := p.Plan(f)
			return plan.Class == c && !plan.Denied()
		})
		t.Logf("%s %v %s %v %s %d atoms, %d times", c, got.Found, specimen.Line(got.Facts), got.RestsOn, got.Unclear, got.Basis.Atoms, got.Basis.Solved)
	}
	for i, r := range p.Rules() {
		got := s.Find(a.Matches(i), specimen.Ordinary(), func(f policy.Facts) bool {
			return slices.ContainsFunc(p.Plan(f).Reasons, func(q policy.Reason) bool { return q.Rule == r }) ||
				slices.ContainsFunc(p.Plan(f).Deny, func(q policy.Denial) bool { return q.Rule == r })
		})
		t.Logf("%s %v %s %v %s %d atoms, %d times", r, got.Found, specimen.Line(got.Facts), got.RestsOn, got.Unclear, got.Basis.Atoms, got.Basis.Solved)
	}
}
