package gate

import "countersign/internal/policy"

// Difference is what another policy makes of a request, in the words of
// Simulation. Several can hold at once; when none does, it is unchanged.
type Difference struct {
	Refused   bool // newly refused
	Allowed   bool // refused now, and no longer
	Eased     bool // less is demanded in some respect
	Tightened bool // more is demanded in some respect
	Delayed   bool // it waits longer; it is tightened too
}

// difference compares what is demanded now with what would be.
func difference(now, then policy.Plan) Difference {
	switch {
	case now.Denied() && then.Denied():
		return Difference{}
	case then.Denied():
		return Difference{Refused: true}
	case now.Denied():
		return Difference{Allowed: true}
	}
	return Difference{
		Eased:     !policy.AtLeast(then, now),
		Tightened: !policy.AtLeast(now, then),
		Delayed:   then.Wait > now.Wait,
	}
}

// Tally counts requests by what another policy makes of them. A request that
// is eased in one respect and tightened in another counts in both.
type Tally struct {
	Requests  int `json:"requests"`
	Refused   int `json:"refused" doc:"allowed now, refused then"`
	Allowed   int `json:"allowed" doc:"refused now, allowed then"`
	Eased     int `json:"eased" doc:"less is demanded in some respect"`
	Tightened int `json:"tightened" doc:"more is demanded in some respect"`
	Delayed   int `json:"delayed" doc:"the wait is longer; counted under tightened too"`
	Unchanged int `json:"unchanged"`
}

func (t *Tally) add(d Difference) {
	t.Requests++
	t.Refused += count(d.Refused)
	t.Allowed += count(d.Allowed)
	t.Eased += count(d.Eased)
	t.Tightened += count(d.Tightened)
	t.Delayed += count(d.Delayed)
	t.Unchanged += count(d == Difference{})
}

// Examples are the ids of a few requests of each kind, newest first.
type Examples struct {
	Refused   []string `json:"refused" nullable:"false"`
	Allowed   []string `json:"allowed" nullable:"false"`
	Eased     []string `json:"eased" nullable:"false"`
	Tightened []string `json:"tightened" nullable:"false"`
	Delayed   []string `json:"delayed" nullable:"false"`
}

// maxExamples is how many ids of each kind are kept.
const maxExamples = 20

func (e *Examples) add(id string, d Difference) {
	for _, kind := range []struct {
		holds bool
		ids   *[]string
	}{{d.Refused, &e.Refused}, {d.Allowed, &e.Allowed}, {d.Eased, &e.Eased}, {d.Tightened, &e.Tightened}, {d.Delayed, &e.Delayed}} {
		if kind.holds && len(*kind.ids) < maxExamples {
			*kind.ids = append(*kind.ids, id)
		}
	}
}
