package evidence

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/enrolment"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/proof/device"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/statement"
)

// enrolments folds the streams of the factors that answered.
func (v *verifier) enrolments() error {
	for i, e := range v.bundle.Enrolments {
		leaf, err := v.included(e)
		if err != nil {
			return fmt.Errorf("enrolment entry %d: %w", i+1, err)
		}
		next, err := enrolment.Evolve(v.factors[leaf.Stream], leaf, e.Private)
		if err != nil {
			return fmt.Errorf("enrolment entry %d: %w", i+1, err)
		}
		v.factors[leaf.Stream] = next
	}
	return nil
}

// proved checks a proof by what is on the ledger. One that somebody signed is
// verified with the key that was registered for them; what the server alone
// could check (a code, a sign-in at a provider) is said to be so.
func (v *verifier) proved(b reset.Proved, seq uint64) error {
	i := slices.IndexFunc(v.request.Challenges, func(c reset.Challenge) bool { return c.ID == b.Challenge })
	if i < 0 {
		return nil // the fold refuses it
	}
	c := v.request.Challenges[i]
	used, ok := c.Choice(b.Enrolment)
	if !ok {
		return nil
	}
	spec, _ := proof.SpecOf(c.Method)
	if err := v.registered(c.Method, used, seq); err != nil {
		return fmt.Errorf("the %s proof: %w", c.Method, err)
	}
	by := "checked by the server"
	if spec.Signed {
		if err := v.proofSigned(c, used, b, seq); err != nil {
			return fmt.Errorf("the %s proof: %w", c.Method, err)
		}
		by = "signed by the owner"
		if c.Method == proof.Device {
			by = "signed by a device of the owner"
		}
		if b.By != "" {
			by = "signed by " + string(b.By)
		}
	}
	since := ""
	if !used.Since.IsZero() {
		since = " registered " + used.Since.Format(time.DateOnly) + ","
	}
	v.note("proof", "%s,%s answered in session %s, %s", c.Method, since, c.Session, by)
	return nil
}

// sameMoment is how far apart a factor's date and the entry that recorded it
// may be: the clock was read twice.
const sameMoment = time.Second

// registered compares a factor with its own stream, where the bundle has it:
// it was the owner's, for this method, no younger than the challenge says (a
// number counts from its last SIM change, which is later), and it had not been
// taken away.
func (v *verifier) registered(m proof.Method, used reset.Choice, seq uint64) error {
	r, ok := v.factors[used.Enrolment]
	if !ok {
		return nil
	}
	switch {
	case r.Person != v.request.Person || !serves(r.Method, m):
		return fmt.Errorf("%s is a %s of %s", r.Enrolment, r.Method, r.Person)
	case used.Since.Before(r.Since.Add(-sameMoment)):
		return fmt.Errorf("%s was registered at %s, not at %s already", r.Enrolment, r.Since.Format(time.RFC3339), used.Since.Format(time.RFC3339))
	case !r.Stands(seq):
		return fmt.Errorf("%s was not on record then", r.Enrolment)
	}
	return nil
}

// serves reports whether what was registered for one method is what another
// goes by: a telephone takes messages and calls alike.
func serves(registered, m proof.Method) bool {
	return registered == m || registered == proof.SMSCode && (m == proof.VoiceCode || m == proof.Callback)
}

func (v *verifier) proofSigned(c reset.Challenge, used reset.Choice, b reset.Proved, seq uint64) error {
	text, err := v.request.ProofStatement(c.ID, b.By, b.Document)
	if err != nil {
		return err
	}
	switch c.Method {
	case proof.Passkey:
		return v.ownPasskey(used.Enrolment, v.request.Person, text, b.Assertion, seq)
	case proof.Device:
		r := v.factors[used.Enrolment]
		if len(r.DeviceKey) == 0 {
			return errors.New("the bundle does not have the device's enrolment")
		}
		return device.Verify(device.Key(r.DeviceKey), []byte(text), base64.RawURLEncoding.EncodeToString(b.Signature))
	case proof.Vouch:
		if colleague := v.factors[used.Enrolment].Colleague; b.By != v.request.Manager && (colleague == "" || b.By != colleague) {
			return fmt.Errorf("%s is neither the manager nor a colleague of record", b.By)
		}
	case proof.InPerson:
		if m := v.roster.Members[b.By]; !m.Has(identity.Proofing) {
			return fmt.Errorf("%s was no proofing officer", b.By)
		}
	}
	return v.witnessed(text, b, seq)
}

// witnessed checks a witness's signature: by a passkey on the roster, or,
// where a vouching manager is not on it, by one that they have enrolled.
func (v *verifier) witnessed(text statement.Statement, b reset.Proved, seq uint64) error {
	if b.Assertion == nil {
		return errors.New("it is not signed")
	}
	if b.Key == "" {
		return v.roster.Verify(b.By, text.Challenge(), *b.Assertion)
	}
	return v.ownPasskey(b.Key, b.By, text, b.Assertion, seq)
}

func (v *verifier) ownPasskey(id string, owner identity.PersonID, text statement.Statement, a *passkey.Assertion, seq uint64) error {
	r := v.factors[id]
	switch {
	case a == nil:
		return errors.New("it is not signed")
	case r.Passkey == nil || !strings.HasPrefix(id, enrolment.Prefix):
		return errors.New("the bundle does not have the passkey's enrolment")
	case r.Person != owner:
		return fmt.Errorf("the passkey is one of %s, not of %s", r.Person, owner)
	case !r.Stands(seq):
		return errors.New("the passkey was not on record then")
	}
	return passkey.Verify(v.roster.RelyingParty, *r.Passkey, text.Challenge(), *a)
}
