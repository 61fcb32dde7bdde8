package device_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/proof/device"
)

var (
	now       = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	statement = []byte("countersign/device/v1\nrequest: req_1\nchallenge: chl_1\n")
	ed        = ed25519.NewKeyFromSeed(make([]byte, 32))
	p256      = sync.OnceValue(func() *ecdsa.PrivateKey { return made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	rsa2048   = sync.OnceValue(func() *rsa.PrivateKey { return made(rsa.GenerateKey(rand.Reader, 2048)) })
)

func made[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func publicPEM(s crypto.Signer) []byte {
	return pemOf("PUBLIC KEY", made(x509.MarshalPKIXPublicKey(s.Public())))
}

func keyOf(t testing.TB, s crypto.Signer) device.Key {
	t.Helper()
	k, err := device.ParseKey(publicPEM(s), nil, now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func signers() map[string]crypto.Signer {
	return map[string]crypto.Signer{"P-256": p256(), "Ed25519": ed, "RSA": rsa2048()}
}

func TestTheHolderOfTheKeyAnswers(t *testing.T) {
	for name, s := range signers() {
		answer, err := device.Sign(rand.Reader, s, statement)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := device.Verify(keyOf(t, s), statement, answer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for other, o := range signers() {
			if other != name && device.Verify(keyOf(t, o), statement, answer) == nil {
				t.Errorf("an answer of %s passes for one of %s", name, other)
			}
		}
	}
}

func TestEverySignatureOfAP256SignerIsTurnedIntoTheOneThatCounts(t *testing.T) {
	k := keyOf(t, p256())
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "statement")
		answer, err := device.Sign(rand.Reader, p256(), text)
		if err != nil || len(answer) != 86 || device.Verify(k, text, answer) != nil {
			t.Fatalf("%q: %v", answer, err)
		}
	})
}

func TestAKeyIsStoredAsOneTextAndReadsBack(t *testing.T) {
	for name, s := range signers() {
		k := keyOf(t, s)
		text, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		var back device.Key
		if err := json.Unmarshal(text, &back); err != nil || !bytes.Equal(back, k) || back.Fingerprint() != k.Fingerprint() {
			t.Errorf("%s: %s, %v", name, text, err)
		}
		if f := k.Fingerprint(); !strings.HasPrefix(f, "SHA256:") || len(f) != 50 {
			t.Errorf("%s: fingerprint %q", name, f)
		}
	}
	for _, bad := range []string{`null`, `""`, `1`, `"x"`, `"` + keyOf(t, ed).String() + `="`, `"` + keyOf(t, ed).String() + `A"`, `{}`} {
		var k device.Key
		if err := json.Unmarshal([]byte(bad), &k); err == nil || k != nil {
			t.Errorf("%s reads as a key", bad)
		}
	}
}

func TestOnlySoundPublicKeysAreRead(t *testing.T) {
	p384 := made(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	short := made(rsa.GenerateKey(rand.Reader, 1024))
	pkcs8 := made(x509.MarshalPKCS8PrivateKey(p256()))
	for name, c := range map[string]struct {
		text []byte
		want error
	}{
		"nothing":               {nil, device.ErrForm},
		"some text":             {[]byte("ssh-ed25519 AAAA"), device.ErrForm},
		"text before the PEM":   {append([]byte("key:\n"), publicPEM(ed)...), device.ErrForm},
		"text after the PEM":    {append(publicPEM(ed), "x"...), device.ErrForm},
		"two keys":              {bytes.Repeat(publicPEM(ed), 2), device.ErrForm},
		"a private key":         {pemOf("PRIVATE KEY", pkcs8), device.ErrPrivate},
		"a key with its secret": {append(publicPEM(p256()), pemOf("EC PRIVATE KEY", pkcs8)...), device.ErrPrivate},
		"a request":             {pemOf("CERTIFICATE REQUEST", []byte("x")), device.ErrForm},
		"nonsense":              {pemOf("PUBLIC KEY", []byte("x")), device.ErrKey},
		"a broken certificate":  {pemOf("CERTIFICATE", []byte("x")), device.ErrForm},
		"P-384":                 {publicPEM(p384), device.ErrKey},
		"RSA of 1024 bits":      {publicPEM(short), device.ErrKey},
		"too long":              {bytes.Repeat([]byte("\n"), 64<<10+1), device.ErrForm},
	} {
		if k, err := device.ParseKey(c.text, nil, now); !errors.Is(err, c.want) || k != nil {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
}

// certificate is one that parent has signed; with nil it signs itself.
func certificate(t testing.TB, public crypto.PublicKey, c x509.Certificate, parent *x509.Certificate, with crypto.Signer) *x509.Certificate {
	t.Helper()
	c.SerialNumber = big.NewInt(int64(len(c.Subject.CommonName)) + 1)
	if c.NotBefore.IsZero() {
		c.NotBefore, c.NotAfter = now.Add(-time.Hour), now.Add(time.Hour)
	}
	if c.IsCA {
		c.BasicConstraintsValid, c.KeyUsage = true, x509.KeyUsageCertSign
	}
	if parent == nil {
		parent = &c
	}
	der, err := x509.CreateCertificate(rand.Reader, &c, parent, public, with)
	if err != nil {
		t.Fatal(err)
	}
	return made(x509.ParseCertificate(der))
}

func named(name string, ca bool) x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: ca}
}

func TestACertificateHasToBeOfTheAuthorities(t *testing.T) {
	ca, other := made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	between := made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	root := certificate(t, ca.Public(), named("devices", true), nil, ca)
	middle := certificate(t, between.Public(), named("site", true), root, ca)
	cas := x509.NewCertPool()
	cas.AddCert(root)

	laptop, old, early, server := named("laptop", false), named("old laptop", false), named("new laptop", false), named("server", false)
	always := named("always", false) // valid whatever the clock of the test's machine says
	always.NotBefore, always.NotAfter = time.Unix(0, 0), time.Unix(1<<33, 0)
	old.NotBefore, old.NotAfter = now.Add(-2*time.Hour), now.Add(-time.Second)
	early.NotBefore, early.NotAfter = now.Add(time.Second), now.Add(time.Hour)
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	ages := named("devices", true)
	ages.NotBefore, ages.NotAfter = always.NotBefore, always.NotAfter
	forever, eternal := certificate(t, ca.Public(), ages, nil, ca), x509.NewCertPool()
	eternal.AddCert(forever)
	one := func(c *x509.Certificate) []byte { return pemOf("CERTIFICATE", c.Raw) }
	good := one(certificate(t, p256().Public(), laptop, root, ca))
	viaSite := one(certificate(t, p256().Public(), laptop, middle, between))
	own := one(certificate(t, p256().Public(), laptop, nil, p256()))
	for name, c := range map[string]struct {
		text []byte
		cas  *x509.CertPool
		at   time.Time
		want error
	}{
		"of the authority":                   {good, cas, now, nil},
		"by way of a site":                   {append(bytes.Clone(viaSite), one(middle)...), cas, now, nil},
		"the site left out":                  {viaSite, cas, now, device.ErrCertificate},
		"of its own":                         {own, cas, now, device.ErrCertificate},
		"of its own, where nobody is asked":  {own, nil, now, nil},
		"of an authority of the same name":   {one(certificate(t, p256().Public(), laptop, certificate(t, other.Public(), named("devices", true), nil, other), other)), cas, now, device.ErrCertificate},
		"expired":                            {one(certificate(t, p256().Public(), old, root, ca)), cas, now, device.ErrCertificate},
		"not yet valid":                      {one(certificate(t, p256().Public(), early, root, ca)), cas, now, device.ErrCertificate},
		"at no time":                         {one(certificate(t, p256().Public(), always, forever, ca)), eternal, time.Time{}, device.ErrCertificate},
		"of a server":                        {one(certificate(t, p256().Public(), server, root, ca)), cas, now, device.ErrCertificate},
		"the authority's":                    {one(root), cas, now, device.ErrCertificate},
		"followed by something else":         {append(bytes.Clone(good), publicPEM(ed)...), cas, now, device.ErrForm},
		"no authorities at all":              {good, x509.NewCertPool(), now, device.ErrCertificate},
		"a bare key, which an officer names": {publicPEM(p256()), cas, now, nil},
	} {
		k, err := device.ParseKey(c.text, c.cas, c.at)
		if !errors.Is(err, c.want) || (err == nil) != (k.Fingerprint() == keyOf(t, p256()).Fingerprint()) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
}
