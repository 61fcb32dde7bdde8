package roster

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"countersign/internal/identity"
)

// HashPolicy names a policy text: "sha256:" and the base64url SHA-256 of its
// bytes. It is the form policy.Policy's Hash has.
func HashPolicy(text string) string {
	h := sha256.Sum256([]byte(text))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(h[:])
}

// effect is the roster after the change, or why the change does not fit.
func (s State) effect(p Proposed) (State, error) {
	_, known := s.Members[p.Person]
	if p.Kind != AddMember && p.Kind != PublishPolicy && !known {
		return s, fmt.Errorf("%w: %s is not on the roster", ErrIllegal, p.Person)
	}
	if err := checkDiff(p); err != nil {
		return s, err
	}
	switch p.Kind {
	case AddMember:
		return s.add(p)
	case AddPasskey:
		return s.addPasskey(p)
	case SetRoles:
		return s.setRoles(p)
	case RemoveMember:
		s.Members = maps.Clone(s.Members)
		delete(s.Members, p.Person)
		return s, s.staysGovernable()
	case PublishPolicy:
		if HashPolicy(p.PolicyText) != p.Policy {
			return s, fmt.Errorf("%w: the policy's text does not have the hash %s", ErrIllegal, p.Policy)
		}
		s.Policy, s.PolicyText = p.Policy, p.PolicyText
		// Other policies up for signature were to replace the old one: what
		// was signed of them says so, and no longer holds.
		s.Proposals = maps.Clone(s.Proposals)
		maps.DeleteFunc(s.Proposals, func(_ string, o Open) bool { return o.Kind == PublishPolicy })
		return s, nil
	}
	return s, fmt.Errorf("%w: unknown change %q", ErrIllegal, p.Kind)
}

// checkDiff holds what was shown beside a new policy to what is recorded of it.
func checkDiff(p Proposed) error {
	with := p.Diff != ""
	switch {
	case p.DiffText != "" != with || p.Effect != "" != with:
		return fmt.Errorf("%w: a comparison of policies needs its text, its hash and its effect", ErrIllegal)
	case with && p.Kind != PublishPolicy:
		return fmt.Errorf("%w: only a new policy is compared with the old one", ErrIllegal)
	case with && HashPolicy(p.DiffText) != p.Diff:
		return fmt.Errorf("%w: the comparison's text does not have the hash %s", ErrIllegal, p.Diff)
	}
	return nil
}

func (s State) add(p Proposed) (State, error) {
	if _, known := s.Members[p.Person]; known || p.Person == "" {
		return s, fmt.Errorf("%w: %q is on the roster already or has no id", ErrIllegal, p.Person)
	}
	if err := checkRoles(p); err != nil {
		return s, err
	}
	if err := s.checkPasskey(p); err != nil {
		return s, err
	}
	s.Members = maps.Clone(s.Members)
	m := Member{Person: p.Person, Name: p.Name, Roles: p.Roles, Desk: p.Desk}
	m.Passkeys = append(m.Passkeys, *p.Passkey)
	s.Members[p.Person] = m
	return s, nil
}

func (s State) addPasskey(p Proposed) (State, error) {
	if err := s.checkPasskey(p); err != nil {
		return s, err
	}
	m := s.Members[p.Person]
	m.Passkeys = append(slices.Clone(m.Passkeys), *p.Passkey)
	s.Members = maps.Clone(s.Members)
	s.Members[p.Person] = m
	return s, nil
}

func (s State) setRoles(p Proposed) (State, error) {
	if err := checkRoles(p); err != nil {
		return s, err
	}
	m := s.Members[p.Person]
	m.Roles, m.Desk = p.Roles, p.Desk
	s.Members = maps.Clone(s.Members)
	s.Members[p.Person] = m
	return s, s.staysGovernable()
}

// checkRoles also keeps desk work and signing apart: an agent neither approves
// nor governs, so that a bribed agent holds no second key.
func checkRoles(p Proposed) error {
	if len(p.Roles) == 0 {
		return fmt.Errorf("%w: a member needs a role", ErrIllegal)
	}
	for i, r := range p.Roles {
		if _, err := identity.ParseRole(string(r)); err != nil {
			return fmt.Errorf("%w: %w", ErrIllegal, err)
		}
		if slices.Contains(p.Roles[:i], r) {
			return fmt.Errorf("%w: role %s is named twice", ErrIllegal, r)
		}
	}
	if slices.Contains(p.Roles, identity.Agent) {
		if len(p.Roles) > 1 {
			return fmt.Errorf("%w: an agent holds no other role", ErrIllegal)
		}
		if p.Desk == "" {
			return fmt.Errorf("%w: an agent needs a desk", ErrIllegal)
		}
	}
	return nil
}

func (s State) checkPasskey(p Proposed) error {
	if p.Passkey == nil || len(p.Passkey.ID) == 0 || len(p.Passkey.PublicKey) == 0 {
		return fmt.Errorf("%w: no passkey", ErrIllegal)
	}
	for _, m := range s.Members {
		for _, c := range m.Passkeys {
			if bytes.Equal(c.ID, p.Passkey.ID) || bytes.Equal(c.PublicKey, p.Passkey.PublicKey) {
				return fmt.Errorf("%w: the passkey is %s's already", ErrIllegal, m.Person)
			}
		}
	}
	return nil
}

func (s State) staysGovernable() error {
	for _, m := range s.Members {
		if m.Has(identity.Officer) {
			return nil
		}
	}
	return fmt.Errorf("%w: the last officer cannot go", ErrIllegal)
}
