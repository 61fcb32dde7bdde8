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
	Version      uint64         `json:"version"`
}

// MemberView is one person on the roster.
type MemberView struct {
	Person   identity.PersonID `json:"person"`
	Name     string            `json:"name"`
	Roles    []identity.Role   `json:"roles"`
	Desk     string            `json:"desk,omitempty"`
	Passkeys []KeyView         `json:"passkeys"`
}

// KeyView names a passkey.
type KeyView struct {
	Fingerprint string `json:"fingerprint"`
	Software    bool   `json:"software"`
}

// ProposalView is a change that waits for signatures.
type ProposalView struct {
	ID      string              `json:"id"`
	Kind    roster.Kind         `json:"kind"`
	Person  identity.PersonID   `json:"person,omitempty"`
	Policy  string              `json:"policy,omitempty"`
	Signers []identity.PersonID `json:"signers"`
	Needs   int                 `json:"needs"`
	Until   time.Time           `json:"until"`
}

// Roster shows the roster to anybody on it.
func (g *Gate) Roster(ctx context.Context, c Caller) (RosterView, error) {
	_, chain, err := g.member(ctx, c)
	if err != nil {
		return RosterView{}, err
	}
	v := RosterView{Organisation: chain.Organisation, Genesis: chain.Genesis, Policy: chain.Policy, Version: chain.Version,
		Members: []MemberView{}, Proposals: []ProposalView{}}
	for _, m := range chain.Members {
		mv := MemberView{m.Person, m.Name, m.Roles, m.Desk, []KeyView{}}
		for _, k := range m.Passkeys {
			mv.Passkeys = append(mv.Passkeys, KeyView{roster.Fingerprint(k), k.Software})
		}
		v.Members = append(v.Members, mv)
	}
	for id, o := range chain.Proposals {
		if g.now().Before(o.Until) {
			v.Proposals = append(v.Proposals, ProposalView{id, o.Kind, o.Person, o.Policy, append([]identity.PersonID{}, o.Signers...), chain.Needs(o.Proposed), o.Until})
		}
	}
	slices.SortFunc(v.Members, func(a, b MemberView) int { return cmp.Compare(a.Person, b.Person) })
	slices.SortFunc(v.Proposals, func(a, b ProposalView) int { return cmp.Compare(a.ID, b.ID) })
	return v, nil
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
		if p, err = publishing(p, inForce); err != nil {
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
