package roster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof/passkey"
)

// Refusals callers decide on.
var (
	// ErrUnsigned: a signature is missing, foreign or not over the statement.
	ErrUnsigned = errors.New("roster: signature refused")
	// ErrIllegal: the change does not fit the roster as it stands.
	ErrIllegal = errors.New("roster: change refused")
)

// Member is a person on the roster.
type Member struct {
	Person   identity.PersonID    `json:"person"`
	Name     string               `json:"name"`
	Roles    []identity.Role      `json:"roles"`
	Desk     string               `json:"desk,omitempty"`
	Passkeys []passkey.Credential `json:"passkeys"`
}

// Has reports whether the member holds the role.
func (m Member) Has(r identity.Role) bool { return slices.Contains(m.Roles, r) }

// Open is a proposal that still wants signatures.
type Open struct {
	Proposed
	Signers []identity.PersonID `json:"signers"`
}

// State is the roster as a value; Evolve yields a new one.
type State struct {
	Genesis      string                       `json:"genesis"` // ledger hash of the founding leaf
	Organisation string                       `json:"organisation"`
	Log          string                       `json:"log"`
	RelyingParty passkey.RelyingParty         `json:"relying_party"`
	Members      map[identity.PersonID]Member `json:"members"`
	Proposals    map[string]Open              `json:"proposals"`
	Policy       string                       `json:"policy"`
	PolicyText   string                       `json:"-"`
	Version      uint64                       `json:"version"`
}

// Founded reports whether the chain has begun.
func (s State) Founded() bool { return s.Version > 0 }

// ByCredential finds the member that a passkey belongs to.
func (s State) ByCredential(id []byte) (Member, passkey.Credential, bool) {
	for _, m := range s.Members {
		for _, c := range m.Passkeys {
			if slices.Equal([]byte(c.ID), id) {
				return m, c, true
			}
		}
	}
	return Member{}, passkey.Credential{}, false
}

// Verify checks that a is the member's assertion over challenge.
func (s State) Verify(person identity.PersonID, challenge []byte, a passkey.Assertion) error {
	m, c, ok := s.ByCredential(a.CredentialID)
	if !ok || m.Person != person {
		return fmt.Errorf("%w: the passkey is not one of %s on the roster", ErrUnsigned, person)
	}
	if err := passkey.Verify(s.RelyingParty, c, challenge, a); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	return nil
}

// Needs is how many signatures a proposal takes: two officers, or all there
// are while there are fewer. The person it concerns does not count, except a
// sole officer.
func (s State) Needs(p Proposed) int { return min(2, len(s.mayTheySign(p))) }

// MaySign reports whether the person is one whose signature counts for the
// proposal, signed already or not.
func (s State) MaySign(p Proposed, person identity.PersonID) bool {
	return slices.Contains(s.mayTheySign(p), person)
}

func (s State) mayTheySign(p Proposed) []identity.PersonID {
	var others []identity.PersonID
	for _, m := range s.Members {
		if m.Has(identity.Officer) && m.Person != p.Person {
			others = append(others, m.Person)
		}
	}
	if m, ok := s.Members[p.Person]; len(others) == 0 && ok && m.Has(identity.Officer) {
		others = append(others, p.Person)
	}
	return others
}

// Evolve folds one entry into the roster, verifying every signature and
// refusing what does not fit. leaf.Version must be the next one.
func Evolve(s State, leaf ledger.Leaf, private ledger.Private) (State, error) {
	if leaf.Stream != Stream || leaf.Version != s.Version+1 {
		return s, fmt.Errorf("%w: entry %s/%d does not follow version %d", ErrIllegal, leaf.Stream, leaf.Version, s.Version)
	}
	e, err := Decode(leaf.Type, leaf.Body, private)
	if err != nil {
		return s, err
	}
	next, err := apply(s, e, leaf)
	if err != nil {
		return s, err
	}
	next.Version = leaf.Version
	return next, nil
}

func apply(s State, e Event, leaf ledger.Leaf) (State, error) {
	if _, founding := e.(Founded); founding == s.Founded() {
		return s, fmt.Errorf("%w: a roster is founded once, first", ErrIllegal)
	}
	switch e := e.(type) {
	case Founded:
		return found(e, leaf)
	case Proposed:
		return s.propose(e, leaf.At)
	case Countersigned:
		return s.countersign(e, leaf.At)
	}
	return s, fmt.Errorf("%w: %T", ErrIllegal, e)
}

