package app

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/internal/proof/device"
	"countersign/internal/proof/idv"
)

var providersKey = ed25519.NewKeyFromSeed(make([]byte, 32))

func pemText(t testing.TB, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func providersPEM(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(providersKey.Public())
	return pemText(t, "PUBLIC KEY", der, err)
}

const proofed = small + `idv:
  - name: https://proofing.example
    keys_file: proofing.pem
    levels: [IAL2]
    start_url: https://proofing.example/start?nonce={challenge}&back={return}
`

// result is what the provider answers about pat-17.
func result(t testing.TB, nonce, audience string, at time.Time) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{
		"iss": "https://proofing.example", "aud": audience, "nonce": nonce, "sub": "pat-17", "ial": "IAL2", "pad": true, "jti": "r1",
		"iat": at.Unix(), "exp": at.Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString([]byte(`{"alg":"EdDSA"}`)) + "." + b64.EncodeToString(claims)
	return text + "." + b64.EncodeToString(ed25519.Sign(providersKey, []byte(text)))
}

func TestAConfiguredProvidersResultCountsForThisServer(t *testing.T) {
	c, _, err := LoadConfig(written(t, "c.yaml", proofed, "proofing.pem", providersPEM(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	providers, err := c.idv()
	if err != nil || len(providers) != 1 {
		t.Fatalf("%d providers, %v", len(providers), err)
	}
	const nonce = "chl_0123456789abcdef"
	p, at, w := providers[0], time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), idv.Want{Challenge: nonce, Subject: "pat-17"}
	if _, err := idv.Check([]idv.Issuer{p.Issuer}, result(t, nonce, "https://countersign.example.org", at), w, at); err != nil {
		t.Error(err)
	}
	if _, err := idv.Check([]idv.Issuer{p.Issuer}, result(t, nonce, "https://other.example.org", at), w, at); !errors.Is(err, idv.ErrAudience) {
		t.Errorf("issued for another server: %v", err)
	}
	want := "https://proofing.example/start?nonce=chl_1%26x%3D%7Breturn%7D&back=https%3A%2F%2Fcountersign.example.org%2Fcase%3Fa%3Db"
	if got := p.startURL("chl_1&x={return}", "https://countersign.example.org/case?a=b"); got != want {
		t.Errorf("the person is sent to\n%s, not to\n%s", got, want)
	}
}

func TestKeysThatVanishAreMissedWhenTheyAreNeeded(t *testing.T) {
	c, _, err := LoadConfig(written(t, "c.yaml", proofed, "proofing.pem", providersPEM(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.IDV[0].KeysFile); err != nil {
		t.Fatal(err)
	}
	if got, err := c.idv(); err == nil || got != nil || !strings.Contains(err.Error(), "https://proofing.example") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAFaultOfAProviderIsNamedAtItsPlace(t *testing.T) {
	start := "https://proofing.example/start?nonce={challenge}&back={return}"
	for _, c := range []struct{ old, now, want string }{
		{"name: https://proofing.example", "name: ''", "idv[0].name: a provider needs the name"},
		{"levels: [IAL2]", "levels: []", "idv[0].levels: name at least one level"},
		{"levels: [IAL2]", "levels: [IAL2, '']", "idv[0].levels[1]: an empty text"},
		{"levels: [IAL2]", "levels: [IAL2]\n    max_age: 25h", "idv[0].max_age: a result may be at most 24h old"},
		{"keys_file: proofing.pem", "keys_file: ''", "idv[0].keys_file: this key is missing"},
		{"keys_file: proofing.pem", "keys_file: none.pem", "idv[0].keys_file: the keys cannot be read: open "},
		{"keys_file: proofing.pem", "keys_file: c.yaml", "idv[0].keys_file: the keys cannot be read: not in the documented form"},
		{start, "http://proofing.example/start?nonce={challenge}", "idv[0].start_url: this is not of the form"},
		{start, "https://a@proofing.example/?nonce={challenge}", "idv[0].start_url: this is not of the form"},
		{start, "https://proofing.example/start", "idv[0].start_url: {challenge} has to stand once"},
		{start, "https://proofing.example/{challenge}", "idv[0].start_url: {challenge} has to stand once"},
		{start, "https://proofing.example/?a={challenge}&b={challenge}", "idv[0].start_url: {challenge} has to stand once"},
		{start, "https://proofing.example/?a={challenge}&b={retrun}", "idv[0].start_url: {challenge} has to stand once"},
		{"idv:\n", "idv:\n  - {name: https://proofing.example, keys_file: proofing.pem, levels: [a], start_url: 'https://x/?{challenge}'}\n", "idv[1].name: two providers"},
		{"idv:\n", "devices: {ca_file: none.pem}\nidv:\n", "devices.ca_file: open "},
		{"idv:\n", "devices: {ca_file: c.yaml}\nidv:\n", "devices.ca_file: the file holds no certificate"},
		{"idv:\n", "devices: {ca_file: proofing.pem}\nidv:\n", "devices.ca_file: the file holds something else"},
	} {
		_, _, err := LoadConfig(written(t, "c.yaml", strings.Replace(proofed, c.old, c.now, 1), "proofing.pem", providersPEM(t)), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s", c.now, err, c.want)
		}
	}
}

// signed makes a certificate for a key that another one signs.
func signed(t testing.TB, name string, isCA bool, key, by *ecdsa.PrivateKey) string {
	t.Helper()
	cert := x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name}, IsCA: isCA, BasicConstraintsValid: true,
		NotBefore: time.Unix(1_700_000_000, 0), NotAfter: time.Unix(1_800_000_000, 0),
	}
	parent := x509.Certificate{Subject: pkix.Name{CommonName: "devices"}, SerialNumber: big.NewInt(7)}
	der, err := x509.CreateCertificate(rand.Reader, &cert, &parent, key.Public(), by)
	return pemText(t, "CERTIFICATE", der, err)
}

func TestADeviceOfTheAuthoritiesIsTaken(t *testing.T) {
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = k
	}
	ca, laptop := signed(t, "devices", true, keys[0], keys[0]), signed(t, "laptop", false, keys[1], keys[0])
	text := small + "devices: {ca_file: ca.pem}\n"
	c, _, err := LoadConfig(written(t, "c.yaml", text, "ca.pem", ca+"\n"+ca), nil)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := c.deviceCAs()
	if err != nil || pool == nil {
		t.Fatal(err)
	}
	for name, from := range map[string]struct {
		cert string
		want error
	}{"of the authority": {laptop, nil}, "of its own": {signed(t, "laptop", false, keys[1], keys[1]), device.ErrCertificate}} {
		if _, err := device.ParseKey([]byte(from.cert), pool, time.Unix(1_750_000_000, 0)); !errors.Is(err, from.want) {
			t.Errorf("%s: %v; want %v", name, err, from.want)
		}
	}
	_, _, err = LoadConfig(written(t, "c.yaml", text, "ca.pem", ca+laptop), nil)
	if err == nil || !strings.Contains(err.Error(), "devices.ca_file: the file holds something else") {
		t.Errorf("a device among the authorities: %v", err)
	}
	none, _, err := LoadConfig(written(t, "c.yaml", small), nil)
	if pool, caErr := none.deviceCAs(); err != nil || caErr != nil || pool != nil {
		t.Errorf("no authorities: %s", fmt.Sprint(pool, err, caErr))
	}
}
