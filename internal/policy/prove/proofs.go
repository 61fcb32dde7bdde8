package prove

import (
	"slices"

	"countersign/internal/proof"
)

var allMethods = func() (out []proof.Method) {
	for _, s := range proof.Specs {
		out = append(out, s.Method)
	}
	return out
}()

// Usable says that the method counts at the plan's tier and for its action.
func (a *Plan) Usable(m proof.Method) Lit {
	spec, known := proof.SpecOf(m)
	if !known {
		return False
	}
	out := []Lit{a.tierAbove(spec.Ceiling).Not()}
	for _, act := range spec.Spoiled {
		out = append(out, a.space.Asks(act).Not())
	}
	return a.space.And(out...)
}

// Accepts says that these methods together are enough. No methods ever are.
func (a *Plan) Accepts(ms ...proof.Method) Lit {
	ms = slices.Compact(slices.Sorted(slices.Values(ms)))
	key := ""
	chosen := map[proof.Method]Lit{}
	for _, m := range ms {
		key += string(m) + " "
		chosen[m] = True
	}
	l, known := a.accepts[key]
	if !known {
		l = a.AcceptsThose(chosen)
		a.accepts[key] = l
	}
	return l
}

// ProvedBy says that some n of these methods together are enough.
func (a *Plan) ProvedBy(n int, ms ...proof.Method) Lit {
	var any []Lit
	var choose func(from int, chosen []proof.Method)
	choose = func(from int, chosen []proof.Method) {
		if len(chosen) == n {
			any = append(any, a.Accepts(chosen...))
			return
		}
		for i := from; i < len(ms); i++ {
			choose(i+1, append(slices.Clip(chosen), ms[i]))
		}
	}
	choose(0, nil)
	return a.space.Or(any...)
}

// Methods lists the methods that some rule names, in the order of proof.Specs.
func (a *Plan) Methods() []proof.Method {
	return slices.DeleteFunc(slices.Clone(allMethods), func(m proof.Method) bool {
		return !slices.ContainsFunc(a.proofs, func(d demanded) bool { return slices.Contains(d.what.Methods(), m) })
	})
}

// FewestProofs says that the easiest way needs at most n proofs.
func (a *Plan) FewestProofs(n int) Lit {
	named := a.Methods()
	return a.ProvedBy(min(n, len(named)), named...)
}
