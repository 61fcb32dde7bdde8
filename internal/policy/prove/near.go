package prove

import (
	"math/big"
	"slices"
	"strconv"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
)

// arranged is a request laid out in a query's terms: which element of a list
// stands at which place. Elements that no place is left for are out of sight.
type arranged struct {
	*query
	facts  policy.Facts // its lists filled up to the places there are
	size   map[string]int
	others map[string][]string // elements of lists of texts that are told apart by no constant
}

// arrange lays a request out; it does not change it.
func (q *query) arrange(f policy.Facts) *arranged {
	n := &arranged{query: q, facts: clone(f), size: map[string]int{}, others: map[string][]string{}}
	n.size["contacts"], n.size["history"], n.size["signals"] = len(f.Contacts), len(f.History), len(f.Signals)
	g := &n.facts
	for len(g.Contacts) < q.places["contacts"] {
		k := strconv.Itoa(len(g.Contacts) + 1)
		g.Contacts = append(g.Contacts, policy.Contact{ID: "c" + k, Kind: "email", FirstSeen: f.At.AddDate(0, 0, -400), Source: f.Subject.Directory})
	}
	for len(g.History) < q.places["history"] {
		k := strconv.Itoa(len(g.History) + 1)
		g.History = append(g.History, policy.Past{Request: "req_" + k, Action: "password_reset", Outcome: "done", At: f.At.AddDate(0, 0, -30)})
	}
	for len(g.Signals) < q.places["signals"] {
		g.Signals = append(g.Signals, policy.Signal{Kind: "signal", At: f.At.AddDate(0, 0, -30)})
	}
	for list, at := range textLists {
		var others []string
		for _, t := range *at(g) {
			if !slices.Contains(q.texts[list], t) {
				others = append(others, t)
			}
		}
		n.size[list] = len(others)
		for i := 0; len(others) < q.places[list]; i++ {
			if t := usualText(list, i); !slices.Contains(others, t) && !slices.Contains(q.texts[list], t) {
				others = append(others, t)
			}
		}
		n.others[list] = others
	}
	return n
}

// usualText is the text to put into a list when any would do.
func usualText(list string, i int) string {
	words := map[string][]string{"subject.staff": asTexts(identity.Roles), "subject.enrolled": asTexts(allMethods)}[list]
	if i < len(words) {
		return words[i]
	}
	return "Group " + strconv.Itoa(i-len(words)+1)
}

