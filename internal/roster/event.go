// Package roster is the chain of signed changes that says who may sign, with
// which passkeys, in which roles, and which policy is in force. It begins with
// a founding entry that the hands and the auditor pin; every later change is
// countersigned by two officers already on it (by all of them while there are
// fewer than two). Evolve verifies each signature, so whoever folds the chain
// has checked it.
package roster

import (
	"encoding/json"
	"fmt"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof/passkey"
)

// Stream is the ledger stream the chain lives in.
const Stream = "roster"

// Event is one of Founded, Proposed and Countersigned.
type Event interface{ Type() string }

// Founded begins the chain. Its leaf's hash is the trust root.
type Founded struct {
	Organisation string               `json:"organisation"`
	Log          string               `json:"log"` // the ledger's verifier key, signed-note form
	RelyingParty passkey.RelyingParty `json:"relying_party"`
	Person       identity.PersonID    `json:"person"`
	Name         string               `json:"name" ledger:"private"`
	Roles        []identity.Role      `json:"roles"`
	Desk         string               `json:"desk,omitempty"`
	Passkey      passkey.Credential   `json:"passkey"`
	Policy       string               `json:"policy"`                       // policy.Hash form
	PolicyText   string               `json:"policy_text" ledger:"private"` // kept beside the leaf for its size
	Assertion    passkey.Assertion    `json:"assertion"`                    // by that passkey, over Statement
}

// Kind is what a change does.
type Kind string

// The kinds of change.
const (
	AddMember     Kind = "add_member"
	AddPasskey    Kind = "add_passkey"
	SetRoles      Kind = "set_roles"
	RemoveMember  Kind = "remove_member"
	PublishPolicy Kind = "publish_policy"
)

// Proposed puts a change up for countersignature. It takes effect with the
// last signature it needs.
type Proposed struct {
	Proposal   string              `json:"proposal"`
	Kind       Kind                `json:"kind"`
	Person     identity.PersonID   `json:"person,omitempty"`
	Name       string              `json:"name,omitempty" ledger:"private"`
	Roles      []identity.Role     `json:"roles,omitempty"`
	Desk       string              `json:"desk,omitempty"`
	Passkey    *passkey.Credential `json:"passkey,omitempty"`
	Policy     string              `json:"policy,omitempty"`
	PolicyText string              `json:"policy_text,omitempty" ledger:"private"`
	// Effect says in one line what a new policy does to requests, Diff names
	// the whole comparison that was put before those who sign, and DiffText is
	// it. They are what the server found; a signature says they were shown.
	Effect   string    `json:"effect,omitempty"`
	Diff     string    `json:"diff,omitempty"` // HashPolicy's form, of DiffText
	DiffText string    `json:"diff_text,omitempty" ledger:"private"`
	Until    time.Time `json:"until"` // signatures after this do not count
}

// Countersigned is one officer's signature over a proposal's statement.
type Countersigned struct {
	Proposal  string            `json:"proposal"`
	Person    identity.PersonID `json:"person"`
	Assertion passkey.Assertion `json:"assertion"`
}

// Type is the event's name on the ledger.
func (Founded) Type() string { return "roster_founded" }

// Type is the event's name on the ledger.
func (Proposed) Type() string { return "roster_proposed" }

// Type is the event's name on the ledger.
func (Countersigned) Type() string { return "roster_countersigned" }

// Decode reads an event back from the ledger, checking its commitments.
func Decode(kind string, open json.RawMessage, private ledger.Private) (Event, error) {
	switch kind {
	case Founded{}.Type():
		return decode[Founded](open, private)
	case Proposed{}.Type():
		return decode[Proposed](open, private)
	case Countersigned{}.Type():
		return decode[Countersigned](open, private)
	}
	return nil, fmt.Errorf("roster: unknown event type %q", kind)
}

func decode[E Event](open json.RawMessage, private ledger.Private) (Event, error) {
	var e E
	erased, err := ledger.Open(open, private, &e)
	if err != nil {
		return nil, fmt.Errorf("roster: reading %s: %w", e.Type(), err)
	}
	if len(erased) > 0 {
		return nil, fmt.Errorf("roster: reading %s: %v was erased, and a roster entry needs it", e.Type(), erased)
	}
	return e, nil
}
