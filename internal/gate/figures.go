package gate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// Figures are what happened on the days from Since to Until, as numbers. They
// name no subject and no requester; who an agent is they tell in one place.
type Figures struct {
	Since      string           `json:"since" doc:"the first day, YYYY-MM-DD; days are in UTC"`
	Until      string           `json:"until" doc:"the last day, included"`
	Opened     int64            `json:"opened"`
	Days       []DayFigures     `json:"days" nullable:"false" doc:"each day of the span, also those on which nothing happened"`
	Actions    []Volume         `json:"actions" nullable:"false"`
	Classes    []Volume         `json:"classes" nullable:"false"`
	Tiers      []Volume         `json:"tiers" nullable:"false" doc:"requests are counted by the tier they had at the time"`
	Channels   []Number         `json:"channels" nullable:"false" doc:"how opened requests came in"`
	Desks      []DeskFigures    `json:"desks" nullable:"false"`
	Recovered  Recovery         `json:"recovered" doc:"all requests that were carried out"`
	ByClass    []Recovery       `json:"recovered_by_class" nullable:"false"`
	ByPath     []Recovery       `json:"recovered_by_path" nullable:"false"`
	Recoveries []Recovery       `json:"recoveries" nullable:"false" doc:"by class and path"`
	Refusals   []RefusalFigures `json:"refusals" nullable:"false" doc:"most frequent first; a request that several rules refuse counts for each"`
	Exceptions []Number         `json:"exceptions" nullable:"false"`
	Agents     []AgentFigures   `json:"agents" nullable:"false" doc:"those with exceptions, most first"`
	Hours      [7][24]int64     `json:"exception_hours" doc:"exceptions by weekday, Monday first, and hour of the day, in UTC"`
	Friction   []Friction       `json:"friction" nullable:"false" doc:"what requests that were carried out asked of people, by tier"`
}

// Number is a number of something.
type Number struct {
	Name string `json:"name"`
	N    int64  `json:"n"`
}

// Outcomes are how many requests ended how.
type Outcomes map[reset.Status]int64

// DayFigures are the requests of one day.
type DayFigures struct {
	Day    string   `json:"day"`
	Opened int64    `json:"opened"`
	Ended  Outcomes `json:"ended" doc:"requests that ended on the day, whenever they were opened, by outcome"`
}

// Volume is how many requests of a kind were opened, and how those that ended
// in the span did: not quite the same ones.
type Volume struct {
	Name   string   `json:"name"`
	Opened int64    `json:"opened"`
	Ended  Outcomes `json:"ended"`
}

// DeskFigures are of one desk; an empty name stands for requests that no desk
// opened, and what was tried by nobody of a desk.
type DeskFigures struct {
	Desk       string   `json:"desk"`
	Vendor     bool     `json:"vendor" doc:"a vendor's desk, under the policy in force"`
	Company    string   `json:"company,omitempty"`
	Opened     int64    `json:"opened"`
	Exceptions []Number `json:"exceptions" nullable:"false"`
}

// AgentFigures are the exceptions in an agent's requests, and of their own.
type AgentFigures struct {
	Agent      identity.PersonID `json:"agent"`
	Name       string            `json:"name,omitempty" doc:"as long as they are on the roster"`
	Desk       string            `json:"desk,omitempty" doc:"where they are now"`
	Exceptions []Number          `json:"exceptions" nullable:"false"`
}

// RefusalFigures count a reason to refuse: a rule of the policy, a bar that
// holds whatever the policy says, or the hands, which withdrew the order.
type RefusalFigures struct {
	Kind   string `json:"kind" enum:"rule,bar,hands"`
	Reason string `json:"reason" doc:"the rule's name, or the code"`
	N      int64  `json:"n"`
}

// Recovery is how long it took from opening to done. Durations are counted in
// steps, so what is known of a half or of nine in ten is between which two.
type Recovery struct {
	Class    identity.Class `json:"class,omitempty"`
	Path     *string        `json:"path,omitempty" doc:"the methods proved, joined with +; empty: none"`
	Requests int64          `json:"requests"`
	Half     Between        `json:"half"`
	Most     Between        `json:"nine_in_ten"`
	Steps    []RecoveryStep `json:"steps" nullable:"false"`
}