func clone(f policy.Facts) policy.Facts {
	f.Subject.Groups, f.Subject.Staff, f.Subject.Enrolled = slices.Clone(f.Subject.Groups), slices.Clone(f.Subject.Staff), slices.Clone(f.Subject.Enrolled)
	f.Contacts, f.History, f.Signals = slices.Clone(f.Contacts), slices.Clone(f.History), slices.Clone(f.Signals)
	f.Subject.Admin, f.Request.Offset = copied(f.Subject.Admin), copied(f.Request.Offset)
	f.Subject.Created, f.Subject.Starts = copied(f.Subject.Created), copied(f.Subject.Starts)
	for i := range f.Contacts {
		f.Contacts[i].SIMChanged = copied(f.Contacts[i].SIMChanged)
	}
	f.Location, f.Device, f.Emergency, f.Delegation = copied(f.Location), copied(f.Device), copied(f.Emergency), copied(f.Delegation)
	if f.Device != nil {
		f.Device.Managed, f.Device.Compliant = copied(f.Device.Managed), copied(f.Device.Compliant)
	}
	return f
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// says reports what an atom comes to for the request; known is false for what
// only the policy itself can tell.
func (n *arranged) says(a *atom) (is, known bool) {
	switch a.kind {
	case isThere:
		return !isAbsent(&n.facts, a.ref), true
	case isTrue:
		f := n.facts
		b := boolFacts[a.ref.path].get(&f, a.ref.place-1)
		return b != nil && *b, true
	case isText:
		t, there := n.text(a.ref)
		return there && t == a.text, true
	case isCall:
		t, there := n.text(a.ref)
		is, _ := callText(a.call, t, a.text)
		return is, there
	case isSame:
		t, there := n.text(a.ref)
		u, there2 := n.text(a.other)
		return t == u, there && there2
	case atMost:
		v := n.value(a.term)
		return v != nil && v.Cmp(a.num) <= 0, v != nil
	case hasText:
		count := 0
		for _, t := range *textLists[a.list](&n.facts) {
			if t == a.text {
				count++
			}
		}
		return count >= a.times, true
	case hasPlace:
		return n.size[a.list] >= a.place, true
	case isRefused, tooLarge:
		return false, false
	}
	return false, false
}

// text reads a text; false when it is absent.
func (n *arranged) text(r ref) (string, bool) {
	switch {
	case textLists[r.path] != nil:
		if r.place > len(n.others[r.path]) {
			return "", false
		}
		return n.others[r.path][r.place-1], true
	case r.path == "request.weekday":
		at, there := localTime(&n.facts)
		return closedWords[r.path][at.Weekday()], there
	case isAbsent(&n.facts, r):
		return "", false
	}
	f := n.facts
	return *textFacts[r.path].at(&f, r.place-1), true
}

func localTime(f *policy.Facts) (time.Time, bool) {
	if f.Request.Offset == nil {
		return time.Time{}, false
	}
	return f.At.UTC().Add(time.Duration(*f.Request.Offset) * time.Second), true
}

// value computes a term; nil when a part of it is absent or has no form.
func (n *arranged) value(t *term) *big.Int {
	sum := new(big.Int)
	for _, p := range t.parts {
		v := n.amount(p.quantity)
		if v == nil {
			return nil
		}
		sum.Add(sum, new(big.Int).Mul(v, big.NewInt(p.times)))
	}
	return sum
}

func (n *arranged) amount(q *quantity) *big.Int {
	f := n.facts
	switch q.kind {
	case moment, calendar:
		if isAbsent(&f, q.ref) {
			return nil
		}
		at := *timeFacts[q.ref.path].at(&f, q.ref.place-1)
		if q.kind == moment {
			return nanoseconds(at)
		}
		return big.NewInt(calendarOf(q, at))
	case length:
		if t, there := n.text(q.ref); there {
			return big.NewInt(characters(t))
		}
	case onClock:
		if at, there := localTime(&f); there {
			return big.NewInt(clockOf(q, at))
		}
	case size:
		return nil
	}
	return nil
}

func clockOf(q *quantity, local time.Time) int64 {
	if q.call == "hour" {
		return int64(local.Hour())
	}
	return int64(local.Minute())
}

func calendarOf(q *quantity, at time.Time) int64 {
	t := at.In(q.zone)
	switch q.call {
	case "getFullYear":
		return int64(t.Year())
	case "getMonth":
		return int64(t.Month()) - 1
	case "getDate":
		return int64(t.Day())
	case "getDayOfMonth":
		return int64(t.Day()) - 1
	case "getDayOfWeek":
		return int64(t.Weekday())
	case "getDayOfYear":
		return int64(t.YearDay()) - 1
	case "getHours":
		return int64(t.Hour())
	case "getMinutes":
		return int64(t.Minute())
	case "getSeconds":
		return int64(t.Second())
	}
	return int64(t.Nanosecond()) / int64(time.Millisecond)
}

// deviations gives a literal for each fact in which a model can differ from the
// request that is near.
func (q *query) deviations(near *arranged) []int {
	by := map[string][]int{}
	var order []string
	for _, a := range q.atoms {
		about := a.about()
		if about == "" {
			continue
		}
		is, known := near.says(a)
		if !known && a.kind != isRefused && a.kind != tooLarge && a.kind != isCount {
			continue // of what is absent, only its being there counts
		}
		l := q.lit(a.lit)
		if is {
			l = -l
		}
		if by[about] == nil {
			order = append(order, about)
		}
		by[about] = append(by[about], l)
	}
	var out []int
	for _, about := range order {
		if len(by[about]) == 1 {
			out = append(out, by[about][0])
			continue
		}
		q.last++
		for _, l := range by[about] {
			q.clauses = append(q.clauses, []int{-l, q.last})
		}
		out = append(out, q.last)
	}
	return out
}

// about is the fact that an atom's change is a change of.
func (a *atom) about() string {
	switch a.kind {
	case isThere, isTrue, isText, isCall:
		return a.ref.String()
	case isSame:
		return a.name
	case atMost:
		about := ""
		for _, p := range a.term.parts {
			q := p.quantity
			switch {
			case q.kind == onClock:
				about = clockFact
			case q.kind == size || q.kind == unclear:
				about = q.key
			case about == "" || q.ref.path != "now":
				about = q.ref.String()
			}
		}
		return about
	case hasText, hasPlace, isRefused, tooLarge:
		return a.name
	case isCount:
		if a.isHard() {
			return a.name
		}
	}
	return ""
}
