package proof

import (
	"math/bits"
	"slices"
)

// Ways is a minimal formula in bits, a number for each alternative, for those
// who join many formulas and cannot wait for it. It says the same as Formula
// and is never stored: which bit stands for which method may change.
type Ways []uint64

// byName are the methods in the order of their names; a method's bit is its
// place here. "unknown" is what every other word reads as.
var byName = func() []Method {
	all := []Method{"unknown"}
	for _, s := range Specs {
		all = append(all, s.Method)
	}
	slices.Sort(all)
	return all
}()

// Bits gives the bits of some methods, to ask Without about.
func Bits(ms ...Method) uint64 {
	var all uint64
	for _, m := range ms {
		i, known := slices.BinarySearch(byName, m)
		if !known {
			i, _ = slices.BinarySearch(byName, "unknown")
		}
		all |= 1 << i
	}
	return all
}

// Ways puts the formula into bits.
func (f Formula) Ways() Ways {
	w := make(Ways, 0, len(f))
	for _, alt := range f {
		if b := Bits(alt...); b != 0 {
			w = append(w, b)
		}
	}
	return w.minimal()
}

// And demands both, as the function And does. The result is written over into,
// which neither operand may share; it grows only when it has to.
func (w Ways) And(v, into Ways) Ways {
	into = into[:0]
	switch {
	case len(w) == 0:
		return append(into, v...)
	case len(v) == 0:
		return append(into, w...)
	}
	for _, a := range w {
		for _, b := range v {
			into = append(into, a|b)
		}
	}
	return into.minimal()
}

// Without takes out every alternative that needs one of the methods, in place.
func (w Ways) Without(methods uint64) Ways {
	left := w[:0]
	for _, b := range w {
		if b&methods == 0 {
			left = append(left, b)
		}
	}
	return left
}

// minimal keeps the alternatives that contain no other, in place.
func (w Ways) minimal() Ways {
	slices.SortFunc(w, func(a, b uint64) int { return bits.OnesCount64(a) - bits.OnesCount64(b) })
	left := w[:0]
	for _, b := range w {
		if !slices.ContainsFunc(left, func(k uint64) bool { return k&^b == 0 }) {
			left = append(left, b)
		}
	}
	return left
}

// Formula gives the canonical formula, whose slices are the caller's own. The
// alternatives of w are put in its order.
func (w Ways) Formula() Formula {
	if len(w) == 0 {
		return nil
	}
	n := 0
	for i := range w {
		n += bits.OnesCount64(w[i])
		for j := i; j > 0 && follows(w[j-1], w[j]); j-- {
			w[j-1], w[j] = w[j], w[j-1]
		}
	}
	f, methods := make(Formula, len(w)), make([]Method, 0, n)
	for i, b := range w {
		from := len(methods)
		for ; b != 0; b &= b - 1 {
			methods = append(methods, byName[bits.TrailingZeros64(b)])
		}
		f[i] = methods[from:len(methods):len(methods)]
	}
	return f
}

// follows reports whether a stands after b in the order of their names.
func follows(a, b uint64) bool {
	first := (a ^ b) & -(a ^ b) // the first name that only one of them has
	if a&first != 0 {
		return b&^(first-1) == 0 // b ends here
	}
	return a&^(first-1) != 0
}
