package gate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"countersign/internal/policy"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// maxSpan is the longest stretch of time that one simulation looks at.
const maxSpan = 366 * 24 * time.Hour

// Simulation is what another policy would have made of recorded requests.
// It names requests by their ids and holds nothing about any person.
type Simulation struct {
	InForce string    `json:"in_force" doc:"hash of the policy that is compared with"`
	New     string    `json:"new" doc:"hash of the simulated policy"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Total   Tally     `json:"total"`
	// Erased counts requests that cannot be planned again, because their facts
	// were erased. They are in no other count.
	Erased   int      `json:"erased" doc:"requests that cannot be planned again: their facts were erased; in no other count"`
	Classes  []Group  `json:"classes" nullable:"false" doc:"by the account's class under the policy in force"`
	Desks    []Group  `json:"desks" nullable:"false" doc:"by desk; an empty name: opened by an integration"`
	Hours    []Group  `json:"hours" nullable:"false" doc:"by hour of the day, 00 to 23, where the request was opened; in UTC where its time zone is not recorded"`
	Examples Examples `json:"examples" doc:"the newest requests of each kind, up to 20"`
}

// Group is the tally of the requests that have something in common.
type Group struct {
	Name string `json:"name"`
	Tally
}

// Simulate plans every request opened from since on and before until twice,
// from the facts recorded when it was opened: under the policy in force, and
// under another. It reads one request at a time, stops when ctx does, and
// records nothing. It is for those who may read the ledger's entries; one runs
// at a time.
func (g *Gate) Simulate(ctx context.Context, c Caller, policyText string, since, until time.Time) (Simulation, error) {
	ok, err := g.audits(ctx, c)
	if err != nil {
		return Simulation{}, err
	}
	if !ok {
		return Simulation{}, ErrForbidden
	}
	_, inForce, err := g.rules(ctx)
	if err != nil {
		return Simulation{}, err
	}
	other, err := LoadPolicy([]byte(policyText))
	if err != nil {
		return Simulation{}, invalid("the policy does not load: " + err.Error())
	}
	if !since.Before(until) || until.Sub(since) > maxSpan {
		return Simulation{}, invalid("since comes before until, by 366 days at most")
	}
	if !g.simulating.TryLock() {
		return Simulation{}, &Fault{"conflict", "another simulation is under way; try again when it is over"}
	}
	defer g.simulating.Unlock()
	s := newSimulator(inForce, other, since, until)
	err = g.eachRow(ctx, store.RowQuery{Since: since}, func(r store.Row) error {
		if !r.Opened.Before(until) {
			return nil
		}
		f, known, err := g.openingFacts(ctx, r.ID)
		if err != nil {
			return err
		}
		return s.visit(r.ID, f, known)
	})
	return s.done(), err
}

// openingFacts are those recorded when a request was opened, and whether they
// are still there.
func (g *Gate) openingFacts(ctx context.Context, id string) (policy.Facts, bool, error) {
	records, err := g.store.Stream(ctx, id)
	if err != nil {
		return policy.Facts{}, false, fmt.Errorf("gate: reading %s: %w", id, err)
	}
	e, erased, err := reset.Decode(records[0].Type, records[0].Body, records[0].Private)
	if err != nil {
		return policy.Facts{}, false, fmt.Errorf("gate: reading %s: %w", id, err)
	}
	o, ok := e.(reset.Opened)
	if !ok {
		return policy.Facts{}, false, fmt.Errorf("gate: reading %s: it does not begin with an opening", id)
	}
	return o.Facts, !slices.Contains(erased, "facts"), nil
}

// simulator counts.
type simulator struct {
	out                   Simulation
	inForce, other        *policy.Policy
	zones                 zones
	classes, desks, hours map[string]*Tally
}

func newSimulator(inForce, other *policy.Policy, since, until time.Time) *simulator {
	none := []string{}
	return &simulator{
		out: Simulation{InForce: inForce.Hash(), New: other.Hash(), Since: since.UTC(), Until: until.UTC(),
			Examples: Examples{none, none, none, none, none}},
		inForce: inForce, other: other, zones: zones{},
		classes: map[string]*Tally{}, desks: map[string]*Tally{}, hours: map[string]*Tally{},
	}
}

func (s *simulator) visit(id string, f policy.Facts, known bool) error {
	if !known {
		s.out.Erased++
		return nil
	}
	hour := hourOf(f)
	now, err1 := s.plan(s.inForce, f)
	then, err2 := s.plan(s.other, f)
	if err := cmp.Or(err1, err2); err != nil {
		return err
	}
	d := difference(now, then)
	s.out.Total.add(d)
	s.out.Examples.add(id, d)
	for _, in := range []struct {
		groups map[string]*Tally
		name   string
	}{{s.classes, string(now.Class)}, {s.desks, f.Agent.Desk}, {s.hours, hour}} {
		t, ok := in.groups[in.name]
		if !ok {
			t = &Tally{}
			in.groups[in.name] = t
		}
		t.add(d)
	}
	return nil
}

// plan reads the facts' moment in the zone that the policy itself names: that
// is a word of the policy's, not something that was observed.
func (s *simulator) plan(p *policy.Policy, f policy.Facts) (policy.Plan, error) {
	if err := s.zones.localTime(&f, p); err != nil {
		return policy.Plan{}, err
	}
	return p.Plan(f), nil
}

// hourOf is the hour of the day where the request was opened.
func hourOf(f policy.Facts) string {
	at := f.At.UTC()
	if f.Request.Offset != nil {
		at = at.Add(time.Duration(*f.Request.Offset) * time.Second)
	}
	return at.Format("15")
}

func (s *simulator) done() Simulation {
	s.out.Classes, s.out.Desks, s.out.Hours = groups(s.classes), groups(s.desks), groups(s.hours)
	return s.out
}

func groups(m map[string]*Tally) []Group {
	out := make([]Group, 0, len(m))
	for name, t := range m {
		out = append(out, Group{name, *t})
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// SimulateLately is Simulate for the requests of the last while.
func (g *Gate) SimulateLately(ctx context.Context, c Caller, policyText string, span time.Duration) (Simulation, error) {
	until := g.now().Add(time.Millisecond)
	return g.Simulate(ctx, c, policyText, until.Add(-span), until)
}
