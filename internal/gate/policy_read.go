package gate

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/change"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// edition is a policy that came into force, as the roster's chain tells it.
type edition struct {
	hash, text string
	since      time.Time
	proposal   string // "" for the founding one
	effect     string
	signers    []PolicySigner
}

// editions follow the chain: the last one is in force.
type editions []edition

func (e editions) follow(before, after roster.State, r store.Record) editions {
	if after.Policy == before.Policy {
		return e
	}
	next := edition{hash: after.Policy, text: after.PolicyText, since: r.At}
	sign := func(p identity.PersonID) { next.signers = append(next.signers, PolicySigner{p, after.Members[p].Name}) }
	event, err := roster.Decode(r.Type, r.Body, r.Private)
	if err != nil {
		return append(e, next) // Evolve has read it, so there is no such error
	}
	switch x := event.(type) {
	case roster.Founded:
		sign(x.Person)
	case roster.Countersigned:
		o := before.Proposals[x.Proposal]
		next.proposal, next.effect = x.Proposal, o.Effect
		for _, p := range append(slices.Clone(o.Signers), x.Person) {
			sign(p)
		}
	}
	return append(e, next)
}

// of finds an edition by its hash, the newest first; "" is the one in force.
func (e editions) of(hash string) (int, bool) {
	for i, one := range slices.Backward(e) {
		if hash == "" || one.hash == hash {
			return i, true
		}
	}
	return 0, false
}

// PolicySigner is somebody who signed a policy.
type PolicySigner struct {
	Person identity.PersonID `json:"person"`
	Name   string            `json:"name"`
}

// PolicyEdition is a policy that was in force from a moment on.
type PolicyEdition struct {
	Policy   string         `json:"policy" doc:"hash of the text"`
	Name     string         `json:"name"`
	Since    time.Time      `json:"since"`
	Until    *time.Time     `json:"until,omitempty" doc:"when another came into force; absent for the one in force"`
	Proposal string         `json:"proposal,omitempty" doc:"absent for the one that the roster was founded with"`
	Effect   string         `json:"effect,omitempty" doc:"what it changed, in one line"`
	Signers  []PolicySigner `json:"signers" nullable:"false"`
}

// PolicyView is a policy to be read: its text, and the same laid open.
type PolicyView struct {
	PolicyEdition
	Text         string          `json:"text"`
	RiskAnalysis string          `json:"risk_analysis"`
	Escalation   string          `json:"escalation,omitempty"`
	Names        []PolicyName    `json:"names" nullable:"false" doc:"lists, conditions and vendors that the policy names for its own use"`
	Classes      []PolicyClass   `json:"classes" nullable:"false" doc:"in this order: the first that holds decides"`
	Desks        []PolicyDesk    `json:"desks" nullable:"false" doc:"vendors and desks"`
	Rules        []PolicyRule    `json:"rules" nullable:"false" doc:"each one that matches applies"`
	Editions     []PolicyEdition `json:"editions" nullable:"false" doc:"all there were, the newest first"`
}

// PolicyName is something that the policy names for its own use.
type PolicyName struct {
	Kind string `json:"kind" enum:"list,condition,vendor"`
	Name string `json:"name"`
	When string `json:"when,omitempty" doc:"of a condition"`
	Line int    `json:"line"`
	Uses int    `json:"uses" doc:"in how many places it is used"`
}

// PolicyClass says which accounts are of a class.
type PolicyClass struct {
	Class identity.Class `json:"class"`
	When  string         `json:"when"`
	Line  int            `json:"line"`
}

// PolicyDesk is what a desk, or all desks of a vendor, may reach.
type PolicyDesk struct {
	Kind    string        `json:"kind" enum:"desk,vendor"`
	Name    string        `json:"name"`
	Vendor  bool          `json:"vendor" doc:"it is a vendor, or a vendor's desk"`
	Company string        `json:"company,omitempty" doc:"the vendor's name"`
	Reach   string        `json:"reach,omitempty"`
	TierCap identity.Tier `json:"tier_cap,omitempty"`
	Line    int           `json:"line"`
}

// PolicyRule is a rule: a refusal when Deny says why, else demands.
type PolicyRule struct {
	Rule    string         `json:"rule"`
	When    string         `json:"when"`
	Deny    string         `json:"deny,omitempty"`
	Demands []PolicyDemand `json:"demands" nullable:"false"`
	Line    int            `json:"line"`
}

// PolicyDemand is one thing that is demanded, in the words of the language.
type PolicyDemand struct {
	Demand string `json:"demand"`
	Value  string `json:"value"`
}

