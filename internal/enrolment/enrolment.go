// Package enrolment is what people have on record to prove themselves by, as
// it stands on the ledger: when a factor or a destination was registered, for
// whom, and when it was taken away. Each has a stream of its own, named by its
// id, so its first entry dates it. It is pure: the gate records these events,
// and the hands and auditors read them to check a signed proof for themselves.
package enrolment

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
)

// Prefix begins the name of every enrolment's stream.
const Prefix = "enr_"

// Enrolled records that a factor or destination was registered. Its members
// are the stored form and must load for ever.
type Enrolled struct {
	Enrolment string            `json:"enrolment"`
	Person    identity.PersonID `json:"person"` // whose it is
	Method    proof.Method      `json:"method"`
	Replaces  string            `json:"replaces,omitempty"` // the enrolment it took the place of
	// Passkey is the public half of one (method passkey).
	Passkey *passkey.Credential `json:"passkey,omitempty"`
	// DeviceKey is a device's public key, SubjectPublicKeyInfo in DER (method
	// device).
	DeviceKey passkey.Bytes `json:"device_key,omitempty"`
	// Colleague is who may vouch (method vouch).
	Colleague identity.PersonID `json:"colleague,omitempty"`
	// Address is where a code goes (email_code, sms_code, voice_code,
	// recovery_contact), Subject whom an identity provider knows (idv), Label
	// what the owner calls it.
	Address string `json:"address,omitempty" ledger:"private"`
	Subject string `json:"subject,omitempty" ledger:"private"`
	Label   string `json:"label,omitempty" ledger:"private"`
}

// Removed records that it was taken away: from here it proves nothing.
type Removed struct {
	Enrolment string            `json:"enrolment"`
	Person    identity.PersonID `json:"person"`
	Why       string            `json:"why"` // owner, replaced, disowned, officer
}

// Type is the event's name on the ledger.
func (Enrolled) Type() string { return "enrolled" }

// Type is the event's name on the ledger.
func (Removed) Type() string { return "unenrolled" }

// Record is one enrolment as the ledger tells it.
type Record struct {
	Enrolled
	Since   time.Time // when its first entry was written
	Seq     uint64    // where that stands
	Removed uint64    // where the entry stands that took it away; 0 while there is none
	Version uint64
}

// ErrIllegal: an entry does not belong to an enrolment's stream.
var ErrIllegal = errors.New("enrolment: the entry does not follow")

// Evolve folds the next entry of a stream into its record.
func Evolve(r Record, leaf ledger.Leaf, private ledger.Private) (Record, error) {
	if leaf.Version != r.Version+1 {
		return r, fmt.Errorf("%w: %s/%d after version %d", ErrIllegal, leaf.Stream, leaf.Version, r.Version)
	}
	switch {
	case leaf.Type == Enrolled{}.Type() && r.Version == 0:
		e, err := open[Enrolled](leaf.Body, private)
		if err != nil {
			return r, err
		}
		if e.Enrolment != leaf.Stream || !strings.HasPrefix(leaf.Stream, Prefix) || e.Person == "" {
			return r, fmt.Errorf("%w: %s names %q of %q", ErrIllegal, leaf.Stream, e.Enrolment, e.Person)
		}
		return Record{Enrolled: e, Since: leaf.At, Seq: leaf.Seq, Version: 1}, nil
	case leaf.Type == Removed{}.Type() && r.Version == 1:
		e, err := open[Removed](leaf.Body, private)
		if err != nil {
			return r, err
		}
		if e.Enrolment != r.Enrolment || e.Person != r.Person {
			return r, fmt.Errorf("%w: %s is about %q", ErrIllegal, leaf.Stream, e.Enrolment)
		}
		r.Removed, r.Version = leaf.Seq, 2
		return r, nil
	}
	return r, fmt.Errorf("%w: %s after version %d", ErrIllegal, leaf.Type, r.Version)
}

// Stands reports whether the enrolment was on record at a place of the ledger.
func (r Record) Stands(seq uint64) bool {
	return r.Version > 0 && r.Seq < seq && (r.Removed == 0 || seq < r.Removed)
}

func open[E any](body json.RawMessage, private ledger.Private) (E, error) {
	var e E
	if _, err := ledger.Open(body, private, &e); err != nil {
		return e, fmt.Errorf("enrolment: reading an entry: %w", err)
	}
	return e, nil
}
