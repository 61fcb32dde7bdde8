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

	location   object
	device     object
	emergency  object
	delegation object

	contacts ref.Val
	history  ref.Val
	signals  ref.Val

	subjectFacts subjectFacts
	agentFacts   agentFacts
	requestFacts requestFacts
}

// subjectFacts is the subject with what the policy itself says about it.
type subjectFacts struct {
	*Subject
	class  identity.Class
	groups ref.Val
}

// agentFacts is the agent with what the policy itself says about the desk.
type agentFacts struct {
	Agent
	company string
}

// requestFacts is the request with the desk's clock.
type requestFacts struct {
	*Request
	at time.Time
}

// local is the time on the desk's clock; false when nobody recorded its zone.
func (r *requestFacts) local() (time.Time, bool) {
	if r.Offset == nil {
		return time.Time{}, false
	}
	return r.at.UTC().Add(time.Duration(*r.Offset) * time.Second), true
}

// newView shows f; desk is the agent's, nil when the policy does not know it.
func newView(f *Facts, lists map[string]ref.Val, desk *desk) *view {
	v := &view{facts: f, lists: lists}
	v.subjectFacts.Subject = &f.Subject
	v.agentFacts.Agent = f.Agent
	v.agentFacts.Vendor = false
	if desk != nil {
		v.agentFacts.Vendor, v.agentFacts.company = desk.vendor, desk.company
	}
	v.requestFacts = requestFacts{&f.Request, f.At}
	v.now = types.Timestamp{Time: f.At}
	v.action = types.String(f.Action)
	v.subject = object{subjectType, &v.subjectFacts}
	v.requester = object{requesterType, &f.Requester}
	v.agent = object{agentType, &v.agentFacts}
	v.request = object{requestType, &v.requestFacts}
	v.location = object{locationType, f.Location}
	v.device = object{deviceType, f.Device}
	v.emergency = object{emergencyType, f.Emergency}
	v.delegation = object{delegationType, f.Delegation}
	return v
}

// Parent implements cel.Activation.
func (v *view) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (v *view) ResolveName(name string) (any, bool) {
	if list, ok := v.lists[name]; ok {
		return list, true
	}
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
	case "location":
		return &v.location, true
	case "device":
		return &v.device, true
	case "emergency":
		return &v.emergency, true
	case "delegation":
		return &v.delegation, true
	case "contacts":
		return listOnce(&v.contacts, contactType, v.facts.Contacts), true
	case "history":
		return listOnce(&v.history, pastType, v.facts.History), true
	case "signals":
		return listOnce(&v.signals, signalType, v.facts.Signals), true
	}
	return nil, false
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

	locationType   = types.NewObjectType("countersign.location")
	deviceType     = types.NewObjectType("countersign.device")
	emergencyType  = types.NewObjectType("countersign.emergency")
	delegationType = types.NewObjectType("countersign.delegation")
)
