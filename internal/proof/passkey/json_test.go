package passkey_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/proof/passkey"
)

const (
	goldenCredential = `{"id":"AQID","public_key":"pQECAyY","aaguid":"c0de5160-0f7e-4a11-9b1d-5a6f746b6579","software":true,"backup_eligible":false}`
	goldenAssertion  = `{"credential_id":"AQID","authenticator_data":"BAU","client_data_json":"e30","signature":"_-8"}`
)

func TestWhatIsInTheLedgerLoadsForEver(t *testing.T) {
	var c passkey.Credential
	var a passkey.Assertion
	if err := errors.Join(json.Unmarshal([]byte(goldenCredential), &c), json.Unmarshal([]byte(goldenAssertion), &a)); err != nil {
		t.Fatal(err)
	}
	wantC := passkey.Credential{ID: []byte{1, 2, 3}, PublicKey: []byte{0xa5, 1, 2, 3, 0x26}, AAGUID: passkey.SoftwareAAGUID, Software: true}
	wantA := passkey.Assertion{CredentialID: []byte{1, 2, 3}, AuthenticatorData: []byte{4, 5}, ClientDataJSON: []byte("{}"), Signature: []byte{0xff, 0xef}}
	if d := cmp.Diff(wantC, c) + cmp.Diff(wantA, a); d != "" {
		t.Error(d)
	}
	for want, v := range map[string]any{goldenCredential: c, goldenAssertion: a} {
		if got, err := json.Marshal(v); string(got) != want || err != nil {
			t.Errorf("written as %s (%v); want %s", got, err, want)
		}
	}
}

func TestStoredFormsAreReadStrictly(t *testing.T) {
	for name, swap := range map[string][2]string{
		"padding":              {`"BAU"`, `"BAU="`},
		"the other alphabet":   {`"_-8"`, `"/+8"`},
		"a line break":         {`"BAU"`, `"BA\nU"`},
		"stray bits":           {`"BAU"`, `"BAV"`},
		"an empty member":      {`"BAU"`, `""`},
		"a null":               {`"BAU"`, `null`},
		"a number":             {`"BAU"`, `7`},
		"an unknown member":    {`{`, `{"more":"AQID",`},
		"a member twice":       {`{`, `{"signature":"AQID",`},
		"a member in capitals": {`"signature"`, `"Signature"`},
		"a missing member":     {`,"signature":"_-8"`, ``},
		"an array":             {goldenAssertion, `[]`},
	} {
		var a passkey.Assertion
		if err := json.Unmarshal([]byte(strings.Replace(goldenAssertion, swap[0], swap[1], 1)), &a); !errors.Is(err, passkey.ErrForm) {
			t.Errorf("assertion with %s: %v; want ErrForm", name, err)
		}
	}
	for name, swap := range map[string][2]string{
		"a device posing as software": {`c0de5160`, `00000000`},
		"software posing as a device": {`true`, `false`},
		"a shouted aaguid":            {`c0de5160`, `C0DE5160`},
		"no aaguid":                   {passkey.SoftwareAAGUID, ``},
		"no key":                      {`pQECAyY`, ``},
		"an unknown member":           {`{`, `{"name":"x",`},
	} {
		var c passkey.Credential
		if err := json.Unmarshal([]byte(strings.Replace(goldenCredential, swap[0], swap[1], 1)), &c); !errors.Is(err, passkey.ErrForm) {
			t.Errorf("credential with %s: %v; want ErrForm", name, err)
		}
	}
}

