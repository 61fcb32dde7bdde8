package passkey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/proof/passkey"
)

var (
	ours      = passkey.RelyingParty{ID: "example.org", Origins: []string{"https://desk.example.org", "https://example.org:8443"}}
	challenge = bytes.Repeat([]byte{7}, 32)
)

// device is an authenticator that nobody here wrote, with one registered
// credential. Its library drops leading zeros of coordinates, so keys that have
// some are made anew.
func device(t testing.TB, kind virtualwebauthn.KeyType) (virtualwebauthn.Authenticator, virtualwebauthn.Credential, passkey.Credential) {
	t.Helper()
	auth, key := virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(kind)
	for kind == virtualwebauthn.KeyTypeEC2 && len(key.Key.AttestationData()) != 77 {
		key = virtualwebauthn.NewCredential(kind)
	}
	text, err := json.Marshal(passkey.CreationOptions(ours, passkey.User{Handle: []byte("u1"), Name: "a.sato"}, challenge, nil))
	if err != nil {
		t.Fatal(err)
	}
	options, err := virtualwebauthn.ParseAttestationOptions(string(text))
	if err != nil {
		t.Fatalf("another implementation does not read our options: %v", err)
	}
	response := virtualwebauthn.CreateAttestationResponse(at("https://desk.example.org"), auth, key, *options)
	cred, err := passkey.Register(ours, challenge, []byte(response))
	if err != nil {
		t.Fatalf("registering an honest device: %v", err)
	}
	return auth, key, cred
}

func at(origin string) virtualwebauthn.RelyingParty {
	return virtualwebauthn.RelyingParty{ID: ours.ID, Origin: origin}
}