// Policy shows the policy in force or, by its hash, an earlier one. It is for
// those with oversight: who knows what is asked of whom knows whom to claim to
// be.
func (g *Gate) Policy(ctx context.Context, c Caller, hash string) (PolicyView, error) {
	inForce, err := g.policyReader(ctx, c)
	if err != nil {
		return PolicyView{}, err
	}
	all := g.policyEditions()
	i, ok := all.of(hash)
	if !ok {
		return PolicyView{}, ErrNoPolicy
	}
	p := inForce
	if all[i].hash != p.Hash() {
		if p, err = policy.Load([]byte(all[i].text)); err != nil {
			return PolicyView{}, invalid("that policy was in force once, and no longer loads: " + err.Error())
		}
	}
	v := PolicyView{PolicyEdition: all.view(i), Text: all[i].text, RiskAnalysis: p.RiskAnalysis(), Escalation: p.Escalation()}
	v.Name = p.Name()
	v.open(p)
	for i := range slices.Backward(all) {
		v.Editions = append(v.Editions, all.view(i))
	}
	return v, nil
}

// ErrNoPolicy: no policy of that hash was ever in force.
var ErrNoPolicy = &Fault{"not_found", "no policy of that hash was ever in force"}

// policyReader lets in who may look at policies, and gives the one in force.
func (g *Gate) policyReader(ctx context.Context, c Caller) (*policy.Policy, error) {
	ok, err := g.audits(ctx, c)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrForbidden
	}
	_, p, err := g.rules(ctx)
	return p, err
}

func (g *Gate) policyEditions() editions {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.editions)
}

func (e editions) view(i int) PolicyEdition {
	v := PolicyEdition{Policy: e[i].hash, Name: titleOf(e[i].text), Since: e[i].since, Proposal: e[i].proposal, Effect: e[i].effect, Signers: e[i].signers}
	if i+1 < len(e) {
		v.Until = &e[i+1].since
	}
	return v
}

// titleOf reads a policy's name without loading it, for lists.
func titleOf(text string) string {
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "name:"); ok {
			name, _, _ = strings.Cut(name, " #")
			return identity.Line(strings.Trim(strings.TrimSpace(name), `"'`), 100)
		}
	}
	return ""
}

// open lays the policy open.
func (v *PolicyView) open(p *policy.Policy) {
	l := p.Logic()
	when := map[string]string{}
	for _, c := range l.Conditions {
		when[c.Name] = written(c.When)
	}
	v.Names, v.Classes, v.Desks, v.Rules = []PolicyName{}, []PolicyClass{}, []PolicyDesk{}, []PolicyRule{}
	for _, n := range p.Names() {
		name := PolicyName{Kind: n.Kind, Name: n.Name, Line: n.Line, Uses: len(n.Used)}
		if n.Kind == "condition" {
			name.When = when[n.Name]
		}
		v.Names = append(v.Names, name)
	}
	for _, c := range l.Classes {
		v.Classes = append(v.Classes, PolicyClass{c.Class, written(c.When), c.Line})
	}
	for _, of := range []struct {
		kind string
		all  []policy.Bound
	}{{"vendor", l.Vendors}, {"desk", l.Desks}} {
		for _, d := range of.all {
			v.Desks = append(v.Desks, PolicyDesk{of.kind, d.Name, d.Vendor, d.Company, written(d.Reach), d.TierCap, d.Line})
		}
	}
	for _, r := range l.Rules {
		v.Rules = append(v.Rules, PolicyRule{r.Name, written(r.When), r.Deny, demandsOf(r.Demand), r.Line})
	}
}

func written(c policy.Condition) string {
	if c.Absent() {
		return ""
	}
	return c.Expr().String()
}

func demandsOf(d policy.Demand) []PolicyDemand {
	out := []PolicyDemand{}
	said := change.Words(policy.Plan{Tier: d.Tier, Proofs: d.Proofs, Approvals: d.Approvals, Wait: d.Wait, CoolOff: d.CoolOff, Expires: d.Expires,
		Review: d.Review, Probation: d.Probation, Delivery: d.Delivery, Notify: d.Notify, FollowUp: d.FollowUp})
	for _, s := range said {
		if slices.Contains(d.Said, s.Demand) {
			out = append(out, PolicyDemand(s))
		}
	}
	return out
}

// PolicyLanguage is what an editor completes with.
type PolicyLanguage struct {
	Schema json.RawMessage `json:"schema" doc:"JSON Schema (draft 2020-12) of a policy"`
	Facts  []PolicyFact    `json:"facts" nullable:"false" doc:"what conditions can read"`
}

// PolicyFact is a fact that conditions can read.
type PolicyFact struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	From     string   `json:"from"`
	Optional bool     `json:"optional,omitempty" doc:"it can be absent; has() asks whether it is"`
	Words    []string `json:"words,omitempty" doc:"the only words it can be"`
}

// PolicyLanguage describes the language that policies are written in. It holds
// nothing of this site and is for anybody.
func (*Gate) PolicyLanguage() PolicyLanguage {
	l := PolicyLanguage{Schema: policy.Schema(), Facts: []PolicyFact{}}
	for _, f := range policy.FactDocs() {
		l.Facts = append(l.Facts, PolicyFact{f.Name, f.Type, f.From, f.Optional, f.Vocabulary})
	}
	return l
}
