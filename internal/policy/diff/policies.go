// Package diff says what a change of policy does to requests: of which the new
// policy asks less than the old, of which more, and of which something else.
// It finds, over every possible request, each kind of request that the new
// policy treats otherwise, with one request as a witness of it.
package diff

import (
	"cmp"
	"fmt"
	"slices"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/change"
	"countersign/internal/policy/prove"
	"countersign/internal/policy/specimen"
)

// Kind is a kind of request: an action for accounts of a class.
type Kind struct {
	Class  identity.Class  `json:"class"`         // under the new policy
	Was    identity.Class  `json:"was,omitempty"` // under the old one, when that is another
	Action identity.Action `json:"action"`
}

func (k Kind) String() string {
	if k.Was != "" {
		return fmt.Sprintf("%s/%s (was %s)", k.Class, k.Action, k.Was)
	}
	return fmt.Sprintf("%s/%s", k.Class, k.Action)
}

// Finding is one demand that requests of one kind meet otherwise under the new
// policy, with a request for which that is so.
type Finding struct {
	Kind
	change.Change
	// Given is the request, as a specimen of one line. It is as near to an
	// ordinary one as such a request can be.
	Given string `json:"given"`
	// RestsOn names what the search could not look into and took to come out
	// so that the request is treated otherwise.
	RestsOn []string `json:"rests_on,omitempty"`
	// Acknowledged: the new policy's `eases` says so itself.
	Acknowledged bool `json:"acknowledged,omitempty"`

	Facts policy.Facts `json:"-"`
}

// Report is all that a new policy changes. Findings come in the order of the
// demands, easing first.
type Report struct {
	Old      string    `json:"old"` // the policies' hashes
	New      string    `json:"new"`
	Findings []Finding `json:"findings"`
	// Unclear says what could not be decided; then there may be more changes.
	Unclear []string `json:"unclear,omitempty"`
	// Escalation is what people are told to do who are refused or have no path
	// left, when the new policy says it otherwise. It asks neither less nor more.
	Escalation *Wording `json:"escalation,omitempty"`
	// Because is the reason the new policy gives for asking less.
	Because string `json:"because,omitempty"`
}

// Wording is a text before and after; "" where a policy has none.
type Wording struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// mostKinds is more than there are actions and pairs of classes in practice; a
// change that touches more of them is cut short and said to be.
const mostKinds = 200

// Policies compares two policies over every possible request.
func Policies(before, after *policy.Policy) Report {
	r := Report{Old: before.Hash(), New: after.Hash(), Findings: []Finding{}}
	if r.Old == r.New {
		return r
	}
	c := &comparison{before: before, after: after, space: prove.NewSpace(before, after), report: &r}
	for _, q := range c.questions() {
		c.answer(q)
	}
	slices.SortStableFunc(r.Findings, inOrder)
	if w := (Wording{before.Escalation(), after.Escalation()}); w.Old != w.New {
		r.Escalation = &w
	}
	if e, ok := after.Eases(); ok && e.Since == r.Old {
		r.Because = e.Because
		for i, f := range r.Findings {
			was := f.Was
			if was == "" {
				was = f.Class
			}
			r.Findings[i].Acknowledged = f.Direction.Eases() && e.Covers(f.Class, f.Action) && e.Covers(was, f.Action)
		}
	}
	return r
}

// inOrder sorts by direction, demand, class and action.
func inOrder(a, b Finding) int {
	told := change.Demands()
	return cmp.Or(
		rank(a.Direction)-rank(b.Direction),
		slices.Index(told, a.Demand)-slices.Index(told, b.Demand),
		slices.Index(identity.Classes, a.Class)-slices.Index(identity.Classes, b.Class),
		slices.Index(identity.Classes, a.Was)-slices.Index(identity.Classes, b.Was),
		slices.Index(identity.Actions, a.Action)-slices.Index(identity.Actions, b.Action),
	)
}

type comparison struct {
	before, after *policy.Policy
	space         *prove.Space
	report        *Report
}

// question asks for requests whose demand changes in a direction.
type question struct {
	demand    string
	direction change.Direction
	goal      prove.Lit
}

func (c *comparison) questions() []question {
	old, renewed := c.space.Of(0), c.space.Of(1)
	var all []question
	for _, d := range []change.Direction{change.Less, change.More} {
		a, b := old, renewed // what a demands and b does not
		if d == change.More {
			a, b = renewed, old
		}
		all = append(all, question{"request", d, c.space.And(a.Denied, b.Denied.Not())})
		for _, w := range c.space.Weaker(b, a) {
			all = append(all, question{w.Demand, d, c.space.And(a.Denied.Not(), b.Denied.Not(), w.Is)})
		}
	}
	return all
}

// answer finds every kind of request there is for a question.
func (c *comparison) answer(q question) {
	known := prove.False
	for range mostKinds {
		var found Finding
		a := c.space.Find(c.space.And(q.goal, known.Not()), specimen.Ordinary(), func(f policy.Facts) bool {
			x, ok := c.changed(f, q)
			found = Finding{Kind: c.kind(f), Change: x, Facts: f}
			return ok
		})
		switch {
		case a.Impossible:
			return
		case !a.Found:
			c.unclear(q, a.Unclear)
			return
		}
		if len(a.RestsOn) > 0 {
			found = Finding{Kind: c.kind(a.Facts), Change: change.Change{Demand: q.demand, Direction: q.direction, Old: "?", New: "?"}, Facts: a.Facts, RestsOn: a.RestsOn}
		}
		found.Given = specimen.Line(found.Facts)
		known = c.space.Or(known, c.is(found.Kind))
		if !slices.ContainsFunc(c.report.Findings, func(f Finding) bool {
			return f.Kind == found.Kind && f.Demand == found.Demand && f.Direction == change.Else
		}) {
			c.report.Findings = append(c.report.Findings, found)
		}
	}
	c.unclear(q, fmt.Sprintf("more than %d kinds of request", mostKinds))
}

func (c *comparison) unclear(q question, why string) {
	c.report.Unclear = append(c.report.Unclear, fmt.Sprintf("whether %s asks %s of some other request: %s", q.demand, q.direction, why))
}

// changed asks the policies themselves.
func (c *comparison) changed(f policy.Facts, q question) (change.Change, bool) {
	for _, x := range change.Compare(c.before.Plan(f), c.after.Plan(f)) {
		if x.Demand == q.demand && (x.Direction == q.direction || x.Direction == change.Else) {
			return x, true
		}
	}
	return change.Change{}, false
}

func (c *comparison) kind(f policy.Facts) Kind {
	k := Kind{Class: c.after.Plan(f).Class, Was: c.before.Plan(f).Class, Action: f.Action}
	if k.Was == k.Class {
		k.Was = ""
	}
	return k
}

// is says that a request is of the kind.
func (c *comparison) is(k Kind) prove.Lit {
	was := k.Was
	if was == "" {
		was = k.Class
	}
	return c.space.And(c.space.Asks(k.Action), c.space.Of(0).Class(was), c.space.Of(1).Class(k.Class))
}
