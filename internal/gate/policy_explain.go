package gate

import (
	"context"
	"fmt"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/explain"
	"countersign/internal/policy/specimen"
)

// PolicyAsk is a request that a policy is asked about: as a specimen, or a
// recorded one by its id.
type PolicyAsk struct {
	Text    string // the policy; "": the one in force
	Given   string // a specimen: what differs from an ordinary request
	Request string // instead: plan from the facts recorded when it was opened
	Less    bool   // look also for what would have to differ for less to be asked
}

// PolicyAnswer is what a policy asks of a request, and why.
type PolicyAnswer struct {
	Policy  string          `json:"policy" doc:"hash of the policy that was asked"`
	Given   string          `json:"given,omitempty" doc:"the request as a specimen of one line; absent for a recorded one, whose facts are personal"`
	Request string          `json:"request,omitempty"`
	Refused []PolicyRefusal `json:"refused" nullable:"false" doc:"any entry refuses the request"`
	Class   PolicySorted    `json:"class"`
	Demands []PolicyReason  `json:"demands" nullable:"false" doc:"none of a refused request"`
	Ways    [][]string      `json:"ways" nullable:"false" doc:"the ways of proving that are left; each is a list of methods that are asked for together"`
	Rules   []PolicyApplied `json:"rules" nullable:"false" doc:"those that had a say"`
	Less    []PolicyLess    `json:"less" nullable:"false" doc:"what would have to differ for less to be asked, or for it not to be refused"`
}

// PolicyRefusal is a refusal and its place.
type PolicyRefusal struct {
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
	Line   int    `json:"line,omitempty" doc:"absent for a floor of the policy language itself"`
	Fault  bool   `json:"fault,omitempty" doc:"a condition could not be evaluated"`
}

// PolicySorted is how the account came by its class.
type PolicySorted struct {
	Class identity.Class `json:"class"`
	Line  int            `json:"line,omitempty" doc:"of the entry that decided"`
	True  []PolicyAtom   `json:"true,omitempty"`
	Error string         `json:"error,omitempty" doc:"why the entry could not be evaluated"`
}

// PolicyReason is one demand and the rules that brought it.
type PolicyReason struct {
	Demand string   `json:"demand"`
	Value  string   `json:"value"`
	By     []string `json:"by" nullable:"false" doc:"rules; in parentheses, floors of the language itself"`
}

// PolicyApplied is a rule that had a say.
type PolicyApplied struct {
	Name  string       `json:"name"`
	Line  int          `json:"line"`
	True  []PolicyAtom `json:"true,omitempty" doc:"the statements of its condition that were true"`
	Error string       `json:"error,omitempty" doc:"it refused because it could not be evaluated"`
}

// PolicyAtom is an elementary statement of a condition.
type PolicyAtom struct {
	Text      string `json:"text"`
	Line      int    `json:"line"`
	Condition string `json:"condition,omitempty" doc:"the named condition that it stands in"`
}

// PolicyLess is the request nearest to the one explained of which less is
// asked, for one demand.
type PolicyLess struct {
	Demand  string   `json:"demand"`
	Old     string   `json:"old"`
	New     string   `json:"new"`
	If      []string `json:"if,omitempty" doc:"the facts that would have to differ"`
	RestsOn []string `json:"rests_on,omitempty"`
	Never   bool     `json:"never,omitempty" doc:"no request for the same action is asked for less"`
	Unclear string   `json:"unclear,omitempty"`
}

// ExplainPolicy says what a policy asks of a request and which rules ask it.
func (g *Gate) ExplainPolicy(ctx context.Context, c Caller, a PolicyAsk) (PolicyAnswer, error) {
	inForce, err := g.policyReader(ctx, c)
	if err != nil {
		return PolicyAnswer{}, err
	}
	if a.Request != "" && a.Given != "" {
		return PolicyAnswer{}, invalid("give a request's id or a request described, not both")
	}
	var recorded *policy.Facts
	if a.Request != "" {
		f, err := g.recordedFacts(ctx, c, a.Request)
		if err != nil {
			return PolicyAnswer{}, err
		}
		recorded = &f
	}
	return atBench(ctx, g.bench, c, "explain", func(context.Context) (PolicyAnswer, error) {
		p, err := loadOr(inForce, a.Text)
		if err != nil {
			return PolicyAnswer{}, err
		}
		out := PolicyAnswer{Request: a.Request}
		var f policy.Facts
		if recorded != nil {
			f = *recorded
		} else {
			if f, err = specimen.Parse([]byte(a.Given)); err != nil {
				return PolicyAnswer{}, invalid("the request does not read: " + err.Error())
			}
			out.Given = specimen.Line(f)
		}
		// Whoever describes a request leaves the desk's clock to the policy, as
		// the server does.
		if f.Request.Offset == nil || recorded != nil {
			if err := (zones{}).localTime(&f, p); err != nil {
				return PolicyAnswer{}, err
			}
		}
		out.fill(p, f, a.Less)
		return out, nil
	})
}

func (a *PolicyAnswer) fill(p *policy.Policy, f policy.Facts, less bool) {
	x := explain.Of(p, f)
	if less {
		x = explain.WithLess(p, f)
	}
	a.Policy, a.Class = x.Policy, PolicySorted{x.Class.Class, x.Class.Line, atoms(x.Class.True), x.Class.Error}
	a.Refused, a.Demands, a.Ways, a.Rules, a.Less = []PolicyRefusal{}, []PolicyReason{}, [][]string{}, []PolicyApplied{}, []PolicyLess{}
	for _, r := range x.Refused {
		a.Refused = append(a.Refused, PolicyRefusal{r.Rule, r.Reason, r.Line, r.Fault})
	}
	for _, d := range x.Demands {
		a.Demands = append(a.Demands, PolicyReason{d.Demand, d.Value, append([]string{}, d.By...)})
	}
	for _, r := range x.Rules {
		a.Rules = append(a.Rules, PolicyApplied{r.Name, r.Line, atoms(r.True), r.Error})
	}
	for _, l := range x.Less {
		a.Less = append(a.Less, PolicyLess{l.Demand, l.Old, l.New, l.If, l.RestsOn, l.Never, l.Unclear})
	}
	if x.Plan.Denied() {
		return
	}
	for _, way := range x.Plan.Proofs {
		methods := []string{}
		for _, m := range way {
			methods = append(methods, string(m))
		}
		a.Ways = append(a.Ways, methods)
	}
}

func atoms(of []explain.Atom) []PolicyAtom {
	var out []PolicyAtom
	for _, a := range of {
		out = append(out, PolicyAtom(a))
	}
	return out
}

// recordedFacts are those of a request that the caller may see.
func (g *Gate) recordedFacts(ctx context.Context, c Caller, id string) (policy.Facts, error) {
	s, err := g.load(ctx, id)
	if err != nil {
		return policy.Facts{}, err
	}
	if ok, err := g.sees(ctx, c, s); err != nil || !ok {
		return policy.Facts{}, ErrNoRequest
	}
	f, known, err := g.openingFacts(ctx, id)
	if err == nil && !known {
		err = &Fault{"not_found", "the facts of this request were erased, so it cannot be planned again"}
	}
	return f, err
}

// loadOr loads a policy that has to load here; an empty text is the one in force.
func loadOr(inForce *policy.Policy, text string) (*policy.Policy, error) {
	if text == "" || text == string(inForce.Source()) {
		return inForce, nil
	}
	p, err := LoadPolicy([]byte(text))
	if err != nil {
		return nil, invalid(fmt.Sprintf("the policy does not load: %v", err))
	}
	return p, nil
}
