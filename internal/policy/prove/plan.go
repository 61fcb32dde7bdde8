package prove

import (
	"cmp"
	"maps"
	"math/big"
	"slices"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

// Plan is what one policy demands, as propositions about the request. It
// mirrors policy.Plan: each proposition holds of a request exactly when the
// plan of that request is so.
type Plan struct {
	Denied Lit

	space   *Space
	logic   policy.Logic
	refused Lit // the facts are, before any condition sees them
	reading *reading
	class   map[identity.Class]Lit // as sorted; the plan of refused facts is of class unknown
	matches []Lit                  // by rule: its condition holds, and nothing fails
	fails   []Lit                  // by rule
	tier    [4]Lit                 // by rank: at least
	proofs  []demanded
	accepts map[string]Lit
	spans   map[string]Span
	denials []Denial
	// guess, if any, says what comes of a condition instead of the condition.
	guess func(c policy.Condition) (holds, asPrivileged, fails Lit)
}

// Denial is one reason for which a plan refuses.
type Denial struct {
	By string // as in policy.Denial.Rule
	If Lit
}

// demanded is a formula that rules ask for, and when one of them applies.
type demanded struct {
	what proof.Formula
	when Lit
}

func (s *Space) plan(name string, p *policy.Policy) *Plan {
	a := s.blank(p.Logic())
	a.refused = s.factsRefused()
	a.classify(name)
	a.apply()
	a.complete()
	return a
}

func (s *Space) blank(l policy.Logic) *Plan {
	return &Plan{space: s, logic: l, accepts: map[string]Lit{}, spans: map[string]Span{}}
}

// complete works out what follows from the rules that apply.
func (a *Plan) complete() {
	a.tiers()
	a.formulas()
	a.refusals()
}

// factsRefused mirrors what Plan checks before any condition.
func (s *Space) factsRefused() Lit {
	var known [2][]Lit
	for _, w := range identity.Actions {
		known[0] = append(known[0], s.Asks(w))
	}
	for _, w := range identity.IntakeChannels {
		known[1] = append(known[1], s.says(ref{path: "request.channel"}, string(w)))
	}
	return s.Or(s.Or(known[0]...).Not(), s.Or(known[1]...).Not(), s.refused(),
		s.notInForce("emergency", "emergency.declared"), s.notInForce("delegation", "delegation.since"))
}

// notInForce mirrors the check that now lies between a beginning and an end.
func (s *Space) notInForce(path, since string) Lit {
	now, from, until := ref{path: "now"}, ref{path: since}, ref{path: path + ".until"}
	minus := func(r ref) linear {
		at := func(r ref) linear {
			return constantOf(0).plus(linear{[]part{{1, &quantity{key: r.String(), kind: moment, ref: r}}}, constantOf(0).number}, 1)
		}
		return at(now).plus(at(r), -1)
	}
	early := s.And(s.there(from), s.ordered(lt, minus(from)))
	late := s.Or(s.there(until).Not(), s.ordered(ge, minus(until)))
	return s.And(s.there(ref{path: path}), s.Or(early, late))
}

func (a *Plan) classify(name string) {
	s := a.space
	a.reading = &reading{name: name, vendor: False, company: map[string]Lit{}}
	for _, d := range a.logic.Desks {
		at := s.says(ref{path: "agent.desk"}, d.Name)
		if d.Vendor {
			a.reading.vendor = s.Or(a.reading.vendor, at)
		}
		if d.Company != "" {
			if _, there := a.reading.company[d.Company]; !there {
				a.reading.company[d.Company] = False
			}
			a.reading.company[d.Company] = s.Or(a.reading.company[d.Company], at)
		}
	}
	a.class = map[identity.Class]Lit{}
	for _, c := range identity.Classes {
		a.class[c] = False
	}
	reached := True
	for _, c := range a.logic.Classes {
		v := s.cond(c.When.Expr(), &scene{reading: a.reading})
		a.class[c.Class] = s.Or(a.class[c.Class], s.And(reached, v.holds))
		a.class[identity.Unknown] = s.Or(a.class[identity.Unknown], s.And(reached, v.fails))
		reached = s.And(reached, s.isFalse(v))
	}
	a.class[identity.Unknown] = s.Or(a.class[identity.Unknown], reached)
	a.reading.class = a.class
}

// asked mirrors either and both: for an unknown class the condition is asked
// once more as if the account were privileged.
func (a *Plan) asked(c policy.Condition) (holds, asPrivileged, fails Lit) {
	s := a.space
	if a.guess != nil {
		return a.guess(c)
	}
	v := s.cond(c.Expr(), &scene{reading: a.reading})
	privileged := *a.reading
	privileged.name += " as privileged"
	privileged.class = map[identity.Class]Lit{}
	for _, w := range identity.Classes {
		privileged.class[w] = truth(w == identity.Privileged)
	}
	w := s.cond(c.Expr(), &scene{reading: &privileged})
	return v.holds, w.holds, s.Or(v.fails, s.And(a.class[identity.Unknown], w.fails))
}

func (a *Plan) apply() {
	s, unknown := a.space, a.class[identity.Unknown]
	for _, r := range a.logic.Rules {
		holds, asPrivileged, fails := a.asked(r.When)
		either := holds
		if asPrivileged != holds {
			either = s.Or(holds, s.And(unknown, asPrivileged))
		}
		a.matches = append(a.matches, s.And(a.refused.Not(), either, fails.Not()))
		a.fails = append(a.fails, s.And(a.refused.Not(), fails))
	}
}

// when holds where a rule applies that is one of those.
func (a *Plan) when(is func(d *policy.Demand) bool) Lit {
	var any []Lit
	for i := range a.logic.Rules {
		if r := &a.logic.Rules[i]; r.Deny == "" && is(&r.Demand) {
			any = append(any, a.matches[i])
		}
	}
	return a.space.Or(any...)
}

func (a *Plan) tiers() {
	for rank := range a.tier {
		if rank == 0 {
			a.tier[0] = True
			continue
		}
		at := []Lit{a.refused}
		for _, c := range identity.Classes {
			if policy.Floor(c).Rank() >= rank {
				at = append(at, a.class[c])
			}
		}
		at = append(at, a.when(func(d *policy.Demand) bool { return d.Tier != "" && d.Tier.Rank() >= rank }))
		a.tier[rank] = a.space.Or(at...)
	}
}

func (a *Plan) formulas() {
	byText := map[string]int{}
	for i, r := range a.logic.Rules {
		if r.Deny != "" || len(r.Demand.Proofs) == 0 {
			continue
		}
		text := r.Demand.Proofs.String()
		at, known := byText[text]
		if !known {
			at = len(a.proofs)
			byText[text] = at
			a.proofs = append(a.proofs, demanded{r.Demand.Proofs, False})
		}
		a.proofs[at].when = a.space.Or(a.proofs[at].when, a.matches[i])
	}
}

func (a *Plan) refusals() {
	s := a.space
	add := func(by string, l Lit) {
		if l != False {
			a.denials = append(a.denials, Denial{by, l})
		}
	}
	add("(facts)", a.refused)
	sound := a.refused.Not()
	add("(lifecycle)", s.And(sound, s.Or(s.says(ref{path: "subject.status"}, "active").Not(), s.beforeFirstDay())))
	add("(fence)", s.And(sound, s.yes(ref{path: "subject.fenced"})))
	for i, r := range a.logic.Rules {
		if r.Deny != "" {
			add(r.Name, s.Or(a.matches[i], a.fails[i]))
		} else {
			add(r.Name, a.fails[i])
		}
	}
	add("(desk)", s.And(sound, a.outOfReach()))
	add("(proofs)", s.And(sound, a.Accepts(allMethods...).Not()))
	none := make([]Lit, 0, 3)
	for _, w := range []string{"session", "vault", "in_person"} {
		none = append(none, a.Delivers(w).Not())
	}
	add("(delivery)", s.And(none...))
	any := make([]Lit, len(a.denials))
	for i, d := range a.denials {
		any[i] = d.If
	}
	a.Denied = s.Or(any...)
}

// beforeFirstDay says that a first credential is asked for too long before the
// owner's first day.
func (s *Space) beforeFirstDay() Lit {
	at := func(path string) linear {
		q := &quantity{key: path, kind: moment, ref: ref{path: path}}
		return linear{[]part{{1, q}}, new(big.Int)}
	}
	early := at("subject.starts").plus(at("now"), -1).plus(constantOf(int64(policy.EnrolAhead)), -1)
	return s.And(s.Asks(identity.InitialEnrolment), s.there(ref{path: "subject.starts"}), s.notAboveZero(early).Not())
}

func (a *Plan) outOfReach() Lit {
	s := a.space
	acts := s.Or(s.there(ref{path: "agent.desk"}), s.there(ref{path: "agent.person"}))
	none, beyond := acts, []Lit{}
	for _, d := range a.logic.Desks {
		at := s.says(ref{path: "agent.desk"}, d.Name)
		none = s.And(none, at.Not())
		beyond = append(beyond, s.And(at, a.beyond(d)))
		for _, v := range a.logic.Vendors {
			if d.Company == v.Name {
				beyond = append(beyond, s.And(at, a.beyond(v)))
			}
		}
	}
	return s.Or(append(beyond, none)...)
}

func (a *Plan) beyond(b policy.Bound) Lit {
	s, out := a.space, False
	if !b.Reach.Absent() {
		holds, asPrivileged, fails := a.asked(b.Reach)
		both := s.And(holds, s.Or(a.class[identity.Unknown].Not(), asPrivileged))
		out = s.Or(fails, both.Not())
	}
	if b.TierCap != "" {
		out = s.Or(out, a.tierAbove(b.TierCap))
	}
	return out
}

func (a *Plan) tierAbove(t identity.Tier) Lit {
	if t.Rank() == len(a.tier)-1 {
		return False
	}
	return a.tier[t.Rank()+1]
}

// Matches says that the rule, by its place in the text, applies.
func (a *Plan) Matches(rule int) Lit { return a.matches[rule] }

// Fails says that the rule's condition cannot be evaluated, and so refuses.
func (a *Plan) Fails(rule int) Lit { return a.fails[rule] }

// Class says that the account is of the class.
func (a *Plan) Class(c identity.Class) Lit {
	if c == identity.Unknown {
		return a.space.Or(a.refused, a.class[c])
	}
	return a.space.And(a.refused.Not(), a.class[c])
}

// Denials lists everything for which the plan can refuse, by name; a name can
// stand there once only.
func (a *Plan) Denials() []Denial { return slices.Clone(a.denials) }

// DeniedBy says that the rule, or the floor such as (desk), refuses.
func (a *Plan) DeniedBy(by string) Lit {
	for _, d := range a.denials {
		if d.By == by {
			return d.If
		}
	}
	return False
}

// TierAtLeast says that the tier is t or above.
func (a *Plan) TierAtLeast(t identity.Tier) Lit { return a.tier[t.Rank()] }

func (a *Plan) needs(role identity.Role) func(d *policy.Demand) int {
	return func(d *policy.Demand) int {
		most := 0
		for _, n := range d.Approvals {
			if n.Role == role {
				most = max(most, n.Count)
			}
		}
		return most
	}
}

// ApprovalsAtLeast says that n signatures of the role are asked for.
func (a *Plan) ApprovalsAtLeast(role identity.Role, n int) Lit {
	if n <= 0 {
		return True
	}
	need := a.needs(role)
	return a.when(func(d *policy.Demand) bool { return need(d) >= n })
}

// ApproversAtLeast says that n persons have to sign. One person fills one place
// only, so these are the signatures of all roles together.
func (a *Plan) ApproversAtLeast(n int) Lit {
	s := a.space
	// sums[k]: at least k of the roles so far, k from 0 to n.
	sums := make([]Lit, n+1)
	for k := range sums {
		sums[k] = truth(k == 0)
	}
	for _, role := range []identity.Role{identity.Manager, identity.ResourceOwner, identity.Security} {
		next := slices.Clone(sums)
		for _, c := range a.Counts(role) {
			at := a.ApprovalsAtLeast(role, c)
			for k := range next {
				next[k] = s.Or(next[k], s.And(at, sums[max(k-c, 0)]))
			}
		}
		sums = next
	}
	return sums[n]
}

// Counts lists the counts of a role that occur, rising.
func (a *Plan) Counts(role identity.Role) []int {
	return occurring(a, a.needs(role))
}

func occurring[T cmp.Ordered](a *Plan, of func(d *policy.Demand) T) []T {
	var none T
	seen := map[T]bool{}
	for i := range a.logic.Rules {
		if v := of(&a.logic.Rules[i].Demand); v != none {
			seen[v] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Delivers says that the new secret may travel in this way.
func (a *Plan) Delivers(way string) Lit {
	said := a.when(func(d *policy.Demand) bool { return d.Delivery != nil })
	without := a.when(func(d *policy.Demand) bool { return d.Delivery != nil && !slices.Contains(d.Delivery, way) })
	return a.space.If(said, without.Not(), truth(way == "session"))
}

// Notifies says that they are told.
func (a *Plan) Notifies(whom string) Lit {
	if whom == "owner_all" {
		return True
	}
	return a.when(func(d *policy.Demand) bool { return slices.Contains(d.Notify, whom) })
}

// FollowsUp says that it is done afterwards.
func (a *Plan) FollowsUp(what string) Lit {
	return a.when(func(d *policy.Demand) bool { return slices.Contains(d.FollowUp, what) })
}
