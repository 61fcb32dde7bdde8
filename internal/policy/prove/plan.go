package prove

import (
	"cmp"
	"maps"
	"math"
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
	proofs  []demanded[proof.Formula]
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

// demanded is something that rules ask for, and when one of them applies.
type demanded[T any] struct {
	what T
	if_  Lit
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
		known[0] = append(known[0], s.says(ref{path: "action"}, string(w)))
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
			a.proofs = append(a.proofs, demanded[proof.Formula]{r.Demand.Proofs, False})
		}
		a.proofs[at].if_ = a.space.Or(a.proofs[at].if_, a.matches[i])
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
	add("(lifecycle)", s.And(sound, s.says(ref{path: "subject.status"}, "active").Not()))
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
		out = append(out, a.space.says(ref{path: "action"}, string(act)).Not())
	}
	return a.space.And(out...)
}

// Accepts says that these methods together are enough. No methods ever are.
func (a *Plan) Accepts(ms ...proof.Method) Lit {
	ms = slices.Compact(slices.Sorted(slices.Values(ms)))
	key := ""
	for _, m := range ms {
		key += string(m) + " "
	}
	if l, ok := a.accepts[key]; ok {
		return l
	}
	s := a.space
	var asked, met []Lit
	for _, d := range a.proofs {
		var ways []Lit
		for _, way := range d.what {
			usable := make([]Lit, len(way))
			for i, m := range way {
				usable[i] = False
				if slices.Contains(ms, m) {
					usable[i] = a.Usable(m)
				}
			}
			ways = append(ways, s.And(usable...))
		}
		asked, met = append(asked, d.if_), append(met, s.Or(d.if_.Not(), s.Or(ways...)))
	}
	l := s.And(s.Or(asked...), s.And(met...))
	a.accepts[key] = l
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
		return !slices.ContainsFunc(a.proofs, func(d demanded[proof.Formula]) bool { return slices.Contains(d.what.Methods(), m) })
	})
}

// FewestProofs says that the easiest way needs at most n proofs.
func (a *Plan) FewestProofs(n int) Lit {
	named := a.Methods()
	return a.ProvedBy(min(n, len(named)), named...)
}

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

// Span is one of the times that a plan says, in seconds.
type Span struct {
	space  *Space
	least  int64 // the policy's own
	shrink bool  // the shorter wins, and 0 is none
	values []int64
	from   []Lit // by value: some rule says so much or more
	upTo   []Lit // by value: some rule says so much or less
}

func (a *Plan) span(name string, least int64, shrink bool, of func(d *policy.Demand) int64) Span {
	if t, known := a.spans[name]; known {
		return t
	}
	s := a.space
	t := Span{space: s, least: least, shrink: shrink, values: occurring(a, of)}
	by := map[int64][]Lit{}
	for i := range a.logic.Rules {
		v := of(&a.logic.Rules[i].Demand)
		by[v] = append(by[v], a.matches[i])
	}
	t.from, t.upTo = make([]Lit, len(t.values)), make([]Lit, len(t.values))
	for i, v := range t.values {
		t.upTo[i] = s.Or(by[v]...)
		if i > 0 {
			t.upTo[i] = s.Or(t.upTo[i], t.upTo[i-1])
		}
	}
	for i := len(t.values) - 1; i >= 0; i-- {
		t.from[i] = s.Or(by[t.values[i]]...)
		if i+1 < len(t.values) {
			t.from[i] = s.Or(t.from[i], t.from[i+1])
		}
	}
	a.spans[name] = t
	return t
}

// Wait is the cooling-off after the last approval.
func (a *Plan) Wait() Span {
	return a.span("wait", 0, false, func(d *policy.Demand) int64 { return d.Wait })
}

// CoolOff is how long factors and destinations must have been on record.
func (a *Plan) CoolOff() Span {
	return a.span("cool_off", a.logic.CoolOff, false, func(d *policy.Demand) int64 { return d.CoolOff })
}

// Probation is how long the person may not act for others afterwards.
func (a *Plan) Probation() Span {
	return a.span("probation", 0, false, func(d *policy.Demand) int64 { return d.Probation })
}

// Expires is the life of the request.
func (a *Plan) Expires() Span {
	return a.span("expires", a.logic.Expires, true, func(d *policy.Demand) int64 { return d.Expires })
}

// Review is within what time a review is owed; 0 is none.
func (a *Plan) Review() Span {
	return a.span("review", 0, true, func(d *policy.Demand) int64 { return d.Review })
}

// Values lists every value the span can have, rising; in one plan it has
// exactly one of them. Without a rule that says, it is the policy's own, or 0.
func (t Span) Values() []int64 {
	out := slices.Clone(t.values)
	if !slices.Contains(out, t.least) {
		out = append(out, t.least)
	}
	slices.Sort(out)
	return slices.DeleteFunc(out, func(v int64) bool {
		return v < t.least && !t.shrink || t.shrink && t.least != 0 && v > t.least
	})
}

// said says that some rule asks for at least v.
func (t Span) said(v int64) Lit {
	i, _ := slices.BinarySearch(t.values, v)
	if i == len(t.values) {
		return False
	}
	return t.from[i]
}

// saidLess says that some rule asks for less than v.
func (t Span) saidLess(v int64) Lit {
	i, _ := slices.BinarySearch(t.values, v)
	if i == 0 {
		return False
	}
	return t.upTo[i-1]
}

// Is says that the span is exactly so long.
func (t Span) Is(v int64) Lit {
	if t.shrink && v == 0 {
		return t.saidLess(math.MaxInt64).Not()
	}
	return t.space.And(t.AtLeast(v), t.AtLeast(v+1).Not())
}

// AtLeast says that the span is v seconds or longer. For Review, 0 counts as
// longer than any time.
func (t Span) AtLeast(v int64) Lit {
	switch {
	case !t.shrink && v <= t.least:
		return True
	case !t.shrink:
		return t.said(v)
	case t.least != 0 && v > t.least:
		return False
	}
	return t.saidLess(v).Not()
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
