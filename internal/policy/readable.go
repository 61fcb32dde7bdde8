package policy

import (
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"countersign/internal/identity"
)

// fact is a field that conditions can read. get gives nil when it is absent,
// which only an optional one can be.
type fact struct {
	name     string
	typ      *types.Type
	optional bool
	get      func(of any) ref.Val
}

func text[T any, S ~string](name string, get func(*T) S) fact {
	return fact{name, types.StringType, false, func(of any) ref.Val { return types.String(get(of.(*T))) }}
}

func optionalText[T any, S ~string](name string, get func(*T) S) fact {
	return fact{name, types.StringType, true, func(of any) ref.Val {
		if s := get(of.(*T)); s != "" {
			return types.String(s)
		}
		return nil
	}}
}

func boolean[T any](name string, get func(*T) bool) fact {
	return fact{name, types.BoolType, false, func(of any) ref.Val { return types.Bool(get(of.(*T))) }}
}

func optionalBoolean[T any](name string, get func(*T) *bool) fact {
	return fact{name, types.BoolType, true, func(of any) ref.Val {
		if b := get(of.(*T)); b != nil {
			return types.Bool(*b)
		}
		return nil
	}}
}

func moment[T any](name string, get func(*T) time.Time) fact {
	return fact{name, types.TimestampType, false, func(of any) ref.Val { return types.Timestamp{Time: get(of.(*T))} }}
}

// optionalMoment is absent when it is the zero time.
func optionalMoment[T any](name string, get func(*T) time.Time) fact {
	return fact{name, types.TimestampType, true, func(of any) ref.Val {
		if at := get(of.(*T)); !at.IsZero() {
			return types.Timestamp{Time: at}
		}
		return nil
	}}
}

// momentOrNil is absent when it is nil.
func momentOrNil[T any](name string, get func(*T) *time.Time) fact {
	return fact{name, types.TimestampType, true, func(of any) ref.Val {
		if at := get(of.(*T)); at != nil {
			return types.Timestamp{Time: *at}
		}
		return nil
	}}
}

// textsFact is a list of texts; it may be empty, never absent.
func textsFact[T any](name string, get func(*T) ref.Val) fact {
	return fact{name, types.NewListType(types.StringType), false, func(of any) ref.Val { return get(of.(*T)) }}
}

// onClock is read from the desk's clock, and absent when that is not known.
func onClock(name string, typ *types.Type, read func(time.Time) ref.Val) fact {
	return fact{name, typ, true, func(of any) ref.Val {
		if at, known := of.(*requestFacts).local(); known {
			return read(at)
		}
		return nil
	}}
}

