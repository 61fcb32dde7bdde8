package gatetest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"time"

	"countersign/internal/gate"
	"countersign/internal/proof/idv"
	"countersign/internal/proof/oidc"
)

// Issuer is the organisation's provider, and Proofer that of identity proofing.
const (
	Issuer  = "https://login.example"
	Proofer = "https://proofing.example"
)

type provider struct{ house *House }

// Issuer implements gate.Provider.
func (p provider) Issuer() string {
	if p.house.Issuer != "" {
		return p.house.Issuer
	}
	return Issuer
}

// wanted is what a sign-in has to show in this house.
var wanted = gate.OIDC{Claim: "preferred_username", ACR: []string{"phr"}, AMR: []string{"pwd+otp"}}

// SignedIn is a sign-in at the provider, now, with a second factor.
func (h *House) SignedIn(login string) oidc.Claims {
	return oidc.Claims{Issuer: Issuer, Subject: "sub-of-" + login, ACR: "phr", AMR: []string{"pwd", "otp"}, AuthTime: h.Now(),
		Fields: map[string]string{"preferred_username": login}}
}

// proofers makes the provider of identity proofing, whose key the house keeps.
func (h *House) proofers() []gate.Proofer {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	h.Must(err)
	h.proofing = private
	der, err := x509.MarshalPKIXPublicKey(public)
	h.Must(err)
	keys, err := idv.ParseKeys(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	h.Must(err)
	return []gate.Proofer{{
		Issuer: idv.Issuer{Name: Proofer, Keys: keys, Audience: Origin, Levels: []string{"IAL2"}},
		Start: func(challenge, back string) string {
			return Proofer + "/start?" + url.Values{"nonce": {challenge}, "return": {back}}.Encode()
		},
	}}
}

// Proofed is a result for a challenge about one whom the provider knows by
// subject. Claims given besides stand in the place of its own.
func (h *House) Proofed(challenge, subject string, besides map[string]any) string {
	h.T.Helper()
	claims := map[string]any{"iss": Proofer, "aud": Origin, "nonce": challenge, "sub": subject, "name": "Wren Ito", "ial": "IAL2", "pad": true,
		"jti": "result-of-" + challenge, "iat": h.Now().Unix(), "exp": h.Now().Add(time.Hour).Unix()}
	for k, v := range besides {
		claims[k] = v
	}
	body, err := json.Marshal(claims)
	h.Must(err)
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString([]byte(`{"alg":"EdDSA","typ":"JWT"}`)) + "." + b64.EncodeToString(body)
	return text + "." + b64.EncodeToString(ed25519.Sign(h.proofing, []byte(text)))
}
