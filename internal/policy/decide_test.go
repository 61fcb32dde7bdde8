package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy/expr"
	"countersign/internal/proof"
)

// guarded writes a condition that is false for most facts, or seems to be.
func (w *wild) guarded() string {
	of := func(form string) string { return fmt.Sprintf(form, w.pick(wildTexts...)) }
	list := func(form string) string { return fmt.Sprintf(form, w.pick(wildTexts...), w.pick(wildTexts...)) }
	parts := func() string {
		switch rapid.IntRange(0, 20).Draw(w.T, "guard") {
		case 0, 1:
			return of("subject.unit == %q")
		case 2:
			return of("%q == agent.desk")
		case 3:
			return list("subject.location in [%q, %q]")
		case 4:
			return "subject.login in many"
		case 5:
			return of("%q in subject.groups")
		case 6:
			return list("subject.groups.exists(g, g in [%q, %q])")
		case 7:
			return of("signals.exists(s, s.kind == %q && s.at < now)")
		case 8:
			return list("history.exists(h, h.desk == %q || h.outcome == %q)")
		case 9:
			return list("history.filter(h, h.desk == %q).exists(h, h.outcome == %q)")
		case 10:
			return list("history.filter(h, subject.unit == %q).filter(h, h.desk == %q).exists_one(h, h.at <= now)")
		case 11:
			return of("size(contacts.filter(c, c.kind == %q)) ") + w.pick(">= 1", "> 0", "== 1", "< 1", ">= 0", "!= 1")
		case 12:
			return "1 " + w.pick("<=", "<", "==", ">=") + of(" size(history.filter(h, h.desk == %q))")
		case 13:
			return of("history.exists(h, contacts.exists(c, h.desk == %q && c.own))")
		case 14:
			return fmt.Sprintf("action == %q", rapid.SampledFrom(identity.Actions).Draw(w.T, "action"))
		case 15:
			return fmt.Sprintf("subject.class in [%q, %q]", rapid.SampledFrom(identity.Classes).Draw(w.T, "class"), rapid.SampledFrom(identity.Classes).Draw(w.T, "class"))
		case 16:
			return of("subject.unit != %q")
		case 17:
			return of("signals.all(s, s.kind == %q)")
		case 18:
			return "agent.desk " + w.pick("<", "<=", ">=", ">") + of(" %q")
		case 19:
			return of("(subject.admin ? subject.unit == %q : agent.vendor)")
		}
		return of("history.exists_one(h, h.desk == %q)")
	}
	switch rapid.IntRange(0, 5).Draw(w.T, "shape") {
	case 0:
		return parts()
	case 1:
		return parts() + " || " + parts()
	case 2:
		return "(" + parts() + " || " + parts() + ") && " + w.truth(2)
	case 3:
		return w.truth(1) + " && " + parts() + " && " + parts()
	case 4:
		return "!(" + parts() + ") && " + parts()
	}
	return parts() + " && " + w.truth(2)
}

var wildDemands = []demand{
	{said: []string{"proofs"}, proofs: formula("totp || email_code")},
	{said: []string{"proofs", "tier"}, proofs: formula("vouch || passkey && totp"), tier: identity.High},
	{said: []string{"approvals", "wait"}, approvals: needs("manager 1"), wait: 60},
	{said: []string{"delivery"}, delivery: []string{"session", "vault"}},
	{said: []string{"delivery", "expires"}, delivery: []string{"in_person", "vault"}, expires: 50},
	{said: []string{"notify", "review"}, notify: []string{"security"}, review: 9},
	{said: []string{"cool_off", "probation", "review"}, coolOff: 99, probation: 5, review: 3},
	{said: []string{"approvals", "follow_up"}, approvals: needs("manager 2", "security 1"), followUp: []string{"revoke_tokens"}},
	{said: []string{"tier"}, tier: identity.Critical},
}

func formula(text string) proof.Formula {
	f, err := proof.ParseFormula(text)
	if err != nil {
		panic(err)
	}
	return f
}

func needs(texts ...string) []approval.Need {
	var all []approval.Need
	for _, s := range texts {
		role, count, _ := strings.Cut(s, " ")
		all = append(all, approval.Need{Role: identity.Role(role), Count: int(count[0] - '0')})
	}
	return all
}

// wildly makes a policy of wild conditions.
type wildly struct {
	*rapid.T
	class, rule *environment
	named       map[string]string
	forms       map[string]*expr.Node
}

func (w *wildly) condition(e *environment, write func(*wild) string) *condition {
	for {
		s := &wild{T: w.T, opaque: true, forClass: e == w.class}
		if e == w.rule {
			s.named = slices.Sorted(maps.Keys(w.named))
		}
		if c := asCondition(w.T, e, write(s), w.named, w.forms); c != nil {
			return c
		}
	}
}

