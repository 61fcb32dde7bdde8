package prove

import (
	"math/rand/v2"
	"testing"
)

// bySearch decides a small problem in the plainest way.
func bySearch(clauses [][]int, vars int, model []int, v int) bool {
	for _, c := range clauses {
		open := false
		for _, l := range c {
			x := max(l, -l)
			if model[x] == 0 || (model[x] > 0) == (l > 0) {
				open = true
				break
			}
		}
		if !open {
			return false
		}
	}
	if v > vars {
		return true
	}
	for _, val := range []int{-1, 1} {
		model[v] = val
		if bySearch(clauses, vars, model, v+1) {
			model[v] = 0
			return true
		}
	}
	model[v] = 0
	return false
}

func TestTheSolverIsRight(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	sat := 0
	for i := range testScale(8000) {
		vars := 2 + r.IntN(12)
		var clauses [][]int
		for range 1 + r.IntN(5*vars) {
			c := []int{}
			for range 1 + r.IntN(4) {
				l := 1 + r.IntN(vars)
				if r.IntN(2) == 0 {
					l = -l
				}
				c = append(c, l)
			}
			clauses = append(clauses, c)
		}
		model, got := solve(clauses, vars)
		if want := bySearch(clauses, vars, make([]int, vars+1), 1); got != want {
			t.Fatalf("problem %d: %v, not %v: %v", i, got, want, clauses)
		}
		if got {
			sat++
			for _, c := range clauses {
				ok := false
				for _, l := range c {
					ok = ok || holds(model, l)
				}
				if !ok {
					t.Fatalf("problem %d: the model breaks %v", i, c)
				}
			}
		}
	}
	if sat == 0 {
		t.Error("no problem had a solution")
	}
}
