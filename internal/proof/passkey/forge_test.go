package passkey_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"countersign/internal/proof/passkey"
)

// forge signs whatever it is told to, as a broken browser or a hostile one
// could make an authenticator do.
func forge(key ed25519.PrivateKey, data, client []byte) passkey.Assertion {
	hash := sha256.Sum256(client)
	return passkey.Assertion{
		CredentialID: []byte("forged"), AuthenticatorData: data, ClientDataJSON: client,
		Signature: ed25519.Sign(key, slices.Concat(data, hash[:])),
	}
}

func cose(t testing.TB, m map[int]any) []byte {
	t.Helper()
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := mode.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func forger(t testing.TB) (ed25519.PrivateKey, passkey.Credential, []byte) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	hash := sha256.Sum256([]byte(ours.ID))
	pub := cose(t, map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(key.Public().(ed25519.PublicKey))})
	return key, passkey.Credential{ID: []byte("forged"), PublicKey: pub}, append(hash[:], 0x05, 0, 0, 0, 1)
}

func TestClientDataIsReadExactly(t *testing.T) {
	key, cred, data := forger(t)
	good := fmt.Sprintf(`{"type":"webauthn.get","challenge":%q,"origin":"https://desk.example.org"`, passkey.Bytes(challenge))
	for client, want := range map[string]error{
		good + `}`:                                        nil,
		good + `,"crossOrigin":false}`:                    nil,
		good + `,"something":{"new":1}}`:                  nil,
		good + `,"crossOrigin":true}`:                     passkey.ErrOrigin,
		good + `,"topOrigin":"https://evil.example.com"}`: passkey.ErrOrigin,
		good + `,"origin":"https://evil.example.com"}`:    passkey.ErrForm,
		good + `,"crossOrigin":"no"}`:                     passkey.ErrForm,
		good + `,"type":null}`:                            passkey.ErrForm,
		good:                                              passkey.ErrForm,
		good + `}{}`:                                      passkey.ErrForm,
		good + ",\"x\":\"\xff\"}":                         passkey.ErrForm,
		`[` + good + `}]`:                                 passkey.ErrForm,
		`"webauthn.get"`:                                  passkey.ErrForm,
		`null`:                                            passkey.ErrForm,
		`{}`:                                              passkey.ErrType,
		strings.Replace(good, `"origin"`, `"Origin"`, 1) + `}`:       passkey.ErrOrigin,
		strings.Replace(good, `"challenge"`, `"Challenge"`, 1) + `}`: passkey.ErrChallenge,
		strings.Replace(good, `org"`, `org/"`, 1) + `}`:              passkey.ErrOrigin,
		strings.Replace(good, `desk`, `DESK`, 1) + `}`:               passkey.ErrOrigin,
	} {
		if err := passkey.Verify(ours, cred, challenge, forge(key, data, []byte(client))); !errors.Is(err, want) {
			t.Errorf("%s: %v; want %v", client, err, want)
		}
	}
}

// A server that has lost its challenge or its name must not accept what was
// made for none.
func TestNothingMatchesNothing(t *testing.T) {
	key, cred, data := forger(t)
	for _, short := range [][]byte{nil, {}, challenge[:1], challenge[:15]} {
		client := fmt.Appendf(nil, `{"type":"webauthn.get","challenge":%q,"origin":"https://desk.example.org"}`, passkey.Bytes(short))
		if err := passkey.Verify(ours, cred, short, forge(key, data, client)); !errors.Is(err, passkey.ErrChallenge) {
			t.Errorf("a challenge of %d bytes: %v; want ErrChallenge", len(short), err)
		}
	}
	client := fmt.Appendf(nil, `{"type":"webauthn.get","challenge":%q,"origin":""}`, passkey.Bytes(challenge))
	if err := passkey.Verify(passkey.RelyingParty{ID: ours.ID}, cred, challenge, forge(key, data, client)); !errors.Is(err, passkey.ErrOrigin) {
		t.Errorf("no origin: %v; want ErrOrigin", err)
	}
	none := sha256.Sum256(nil)
	nobody := passkey.RelyingParty{Origins: []string{""}}
	if err := passkey.Verify(nobody, cred, challenge, forge(key, append(none[:], data[32:]...), client)); !errors.Is(err, passkey.ErrRelyingParty) {
		t.Errorf("no relying party: %v; want ErrRelyingParty", err)
	}
}

func TestOnlyThreeKindsOfKeysCount(t *testing.T) {
	_, _, data := forger(t)
	client := fmt.Appendf(nil, `{"type":"webauthn.get","challenge":%q,"origin":"https://desk.example.org"}`, passkey.Bytes(challenge))
	a := passkey.Assertion{CredentialID: []byte("forged"), AuthenticatorData: data, ClientDataJSON: client, Signature: []byte("x")}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n, point := big.N.Bytes(), func() []byte { b, _ := p384.PublicKey.Bytes(); return b }()
	e := []byte{1, 0, 1}
	for name, c := range map[string]struct {
		key  map[int]any
		want error
	}{
		"RS256 of 2048 bits":  {map[int]any{1: 3, 3: -257, -1: n, -2: e}, passkey.ErrSignature},
		"RS256 of 1024 bits":  {map[int]any{1: 3, 3: -257, -1: n[:128], -2: e}, passkey.ErrKey},
		"RS256 of 16 kbit":    {map[int]any{1: 3, 3: -257, -1: slices.Repeat(n, 8), -2: e}, passkey.ErrKey},
		"RS256, exponent 1":   {map[int]any{1: 3, 3: -257, -1: n, -2: []byte{1}}, passkey.ErrKey},
		"RS1 (SHA-1)":         {map[int]any{1: 3, 3: -65535, -1: n, -2: e}, passkey.ErrKey},
		"PS256":               {map[int]any{1: 3, 3: -37, -1: n, -2: e}, passkey.ErrKey},
		"ES384":               {map[int]any{1: 2, 3: -35, -1: 2, -2: point[1:49], -3: point[49:]}, passkey.ErrKey},
		"ES256 off the curve": {map[int]any{1: 2, 3: -7, -1: 1, -2: make([]byte, 32), -3: make([]byte, 32)}, passkey.ErrKey},
		"EdDSA too short":     {map[int]any{1: 1, 3: -8, -1: 6, -2: make([]byte, 31)}, passkey.ErrKey},
		"nothing":             {map[int]any{}, passkey.ErrKey},
	} {
		cred := passkey.Credential{ID: []byte("forged"), PublicKey: cose(t, c.key)}
		if err := passkey.Verify(ours, cred, challenge, a); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
}