// Between is a duration as far as it is known.
type Between struct {
	After  int64 `json:"after" doc:"seconds: it took longer than that"`
	Within int64 `json:"within" doc:"seconds: and not longer than that; 0: nobody counted how long"`
}

// RecoveryStep is how many requests took no longer than Within, and longer than the
// step before.
type RecoveryStep struct {
	Within int64 `json:"within" doc:"seconds; 0: longer than any step"`
	N      int64 `json:"n"`
}

// Friction is what requests of a tier asked of people. The sums stand over the
// number of requests, so that any mean can be made of them.
type Friction struct {
	Tier        identity.Tier `json:"tier"`
	Requests    int64         `json:"requests"`
	Proofs      int64         `json:"proofs"`
	Approvals   int64         `json:"approvals"`
	WaitSeconds int64         `json:"wait_seconds" doc:"of cooling-off, as the plans asked"`
}

// FigureSpan is the days that somebody asks about, both included.
type FigureSpan struct {
	Since, Until time.Time // zero: Days days in all; today
	Days         int       // 0: 30
}

func (s FigureSpan) days(now time.Time) (first, last store.Day, err error) {
	last, first = store.DayOf(now), store.DayOf(s.Since)
	if !s.Until.IsZero() {
		last = store.DayOf(s.Until)
	}
	switch {
	case s.Since.IsZero() && s.Days == 0:
		first = last - 29
	case s.Since.IsZero():
		first = last - store.Day(s.Days) + 1
	}
	if s.Days < 0 || last < first || last-first >= 366 {
		return 0, 0, invalid("since comes before until, by 366 days at most")
	}
	return first, last, nil
}

// Figures tells what happened from one day to another, 366 at most. They are
// for those who may read the ledger's entries. None of it is found by looking
// through requests: see countEvents.
func (g *Gate) Figures(ctx context.Context, c Caller, span FigureSpan) (Figures, error) {
	ok, err := g.audits(ctx, c)
	if err != nil {
		return Figures{}, err
	}
	if !ok {
		return Figures{}, ErrForbidden
	}
	first, last, err := span.days(g.now())
	if err != nil {
		return Figures{}, err
	}
	chain, pol, err := g.rules(ctx)
	if err != nil {
		return Figures{}, err
	}
	sums, err := g.store.Counts(ctx, store.CountQuery{Figures: summed, Since: first, Until: last})
	if err != nil {
		return Figures{}, fmt.Errorf("gate: reading figures: %w", err)
	}
	days, err := g.store.Counts(ctx, store.CountQuery{Figures: byDay, Since: first, Until: last, ByDay: true})
	if err != nil {
		return Figures{}, fmt.Errorf("gate: reading figures: %w", err)
	}
	out := Figures{Since: dateOf(first), Until: dateOf(last)}
	out.days(days, first, last)
	out.volumes(sums)
	out.recoveries(sums)
	out.exceptions(sums, chain, pol)
	out.friction(sums)
	return out, nil
}

var (
	byDay  = []string{countOpened, countEnded, countExceptionsAt}
	summed = []string{
		countOpenedBy + "action", countOpenedBy + "class", countOpenedBy + "tier", countOpenedBy + "channel", countOpenedBy + "desk",
		countEndedBy + "action", countEndedBy + "class", countEndedBy + "tier",
		countRefused, countRecovered, countFriction, countExceptions, countExceptionsOf,
	}
)

func dateOf(d store.Day) string { return d.Time().Format(time.DateOnly) }

