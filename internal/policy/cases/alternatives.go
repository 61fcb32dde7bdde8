package cases

import (
	"cmp"
	"slices"

	"countersign/internal/policy"
)

// place is an alternative, which may stand in a condition that several rules
// share. The texts of one list have the same place.
type place struct {
	line, column int
	text         string
}

// alternatives are all that were tried, with where they stand.
type alternatives map[place]*tried

type tried struct {
	kind, name string
	holds      bool // what it stands in held in some case
	held       bool // and so did the alternative in some case
}

func (a alternatives) note(t policy.Trace) {
	for _, c := range t.Classes {
		a.noteCondition("class", string(c.Class), c.ConditionTrace)
	}
	for _, r := range t.Reach {
		if r.Desk != "" {
			a.noteCondition("desk", r.Desk, r.ConditionTrace)
		} else {
			a.noteCondition("vendor", r.Vendor, r.ConditionTrace)
		}
	}
	for _, r := range t.Rules {
		a.noteCondition("rule", r.Name, r.ConditionTrace)
	}
}

func (a alternatives) noteCondition(kind, name string, c policy.ConditionTrace) {
	for _, alt := range c.Alternatives {
		at := place{alt.Line, alt.Column, alt.Text}
		if a[at] == nil {
			a[at] = &tried{kind: kind, name: name}
			if alt.Condition != "" {
				a[at].kind, a[at].name = "condition", alt.Condition
			}
		}
		a[at].holds = a[at].holds || c.Outcome == policy.True
		a[at].held = a[at].held || alt.Held
	}
}

// unreached leaves out what stands in a condition that never held: that is
// said of the rule, class or desk as a whole.
func (a alternatives) unreached() []Unreached {
	out := []Unreached{}
	for at, t := range a {
		if t.holds && !t.held {
			out = append(out, Unreached{Kind: t.kind, Name: t.name, Line: at.line, Column: at.column, Part: at.text})
		}
	}
	slices.SortFunc(out, func(a, b Unreached) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column, cmp.Compare(a.Part, b.Part))
	})
	return out
}
