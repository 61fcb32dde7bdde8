package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// commitmentDomain keeps commitments apart from every other use of SHA-256.
const commitmentDomain = "countersign/commitment/v1\x00"

const commitmentPrefix = "sha256:"

// Commitment is the text that stands in a leaf for a private value: "sha256:"
// and the unpadded base64url SHA-256 of a domain tag, the salt and the canonical
// value, which Value has to be already.
// It hides the value as long as the salt is secret, and binds it.
func (p PrivateValue) Commitment() string {
	h := sha256.New()
	h.Write([]byte(commitmentDomain))
	h.Write(p.Salt)
	h.Write(p.Value)
	return commitmentPrefix + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func isCommitment(text string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimPrefix(text, commitmentPrefix))
	return err == nil && len(b) == sha256.Size && strings.HasPrefix(text, commitmentPrefix) && !strings.ContainsAny(text, "\r\n")
}

// Seal splits an event's body into what the ledger shows and what it only
// commits to. body is a struct, or a pointer to one; those of its top-level
// fields that carry the tag `ledger:"private"` are replaced by commitments, and
// their values go to private with a fresh salt each. A field that omitempty
// leaves out leaves no commitment. A private tag deeper down is an error: it
// would promise what Seal does not do.
func Seal(body any, salt func() [32]byte) (open json.RawMessage, private Private, err error) {
	form, err := formOf(body)
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: sealing %T: %w", body, err)
	}
	raw, err := Marshal(body)
	if err != nil {
		return nil, nil, err
	}
	members, err := splitObject(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: sealing %T: %w", body, err)
	}
	private = Private{}
	for _, name := range form.private {
		value, ok := members[name]
		if !ok {
			continue
		}
		s := salt()
		p := PrivateValue{Salt: s[:], Value: value}
		private[name] = p
		members[name] = appendText(nil, p.Commitment())
	}
	open, err = Marshal(members)
	return open, private, err
}

// Open is the inverse of Seal: it fills dst, a pointer to the struct type that
// was sealed. Every private value must match its commitment and have one. A
// commitment without a value leaves its field zero and is listed in erased,
// sorted by name. Members that dst does not know are an error.
func Open(open json.RawMessage, private Private, dst any) (erased []string, err error) {
	form, err := formOf(dst)
	if err != nil {
		return nil, fmt.Errorf("ledger: opening %T: %w", dst, err)
	}
	if err := CheckPrivate(open, private); err != nil {
		return nil, err
	}
	members, err := splitObject(open)
	if err != nil {
		return nil, fmt.Errorf("ledger: opening %T: %w", dst, err)
	}
	if erased, err = form.fill(members, private); err != nil {
		return nil, fmt.Errorf("ledger: opening %T: %w", dst, err)
	}
	raw, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("ledger: opening %T: %w", dst, err)
	}
	if err := decodeStrictly(raw, dst); err != nil {
		return nil, fmt.Errorf("ledger: opening %T: %w", dst, err)
	}
	return erased, nil
}

// fill puts the private values back in place of their commitments and takes
// out the commitments that have lost theirs.
func (f form) fill(members map[string]json.RawMessage, private Private) (erased []string, err error) {
	for name := range private {
		if !slices.Contains(f.private, name) {
			return nil, fmt.Errorf("member %q is not private, yet has a private value", name)
		}
	}
	for name, value := range members {
		if !slices.Contains(f.names, name) {
			return nil, fmt.Errorf("member %q is unknown", name)
		}
		if !slices.Contains(f.private, name) {
			continue
		}
		if p, ok := private[name]; ok {
			members[name] = p.Value
			continue
		}
		if !isCommitment(textOf(value)) {
			return nil, fmt.Errorf("member %q is private, yet is no commitment", name)
		}
		delete(members, name)
		erased = append(erased, name)
	}
	slices.Sort(erased)
	return erased, nil
}

// CheckPrivate checks, without knowing the event's type, that open is a
// canonical object and that every private value stands behind a commitment in
// it. The error names the first member, in order, that does not match.
func CheckPrivate(open json.RawMessage, private Private) error {
	if !IsCanonical(open) {
		return errors.New("ledger: the body is not canonical JSON")
	}
	members, err := splitObject(open)
	if err != nil {
		return fmt.Errorf("ledger: the body: %w", err)
	}
	names := make([]string, 0, len(private))
	for name := range private {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := checkValue(members[name], private[name]); err != nil {
			return fmt.Errorf("ledger: the private value of %q: %w", name, err)
		}
	}
	return nil
}

func checkValue(stands json.RawMessage, p PrivateValue) error {
	if stands == nil {
		return errors.New("no commitment in the body")
	}
	if len(p.Salt) != sha256.Size {
		return fmt.Errorf("the salt has %d bytes, not %d", len(p.Salt), sha256.Size)
	}
	// A value may have been through a JSON writer that indents or escapes; what
	// it means is what was committed to.
	value, err := canonical(p.Value, false)
	if err != nil {
		return err
	}
	if textOf(stands) != (PrivateValue{Salt: p.Salt, Value: value}).Commitment() {
		return errors.New("does not match its commitment")
	}
	return nil
}

// textOf is what a JSON string means, or "" for any other value.
func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}