func (f *Figures) days(counts []store.Count, first, last store.Day) {
	f.Days = make([]DayFigures, last-first+1)
	for i := range f.Days {
		f.Days[i] = DayFigures{Day: dateOf(first + store.Day(i)), Ended: Outcomes{}}
	}
	for _, c := range counts {
		day := &f.Days[c.Day-first]
		switch c.Figure {
		case countOpened:
			day.Opened += c.N
			f.Opened += c.N
		case countEnded:
			day.Ended[reset.Status(c.Labels[0])] += c.N
		case countExceptionsAt:
			if hour, err := strconv.Atoi(c.Labels[0]); err == nil && hour >= 0 && hour < 24 {
				f.Hours[(c.Day.Time().Weekday()+6)%7][hour] += c.N
			}
		}
	}
}

func (f *Figures) volumes(sums []store.Count) {
	f.Actions = volumes(sums, "action", identity.Actions)
	f.Classes = volumes(sums, "class", identity.Classes)
	f.Tiers = volumes(sums, "tier", identity.Tiers)
	f.Channels, f.Refusals = []Number{}, []RefusalFigures{}
	for _, c := range sums {
		switch c.Figure {
		case countOpenedBy + "channel":
			f.Channels = append(f.Channels, Number{c.Labels[0], c.N})
		case countRefused:
			f.Refusals = append(f.Refusals, RefusalFigures{c.Labels[0], c.Labels[1], c.N})
		}
	}
	slices.SortStableFunc(f.Channels, mostFirst)
	slices.SortStableFunc(f.Refusals, func(a, b RefusalFigures) int { return cmp.Compare(b.N, a.N) })
}

func mostFirst(a, b Number) int { return cmp.Compare(b.N, a.N) }

// volumes lists those words that anything was counted for, in their own order.
func volumes[T ~string](sums []store.Count, by string, words []T) []Volume {
	out := make([]Volume, len(words))
	at := map[string]*Volume{}
	for i, w := range words {
		out[i] = Volume{Name: string(w), Ended: Outcomes{}}
		at[string(w)] = &out[i]
	}
	for _, c := range sums {
		switch v := at[c.Labels[len(c.Labels)-1]]; {
		case v == nil:
		case c.Figure == countOpenedBy+by:
			v.Opened += c.N
		case c.Figure == countEndedBy+by:
			v.Ended[reset.Status(c.Labels[0])] += c.N
		}
	}
	return slices.DeleteFunc(out, func(v Volume) bool { return v.Opened == 0 && len(v.Ended) == 0 })
}

// steps are durations as they were counted, by their bounds.
type steps map[int64]int64

func (f *Figures) recoveries(sums []store.Count) {
	all, classes, paths, both := steps{}, map[string]steps{}, map[string]steps{}, map[[2]string]steps{}
	for _, c := range sums {
		if c.Figure != countRecovered {
			continue
		}
		class, path := c.Labels[0], c.Labels[1]
		bound, _ := strconv.ParseInt(c.Labels[2], 10, 64) // 0: longer
		all[bound] += c.N
		into(classes, class)[bound] += c.N
		into(paths, path)[bound] += c.N
		into(both, [2]string{class, path})[bound] += c.N
	}
	f.Recovered = all.recovery("", nil)
	f.ByClass, f.ByPath, f.Recoveries = []Recovery{}, []Recovery{}, []Recovery{}
	for class, s := range classes {
		f.ByClass = append(f.ByClass, s.recovery(class, nil))
	}
	for path, s := range paths {
		f.ByPath = append(f.ByPath, s.recovery("", &path))
	}
	for k, s := range both {
		f.Recoveries = append(f.Recoveries, s.recovery(k[0], &k[1]))
	}
	for _, list := range [][]Recovery{f.ByClass, f.ByPath, f.Recoveries} {
		slices.SortFunc(list, byClassAndPath)
	}
}

func into[K comparable](m map[K]steps, key K) steps {
	if m[key] == nil {
		m[key] = steps{}
	}
	return m[key]
}

func byClassAndPath(a, b Recovery) int {
	path := func(r Recovery) string {
		if r.Path == nil {
			return ""
		}
		return *r.Path
	}
	return cmp.Or(cmp.Compare(slices.Index(identity.Classes, a.Class), slices.Index(identity.Classes, b.Class)), cmp.Compare(path(a), path(b)))
}

