package decide

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/open-policy-agent/opa/v1/rego"

	"countersign/internal/identity"
	"countersign/internal/policy"
)

// ask answers with the sorted names of the rules that apply.
type ask func(f policy.Facts) ([]string, error)

// byCountersign compiles the rules into a policy. Its answer is more than the
// others give: the joined plan with its reasons, of which the names are taken.
func byCountersign(rs []rule) (*policy.Policy, error) {
	var b strings.Builder
	b.WriteString(`apiVersion: countersign/v1
name: bench
risk_analysis: docs/risk.md
classes:
  - class: privileged
    when: subject.admin
  - class: standard
    when: "true"
desks:
  - desk: day
    reach: "true"
  - desk: night
    vendor: true
    reach: "true"
rules:
`)
	for _, r := range rs {
		fmt.Fprintf(&b, "  - rule: %s\n    when: '%s'\n    demand: {%s}\n", r.name, r.cel, r.demand)
	}
	return policy.Load([]byte(b.String()))
}

// namesIn reads the rules that had a say from a plan; the policy's own floors
// stand in parentheses.
func namesIn(p policy.Plan) []string {
	var names []string
	for _, r := range p.Reasons {
		if !strings.HasPrefix(r.Rule, "(") {
			names = append(names, r.Rule)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// byHand is what one would write without a policy language.
func byHand(rs []rule) ask {
	return func(f policy.Facts) ([]string, error) {
		class := classOf(&f)
		var names []string
		for _, r := range rs {
			if r.match(&f, class) {
				names = append(names, r.name)
			}
		}
		slices.Sort(names)
		return names, nil
	}
}

func classOf(f *policy.Facts) identity.Class {
	if *f.Subject.Admin {
		return identity.Privileged
	}
	return identity.Standard
}

func byOPA(ctx context.Context, rs []rule) (ask, error) {
	var b strings.Builder
	b.WriteString("package bench\n\nclass := \"privileged\" if input.subject.admin\nelse := \"standard\"\n")
	for _, r := range rs {
		fmt.Fprintf(&b, "\napplies contains %q if { %s }\n", r.name, r.rego)
	}
	query, err := rego.New(rego.Query("data.bench.applies"), rego.Module("bench.rego", b.String())).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	return func(f policy.Facts) ([]string, error) {
		result, err := query.Eval(ctx, rego.EvalInput(forOPA(&f)))
		if err != nil {
			return nil, err
		}
		set := result[0].Expressions[0].Value.([]any)
		names := make([]string, len(set))
		for i, n := range set {
			names[i] = n.(string)
		}
		slices.Sort(names)
		return names, nil
	}, nil
}

func forOPA(f *policy.Facts) map[string]any {
	groups := make([]any, len(f.Subject.Groups))
	for i, g := range f.Subject.Groups {
		groups[i] = g
	}
	history := make([]any, len(f.History))
	for i, h := range f.History {
		history[i] = map[string]any{"action": string(h.Action), "at": h.At.Unix()}
	}
	signals := make([]any, len(f.Signals))
	for i, s := range f.Signals {
		signals[i] = map[string]any{"kind": s.Kind}
	}
	return map[string]any{
		"action": string(f.Action), "now": f.At.Unix(),
		"subject": map[string]any{
			"unit": f.Subject.Unit, "location": f.Subject.Location,
			"groups": groups, "admin": *f.Subject.Admin,
		},
		"agent":   map[string]any{"vendor": f.Agent.Vendor},
		"request": map[string]any{"channel": string(f.Request.Channel)},
		"history": history, "signals": signals,
	}
}

// byCedar makes each rule a permit, so that the reasons of an allow are the
// rules that apply. Cedar has no exists over records, so the history's
// condition is computed on the way in.
func byCedar(rs []rule) (ask, error) {
	set := cedar.NewPolicySet()
	for _, r := range rs {
		var p cedar.Policy
		text := fmt.Sprintf("permit (principal, action, resource) when { %s };", r.cedar)
		if err := p.UnmarshalCedar([]byte(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		set.Add(cedar.PolicyID(r.name), &p)
	}
	request := cedar.Request{
		Principal: cedar.NewEntityUID("Person", "a"),
		Action:    cedar.NewEntityUID("Action", "reset"),
		Resource:  cedar.NewEntityUID("Account", "1"),
	}
	return func(f policy.Facts) ([]string, error) {
		q := request
		q.Context = forCedar(&f)
		_, diagnostic := cedar.Authorize(set, cedar.EntityMap{}, q)
		if len(diagnostic.Errors) > 0 {
			return nil, fmt.Errorf("cedar: %v", diagnostic.Errors[0])
		}
		names := make([]string, len(diagnostic.Reasons))
		for i, r := range diagnostic.Reasons {
			names[i] = string(r.PolicyID)
		}
		slices.Sort(names)
		return names, nil
	}, nil
}

func forCedar(f *policy.Facts) cedar.Record {
	groups := make([]cedar.Value, len(f.Subject.Groups))
	for i, g := range f.Subject.Groups {
		groups[i] = cedar.String(g)
	}
	signals := make([]cedar.Value, len(f.Signals))
	for i, s := range f.Signals {
		signals[i] = cedar.String(s.Kind)
	}
	return cedar.NewRecord(cedar.RecordMap{
		"action": cedar.String(f.Action), "class": cedar.String(classOf(f)),
		"unit": cedar.String(f.Subject.Unit), "location": cedar.String(f.Subject.Location),
		"groups": cedar.NewSet(groups...), "signals": cedar.NewSet(signals...),
		"vendor": cedar.Boolean(f.Agent.Vendor), "channel": cedar.String(f.Request.Channel),
		"resetWithinDay": cedar.Boolean(resetWithinDay(f)),
	})
}
