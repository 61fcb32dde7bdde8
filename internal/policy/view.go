package policy

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"countersign/internal/identity"
)

// view shows facts to conditions: it is the activation that CEL resolves names
// in. Nothing is copied into maps, and lists are built when first asked for.
type view struct {
	facts *Facts
	lists map[string]ref.Val

	now       ref.Val
	action    ref.Val
	subject   object
	requester object
	agent     object
	request   object
	contacts  ref.Val
	history   ref.Val
	signals   ref.Val

	subjectFacts subjectFacts
	agentFacts   Agent
}

// subjectFacts is the subject with what the policy itself says about it.
type subjectFacts struct {
	*Subject
	class  identity.Class
	groups ref.Val
}

func newView(f *Facts, lists map[string]ref.Val, vendor bool) *view {
	v := &view{facts: f, lists: lists}
	v.subjectFacts.Subject = &f.Subject
	v.agentFacts = f.Agent
	v.agentFacts.Vendor = vendor
	v.now = types.Timestamp{Time: f.At}
	v.action = types.String(f.Action)
	v.subject = object{subjectType, &v.subjectFacts}
	v.requester = object{requesterType, &f.Requester}
	v.agent = object{agentType, &v.agentFacts}
	v.request = object{requestType, &f.Request}
	return v
}

// Parent implements cel.Activation.
func (v *view) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (v *view) ResolveName(name string) (any, bool) {
	switch name {
	case "now":
		return v.now, true
	case "action":
		return v.action, true
	case "subject":
		return &v.subject, true
	case "requester":
		return &v.requester, true
	case "agent":
		return &v.agent, true
	case "request":
		return &v.request, true
	case "contacts":
		return listOnce(&v.contacts, contactType, v.facts.Contacts), true
	case "history":
		return listOnce(&v.history, pastType, v.facts.History), true
	case "signals":
		return listOnce(&v.signals, signalType, v.facts.Signals), true
	}
	list, ok := v.lists[name]
	return list, ok
}

func listOnce[T any](cache *ref.Val, typ *types.Type, of []T) ref.Val {
	if *cache == nil {
		vals := make([]ref.Val, len(of))
		for i := range of {
			vals[i] = &object{typ, &of[i]}
		}
		*cache = types.NewRefValList(types.DefaultTypeAdapter, vals)
	}
	return *cache
}

// object is one of the structs of Facts as a CEL value.
type object struct {
	typ *types.Type
	of  any // a pointer to the struct
}

// ConvertToNative implements ref.Val; facts never leave a condition.
func (o *object) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("policy: %s cannot become a %v", o.typ.TypeName(), t)
}

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("policy: %s cannot become a %s", o.typ.TypeName(), t.TypeName())
}

// Equal implements ref.Val: an object equals itself.
func (o *object) Equal(other ref.Val) ref.Val {
	p, ok := other.(*object)
	return types.Bool(ok && p.of == o.of)
}

// Type implements ref.Val.
func (o *object) Type() ref.Type { return o.typ }

// Value implements ref.Val.
func (o *object) Value() any { return o.of }

// missing is the error of a condition that reads an absent fact.
type missing string

func (m missing) Error() string { return "the fact " + string(m) + " is missing" }

var (
	subjectType   = types.NewObjectType("countersign.subject")
	requesterType = types.NewObjectType("countersign.requester")
	agentType     = types.NewObjectType("countersign.agent")
	requestType   = types.NewObjectType("countersign.request")
	contactType   = types.NewObjectType("countersign.contacts")
	pastType      = types.NewObjectType("countersign.history")
	signalType    = types.NewObjectType("countersign.signals")
)

// fact is a field that conditions can read. get gives nil when it is absent.
type fact struct {
	name string
	typ  *types.Type
	get  func(of any) ref.Val
}

func text[T any, S ~string](name string, get func(*T) S) fact {
	return fact{name, types.StringType, func(of any) ref.Val { return types.String(get(of.(*T))) }}
}

func optionalText[T any, S ~string](name string, get func(*T) S) fact {
	return fact{name, types.StringType, func(of any) ref.Val {
		if s := get(of.(*T)); s != "" {
			return types.String(s)
		}
		return nil
	}}
}

func boolean[T any](name string, get func(*T) bool) fact {
	return fact{name, types.BoolType, func(of any) ref.Val { return types.Bool(get(of.(*T))) }}
}

func moment[T any](name string, get func(*T) time.Time) fact {
	return fact{name, types.TimestampType, func(of any) ref.Val { return types.Timestamp{Time: get(of.(*T))} }}
}

// factsOf lists what conditions can read of each object, by the JSON names.
var factsOf = map[string][]fact{
	subjectType.TypeName(): {
		text("id", func(s *subjectFacts) identity.AccountID { return s.ID }),
		text("person", func(s *subjectFacts) identity.PersonID { return s.Person }),
		text("directory", func(s *subjectFacts) string { return s.Directory }),
		text("login", func(s *subjectFacts) string { return s.Login }),
		text("name", func(s *subjectFacts) string { return s.Name }),
		optionalText("unit", func(s *subjectFacts) string { return s.Unit }),
		optionalText("location", func(s *subjectFacts) string { return s.Location }),
		{"groups", types.NewListType(types.StringType), func(of any) ref.Val { return of.(*subjectFacts).groupList() }},
		{"admin", types.BoolType, func(of any) ref.Val {
			if admin := of.(*subjectFacts).Admin; admin != nil {
				return types.Bool(*admin)
			}
			return nil
		}},
		boolean("service", func(s *subjectFacts) bool { return s.Service }),
		text("status", func(s *subjectFacts) string { return s.Status }),
		boolean("locked", func(s *subjectFacts) bool { return s.Locked }),
		boolean("fenced", func(s *subjectFacts) bool { return s.Fenced }),
		optionalText("manager", func(s *subjectFacts) identity.PersonID { return s.Manager }),
		{"created", types.TimestampType, func(of any) ref.Val {
			if created := of.(*subjectFacts).Created; created != nil {
				return types.Timestamp{Time: *created}
			}
			return nil
		}},
		{"enrolled", types.NewListType(types.StringType), func(of any) ref.Val {
			return types.NewStringList(types.DefaultTypeAdapter, of.(*subjectFacts).Enrolled)
		}},
		{"staff", types.NewListType(types.StringType), func(of any) ref.Val {
			return types.NewStringList(types.DefaultTypeAdapter, of.(*subjectFacts).Staff)
		}},
		text("class", func(s *subjectFacts) identity.Class { return s.class }),
	},
	requesterType.TypeName(): {
		text("person", func(r *Requester) identity.PersonID { return r.Person }),
	},
	agentType.TypeName(): {
		optionalText("person", func(a *Agent) identity.PersonID { return a.Person }),
		optionalText("desk", func(a *Agent) string { return a.Desk }),
		boolean("vendor", func(a *Agent) bool { return a.Vendor }),
	},
	requestType.TypeName(): {
		text("channel", func(r *Request) identity.Channel { return r.Channel }),
		optionalText("ticket", func(r *Request) string { return r.Ticket }),
	},
	contactType.TypeName(): {
		text("id", func(c *Contact) string { return c.ID }),
		text("kind", func(c *Contact) string { return c.Kind }),
		moment("first_seen", func(c *Contact) time.Time { return c.FirstSeen }),
		text("source", func(c *Contact) string { return c.Source }),
		boolean("own", func(c *Contact) bool { return c.Own }),
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
}

func (s *subjectFacts) groupList() ref.Val {
	if s.groups == nil {
		s.groups = types.NewStringList(types.DefaultTypeAdapter, s.Groups)
	}
	return s.groups
}
