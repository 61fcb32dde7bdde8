package policy

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"countersign/internal/identity"
	"countersign/internal/proof"
)

// The bounds within which a condition's cost is estimated. Facts beyond them
// are refused before any condition sees them.
const (
	maxGroups   = 2000
	maxContacts = 64
	maxHistory  = 500
	maxSignals  = 500
	maxText     = 1024 // assumed of a single text
	maxCost     = 1_000_000
	maxWhen     = 4 << 10 // bytes of one condition
	maxNodes    = 4096    // parts of one condition, with those it names written out
	maxAllNodes = 250_000 // of all conditions
	maxDecision = 250_000_000
	maxOffset   = 18 * 3600
)

// environments hold the two sets of names that conditions are checked against:
// a class condition cannot read subject.class, which it is there to decide.
type environments struct {
	class, rule *environment
	desks       []string
	vendors     []string
}

type environment struct {
	cel   *cel.Env
	types *provider
	lists map[string][]string
	named []string // the conditions that have a name
}

// variables are the facts by their first word. A list may have the name of one
// that yields, and then the word means the list.
var variables = []struct {
	name   string
	typ    *types.Type
	yields bool
}{
	{"now", types.TimestampType, false},
	{"action", types.StringType, false},
	{"subject", subjectType, false},
	{"requester", requesterType, false},
	{"agent", agentType, false},
	{"request", requestType, false},
	{"location", locationType, true},
	{"device", deviceType, true},
	{"emergency", emergencyType, true},
	{"delegation", delegationType, true},
	{"contacts", types.NewListType(contactType), false},
	{"history", types.NewListType(pastType), false},
	{"signals", types.NewListType(signalType), false},
}

func newEnvironment(lists map[string][]string, forClass bool, named ...string) *environment {
	base, err := types.NewRegistry()
	if err != nil {
		panic("policy: the empty type registry cannot be made: " + err.Error())
	}
	e := &environment{types: &provider{Registry: base, forClass: forClass}, lists: lists, named: named}
	vars := make([]*decls.VariableDecl, 0, len(variables)+len(lists)+len(named))
	for _, v := range variables {
		if _, hidden := lists[v.name]; !hidden || !v.yields {
			vars = append(vars, decls.NewVariable(v.name, v.typ))
		}
	}
	for name := range lists {
		if isListName(name) {
			vars = append(vars, decls.NewVariable(name, types.NewListType(types.StringType)))
		}
	}
	for _, name := range named {
		vars = append(vars, decls.NewVariable(name, types.BoolType))
	}
	// dyn and type are left out: through them a misspelt field would be found
	// only when a request comes in.
	without := env.NewLibrarySubset()
	without.ExcludeFunctions = []*env.Function{{Name: "dyn"}, {Name: "type"}}
	e.cel, err = cel.NewCustomEnv(
		cel.CustomTypeProvider(e.types),
		cel.StdLib(cel.StdLibSubset(without)),
		cel.Macros(cel.StandardMacros...),
		cel.VariableDecls(vars...),
		cel.ParserExpressionSizeLimit(maxWhen),
		cel.ParserRecursionLimit(64),
		cel.DefaultUTCTimeZone(true),
		cel.EnableMacroCallTracking(), // so that loops can be written back
	)
	if err != nil {
		panic("policy: the condition language cannot be set up: " + err.Error())
	}
	return e
}

// isListName reports whether name may name a list: none of the words that CEL
// or the facts already use.
func isListName(name string) bool {
	taken := []string{"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if",
		"import", "let", "loop", "package", "namespace", "return", "var", "void", "while", "has", "size", "bool", "bytes",
		"double", "int", "list", "map", "string", "type", "uint", "dyn", "null_type", "duration", "timestamp", "optional_type"}
	for _, v := range variables {
		if !v.yields {
			taken = append(taken, v.name)
		}
	}
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || i > 0 && (c == '_' || c >= '0' && c <= '9')) {
			return false
		}
	}
	return name != "" && len(name) <= 64 && !slices.Contains(taken, name)
}

// isConditionName reports whether name may name a condition: it could name a
// list, and is no fact.
func isConditionName(name string) bool { return isListName(name) && !factNamed(name) }

