package gate

import (
	"cmp"
	"context"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof/passkey"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// proposalLife is how long officers have to countersign.
const proposalLife = 7 * 24 * time.Hour

// RosterView is the roster as those on it see it.
type RosterView struct {
	Organisation string         `json:"organisation"`
	Genesis      string         `json:"genesis"`
	Policy       string         `json:"policy"`
	Members      []MemberView   `json:"members"`
	Proposals    []ProposalView `json:"proposals"`
	Officers     int            `json:"officers"` // how many there are: two have to sign, once there are two
	Version      uint64         `json:"version"`
}

// MemberView is one person on the roster.
type MemberView struct {
	Person   identity.PersonID `json:"person"`
	Name     string            `json:"name"`
	Roles    []identity.Role   `json:"roles"`
	Desk     string            `json:"desk,omitempty"`
	Passkeys []KeyView         `json:"passkeys"`
	Since    time.Time         `json:"since"` // on the roster
	// Probation is until when they act for nobody else, after a reset of a
	// credential of theirs.
	Probation *time.Time `json:"probation_until,omitempty"`
}

// KeyView names a passkey.
type KeyView struct {
	Fingerprint string `json:"fingerprint"`
	Software    bool   `json:"software"` // it is a file
	Synced      bool   `json:"synced"`   // it may be on several devices of theirs
}

// ProposalView is a change that waits for signatures.
type ProposalView struct {
	ID      string              `json:"id"`
	Kind    roster.Kind         `json:"kind"`
	Person  identity.PersonID   `json:"person,omitempty"`
	Name    string              `json:"name,omitempty"`
	Roles   []identity.Role     `json:"roles,omitempty"`
	Desk    string              `json:"desk,omitempty"`
	Passkey string              `json:"passkey,omitempty"` // its fingerprint, where one is added
	Policy  string              `json:"policy,omitempty"`
	Effect  string              `json:"effect,omitempty"` // of a policy
	Signers []identity.PersonID `json:"signers"`
	Needs   int                 `json:"needs"`
	Until   time.Time           `json:"until"`
	// MaySign: the caller is one of those whose signature counts and has not
	// signed yet. WhyNot says why not, otherwise.
	MaySign bool   `json:"may_sign"`
	WhyNot  string `json:"why_not,omitempty" enum:"role,concerned,signed,probation"`
}

// Roster shows the roster to anybody on it.
func (g *Gate) Roster(ctx context.Context, c Caller) (RosterView, error) {
	me, chain, err := g.member(ctx, c)
	if err != nil {
		return RosterView{}, err
	}
	v := RosterView{Organisation: chain.Organisation, Genesis: chain.Genesis, Policy: chain.Policy, Version: chain.Version,
		Members: []MemberView{}, Proposals: []ProposalView{}}
	for _, m := range chain.Members {
		mv, err := g.memberView(ctx, m)
		if err != nil {
			return v, err
		}
		v.Officers += count(m.Has(identity.Officer))
		v.Members = append(v.Members, mv)
	}
	trusted := g.trusted(ctx, me.Person) == nil
	for id, o := range chain.Proposals {
		if g.now().Before(o.Until) {
			v.Proposals = append(v.Proposals, proposalView(chain, id, o, me, trusted))
		}
	}
	slices.SortFunc(v.Members, func(a, b MemberView) int { return cmp.Compare(a.Person, b.Person) })
	slices.SortFunc(v.Proposals, func(a, b ProposalView) int { return cmp.Compare(a.ID, b.ID) })
	return v, nil
}

func (g *Gate) memberView(ctx context.Context, m roster.Member) (MemberView, error) {
	v := MemberView{Person: m.Person, Name: m.Name, Roles: m.Roles, Desk: m.Desk, Passkeys: []KeyView{}}
	for _, k := range m.Passkeys {
		v.Passkeys = append(v.Passkeys, KeyView{roster.Fingerprint(k), k.Software, k.BackupEligible})
	}
	g.mu.Lock()
	v.Since = g.annals.since[m.Person]
	g.mu.Unlock()
	until, err := g.probation(ctx, m.Person, g.now())
	v.Probation = momentOf(until)
	return v, err
}

func proposalView(chain roster.State, id string, o roster.Open, me roster.Member, trusted bool) ProposalView {
	v := ProposalView{ID: id, Kind: o.Kind, Person: o.Person, Name: o.Name, Roles: o.Roles, Desk: o.Desk, Policy: o.Policy, Effect: o.Effect,
		Signers: append([]identity.PersonID{}, o.Signers...), Needs: chain.Needs(o.Proposed), Until: o.Until}
	if m, ok := chain.Members[o.Person]; ok && v.Name == "" {
		v.Name = m.Name
	}
	if o.Passkey != nil {
		v.Passkey = roster.Fingerprint(*o.Passkey)
	}
	switch {
	case !me.Has(identity.Officer):
		v.WhyNot = "role"
	case slices.Contains(o.Signers, me.Person):
		v.WhyNot = "signed"
	case !chain.MaySign(o.Proposed, me.Person):
		v.WhyNot = "concerned"
	case !trusted:
		v.WhyNot = "probation"
	default:
		v.MaySign = true
	}
	return v
}

// ProposeChange puts a change of roles, a removal or a policy up for
// countersignature and returns the proposal's id. New members come by Invite.
func (g *Gate) ProposeChange(ctx context.Context, c Caller, p roster.Proposed) (string, error) {
	if _, _, err := g.governor(ctx, c); err != nil {
		return "", err
	}
	switch p.Kind {
	case roster.PublishPolicy:
		_, inForce, err := g.rules(ctx)
		if err != nil {
			return "", err
		}
		p, err = atBench(ctx, g.bench, c, "diff", func(context.Context) (roster.Proposed, error) { return publishing(p, inForce) })
		if err != nil {
			return "", err
		}
	case roster.SetRoles, roster.RemoveMember:
	default:
		return "", invalid("propose set_roles, remove_member or publish_policy; members join by invitation")
	}
	return g.propose(ctx, string(c.Person), p)
}

func (g *Gate) propose(ctx context.Context, actor string, p roster.Proposed, items ...store.ItemChange) (string, error) {
	chain, _, err := g.rules(ctx)
	if err != nil {
		return "", err
	}
	p.Proposal, p.Until = newID("chg"), g.now().Add(proposalLife)
	return p.Proposal, g.extend(ctx, actor, p, chain.Version, items...)
}

// ProposalPaper puts a proposal's statement before an officer.
func (g *Gate) ProposalPaper(ctx context.Context, c Caller, id string) (Paper, error) {
	m, chain, err := g.governor(ctx, c)
	if err != nil {
		return Paper{}, err
	}
	o, ok := chain.Proposals[id]
	if !ok {
		return Paper{}, &Fault{"not_found", "there is no such proposal"}
	}
	text, err := chain.Statement(o.Proposed)
	if err != nil {
		return Paper{}, err
	}
	paper := Paper{Decision: "roster-change", Statement: string(text), ID: text.ID(), Version: chain.Version,
		Options: passkey.RequestOptions(chain.RelyingParty, text.Challenge(), c.keys(m))}
	if o.Kind == roster.PublishPolicy {
		paper.Policy = &PolicyChange{Old: chain.PolicyText, New: o.PolicyText, Effect: o.Effect, Diff: o.DiffText}
	}
	return paper, nil
}

// Countersign records an officer's signature; with the last one needed, the
// change is in effect.
func (g *Gate) Countersign(ctx context.Context, c Caller, id string, a passkey.Assertion) (RosterView, error) {
	_, chain, err := g.governor(ctx, c)
	if err != nil {
		return RosterView{}, err
	}
	if err := c.sameKey(a); err != nil {
		return RosterView{}, err
	}
	// The text was looked at when it was proposed, by whatever version of this
	// program ran then. What cannot be enforced now does not come into force.
	if o, ok := chain.Proposals[id]; ok && o.Kind == roster.PublishPolicy {
		if _, err := LoadPolicy([]byte(o.PolicyText)); err != nil {
			return RosterView{}, &Fault{"roster_refused", "the policy does not load here, so the one in force stays: " + err.Error()}
		}
	}
	if err := g.extend(ctx, string(c.Person), roster.Countersigned{Proposal: id, Person: c.Person, Assertion: a}, chain.Version); err != nil {
		return RosterView{}, err
	}
	return g.Roster(ctx, c)
}
