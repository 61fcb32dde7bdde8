package passkey

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// maxBytes bounds one binary member, and maxResponse a whole browser response;
// an RS256 registration with a long attestation chain stays far below both.
const (
	maxBytes    = 16 << 10
	maxResponse = 64 << 10
)

var uuidText = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Bytes is binary data that stands in JSON as unpadded base64url text. There
// is one text for each value: padding, the other alphabet, line breaks and
// stray bits at the end are refused.
type Bytes []byte

// String is the base64url text.
func (b Bytes) String() string { return base64.RawURLEncoding.EncodeToString(b) }

// MarshalText writes the base64url text.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads what MarshalText writes, and nothing else.
func (b *Bytes) UnmarshalText(text []byte) error {
	out, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || bytes.ContainsAny(text, "\r\n") {
		return fmt.Errorf("passkey: %w: not unpadded base64url text", ErrForm)
	}
	if len(out) > maxBytes {
		return fmt.Errorf("passkey: %w: %d bytes where at most %d are allowed", ErrForm, len(out), maxBytes)
	}
	*b = out
	return nil
}

// UnmarshalJSON reads the stored form: exactly its members, each once, none
// empty, and Software agreeing with AAGUID.
func (c *Credential) UnmarshalJSON(data []byte) error {
	type plain Credential // without methods, so that decoding does not come back here
	var p plain
	if err := strict(data, &p, "id", "public_key", "aaguid", "software", "backup_eligible"); err != nil {
		return fmt.Errorf("passkey: reading a credential: %w", err)
	}
	switch {
	case len(p.ID) == 0 || len(p.PublicKey) == 0:
		return fmt.Errorf("passkey: reading a credential: %w: an empty member", ErrForm)
	case !uuidText.MatchString(p.AAGUID):
		return fmt.Errorf("passkey: reading a credential: %w: aaguid is not a lower-case UUID", ErrForm)
	case p.Software != (p.AAGUID == SoftwareAAGUID):
		return fmt.Errorf("passkey: reading a credential: %w: software and aaguid disagree", ErrForm)
	}
	*c = Credential(p)
	return nil
}

// UnmarshalJSON reads the stored form: exactly its members, each once, none empty.
func (a *Assertion) UnmarshalJSON(data []byte) error {
	type plain Assertion // without methods, so that decoding does not come back here
	var p plain
	if err := strict(data, &p, "credential_id", "authenticator_data", "client_data_json", "signature"); err != nil {
		return fmt.Errorf("passkey: reading an assertion: %w", err)
	}
	if err := Assertion(p).complete(); err != nil {
		return fmt.Errorf("passkey: reading an assertion: %w", err)
	}
	*a = Assertion(p)
	return nil
}

func (a Assertion) complete() error {
	for _, b := range []Bytes{a.CredentialID, a.AuthenticatorData, a.ClientDataJSON, a.Signature} {
		if len(b) == 0 || len(b) > maxBytes {
			return fmt.Errorf("%w: a member is empty or too long", ErrForm)
		}
	}
	return nil
}

// strict decodes an object that has exactly the named members into v.
func strict(data []byte, v any, names ...string) error {
	m, err := members(data)
	if err != nil {
		return err
	}
	for _, n := range names {
		if _, ok := m[n]; !ok {
			return fmt.Errorf("%w: member %s is missing", ErrForm, n)
		}
	}
	if len(m) != len(names) {
		return fmt.Errorf("%w: members other than %s", ErrForm, strings.Join(names, ", "))
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrForm, err)
	}
	return nil
}

// members splits one JSON object. encoding/json would let a later member
// replace an earlier one and take "Origin" for "origin"; here names are exact
// and a repeated one is refused, so that all readers of the bytes agree.
func members(data []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%w: not a JSON object", ErrForm)
	}
	m := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, fmt.Errorf("%w: not a JSON object", ErrForm)
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("%w: a member stands twice", ErrForm)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("%w: not a JSON object", ErrForm)
		}
		m[name] = v
	}
	if !json.Valid(data) { // an unclosed object, or something after it
		return nil, fmt.Errorf("%w: not one JSON object", ErrForm)
	}
	return m, nil
}
