package gate

import (
	"bytes"
	"context"
	"slices"

	"countersign/internal/identity"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/roster"
)

// Caller is who asks, as package signin has established. Exactly one of Person
// and Token is set.
type Caller struct {
	Person identity.PersonID // staff, signed in with a passkey of theirs
	Token  string            // an integration's API token, by its name
	Scopes []Scope           // what the token may do
	// Passkey is the id of the credential that opened the person's session, if
	// they came with one. Then no other signs their decisions.
	Passkey []byte
}

// ErrOtherPasskey: the session belongs to another device than the signature.
var ErrOtherPasskey = &Fault{"signature_refused", "that is another passkey than the one you signed in with; sign with the passkey you signed in with, or sign in with this one"}

// sameKey checks that the passkey which signs is the one that signed in.
func (c Caller) sameKey(a passkey.Assertion) error {
	if len(c.Passkey) > 0 && !bytes.Equal(c.Passkey, a.CredentialID) {
		return ErrOtherPasskey
	}
	return nil
}

// keys are the passkeys that may sign for the caller now.
func (c Caller) keys(m roster.Member) [][]byte {
	if len(c.Passkey) > 0 {
		return [][]byte{c.Passkey}
	}
	var ids [][]byte
	for _, k := range m.Passkeys {
		ids = append(ids, k.ID)
	}
	return ids
}

// Scope is what an API token may do. No scope approves anything.
type Scope string

// The scopes.
const (
	ScopeOpen  Scope = "requests:open"
	ScopeRead  Scope = "requests:read"
	ScopeEnrol Scope = "enrolments:write"
	ScopeAudit Scope = "ledger:read" // bundles and the whole timeline
	// ScopeReport is for what integrations know about people: see Report.
	ScopeReport Scope = "facts:report"
)

// Scopes lists every scope.
var Scopes = []Scope{ScopeOpen, ScopeRead, ScopeEnrol, ScopeAudit, ScopeReport}

func (c Caller) actor() string {
	if c.Person != "" {
		return string(c.Person)
	}
	return "token:" + c.Token
}

func (c Caller) has(s Scope) bool { return c.Token != "" && slices.Contains(c.Scopes, s) }

// member is the caller's place on the roster at this moment: a role taken
// away is gone at once.
func (g *Gate) member(ctx context.Context, c Caller) (roster.Member, roster.State, error) {
	chain, _, err := g.rules(ctx)
	if err != nil {
		return roster.Member{}, chain, err
	}
	m, ok := chain.Members[c.Person]
	if c.Person == "" || !ok {
		return roster.Member{}, chain, ErrForbidden
	}
	return m, chain, nil
}

// Me is what a signed-in person sees of themselves.
type Me struct {
	Person identity.PersonID `json:"person"`
	Name   string            `json:"name"`
	Roles  []identity.Role   `json:"roles"`
	Desk   string            `json:"desk,omitempty"`
	// Zone is the IANA name of the time zone that the clock at their desk
	// shows, by the policy; "" when it names none.
	Zone string `json:"zone,omitempty"`
}

// Whoami describes the caller.
func (g *Gate) Whoami(ctx context.Context, c Caller) (Me, error) {
	m, _, err := g.member(ctx, c)
	if err != nil {
		return Me{}, err
	}
	_, p, err := g.rules(ctx)
	if err != nil {
		return Me{}, err
	}
	return Me{m.Person, m.Name, m.Roles, m.Desk, p.Zone(m.Desk)}, nil
}

// oversight reports whether the member may see every request and why a policy
// refused it.
func oversight(m roster.Member) bool {
	return m.Has(identity.Security) || m.Has(identity.Officer) || m.Has(identity.Auditor) || m.Has(identity.Reviewer)
}

// sees reports whether the caller may know of the request at all: the desk
// that opened it, whoever signs for it, oversight, and reading tokens.
func (g *Gate) sees(ctx context.Context, c Caller, s reset.State) (bool, error) {
	if c.Token != "" {
		return c.has(ScopeRead) || c.has(ScopeAudit), nil
	}
	m, chain, err := g.member(ctx, c)
	if err != nil {
		return false, err
	}
	return maySee(m, chain, s), nil
}

func maySee(m roster.Member, chain roster.State, s reset.State) bool {
	switch {
	case oversight(m):
		return true
	case m.Has(identity.Agent):
		return s.Desk == m.Desk && !atTheDoor(s)
	}
	return len(chain.Signs(m.Person, m.Person == s.Manager)) > 0
}
