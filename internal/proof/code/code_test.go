package code_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/proof/code"
)

func TestACodeIsEightDigitsAndReadsBackAsTyped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var seed [32]byte
		copy(seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		c := code.New(rand.NewChaCha8(seed))
		for _, typed := range []string{c, code.Show(c), " " + c + "\n", c[:4] + "-" + c[4:], c[:2] + "\u00a0" + c[2:]} {
			if got, err := code.Normalize(typed); got != c || err != nil {
				t.Fatalf("%q reads as %q, %v; want %s", typed, got, err, c)
			}
		}
	})
}

func TestCodesComeFromTheirBytesWithoutBias(t *testing.T) {
	for in, want := range map[string]string{
		"\x00\x00\x00\x00":                      "00000000",
		"\x00\x00\x00\x2a":                      "00000042",
		"\x05\xf5\xe1\x00":                      "00000000", // 100,000,000
		"\xfa\x56\xe9\xff":                      "99999999", // 4,199,999,999, the last fair one
		"\xfa\x56\xea\x00" + "\x00\x00\x00\x01": "00000001", // the first unfair one is passed over
		"\xff\xff\xff\xff" + "\x00\x00\x00\x07": "00000007",
	} {
		if got := code.New(bytes.NewReader([]byte(in))); got != want {
			t.Errorf("%x makes %s; want %s", in, got, want)
		}
	}
}

// Each digit at each place comes up about as often as any other.
func TestDigitsAreSpreadEvenly(t *testing.T) {
	const n = 20_000
	var count [8][10]int
	r := rand.NewChaCha8([32]byte{1})
	for range n {
		for i, d := range code.New(r) {
			count[i][d-'0']++
		}
	}
	for i := range count {
		for d, c := range count[i] {
			if c < n/10*9/10 || c > n/10*11/10 { // five standard deviations
				t.Errorf("digit %d at place %d came up %d times of %d", d, i, c, n)
			}
		}
	}
}

func TestWhatCannotBeACodeIsRefusedWithoutRepeatingIt(t *testing.T) {
	for _, bad := range []string{
		"", "1234567", "123456789", "1234567a", "+1234567", "١٢٣٤٥٦٧٨", "１２３４５６７８", "12345678\x00", "1234.5678",
		"1234\u200b5678", fmt.Sprintf("%80s", "12345678"),
	} {
		got, err := code.Normalize(bad)
		if !errors.Is(err, code.ErrForm) || got != "" {
			t.Errorf("%q reads as %q, %v", bad, got, err)
		} else if bad != "" && bytes.Contains([]byte(err.Error()), []byte(bad)) {
			t.Errorf("the error repeats %q", bad)
		}
	}
	if code.Show("123") != "123" {
		t.Error("Show changes what is not a code")
	}
}

func TestWithoutChanceThereIsNoCode(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("made a code out of nothing")
		}
	}()
	code.New(bytes.NewReader([]byte{1, 2}))
}

func FuzzNormalize(f *testing.F) {
	f.Add("1234 5678")
	f.Add("١٢٣٤٥٦٧٨")
	f.Fuzz(func(t *testing.T, typed string) {
		c, err := code.Normalize(typed)
		if err != nil {
			return
		}
		if again, err := code.Normalize(code.Show(c)); again != c || err != nil || len(c) != 8 {
			t.Fatalf("%q reads as %q, which reads as %q (%v)", typed, c, again, err)
		}
	})
}
