// Package policy reads a policy's text and says what it demands.
//
// A policy is YAML for structure and CEL for conditions. Load compiles it and
// names every fault with its place. Plan sorts the account into a class, joins
// the demands of every rule that matches the facts and explains each of them.
// Plans form a lattice: Join is the stricter of two plans in every respect, so
// the order of rules never matters and adding a rule never weakens anything.
//
// Everything fails closed. A class nobody described is treated as privileged,
// a condition that cannot be evaluated denies and names its rule, and a request
// of which no rule demands a proof is refused.
//
// docs/policy.md describes the language.
package policy

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"cel.dev/cel-go/common/types/ref"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// Policy is a compiled policy. It is immutable and safe for concurrent use.
type Policy struct {
	name         string
	riskAnalysis string
	escalation   string
	source       []byte
	hash         string
	expires      int64 // the longest life of a request, and its life when no rule says
	coolOff      int64 // the shortest time on record, when no rule says more
	zone         string
	lists        map[string][]string
	listVals     map[string]ref.Val
	conditions   []named
	classes      []classRule
	vendors      []*vendor
	desks        map[string]*desk
	rules        []*rule
	eases        *Eases
	accepted     []Accepted
	names        []Name
	index        *index
	classSlots   slots // of outcomes that depend on the account's class
}

// named is a condition with a name of its own.
type named struct {
	name string
	when *condition
}

// vendor is a company that runs desks.
type vendor struct {
	line    int
	name    string
	reach   *condition    // nil when the vendor has none
	tierCap identity.Tier // "" when the vendor has none
}

type classRule struct {
	class identity.Class
	when  *condition
	line  int
}

type desk struct {
	line    int
	vendor  bool
	company string // the vendor's name, when it has one
	zone    string
	reach   *condition
	tierCap identity.Tier // "" when the desk has none
}

type rule struct {
	line   int
	name   string
	when   *condition
	deny   string // a refusal's reason; "" when the rule demands
	demand demand
}

// demand is what a rule asks for; a zero field asks for nothing.
type demand struct {
	said                       []string // the demands that the rule's text states, sorted
	tier                       identity.Tier
	proofs                     proof.Formula
	approvals                  []approval.Need
	wait, coolOff, probation   int64
	expires, review            int64
	delivery, notify, followUp []string
}

// Name is the policy's own name.
func (p *Policy) Name() string { return p.name }

// RiskAnalysis is where the risk analysis is kept that SP 800-63B-4 §4.2.1.2
// wants documented for recovery methods of one's own.
func (p *Policy) RiskAnalysis() string { return p.riskAnalysis }

// Escalation is the documented way out, for whom no path remains or who is
// refused: a line of plain text to show them as it is, "" when the policy has
// none.
func (p *Policy) Escalation() string { return p.escalation }

// Source gives the exact bytes the policy was loaded from.
func (p *Policy) Source() []byte { return slices.Clone(p.source) }

// Hash names the exact bytes: "sha256:" and their digest in unpadded base64url.
func (p *Policy) Hash() string { return p.hash }

// CoolOff is how long a factor or destination has to have been on record,
// unless a rule asks for longer.
func (p *Policy) CoolOff() time.Duration { return time.Duration(p.coolOff) * time.Second }

// Rules lists the rules' names in the order of the text.
func (p *Policy) Rules() []string {
	names := make([]string, len(p.rules))
	for i, r := range p.rules {
		names[i] = r.name
	}
	return names
}

// Desks lists the names of the desks, sorted.
func (p *Policy) Desks() []string {
	names := make([]string, 0, len(p.desks))
	for name := range p.desks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Zone is the IANA name of the time zone that the desk's clock shows: the
// desk's own, else the policy's, else "". Load checks only how it is spelt.
func (p *Policy) Zone(desk string) string {
	if d := p.desks[desk]; d != nil && d.zone != "" {
		return d.zone
	}
	return p.zone
}

// Vendor reports whether the desk is run by somebody else than the
// organisation.
func (p *Policy) Vendor(desk string) bool { d := p.desks[desk]; return d != nil && d.vendor }

// Methods lists every proof method that some rule mentions, sorted.
func (p *Policy) Methods() []proof.Method {
	var all []proof.Method
	for _, r := range p.rules {
		all = append(all, r.demand.proofs.Methods()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func hashOf(src []byte) string {
	sum := sha256.Sum256(src)
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}
