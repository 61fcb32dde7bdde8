package idv

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	stdjson "encoding/json"
	"encoding/pem"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

const (
	maxKeysText = 256 << 10
	maxKeys     = 32
)

// Key is a provider's public key with the one algorithm that it is used with.
type Key struct {
	id     string
	alg    jose.SignatureAlgorithm
	public any
}

// ID is the key's name in the provider's tokens (kid); "" when it has none.
func (k Key) ID() string { return k.id }

// Algorithm is the one that tokens of this key have to name: RS256, PS256, ES256
// or EdDSA.
func (k Key) Algorithm() string { return string(k.alg) }

// ParseKeys reads a provider's public keys: a JWK Set (RFC 7517), or PEM public
// keys one after the other. Keys for encryption are passed over; any other key
// that is not accepted, and every private one, is refused. An RSA key is for
// RS256 unless its JWK says PS256.
func ParseKeys(text []byte) ([]Key, error) {
	text = bytes.TrimSpace(text)
	if len(text) > maxKeysText {
		return nil, fmt.Errorf("idv: reading keys: %w: longer than %d bytes", ErrForm, maxKeysText)
	}
	read := fromPEM
	if bytes.HasPrefix(text, []byte("{")) {
		read = fromSet
	}
	keys, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("idv: reading keys: %w", err)
	}
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, fmt.Errorf("idv: reading keys: %w: no key, or more than %d", ErrForm, maxKeys)
	}
	return keys, nil
}

func fromPEM(text []byte) ([]Key, error) {
	var keys []Key
	for len(text) > 0 {
		if !bytes.HasPrefix(text, []byte("-----BEGIN ")) {
			return nil, fmt.Errorf("%w: neither a JWK Set nor PEM", ErrForm)
		}
		b, rest := pem.Decode(text)
		if b == nil || b.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("%w: not a PEM public key", ErrForm)
		}
		public, err := x509.ParsePKIXPublicKey(b.Bytes)
		if err != nil {
			return nil, ErrKey
		}
		k, err := newKey("", "", public)
		if err != nil {
			return nil, err
		}
		keys, text = append(keys, k), bytes.TrimSpace(rest)
	}
	return keys, nil
}

func fromSet(text []byte) ([]Key, error) {
	var set struct {
		Keys []stdjson.RawMessage `json:"keys"`
	}
	if json.Unmarshal(text, &set) != nil {
		return nil, fmt.Errorf("%w: not a JWK Set", ErrForm)
	}
	var keys []Key
	seen := map[string]bool{}
	for _, raw := range set.Keys {
		var j jose.JSONWebKey
		switch use, err := useOf(raw); {
		case err != nil:
			return nil, err
		case use == "enc":
			continue
		}
		if err := j.UnmarshalJSON(raw); err != nil || !j.Valid() {
			return nil, ErrKey
		}
		if !j.IsPublic() {
			return nil, fmt.Errorf("%w: a private or shared key", ErrKey)
		}
		k, err := newKey(j.KeyID, j.Algorithm, j.Key)
		if err != nil {
			return nil, err
		}
		if k.id != "" && seen[k.id] {
			return nil, fmt.Errorf("%w: two keys have one kid", ErrForm)
		}
		seen[k.id] = true
		keys = append(keys, k)
	}
	return keys, nil
}

// useOf is what a key of a set says it is for: sig unless it says enc.
func useOf(raw []byte) (string, error) {
	var k struct {
		Use string `json:"use"`
	}
	switch err := json.Unmarshal(raw, &k); {
	case err != nil:
		return "", fmt.Errorf("%w: not a JWK Set", ErrForm)
	case k.Use == "", k.Use == "sig":
		return "sig", nil
	case k.Use == "enc":
		return "enc", nil
	}
	return "", ErrKey
}

// newKey settles the algorithm of a key. named is the JWK's alg, "" for none.
func newKey(id, named string, public any) (Key, error) {
	var alg jose.SignatureAlgorithm
	switch p := public.(type) {
	case *rsa.PublicKey:
		if n := p.N.BitLen(); n >= 2048 && n <= 8192 && p.E >= 3 && p.E%2 == 1 {
			alg = jose.RS256
		}
		if alg != "" && named == string(jose.PS256) {
			alg = jose.PS256
		}
	case *ecdsa.PublicKey:
		if p.Curve == elliptic.P256() {
			alg = jose.ES256
		}
	case ed25519.PublicKey:
		if len(p) == ed25519.PublicKeySize {
			alg = jose.EdDSA
		}
	}
	if alg == "" || named != "" && named != string(alg) || len(id) > maxText {
		return Key{}, ErrKey
	}
	return Key{id: id, alg: alg, public: public}, nil
}