func listValues(lists map[string][]string) map[string]ref.Val {
	out := make(map[string]ref.Val, len(lists))
	for name, entries := range lists {
		out[name] = types.NewStringList(types.DefaultTypeAdapter, entries)
	}
	return out
}

// provider tells CEL which fields the objects of Facts have.
type provider struct {
	*types.Registry
	forClass bool
	planned  bool // a statement's, which reads the plan too
}

func (p *provider) fields(name string) ([]fact, bool) {
	if name == planType.TypeName() {
		return planFacts, p.planned
	}
	facts, ok := factsOf[name]
	return facts, ok
}

// FindStructType implements types.Provider.
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.fields(name); ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	facts, ok := p.fields(name)
	if !ok {
		return p.Registry.FindStructFieldNames(name)
	}
	var names []string
	for _, f := range facts {
		if !p.hides(name, f.name) {
			names = append(names, f.name)
		}
	}
	return names, true
}

// FindStructFieldType implements types.Provider.
func (p *provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	facts, _ := p.fields(name)
	i := slices.IndexFunc(facts, func(f fact) bool { return f.name == field })
	if i < 0 || p.hides(name, field) {
		return p.Registry.FindStructFieldType(name, field)
	}
	f := facts[i]
	absent := missing(strings.TrimPrefix(name, "countersign.") + "." + field)
	return &types.FieldType{
		Type:  f.typ,
		IsSet: func(of any) bool { return f.get(of) != nil },
		GetFrom: func(of any) (any, error) {
			if v := f.get(of); v != nil {
				return v, nil
			}
			return nil, absent
		},
	}, true
}

func (p *provider) hides(name, field string) bool {
	return p.forClass && name == subjectType.TypeName() && field == "class"
}

// bounds tells the cost estimator how large facts can be.
type bounds struct{ lists map[string][]string }

// EstimateCallCost implements cost.Estimator.
func (bounds) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// EstimateSize implements cost.Estimator.
func (b bounds) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	upTo := func(max int) *cost.SizeEstimate {
		e := cost.RangedSizeEstimate(0, uint64(max))
		return &e
	}
	path := n.Path()
	switch strings.Join(path, ".") {
	case "subject.groups":
		return upTo(maxGroups)
	case "subject.enrolled", "subject.staff", "contacts":
		return upTo(maxContacts)
	case "history":
		return upTo(maxHistory)
	case "signals":
		return upTo(maxSignals)
	case "plan.delivery", "plan.notify", "plan.follow_up":
		return upTo(len(notifyWords) + len(deliveryWords) + len(followUpWords))
	}
	if len(path) == 1 && b.lists[path[0]] != nil {
		return upTo(len(b.lists[path[0]]))
	}
	if n.Type().Kind() == types.StringKind && len(path) > 0 {
		return upTo(maxText)
	}
	return nil
}

// vocabulary lists the only words some facts can be, so that a condition which
// compares one with a slip of the pen is refused instead of never matching.
func (e environments) vocabulary(typ, field string) []string {
	switch strings.TrimPrefix(typ+"."+field, "countersign.") {
	case ".action", "history.action":
		return words(identity.Actions)
	case "subject.class", "plan.class":
		return words(identity.Classes)
	case "plan.tier":
		return words(identity.Tiers)
	case "plan.delivery":
		return slices.Clone(deliveryWords)
	case "plan.notify":
		return slices.Clone(notifyWords)
	case "plan.follow_up":
		return slices.Clone(followUpWords)
	case "subject.status":
		return []string{"active", "disabled", "expired"}
	case "request.channel":
		return words(identity.IntakeChannels)
	case "contacts.kind":
		return []string{"email", "phone"}
	case "subject.staff":
		return words(identity.Roles)
	case "subject.enrolled":
		return words(allMethods())
	case "agent.desk", "history.desk":
		return slices.Clone(e.desks)
	case "agent.company":
		return append([]string{}, e.vendors...)
	case "request.weekday":
		return slices.Clone(weekdays)
	}
	return nil
}

// ranges are the only numbers some facts can be.
var ranges = map[string]struct{ from, to int64 }{
	"countersign.request.hour":   {0, 23},
	"countersign.request.minute": {0, 59},
}

func allMethods() []proof.Method {
	out := make([]proof.Method, len(proof.Specs))
	for i, s := range proof.Specs {
		out[i] = s.Method
	}
	return out
}
