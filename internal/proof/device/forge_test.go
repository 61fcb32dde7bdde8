package device_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"

	"countersign/internal/proof/device"
)

var (
	b64       = base64.RawURLEncoding
	sentinels = []error{device.ErrForm, device.ErrPrivate, device.ErrKey, device.ErrCertificate, device.ErrSignature, device.ErrSigner}
)

func one(err error) bool {
	n := 0
	for _, s := range sentinels {
		if errors.Is(err, s) {
			n++
		}
	}
	return n == 1
}

func answerOf(t testing.TB, s crypto.Signer) (string, []byte) {
	t.Helper()
	answer, err := device.Sign(rand.Reader, s, statement)
	if err != nil {
		t.Fatal(err)
	}
	return answer, made(b64.DecodeString(answer))
}

func TestAForgedAnswerIsRefused(t *testing.T) {
	k := keyOf(t, p256())
	answer, sig := answerOf(t, p256())
	purpose := func(text string) []byte { h := sha256.Sum256(append([]byte(text), statement...)); return h[:] }
	raw := func(hash []byte) string {
		for { // the smaller s, so that only what was signed differs
			r, s, err := ecdsa.Sign(rand.Reader, p256(), hash)
			if err != nil {
				t.Fatal(err)
			}
			if s.Cmp(new(big.Int).Rsh(elliptic.P256().Params().N, 1)) <= 0 {
				return b64.EncodeToString(slices.Concat(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))))
			}
		}
	}
	if err := device.Verify(k, statement, raw(purpose("countersign/device/v1\x00"))); err != nil {
		t.Fatalf("the forger does not even make a good one: %v", err)
	}
	n := elliptic.P256().Params().N
	twin := slices.Concat(sig[:32], new(big.Int).Sub(n, new(big.Int).SetBytes(sig[32:])).FillBytes(make([]byte, 32)))
	if !ecdsa.Verify(&p256().PublicKey, purpose("countersign/device/v1\x00"), new(big.Int).SetBytes(twin[:32]), new(big.Int).SetBytes(twin[32:])) {
		t.Fatal("the twin is no signature")
	}
	for name, c := range map[string]struct {
		answer string
		want   error
	}{
		"nothing":                      {"", device.ErrForm},
		"padding":                      {answer + "==", device.ErrForm},
		"a line break inside":          {answer[:40] + "\n" + answer[40:], device.ErrForm},
		"a line break at the end":      {answer + "\n", device.ErrForm},
		"the other alphabet":           {strings.NewReplacer("-", "+", "_", "/").Replace("-_" + answer), device.ErrForm},
		"stray bits":                   {answer[:85] + string(stray(answer[85])), device.ErrForm},
		"hexadecimal":                  {hex.EncodeToString(sig), device.ErrSignature},
		"as signers give it (ASN.1)":   {b64.EncodeToString(made(p256().Sign(rand.Reader, purpose("countersign/device/v1\x00"), crypto.SHA256))), device.ErrSignature},
		"its twin":                     {b64.EncodeToString(twin), device.ErrSignature},
		"zeros":                        {b64.EncodeToString(make([]byte, 64)), device.ErrSignature},
		"r beyond the order":           {b64.EncodeToString(slices.Concat(bytes.Repeat([]byte{255}, 32), sig[32:])), device.ErrSignature},
		"a byte more":                  {b64.EncodeToString(append(bytes.Clone(sig), 0)), device.ErrSignature},
		"a zero in the middle":         {b64.EncodeToString(slices.Concat(sig[:32], []byte{0}, sig[32:])), device.ErrSignature},
		"a byte less":                  {b64.EncodeToString(sig[:63]), device.ErrSignature},
		"signed for no purpose":        {raw(purpose("")), device.ErrSignature},
		"signed for another purpose":   {raw(purpose("countersign/approval/v1\x00")), device.ErrSignature},
		"signed for the next version":  {raw(purpose("countersign/device/v2\x00")), device.ErrSignature},
		"signed without the separator": {raw(purpose("countersign/device/v1")), device.ErrSignature},
	} {
		if err := device.Verify(k, statement, c.answer); !errors.Is(err, c.want) || !one(err) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
}

// stray is another letter for the same last byte.
func stray(last byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, last)|1]
}