func (s steps) recovery(class string, path *string) Recovery {
	r := Recovery{Class: identity.Class(class), Path: path, Steps: []RecoveryStep{}}
	bounds := slices.SortedFunc(maps.Keys(s), func(a, b int64) int {
		return cmp.Or(cmp.Compare(count(a == 0), count(b == 0)), cmp.Compare(a, b))
	})
	for _, bound := range bounds {
		r.Requests += s[bound]
		r.Steps = append(r.Steps, RecoveryStep{bound, s[bound]})
	}
	r.Half, r.Most = r.reached(5), r.reached(9)
	return r
}

// reached is between which bounds so many tenths of the requests were done.
func (r Recovery) reached(tenths int64) Between {
	done := int64(0)
	for _, s := range r.Steps {
		if done += s.N; done*10 >= r.Requests*tenths {
			return Between{stepBefore(s.Within), s.Within}
		}
	}
	return Between{}
}

// stepBefore is the bound before a bound.
func stepBefore(bound int64) int64 {
	last := int64(0)
	for _, b := range recoverBounds {
		if bound != 0 && b >= bound {
			break
		}
		last = b
	}
	return last
}

func (f *Figures) exceptions(sums []store.Count, chain roster.State, pol *policy.Policy) {
	kinds, desks, agents := map[string]int64{}, map[string]*DeskFigures{}, map[string]*AgentFigures{}
	desk := func(name string) *DeskFigures {
		if desks[name] == nil {
			desks[name] = &DeskFigures{Desk: name, Exceptions: []Number{}}
		}
		return desks[name]
	}
	for _, c := range sums {
		switch c.Figure {
		case countOpenedBy + "desk":
			desk(c.Labels[0]).Opened += c.N
		case countExceptions:
			kinds[c.Labels[0]] += c.N
			d := desk(c.Labels[1])
			d.Exceptions = append(d.Exceptions, Number{c.Labels[0], c.N})
		case countExceptionsOf:
			id := c.Labels[1]
			if agents[id] == nil {
				m := chain.Members[identity.PersonID(id)]
				agents[id] = &AgentFigures{Agent: identity.PersonID(id), Name: m.Name, Desk: m.Desk}
			}
			agents[id].Exceptions = append(agents[id].Exceptions, Number{c.Labels[0], c.N})
		}
	}
	f.Exceptions, f.Desks, f.Agents = []Number{}, []DeskFigures{}, []AgentFigures{}
	for _, kind := range Exceptions {
		if kinds[kind] > 0 {
			f.Exceptions = append(f.Exceptions, Number{kind, kinds[kind]})
		}
	}
	for _, b := range pol.Logic().Desks {
		if d := desks[b.Name]; d != nil {
			d.Vendor, d.Company = b.Vendor, b.Company
		}
	}
	for _, name := range slices.Sorted(maps.Keys(desks)) {
		f.Desks = append(f.Desks, *desks[name])
	}
	for _, id := range slices.Sorted(maps.Keys(agents)) {
		f.Agents = append(f.Agents, *agents[id])
	}
	slices.SortStableFunc(f.Agents, func(a, b AgentFigures) int { return cmp.Compare(Total(b.Exceptions), Total(a.Exceptions)) })
}

// Total adds numbers up.
func Total(numbers []Number) (sum int64) {
	for _, n := range numbers {
		sum += n.N
	}
	return sum
}

func (f *Figures) friction(sums []store.Count) {
	f.Friction = []Friction{}
	for _, tier := range identity.Tiers {
		row := Friction{Tier: tier}
		into := map[string]*int64{"requests": &row.Requests, "proofs": &row.Proofs, "approvals": &row.Approvals, "wait_seconds": &row.WaitSeconds}
		for _, c := range sums {
			if c.Figure == countFriction && c.Labels[0] == string(tier) && into[c.Labels[1]] != nil {
				*into[c.Labels[1]] += c.N
			}
		}
		if row.Requests > 0 {
			f.Friction = append(f.Friction, row)
		}
	}
}
