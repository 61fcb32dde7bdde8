// Package device checks that a requester holds the key of a managed device: the
// device signs the statement of its challenge, and the answer is typed, pasted or
// sent by a small program on it (SP 800-63B-4 §3.1.7). Where the key lives, in a
// TPM, a smart card or a file, is not visible in a signature; whoever registers
// a key answers for that.
//
// Nothing here keeps state or knows the time. The caller makes the statement,
// whose text holds the request, the action and a challenge that is used once,
// and lets it expire.
//
// A statement has exactly one answer text per signature: base64url without
// padding, ECDSA as r and s of 32 bytes each with the smaller of the two
// possible s. Nobody can turn an answer into another that counts as well.
package device

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// What a caller may decide on. Every error of this package wraps exactly one,
// and none repeats what was given.
var (
	ErrForm        = errors.New("not in the documented form")
	ErrPrivate     = errors.New("a private key: keep it on the device and hand over the public one")
	ErrKey         = errors.New("a key that is not accepted (want ECDSA P-256, Ed25519, or RSA of 2048 to 8192 bits)")
	ErrCertificate = errors.New("a certificate that is not valid now under the authorities for devices")
	ErrSignature   = errors.New("the signature is wrong")
	ErrSigner      = errors.New("the device's signer failed")
)

const (
	maxPEM       = 64 << 10
	maxKey       = 2 << 10 // an RSA key of 8192 bits takes 1.1 KiB
	maxStatement = 64 << 10
)

// Key is a device's public key: a DER SubjectPublicKeyInfo, in the one form that
// crypto/x509 writes. In JSON it is unpadded base64url text.
type Key []byte

// String is the base64url text.
func (k Key) String() string { return base64.RawURLEncoding.EncodeToString(k) }

// MarshalText writes the base64url text.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes for a key that is accepted, and
// nothing else.
func (k *Key) UnmarshalText(text []byte) error {
	der, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(der) > maxKey || bytes.ContainsAny(text, "\r\n") {
		return fmt.Errorf("device: reading a key: %w: not unpadded base64url text", ErrForm)
	}
	if _, err := Key(der).public(); err != nil {
		return fmt.Errorf("device: reading a key: %w", err)
	}
	*k = der
	return nil
}

// UnmarshalJSON reads the text, and refuses null, which would leave no key.
func (k *Key) UnmarshalJSON(data []byte) error {
	var text *string
	if json.Unmarshal(data, &text) != nil || text == nil {
		return fmt.Errorf("device: reading a key: %w: not a text", ErrForm)
	}
	return k.UnmarshalText([]byte(*text))
}

// Fingerprint names the key for people to compare, as passkeys are named.
func (k Key) Fingerprint() string {
	h := sha256.Sum256(k)
	return "SHA256:" + base64.RawURLEncoding.EncodeToString(h[:])
}

// public is the key for computing: exactly one DER text for each, so that two
// fingerprints never name one key.
func (k Key) public() (any, error) {
	if len(k) == 0 || len(k) > maxKey {
		return nil, fmt.Errorf("%w: no key, or too long a one", ErrForm)
	}
	pub, err := x509.ParsePKIXPublicKey(k)
	if err != nil {
		return nil, ErrKey
	}
	if err := sound(pub); err != nil {
		return nil, err
	}
	if again, err := x509.MarshalPKIXPublicKey(pub); err != nil || !bytes.Equal(again, k) {
		return nil, fmt.Errorf("%w: the key is written in an unusual way", ErrForm)
	}
	return pub, nil
}

// sound reports whether a key is of a kind that is accepted, and neither too
// weak to trust nor too large to check cheaply.
func sound(pub any) error {
	switch p := pub.(type) {
	case *ecdsa.PublicKey:
		if p.Curve == elliptic.P256() {
			return nil
		}
	case ed25519.PublicKey:
		if len(p) == ed25519.PublicKeySize && !smallOrder(p) {
			return nil
		}
	case *rsa.PublicKey:
		if n := p.N.BitLen(); n >= 2048 && n <= 8192 && p.E >= 3 && p.E%2 == 1 {
			return nil
		}
	}
	return ErrKey
}
