package prove

import (
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// Asks says that the request asks for the action.
func (s *Space) Asks(a identity.Action) Lit { return s.says(ref{path: "action"}, string(a)) }

// Choice is a proposition that is no request's: whoever looks for a request may
// have it either way. With it one asks whether there is some set of proofs.
func (s *Space) Choice(name string) Lit {
	return s.atomOf("choice "+name, func() *atom { return &atom{kind: isChoice, text: name} })
}

// AcceptsThose says that the methods whose propositions hold are together
// enough. No methods ever are.
func (a *Plan) AcceptsThose(chosen map[proof.Method]Lit) Lit {
	s := a.space
	var asked, met []Lit
	for _, d := range a.proofs {
		var ways []Lit
		for _, way := range d.what {
			all := make([]Lit, len(way))
			for i, m := range way {
				all[i] = False
				if l, may := chosen[m]; may {
					all[i] = s.And(l, a.Usable(m))
				}
			}
			ways = append(ways, s.And(all...))
		}
		asked, met = append(asked, d.when), append(met, s.Or(d.when.Not(), s.Or(ways...)))
	}
	return s.And(s.Or(asked...), s.And(met...))
}