func found(f Founded, leaf ledger.Leaf) (State, error) {
	s := State{
		Genesis: leaf.Hash().String(), Organisation: f.Organisation, Log: f.Log,
		RelyingParty: f.RelyingParty, Policy: f.Policy, PolicyText: f.PolicyText,
		Members: map[identity.PersonID]Member{}, Proposals: map[string]Open{},
	}
	if err := f.RelyingParty.Check(); err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrIllegal, err)
	}
	if !slices.Contains(f.Roles, identity.Officer) {
		return State{}, fmt.Errorf("%w: the founder has to be an officer", ErrIllegal)
	}
	if HashPolicy(f.PolicyText) != f.Policy {
		return State{}, fmt.Errorf("%w: the policy's text does not have the hash %s", ErrIllegal, f.Policy)
	}
	s, err := s.add(Proposed{Kind: AddMember, Person: f.Person, Name: f.Name, Roles: f.Roles, Desk: f.Desk, Passkey: &f.Passkey})
	if err != nil {
		return State{}, err
	}
	text, err := f.Statement()
	if err != nil {
		return State{}, err
	}
	return s, s.Verify(f.Person, text.Challenge(), f.Assertion)
}

func (s State) propose(p Proposed, at time.Time) (State, error) {
	if _, dup := s.Proposals[p.Proposal]; dup || p.Proposal == "" {
		return s, fmt.Errorf("%w: proposal %q is not new", ErrIllegal, p.Proposal)
	}
	if !at.Before(p.Until) {
		return s, fmt.Errorf("%w: the proposal is past its end", ErrIllegal)
	}
	if _, err := s.effect(p); err != nil {
		return s, err
	}
	if _, err := s.Statement(p); err != nil {
		return s, err
	}
	s.Proposals = maps.Clone(s.Proposals)
	s.Proposals[p.Proposal] = Open{Proposed: p}
	return s, nil
}

func (s State) countersign(c Countersigned, at time.Time) (State, error) {
	o, ok := s.Proposals[c.Proposal]
	switch {
	case !ok:
		return s, fmt.Errorf("%w: no open proposal %q", ErrIllegal, c.Proposal)
	case !at.Before(o.Until):
		return s, fmt.Errorf("%w: proposal %s lapsed at %s", ErrIllegal, c.Proposal, When(o.Until))
	case !slices.Contains(s.mayTheySign(o.Proposed), c.Person):
		return s, fmt.Errorf("%w: %s may not countersign this change (an officer who is not concerned may)", ErrUnsigned, c.Person)
	case slices.Contains(o.Signers, c.Person):
		return s, fmt.Errorf("%w: %s has signed already", ErrIllegal, c.Person)
	}
	text, err := s.Statement(o.Proposed)
	if err != nil {
		return s, err
	}
	if err := s.Verify(c.Person, text.Challenge(), c.Assertion); err != nil {
		return s, err
	}
	o.Signers = append(slices.Clone(o.Signers), c.Person)
	s.Proposals = maps.Clone(s.Proposals)
	s.Proposals[c.Proposal] = o
	if s.standing(o) < s.Needs(o.Proposed) {
		return s, nil
	}
	next, err := s.effect(o.Proposed)
	if err != nil {
		return s, err
	}
	delete(next.Proposals, c.Proposal)
	return next, nil
}

// standing counts the signers who still may sign: an officer removed since
// does not count.
func (s State) standing(o Open) int {
	may, n := s.mayTheySign(o.Proposed), 0
	for _, p := range o.Signers {
		if slices.Contains(may, p) {
			n++
		}
	}
	return n
}

// StaffRoles lists the words of the roles a person holds, sorted and never
// nil; the policy sees them as a fact.
func (s State) StaffRoles(p identity.PersonID) []string {
	words := []string{}
	for _, r := range s.Members[p].Roles {
		words = append(words, string(r))
	}
	slices.Sort(words)
	return words
}

// Signs lists the roles in which a person may sign for a request. A manager
// counts only for subjects whose manager of record they are.
func (s State) Signs(p identity.PersonID, managerOfRecord bool) []identity.Role {
	var may []identity.Role
	for _, r := range s.Members[p].Roles {
		if r == identity.Security || r == identity.ResourceOwner || r == identity.Manager && managerOfRecord {
			may = append(may, r)
		}
	}
	return may
}

// Lacks returns the first of the roles in which the person may not sign for a
// request, or "" when there is none: a role can be taken away after a
// signature was given in it.
func (s State) Lacks(p identity.PersonID, roles []identity.Role, managerOfRecord bool) identity.Role {
	may := s.Signs(p, managerOfRecord)
	for _, r := range roles {
		if !slices.Contains(may, r) {
			return r
		}
	}
	return ""
}