func TestAnAnswerIsForOneStatement(t *testing.T) {
	for name, s := range signers() {
		k := keyOf(t, s)
		answer, sig := answerOf(t, s)
		for what, text := range map[string][]byte{
			"another challenge": bytes.Replace(statement, []byte("chl_1"), []byte("chl_2"), 1),
			"one byte more":     append(bytes.Clone(statement), '\n'),
			"one byte less":     statement[:len(statement)-1],
		} {
			if err := device.Verify(k, text, answer); !errors.Is(err, device.ErrSignature) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		for i := range sig {
			bad := bytes.Clone(sig)
			bad[i] ^= 1
			if err := device.Verify(k, statement, b64.EncodeToString(bad)); !errors.Is(err, device.ErrSignature) {
				t.Fatalf("%s: byte %d may change: %v", name, i, err)
			}
		}
		for _, text := range [][]byte{nil, {}, make([]byte, 64<<10+1)} {
			if err := device.Verify(k, text, answer); !errors.Is(err, device.ErrForm) {
				t.Errorf("%s, a statement of %d bytes: %v", name, len(text), err)
			}
		}
	}
}

// An Ed25519 signature whose second half is raised by the group's order, and an
// RSA one raised by the modulus, compute to the same; they do not count.
func TestNoSecondTextOfASignatureCounts(t *testing.T) {
	_, sig := answerOf(t, ed)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(sig[32:])
	slices.Reverse(s)
	raised := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(raised)
	if err := device.Verify(keyOf(t, ed), statement, b64.EncodeToString(slices.Concat(sig[:32], raised))); !errors.Is(err, device.ErrSignature) {
		t.Errorf("Ed25519: %v", err)
	}
	_, sig = answerOf(t, rsa2048())
	for name, bad := range map[string][]byte{
		"raised":      new(big.Int).Add(new(big.Int).SetBytes(sig), rsa2048().N).Bytes(),
		"a zero more": append([]byte{0}, sig...),
		"PSS":         made(rsa.SignPSS(rand.Reader, rsa2048(), crypto.SHA256, make([]byte, 32), nil)),
	} {
		if err := device.Verify(keyOf(t, rsa2048()), statement, b64.EncodeToString(bad)); !errors.Is(err, device.ErrSignature) {
			t.Errorf("RSA, %s: %v", name, err)
		}
	}
}

// Under a key of small order one signature fits about one text in eight, and
// whoever registers such a key has left the door open for everybody.
func TestAKeyThatEverybodyCanSignForIsRefused(t *testing.T) {
	everybodys := make([]byte, 64)
	everybodys[0] = 1 // the neutral point, and nothing times the base point
	for _, y := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000080",
		"0100000000000000000000000000000000000000000000000000000000000000", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		weak := ed25519.PublicKey(made(hex.DecodeString(y)))
		fits := 0
		for i := range 256 {
			if ed25519.Verify(weak, append([]byte("text "), byte(i)), everybodys) {
				fits++
			}
		}
		if fits == 0 {
			t.Errorf("%s is not weak: the test says nothing", y)
		}
		der := made(x509.MarshalPKIXPublicKey(weak))
		if _, err := device.ParseKey(pemOf("PUBLIC KEY", der), nil, now); !errors.Is(err, device.ErrKey) {
			t.Errorf("%s: %v", y, err)
		}
		if err := device.Verify(der, statement, b64.EncodeToString(everybodys)); !errors.Is(err, device.ErrKey) {
			t.Errorf("%s verifies: %v", y, err)
		}
	}
}

func TestAKeyWrittenInAnUnusualWayIsNotVerifiedWith(t *testing.T) {
	answer, _ := answerOf(t, ed)
	k := keyOf(t, ed)
	long := slices.Concat([]byte{k[0], 0x81}, k[1:]) // the same length in the long form
	for name, bad := range map[string]device.Key{
		"none": nil, "a byte more": append(bytes.Clone(k), 0), "the long form": long, "too long": make(device.Key, 2<<10+1),
	} {
		if err := device.Verify(bad, statement, answer); err == nil || !one(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type badSigner struct {
	crypto.Signer
	sig []byte
	err error
}

func (b badSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return b.sig, b.err }

func TestASignerThatFailsGivesNoAnswer(t *testing.T) {
	p384 := made(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for name, c := range map[string]struct {
		s    crypto.Signer
		want error
	}{
		"an error":            {badSigner{p256(), nil, errors.New("unplugged")}, device.ErrSigner},
		"no ASN.1":            {badSigner{p256(), []byte("x"), nil}, device.ErrSigner},
		"zeros":               {badSigner{p256(), []byte{0x30, 6, 2, 1, 0, 2, 1, 0}, nil}, device.ErrSigner},
		"another signature":   {badSigner{p256(), []byte{0x30, 6, 2, 1, 1, 2, 1, 1}, nil}, device.ErrSignature},
		"another curve":       {p384, device.ErrKey},
		"an empty signature":  {badSigner{ed, nil, nil}, device.ErrForm},
		"half of a signature": {badSigner{ed, make([]byte, 32), nil}, device.ErrSignature},
	} {
		if answer, err := device.Sign(rand.Reader, c.s, statement); !errors.Is(err, c.want) || !one(err) || answer != "" {
			t.Errorf("%s: %q, %v; want %v", name, answer, err, c.want)
		}
	}
	if _, err := device.Sign(rand.Reader, ed, nil); !errors.Is(err, device.ErrForm) {
		t.Errorf("no statement: %v", err)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(publicPEM(ed))
	f.Add(publicPEM(p256()))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := device.ParseKey(text, nil, now)
		if (err == nil) == (k == nil) || err != nil && !one(err) {
			t.Fatalf("%v, %v", k, err)
		}
		var back device.Key
		if err == nil && (back.UnmarshalText([]byte(k.String())) != nil || !bytes.Equal(back, k)) {
			t.Fatalf("%s does not read back", k)
		}
	})
}

// Only the text that Sign wrote answers.
func FuzzVerify(f *testing.F) {
	k := keyOf(f, ed)
	good, _ := answerOf(f, ed)
	f.Add(good)
	f.Add(good[:85] + "B")
	f.Fuzz(func(t *testing.T, answer string) {
		if err := device.Verify(k, statement, answer); (err == nil) != (answer == good) || err != nil && !one(err) {
			t.Fatalf("%q: %v", answer, err)
		}
	})
}