// answer lets the device answer our own options.
func answer(t testing.TB, rp virtualwebauthn.RelyingParty, auth virtualwebauthn.Authenticator, key virtualwebauthn.Credential) passkey.Assertion {
	t.Helper()
	text, err := json.Marshal(passkey.RequestOptions(ours, challenge, [][]byte{key.ID}))
	if err != nil {
		t.Fatal(err)
	}
	options, err := virtualwebauthn.ParseAssertionOptions(string(text))
	if err != nil || !key.IsAllowedForAssertion(*options) {
		t.Fatalf("another implementation does not read our options: %v", err)
	}
	a, err := passkey.ParseAssertion([]byte(virtualwebauthn.CreateAssertionResponse(rp, auth, key, *options)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnHonestDeviceRegistersAndAnswers(t *testing.T) {
	for _, kind := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
		auth, key, cred := device(t, kind)
		if !bytes.Equal(cred.ID, key.ID) || cred.Software {
			t.Errorf("%s: registered as %+v", kind, cred)
		}
		for _, origin := range ours.Origins {
			if err := passkey.Verify(ours, cred, challenge, answer(t, at(origin), auth, key)); err != nil {
				t.Errorf("%s at %s: %v", kind, origin, err)
			}
		}
	}
}

func TestTheCounterIsReturnedToTheCaller(t *testing.T) {
	auth, key, _ := device(t, virtualwebauthn.KeyTypeEC2)
	key.Counter = 41
	n, err := passkey.Counter(answer(t, at(ours.Origins[0]), auth, key))
	if n != 41 || err != nil {
		t.Errorf("Counter = %d, %v; want 41", n, err)
	}
	if _, err := passkey.Counter(passkey.Assertion{AuthenticatorData: []byte("short")}); !errors.Is(err, passkey.ErrForm) {
		t.Errorf("counter of rubbish: %v; want ErrForm", err)
	}
}

func TestAnAnswerIsRefusedFor(t *testing.T) {
	auth, key, cred := device(t, virtualwebauthn.KeyTypeEC2)
	_, other, otherCred := device(t, virtualwebauthn.KeyTypeEC2)
	absent, unverified, restored := auth, auth, auth
	absent.Options.UserNotPresent = true
	unverified.Options.UserNotVerified = true
	restored.Options.BackupState = true
	honest := answer(t, at(ours.Origins[0]), auth, key)
	impostor := other
	impostor.ID = key.ID

	for name, c := range map[string]struct {
		rp        passkey.RelyingParty
		cred      passkey.Credential
		challenge []byte
		a         passkey.Assertion
		want      error
	}{
		"another challenge":                 {ours, cred, bytes.Repeat([]byte{8}, 32), honest, passkey.ErrChallenge},
		"a prefix of the challenge":         {ours, cred, challenge[:31], honest, passkey.ErrChallenge},
		"no challenge at all":               {ours, cred, nil, honest, passkey.ErrChallenge},
		"a look-alike page":                 {ours, cred, challenge, answer(t, at("https://desk.examp1e.org"), auth, key), passkey.ErrOrigin},
		"a page at another port":            {ours, cred, challenge, answer(t, at("https://desk.example.org:444"), auth, key), passkey.ErrOrigin},
		"a page over plain http":            {ours, cred, challenge, answer(t, at("http://desk.example.org"), auth, key), passkey.ErrOrigin},
		"a page below ours, not listed":     {ours, cred, challenge, answer(t, at("https://x.desk.example.org"), auth, key), passkey.ErrOrigin},
		"a server without origins":          {passkey.RelyingParty{ID: ours.ID}, cred, challenge, honest, passkey.ErrOrigin},
		"another relying party":             {passkey.RelyingParty{ID: "example.net", Origins: ours.Origins}, cred, challenge, honest, passkey.ErrRelyingParty},
		"a relying party without a name":    {passkey.RelyingParty{Origins: ours.Origins}, cred, challenge, honest, passkey.ErrRelyingParty},
		"nobody touched the device":         {ours, cred, challenge, answer(t, at(ours.Origins[0]), absent, key), passkey.ErrPresence},
		"no PIN and no finger":              {ours, cred, challenge, answer(t, at(ours.Origins[0]), unverified, key), passkey.ErrUnverified},
		"contradictory backup flags":        {ours, cred, challenge, answer(t, at(ours.Origins[0]), restored, key), passkey.ErrForm},
		"another person's credential":       {ours, otherCred, challenge, honest, passkey.ErrCredential},
		"another key under the same id":     {ours, cred, challenge, answer(t, at(ours.Origins[0]), auth, impostor), passkey.ErrSignature},
		"an empty assertion":                {ours, cred, challenge, passkey.Assertion{}, passkey.ErrForm},
		"an empty assertion, no credential": {ours, passkey.Credential{}, challenge, passkey.Assertion{}, passkey.ErrForm},
		"a credential without a key":        {ours, passkey.Credential{ID: cred.ID}, challenge, honest, passkey.ErrKey},
	} {
		t.Run(name, func(t *testing.T) {
			if err := passkey.Verify(c.rp, c.cred, c.challenge, c.a); !errors.Is(err, c.want) {
				t.Errorf("got %v; want %v", err, c.want)
			}
		})
	}
}

func TestARegistrationCannotPassAsAnAnswerNorTheReverse(t *testing.T) {
	auth, key, cred := device(t, virtualwebauthn.KeyTypeEC2)
	made := []byte(virtualwebauthn.CreateAttestationResponse(at(ours.Origins[0]), auth, key, virtualwebauthn.AttestationOptions{Challenge: challenge}))
	answered := []byte(virtualwebauthn.CreateAssertionResponse(at(ours.Origins[0]), auth, key, virtualwebauthn.AssertionOptions{Challenge: challenge}))
	if _, err := passkey.Register(ours, challenge, answered); !errors.Is(err, passkey.ErrForm) {
		t.Errorf("registering with an answer: %v; want ErrForm", err)
	}
	if _, err := passkey.ParseAssertion(made); !errors.Is(err, passkey.ErrForm) {
		t.Errorf("answering with a registration: %v; want ErrForm", err)
	}
	a := answer(t, at(ours.Origins[0]), auth, key)
	a.ClientDataJSON = bytes.Replace(a.ClientDataJSON, []byte("webauthn.get"), []byte("webauthn.create"), 1)
	if err := passkey.Verify(ours, cred, challenge, a); !errors.Is(err, passkey.ErrType) {
		t.Errorf("an answer of the other type: %v; want ErrType", err)
	}
}

func TestARegistrationIsRefusedFor(t *testing.T) {
	auth, key := virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeRSA)
	absent, unverified := auth, auth
	absent.Options.UserNotPresent = true
	unverified.Options.UserNotVerified = true
	make := func(rp virtualwebauthn.RelyingParty, a virtualwebauthn.Authenticator) []byte {
		return []byte(virtualwebauthn.CreateAttestationResponse(rp, a, key, virtualwebauthn.AttestationOptions{Challenge: challenge}))
	}
	honest := make(at(ours.Origins[0]), auth)
	for name, c := range map[string]struct {
		challenge, response []byte
		want                error
	}{
		"another challenge":         {bytes.Repeat([]byte{9}, 32), honest, passkey.ErrChallenge},
		"a challenge too short":     {challenge[:15], honest, passkey.ErrChallenge},
		"another page":              {challenge, make(at("https://evil.example.com"), auth), passkey.ErrOrigin},
		"another relying party":     {challenge, make(virtualwebauthn.RelyingParty{ID: "example.com", Origin: ours.Origins[0]}, auth), passkey.ErrRelyingParty},
		"nobody touched the device": {challenge, make(at(ours.Origins[0]), absent), passkey.ErrPresence},
		"no PIN and no finger":      {challenge, make(at(ours.Origins[0]), unverified), passkey.ErrUnverified},
		"another id by the browser": {challenge, bytes.ReplaceAll(honest, []byte(passkey.Bytes(key.ID).String()), []byte("AAAA")), passkey.ErrCredential},
		"rubbish":                   {challenge, []byte("{}"), passkey.ErrForm},
		"something after it":        {challenge, append(slices.Clone(honest), "{}"...), passkey.ErrForm},
		"far too much of it":        {challenge, append(slices.Clone(honest), bytes.Repeat([]byte(" "), 1<<16)...), passkey.ErrForm},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := passkey.Register(ours, c.challenge, c.response); !errors.Is(err, c.want) {
				t.Errorf("got %v; want %v", err, c.want)
			}
		})
	}
	if _, err := passkey.Register(ours, challenge, honest); err != nil {
		t.Errorf("the honest one: %v", err)
	}
}

