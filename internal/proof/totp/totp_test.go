package totp_test

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	other "github.com/pquerna/otp/totp"
	"pgregory.net/rapid"

	"countersign/internal/proof/totp"
)

// rfc is the secret of RFC 6238's appendix B; its vectors have eight digits, of
// which apps show the last six.
var rfc = []byte("12345678901234567890")

var vectors = map[int64]string{
	59: "94287082", 1111111109: "07081804", 1111111111: "14050471",
	1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
}

func TestTheVectorsOfRFC6238(t *testing.T) {
	for at, code := range vectors {
		now := time.Unix(at, 0)
		if got, err := totp.At(rfc, now); got != code[2:] || err != nil {
			t.Errorf("at %d: %s, %v; want %s", at, got, err, code[2:])
		}
		if step, ok := totp.Check(rfc, code[2:], now, 0); !ok || step != at/30 {
			t.Errorf("at %d: step %d, %v; want %d", at, step, ok, at/30)
		}
	}
}

func TestACodeCountsOneStepEarlyOrLateAndNoFurther(t *testing.T) {
	start := time.Unix(1111111110, 0) // the first second of a step
	code, err := totp.At(rfc, start)
	if err != nil {
		t.Fatal(err)
	}
	for offset, want := range map[time.Duration]bool{
		-31 * time.Second: false, -30 * time.Second: true, 0: true, 29 * time.Second: true,
		30 * time.Second: true, 59 * time.Second: true, 60 * time.Second: false,
	} {
		if _, ok := totp.Check(rfc, code, start.Add(offset), 0); ok != want {
			t.Errorf("%v after the step began: %v; want %v", offset, ok, want)
		}
	}
}

func TestACodeCountsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "secret")
		now := time.Unix(rapid.Int64Range(60, 1<<40).Draw(t, "now"), 0)
		shown := now.Add(time.Duration(rapid.IntRange(-30, 30).Draw(t, "skew")) * time.Second)
		code, err := totp.At(secret, shown)
		if err != nil {
			t.Fatal(err)
		}
		last, ok := totp.Check(secret, code, now, 0)
		if !ok {
			t.Fatal("an honest code is refused")
		}
		for s := last; s <= last+2; s++ { // whatever the moment, only a later step may accept it again
			again, ok := totp.Check(secret, code, time.Unix(s*30, 0), last)
			if ok && again <= last {
				t.Fatal("accepted twice for one step")
			}
		}
		if _, earlier := totp.Check(secret, code, now, last+5); earlier {
			t.Fatal("a code before the last accepted step is accepted")
		}
	})
}

func TestAnAcceptedCodeIsSpentAtOnce(t *testing.T) {
	now := time.Unix(1111111109, 0)
	last, ok := totp.Check(rfc, "081804", now, 0)
	if !ok {
		t.Fatal("an honest code is refused")
	}
	if _, again := totp.Check(rfc, "081804", now, last); again {
		t.Error("accepted twice")
	}
	next, err := totp.At(rfc, now.Add(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if step, ok := totp.Check(rfc, next, now.Add(30*time.Second), last); !ok || step != last+1 {
		t.Errorf("the next code: step %d, %v; want %d", step, ok, last+1)
	}
}

func TestOnlyPlainDigitsAreACode(t *testing.T) {
	now := time.Unix(1111111109, 0) // the code is 081804
	for code, want := range map[string]bool{
		"081804": true, "081 804": true, " 081804\n": true, "0 8 1 8 0 4": true, "081\u00a0804": true,
		"81804": false, "0081804": false, "081804 081804": false, "081805": false, "": false, "      ": false,
		"٠٨١٨٠٤": false, "０８１８０４": false, "०८१८०४": false, "08180４": false, "+81804": false, "0x1804": false,
		"081-804": false, "081804\x00": false, "\u202e408180": false, strings.Repeat(" ", 60) + "081804": false,
	} {
		if _, ok := totp.Check(rfc, code, now, 0); ok != want {
			t.Errorf("%q: %v; want %v", code, ok, want)
		}
	}
}

func TestASecretTooShortProvesNothing(t *testing.T) {
	now := time.Unix(1111111109, 0)
	for _, n := range []int{0, 1, 15} {
		code, err := totp.At(make([]byte, n), now)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := totp.Check(make([]byte, n), code, now, 0); ok {
			t.Errorf("a secret of %d bytes is accepted", n)
		}
	}
	if _, ok := totp.Check(rfc, "000000", time.Unix(-100, 0), -10); ok {
		t.Error("a moment before 1970 is accepted")
	}
}

func TestAnotherImplementationReadsTheAddress(t *testing.T) {
	secret := totp.NewSecret(bytes.NewReader(rfc))
	uri := totp.URI("Acme: Desk & Co", "m ito?secret=AAAA\r\n", secret)
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		t.Fatal(err)
	}
	if key.Issuer() != "Acme  Desk & Co" || key.Secret() != totp.Text(secret) || key.Period() != 30 || key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 {
		t.Errorf("read as issuer %q, period %d, %d digits, %v", key.Issuer(), key.Period(), key.Digits(), key.Algorithm())
	}
	if u, err := url.Parse(uri); err != nil || len(u.Query()["secret"]) != 1 || strings.ContainsAny(uri, "\r\n +") {
		t.Errorf("%s: a name has become a part of the address", uri)
	}
	now := time.Unix(1700000000, 0)
	code, err := other.GenerateCode(key.Secret(), now)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := totp.Check(secret, code, now, 0); !ok {
		t.Error("its code is refused")
	}
}

func TestWithoutChanceThereIsNoSecret(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("made a secret out of too little")
		}
	}()
	totp.NewSecret(bytes.NewReader(rfc[:19]))
}

func FuzzCheck(f *testing.F) {
	f.Add("081804", int64(1111111109))
	f.Add("٠٨١٨٠٤", int64(0))
	f.Fuzz(func(t *testing.T, code string, at int64) {
		now := time.Unix(at, 0)
		step, ok := totp.Check(rfc, code, now, 0)
		if ok && (step < now.Unix()/30-1 || step > now.Unix()/30+1 || strings.Join(strings.Fields(code), "") == "") {
			t.Fatalf("%q at %d: step %d", code, at, step)
		}
	})
}