// factsOf lists what conditions can read of each object, by the JSON names.
var factsOf = map[string][]fact{
	subjectType.TypeName(): {
		text("id", func(s *subjectFacts) identity.AccountID { return s.ID }),
		text("person", func(s *subjectFacts) identity.PersonID { return s.Person }),
		text("directory", func(s *subjectFacts) string { return s.Directory }),
		text("login", func(s *subjectFacts) string { return s.Login }),
		text("name", func(s *subjectFacts) string { return s.Name }),
		text("class", func(s *subjectFacts) identity.Class { return s.class }),
		optionalText("unit", func(s *subjectFacts) string { return s.Unit }),
		optionalText("location", func(s *subjectFacts) string { return s.Location }),
		textsFact("groups", (*subjectFacts).groupList),
		optionalBoolean("admin", func(s *subjectFacts) *bool { return s.Admin }),
		boolean("service", func(s *subjectFacts) bool { return s.Service }),
		text("status", func(s *subjectFacts) string { return s.Status }),
		boolean("locked", func(s *subjectFacts) bool { return s.Locked }),
		optionalText("manager", func(s *subjectFacts) identity.PersonID { return s.Manager }),
		momentOrNil("created", func(s *subjectFacts) *time.Time { return s.Created }),
		momentOrNil("starts", func(s *subjectFacts) *time.Time { return s.Starts }),
		textsFact("staff", func(s *subjectFacts) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, s.Staff) }),
		boolean("fenced", func(s *subjectFacts) bool { return s.Fenced }),
		textsFact("enrolled", func(s *subjectFacts) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, s.Enrolled) }),
		boolean("on_probation", func(s *subjectFacts) bool { return s.OnProbation }),
	},
	requesterType.TypeName(): {
		text("person", func(r *Requester) identity.PersonID { return r.Person }),
	},
	agentType.TypeName(): {
		optionalText("person", func(a *agentFacts) identity.PersonID { return a.Person }),
		optionalText("desk", func(a *agentFacts) string { return a.Desk }),
		boolean("vendor", func(a *agentFacts) bool { return a.Vendor }),
		optionalText("company", func(a *agentFacts) string { return a.company }),
	},
	requestType.TypeName(): {
		text("channel", func(r *requestFacts) identity.Channel { return r.Channel }),
		optionalText("ticket", func(r *requestFacts) string { return r.Ticket }),
		optionalText("zone", func(r *requestFacts) string { return r.Zone }),
		onClock("hour", types.IntType, func(at time.Time) ref.Val { return types.Int(at.Hour()) }),
		onClock("minute", types.IntType, func(at time.Time) ref.Val { return types.Int(at.Minute()) }),
		onClock("weekday", types.StringType, func(at time.Time) ref.Val { return types.String(weekdays[at.Weekday()]) }),
	},
	contactType.TypeName(): {
		text("id", func(c *Contact) string { return c.ID }),
		text("kind", func(c *Contact) string { return c.Kind }),
		moment("first_seen", func(c *Contact) time.Time { return c.FirstSeen }),
		text("source", func(c *Contact) string { return c.Source }),
		boolean("own", func(c *Contact) bool { return c.Own }),
		momentOrNil("sim_changed", func(c *Contact) *time.Time { return c.SIMChanged }),
	},
	pastType.TypeName(): {
		text("request", func(h *Past) string { return h.Request }),
		text("action", func(h *Past) identity.Action { return h.Action }),
		text("outcome", func(h *Past) string { return h.Outcome }),
		optionalText("desk", func(h *Past) string { return h.Desk }),
		moment("at", func(h *Past) time.Time { return h.At }),
	},
	signalType.TypeName(): {
		text("kind", func(s *Signal) string { return s.Kind }),
		moment("at", func(s *Signal) time.Time { return s.At }),
	},
	locationType.TypeName(): {
		optionalText("country", of(func(l *Location) string { return l.Country })),
		optionalText("network", of(func(l *Location) string { return l.Network })),
		optionalText("source", of(func(l *Location) string { return l.Source })),
		optionalMoment("at", of(func(l *Location) time.Time { return l.At })),
	},
	deviceType.TypeName(): {
		optionalText("id", of(func(d *Device) string { return d.ID })),
		optionalBoolean("managed", of(func(d *Device) *bool { return d.Managed })),
		optionalBoolean("compliant", of(func(d *Device) *bool { return d.Compliant })),
		optionalText("source", of(func(d *Device) string { return d.Source })),
		optionalMoment("at", of(func(d *Device) time.Time { return d.At })),
	},
	emergencyType.TypeName(): {
		boolean("active", func(e *Emergency) bool { return e != nil }),
		optionalText("incident", of(func(e *Emergency) string { return e.Incident })),
		optionalMoment("declared", of(func(e *Emergency) time.Time { return e.Declared })),
		optionalMoment("until", of(func(e *Emergency) time.Time { return e.Until })),
	},
	delegationType.TypeName(): {
		boolean("active", func(d *Delegation) bool { return d != nil }),
		optionalText("person", of(func(d *Delegation) identity.PersonID { return d.Person })),
		optionalMoment("since", of(func(d *Delegation) time.Time { return d.Since })),
		optionalMoment("until", of(func(d *Delegation) time.Time { return d.Until })),
	},
}

// of reads a field of circumstances that may not be known at all.
func of[T, F any](get func(*T) F) func(*T) F {
	return func(t *T) F {
		if t == nil {
			var absent F
			return absent
		}
		return get(t)
	}
}

// weekdays are the words for the days of the week, by time.Weekday.
var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (s *subjectFacts) groupList() ref.Val {
	if s.groups == nil {
		s.groups = types.NewStringList(types.DefaultTypeAdapter, s.Groups)
	}
	return s.groups
}

// factNamed finds a fact by the name that conditions use, such as
// subject.unit, history.at or now.
func factNamed(name string) bool {
	object, field, dotted := strings.Cut(name, ".")
	for _, f := range factsOf["countersign."+object] {
		if f.name == field {
			return dotted
		}
	}
	for _, v := range variables {
		if v.name == name {
			return true
		}
	}
	return false
}