func (w *wildly) policy() *Policy {
	p := wildPolicy()
	some := func(w *wild) string { return w.truth(2) }
	for _, name := range []string{"named_a", "named_b"} {
		c := w.condition(w.rule, (*wild).guarded)
		w.named[name], w.forms[name] = spelt(c.tree).String(), c.tree
	}
	for range rapid.IntRange(0, 2).Draw(w.T, "classes") {
		class := rapid.SampledFrom(identity.Classes).Draw(w.T, "class")
		p.classes = append(p.classes, classRule{class: class, when: w.condition(w.class, some)})
	}
	for _, d := range p.desks {
		d.reach, d.tierCap = w.condition(w.rule, some), identity.Elevated
	}
	p.vendors[0].reach = w.condition(w.rule, some)
	for i := range rapid.IntRange(0, 12).Draw(w.T, "rules") {
		r := &rule{name: fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"r", "A", "0"}).Draw(w.T, "name"), i), when: w.condition(w.rule, (*wild).guarded)}
		if d := rapid.IntRange(0, len(wildDemands)).Draw(w.T, "demand"); d < len(wildDemands) {
			r.demand = wildDemands[d]
		} else {
			r.deny = "no"
		}
		p.rules = append(p.rules, r)
	}
	p.compile()
	p.index = newIndex(p.rules, rapid.IntRange(1, worthLooking).Draw(w.T, "worth"))
	return p
}

// The plan is the one that CEL's evaluation of every condition gives, whatever
// the policy and the facts.
func TestAPlanIsWhatCELMakesIt(t *testing.T) {
	class, rules := wildEnvironment(t, true), wildEnvironment(t, false, "named_a", "named_b")
	rapid.Check(t, func(t *rapid.T) {
		w := &wildly{t, class, rules, map[string]string{}, map[string]*expr.Node{}}
		p := w.policy()
		for range 4 {
			f := wildFacts.Draw(t, "facts")
			samePlan(t, "by code and by CEL", p.Plan(f), p.planByCEL(f))
		}
	})
}

func TestThePlansOfThePoliciesAreWhatCELMakesThem(t *testing.T) {
	policies := []*Policy{pool(t), forty(t)}
	for _, path := range everyPolicy(t) {
		policies = append(policies, mustLoad(t, path))
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(policies).Draw(t, "policy")
		for _, f := range []Facts{wildFacts.Draw(t, "wild facts"), someFacts.Draw(t, "facts")} {
			samePlan(t, "by code and by CEL", p.Plan(f), p.planByCEL(f))
		}
	})
}

// A class may be read where only CEL sees it.
func TestAnUnknownAccountCountsAsPrivilegedHoweverARuleAsks(t *testing.T) {
	for _, when := range []string{`subject.class == "privileged"`, `[subject.class][0] == "privileged"`, `!(subject.class != "privileged")`} {
		p, err := Load([]byte(head + "rules:\n  - {rule: r, when: '" + when + "', deny: \"no\"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if plan := p.Plan(ordinary()); !slices.Contains(plan.Deny, Denial{"r", "no"}) {
			t.Errorf("%s: %+v", when, plan.Deny)
		}
	}
}

// The lists of a plan come out sorted because the words are.
func TestTheWordsOfDemandsAreSorted(t *testing.T) {
	for _, words := range [][]string{deliveryWords, notifyWords, followUpWords, approvingRoles} {
		if !slices.IsSorted(words) || len(words) > 32 {
			t.Errorf("%q", words)
		}
	}
	if len(approvingRoles) != len(joined{}.needs) {
		t.Errorf("%q", approvingRoles)
	}
}

// Whoever changes a plan does not change the policy, nor another list of it.
func TestAPlanBelongsToTheCaller(t *testing.T) {
	p, f := forty(t), busy()
	want := p.Plan(f)
	spoilt := p.Plan(f)
	_, _, _ = append(spoilt.Delivery, "x"), append(spoilt.Notify, "x"), append(spoilt.Proofs[0], "x")
	if !cmp.Equal(spoilt, want) {
		t.Errorf("a list grew into another: %+v", spoilt)
	}
	for _, list := range [][]string{spoilt.Delivery, spoilt.Notify, spoilt.FollowUp} {
		for i := range list {
			list[i] = "spoilt"
		}
	}
	for _, way := range spoilt.Proofs {
		way[0] = "spoilt"
	}
	for i := range spoilt.Reasons {
		spoilt.Reasons[i].Rule = "spoilt"
	}
	if got := p.Plan(f); !cmp.Equal(got, want) {
		t.Errorf("the policy was changed: %+v", got)
	}
}
