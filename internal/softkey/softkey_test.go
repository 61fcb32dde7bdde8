package softkey_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/proof/passkey"
	"countersign/internal/softkey"
)

const origin = "https://desk.example.org"

var (
	rp        = passkey.RelyingParty{ID: "example.org", Origins: []string{origin}}
	challenge = bytes.Repeat([]byte{7}, 32)
)

// seeded makes the same key for the same number.
func seeded(n uint64) softkey.Key {
	var seed [32]byte
	seed[0], seed[1] = byte(n), byte(n>>8)
	return softkey.New(rand.NewChaCha8(seed))
}

func TestASoftwareKeyRegistersAsSoftwareAndAnswers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := seeded(rapid.Uint64Range(0, 1<<16-1).Draw(t, "key"))
		challenge := rapid.SliceOfN(rapid.Byte(), 16, 64).Draw(t, "challenge")
		made, err := k.Register(rp.ID, origin, challenge)
		if err != nil {
			t.Fatal(err)
		}
		cred, err := passkey.Register(rp, challenge, made)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(k.Credential(), cred); d != "" || !cred.Software || cred.AAGUID != softkey.AAGUID {
			t.Fatalf("registered differently from Credential():\n%s", d)
		}
		answered, err := k.Assert(rp.ID, origin, challenge)
		if err != nil {
			t.Fatal(err)
		}
		a, err := passkey.ParseAssertion(answered)
		if err != nil {
			t.Fatal(err)
		}
		if err := passkey.Verify(rp, cred, challenge, a); err != nil {
			t.Fatal(err)
		}
		if n, err := passkey.Counter(a); n != 0 || err != nil {
			t.Fatalf("counter %d, %v; want 0", n, err)
		}
		if err := passkey.Verify(rp, cred, append(challenge, 0), a); !errors.Is(err, passkey.ErrChallenge) {
			t.Fatalf("for another challenge: %v", err)
		}
	})
}

// The library's own verification, all of it, agrees.
func TestAnotherVerifierAcceptsIt(t *testing.T) {
	k := seeded(1)
	made, err := k.Register(rp.ID, origin, challenge)
	if err != nil {
		t.Fatal(err)
	}
	reg, err := protocol.ParseCredentialCreationResponseBytes(made)
	if err != nil {
		t.Fatal(err)
	}
	want := base64.RawURLEncoding.EncodeToString(challenge)
	params := []protocol.CredentialParameter{{Type: "public-key", Algorithm: -7}}
	if _, err := reg.Verify(want, rp.ID, rp.Origins, nil, nil, protocol.TopOriginExplicitVerificationMode, false, true, true, nil, params, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		t.Errorf("registering: %v", err)
	}
	answered, err := k.Assert(rp.ID, origin, challenge)
	if err != nil {
		t.Fatal(err)
	}
	a, err := protocol.ParseCredentialRequestResponseBytes(answered)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Verify(want, rp.ID, "", rp.Origins, nil, nil, protocol.TopOriginExplicitVerificationMode, false, true, true, k.Credential().PublicKey, protocol.SignaturePolicy{}); err != nil {
		t.Errorf("answering: %v", err)
	}
}

func TestLikeABrowserItAnswersOnlyPagesOfTheRelyingParty(t *testing.T) {
	k := seeded(1)
	for _, bad := range [][2]string{{"example.org", "https://evil.example.com"}, {"example.org", "http://desk.example.org"}, {"", origin}, {"org.evil", origin}} {
		if _, err := k.Assert(bad[0], bad[1], challenge); err == nil {
			t.Errorf("answered %v", bad)
		}
		if _, err := k.Register(bad[0], bad[1], challenge); err == nil {
			t.Errorf("registered with %v", bad)
		}
	}
	if _, err := k.Assert(rp.ID, origin, nil); err == nil {
		t.Error("answered no challenge")
	}
}

func TestItAnswersTheOptionsThatAServerSends(t *testing.T) {
	k, other := seeded(1), seeded(2)
	options := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	made, err := k.RegisterOptions(origin, options(passkey.CreationOptions(rp, passkey.User{Handle: []byte{1}}, challenge, [][]byte{other.ID()})))
	if err != nil {
		t.Fatal(err)
	}
	cred, err := passkey.Register(rp, challenge, made)
	if err != nil {
		t.Fatal(err)
	}
	for _, allowed := range [][][]byte{nil, {k.ID()}, {other.ID(), k.ID()}} {
		answered, err := k.AssertOptions(origin, options(passkey.RequestOptions(rp, challenge, allowed)))
		if err != nil {
			t.Fatal(err)
		}
		a, err := passkey.ParseAssertion(answered)
		if err != nil {
			t.Fatal(err)
		}
		if err := passkey.Verify(rp, cred, challenge, a); err != nil {
			t.Error(err)
		}
	}
	if _, err := k.AssertOptions(origin, options(passkey.RequestOptions(rp, challenge, [][]byte{other.ID()}))); !errors.Is(err, softkey.ErrNotAllowed) {
		t.Errorf("asked for another key: %v; want ErrNotAllowed", err)
	}
	if _, err := k.RegisterOptions(origin, options(passkey.CreationOptions(rp, passkey.User{}, challenge, [][]byte{k.ID()}))); !errors.Is(err, softkey.ErrNotAllowed) {
		t.Errorf("registering twice: %v; want ErrNotAllowed", err)
	}
	onlyRSA := passkey.CreationOptions(rp, passkey.User{}, challenge, nil)
	onlyRSA.Parameters = onlyRSA.Parameters[2:]
	if _, err := k.RegisterOptions(origin, options(onlyRSA)); err == nil {
		t.Error("registered ES256 with a server that takes RS256 alone")
	}
	for _, bad := range []string{"", "[]", `{"challenge":7}`} {
		if _, err := k.AssertOptions(origin, []byte(bad)); err == nil {
			t.Errorf("answered options %q", bad)
		}
	}
}

func TestWithoutChanceThereIsNoKey(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("made a key out of nothing")
		}
	}()
	softkey.New(bytes.NewReader([]byte("too short")))
}