func TestARelyingPartyBrowsersWouldNotHonourIsRefused(t *testing.T) {
	for _, c := range []struct {
		id, origin string
		ok         bool
	}{
		{"example.org", "https://example.org", true},
		{"example.org", "https://desk.example.org:8443", true},
		{"localhost", "http://localhost:8080", true},
		{"example.org", "http://example.org", false},
		{"example.org", "https://badexample.org", false},
		{"example.org", "https://example.org.evil.com", false},
		{"example.org", "https://example.org/", false},
		{"example.org", "https://user@example.org", false},
		{"example.org", "https://Example.org", false},
		{"example.org", "https://example.org:", false},
		{"example.org", "https://example.org:8x", false},
		{"example.org", "example.org", false},
		{"example.org", "", false},
		{"Example.org", "https://example.org", false},
		{"https://example.org", "https://example.org", false},
		{"", "https://example.org", false},
	} {
		err := passkey.RelyingParty{ID: c.id, Origins: []string{c.origin}}.Check()
		if (err == nil) != c.ok {
			t.Errorf("%q with %q: %v; want ok = %v", c.id, c.origin, err, c.ok)
		}
	}
	if (passkey.RelyingParty{ID: "example.org"}).Check() == nil {
		t.Error("no origins, yet accepted")
	}
}

func TestOptionsAskForVerificationAndNoAttestation(t *testing.T) {
	create, err := json.Marshal(passkey.CreationOptions(ours, passkey.User{Handle: []byte{1}, Name: "n", DisplayName: "N"}, []byte{2}, [][]byte{{3}}))
	if err != nil {
		t.Fatal(err)
	}
	const wantCreate = `{"rp":{"id":"example.org","name":"example.org"},"user":{"id":"AQ","name":"n","displayName":"N"},"challenge":"Ag",` +
		`"pubKeyCredParams":[{"type":"public-key","alg":-8},{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}],"timeout":300000,` +
		`"excludeCredentials":[{"type":"public-key","id":"Aw"}],"authenticatorSelection":{"residentKey":"preferred","userVerification":"required"},"attestation":"none"}`
	if d := cmp.Diff(wantCreate, string(create)); d != "" {
		t.Error(d)
	}
	request, err := json.Marshal(passkey.RequestOptions(ours, []byte{2}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(`{"challenge":"Ag","timeout":300000,"rpId":"example.org","allowCredentials":[],"userVerification":"required"}`, string(request)); d != "" {
		t.Error(d)
	}
}

// What parses prints back to something that parses to the same, and nothing
// that parses panics further on.
func FuzzStoredForms(f *testing.F) {
	f.Add([]byte(goldenAssertion))
	f.Add([]byte(goldenCredential))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, a2 passkey.Assertion
		if json.Unmarshal(data, &a) == nil && a.Signature != nil {
			text, err := json.Marshal(a)
			if err != nil || json.Unmarshal(text, &a2) != nil || !cmp.Equal(a, a2) {
				t.Fatalf("%s comes back as %s (%v)", data, text, err)
			}
			if passkey.Verify(ours, passkey.Credential{ID: a.CredentialID, PublicKey: a.AuthenticatorData}, challenge, a) == nil {
				t.Fatal("a forgery is accepted")
			}
		}
		var c, c2 passkey.Credential
		if json.Unmarshal(data, &c) == nil && c.ID != nil {
			text, err := json.Marshal(c)
			if err != nil || json.Unmarshal(text, &c2) != nil || !cmp.Equal(c, c2) {
				t.Fatalf("%s comes back as %s (%v)", data, text, err)
			}
		}
	})
}

// No response makes the parsers panic, and none answers a challenge that is
// made from the response itself.
func FuzzResponses(f *testing.F) {
	f.Add([]byte(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA"}}`))
	f.Add([]byte(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AQ","signature":"AQ"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fresh := sha256.Sum256(data)
		if c, err := passkey.Register(ours, fresh[:], data); err == nil {
			t.Fatalf("registered %+v for a challenge it cannot know", c)
		}
		a, err := passkey.ParseAssertion(data)
		if err != nil {
			return
		}
		if passkey.Verify(ours, passkey.Credential{ID: a.CredentialID}, fresh[:], a) == nil {
			t.Fatal("verified for a challenge it cannot know")
		}
		_, _ = passkey.Counter(a)
	})
}
