package prove

import "github.com/crillab/gophersat/solver"

// turn is taken by whoever solves: all solvers of a program share one buffer.
var turn = make(chan struct{}, 1)

// solve gives a model, by variable from 1, or none.
func solve(clauses [][]int, vars int) ([]bool, bool) {
	turn <- struct{}{}
	defer func() { <-turn }()
	s := solver.New(solver.ParseSliceNb(clauses, vars))
	if s.Solve() != solver.Sat {
		return nil, false
	}
	return append([]bool{false}, s.Model()...), true
}

// atMostOf gives clauses by which at most k of the literals hold, with the
// number of the last variable.
func atMostOf(k int, lits []int, last int) ([][]int, int) {
	var out [][]int
	if k == 0 {
		for _, l := range lits {
			out = append(out, []int{-l})
		}
		return out, last
	}
	before := make([]int, k) // before[j]: more than j of those before hold
	for i, l := range lits {
		now := make([]int, k)
		for j := range now {
			last++
			now[j] = last
			if i > 0 {
				out = append(out, []int{-before[j], now[j]})
			}
			switch {
			case j == 0:
				out = append(out, []int{-l, now[0]})
			case i > 0:
				out = append(out, []int{-l, -before[j-1], now[j]})
			}
		}
		if i > 0 {
			out = append(out, []int{-l, -before[k-1]})
		}
		before = now
	}
	return out, last
}