// Whatever single bit is flipped, in whatever member, the answer is refused.
func TestNoBitOfAnAnswerCanBeChanged(t *testing.T) {
	auth, key, cred := device(t, virtualwebauthn.KeyTypeEC2)
	honest := answer(t, at(ours.Origins[0]), auth, key)
	members := func(a *passkey.Assertion) []*passkey.Bytes {
		return []*passkey.Bytes{&a.CredentialID, &a.AuthenticatorData, &a.ClientDataJSON, &a.Signature}
	}
	rapid.Check(t, func(t *rapid.T) {
		bad := honest
		m := members(&bad)[rapid.IntRange(0, 3).Draw(t, "member")]
		*m = slices.Clone(*m)
		bit := rapid.IntRange(0, len(*m)*8-1).Draw(t, "bit")
		(*m)[bit/8] ^= 1 << (bit % 8)
		if err := passkey.Verify(ours, cred, challenge, bad); err == nil {
			t.Fatalf("accepted with a bit changed")
		}
	})
	if err := passkey.Verify(ours, cred, challenge, honest); err != nil {
		t.Errorf("the honest one: %v", err)
	}
}

func TestStoredFormsComeBackTheSame(t *testing.T) {
	auth, key, cred := device(t, virtualwebauthn.KeyTypeEC2)
	a := answer(t, at(ours.Origins[0]), auth, key)
	var cred2 passkey.Credential
	var a2 passkey.Assertion
	for _, p := range []struct{ in, out any }{{cred, &cred2}, {a, &a2}} {
		text, err := json.Marshal(p.in)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, p.out); err != nil {
			t.Fatalf("reading back %s: %v", text, err)
		}
	}
	if d := cmp.Diff(cred, cred2) + cmp.Diff(a, a2); d != "" {
		t.Errorf("changed on the way:\n%s", d)
	}
}
