package idv_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"countersign/internal/proof/idv"
)

const challenge = "chl_0190c0de-5160-7a11-9b1d-5a6f746b6579"

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var (
	ed      = ed25519.NewKeyFromSeed(make([]byte, 32))
	rsa2048 = sync.OnceValue(func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return k
	})
	p256 = sync.OnceValue(func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	})
)

func pemOf(t testing.TB, keys ...crypto.PublicKey) []byte {
	t.Helper()
	var out []byte
	for _, k := range keys {
		der := spki(t, k)
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})...)
	}
	return out
}

func setOf(t testing.TB, keys ...jose.JSONWebKey) []byte {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	return must(t, b, err)
}

func keysOf(t testing.TB, text []byte) []idv.Key {
	t.Helper()
	keys, err := idv.ParseKeys(text)
	return must(t, keys, err)
}

// provider is the issuer that the tests trust, with one Ed25519 key called k1.
func provider(t testing.TB) idv.Issuer {
	t.Helper()
	set := setOf(t, jose.JSONWebKey{Key: ed.Public(), KeyID: "k1"})
	return idv.Issuer{Name: "https://proofing.example", Keys: keysOf(t, set), Audience: "https://desk.example.org", Levels: []string{"IAL2", "IAL3"}}
}

var wanted = idv.Want{Challenge: challenge, Subject: "pat-17", Name: "Mei Ito"}

type fields map[string]any

// with is a copy with other values; nil takes a field out.
func (f fields) with(name string, v any) fields {
	out := maps.Clone(f)
	if out[name] = v; v == nil {
		delete(out, name)
	}
	return out
}

var (
	header = fields{"alg": "EdDSA", "kid": "k1", "typ": "JWT"}
	claims = fields{
		"iss": "https://proofing.example", "aud": "https://desk.example.org", "nonce": challenge, "sub": "pat-17", "name": "Mei Ito",
		"ial": "IAL2", "pad": true, "jti": "result-1", "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
)

var b64 = base64.RawURLEncoding

// raw signs any two texts with the provider's key.
func raw(header, claims string) string {
	text := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(claims))
	return text + "." + b64.EncodeToString(ed25519.Sign(ed, []byte(text)))
}

func forged(t testing.TB, header, claims fields) string {
	t.Helper()
	h, err := json.Marshal(header)
	c, err2 := json.Marshal(claims)
	return raw(string(must(t, h, err)), string(must(t, c, err2)))
}

func spki(t testing.TB, k crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k)
	return must(t, der, err)
}
