package prove

import (
	"math/big"
	"time"

	"countersign/internal/policy/expr"
)

// quantityOf reads a moment, or the desk's clock.
func (s *Space) quantityOf(n *expr.Node, e *scene) (*quantity, Lit) {
	r, ok := e.refOf(n)
	switch {
	case !ok:
	case timeFacts[r.path].at != nil:
		return &quantity{key: r.String(), kind: moment, ref: r}, s.there(r).Not()
	case r.path == "request.hour":
		return &quantity{key: r.path, kind: onClock, call: "hour", low: big.NewInt(0), high: big.NewInt(23)}, s.there(r).Not()
	case r.path == "request.minute":
		return &quantity{key: r.path, kind: onClock, call: "minute", low: big.NewInt(0), high: big.NewInt(59)}, s.there(r).Not()
	}
	return nil, False
}

func (s *Space) sizeOf(n *expr.Node, e *scene) (*quantity, Lit) {
	of := n.Args[0]
	if of.Type == expr.Text {
		r, ok := e.refOf(of)
		if !ok || textFacts[r.path].at == nil {
			return nil, False
		}
		low := int64(0)
		if _, optional := presence(r); optional {
			low = 1
		}
		return &quantity{key: "size(" + r.String() + ")", kind: length, ref: r, low: big.NewInt(low)}, s.there(r).Not()
	}
	l, ok := s.listOf(of, e)
	if !ok {
		return nil, False
	}
	all := func(u element) Lit { return l.in(u) }
	return &quantity{key: e.key(n), kind: size, list: l.path, low: big.NewInt(0), size: func(n int) Lit {
		return s.atLeast(l, n, "all", nil, all)
	}}, l.fails
}

var calendarBounds = map[string][2]int64{
	"getMonth": {0, 11}, "getDate": {1, 31}, "getDayOfMonth": {0, 30}, "getDayOfWeek": {0, 6}, "getDayOfYear": {0, 365},
	"getHours": {0, 23}, "getMinutes": {0, 59}, "getSeconds": {0, 59}, "getMilliseconds": {0, 999}, "getFullYear": {-1 << 20, 1 << 20},
}

func (s *Space) calendarOf(n *expr.Node, e *scene) (*quantity, Lit) {
	bounds, known := calendarBounds[n.Name]
	r, ok := e.refOf(n.Args[0])
	if !known || !ok || timeFacts[r.path].at == nil {
		return nil, False
	}
	zone := "UTC"
	if len(n.Args) > 1 {
		zone = n.Args[1].Value.Text
	}
	location, ok := zoneOf(zone)
	if !ok {
		return nil, False
	}
	return &quantity{key: r.String() + "." + n.Name + "(" + zone + ")", kind: calendar, ref: r, call: n.Name, zone: location,
		low: big.NewInt(bounds[0]), high: big.NewInt(bounds[1])}, s.there(r).Not()
}

// zoneOf reads "UTC" or a fixed offset as CEL does.
func zoneOf(name string) (*time.Location, bool) {
	if name == "UTC" || name == "" {
		return time.UTC, true
	}
	sign, digits := 1, name
	switch name[0] {
	case '-':
		sign, digits = -1, name[1:]
	case '+':
		digits = name[1:]
	}
	t, err := time.Parse("15:04", digits)
	if err != nil {
		return nil, false
	}
	return time.FixedZone("", sign*(t.Hour()*3600+t.Minute()*60)), true
}
