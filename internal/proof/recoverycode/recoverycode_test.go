package recoverycode_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/proof/recoverycode"
)

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func draw(t *rapid.T) string {
	var seed [32]byte
	copy(seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
	return recoverycode.New(rand.NewChaCha8(seed))
}

// A code that was given out must be readable for ever: this one fixes alphabet,
// grouping and check character.
func TestACodeHasItsForm(t *testing.T) {
	in := []byte{20, 7, 22, 15, 9, 19, 2, 28, 3, 25, 13, 27, 23, 11, 8, 14, 5, 17, 255}
	if got := recoverycode.New(bytes.NewReader(in)); got != "M7PF-9K2W-3SDV-QB8E-5HZD" {
		t.Errorf("made %s", got)
	}
	form := regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}$`)
	rapid.Check(t, func(t *rapid.T) {
		if c := draw(t); !form.MatchString(c) {
			t.Fatalf("made %s", c)
		}
	})
}

func TestACodeReadsBackHoweverItIsTyped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		plain := strings.ReplaceAll(c, "-", "")
		for _, typed := range []string{
			c, plain, strings.ToLower(c), " " + c + "\n", strings.Join(strings.Split(plain, ""), " "),
			strings.NewReplacer("0", "O", "1", "I").Replace(c), strings.NewReplacer("0", "o", "1", "l").Replace(c),
		} {
			if got, err := recoverycode.Normalize(typed); got != c || err != nil {
				t.Fatalf("%q reads as %q, %v; want %s", typed, got, err, c)
			}
		}
	})
}

// Every single wrong character, and every exchange of two, at any distance.
func TestATypoIsAlwaysFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := strings.ReplaceAll(draw(t), "-", "")
		for i := range c {
			for _, r := range alphabet {
				bad := c[:i] + string(r) + c[i+1:]
				if _, err := recoverycode.Normalize(bad); bad != c && !errors.Is(err, recoverycode.ErrTypo) {
					t.Fatalf("%s for %s: %v; want ErrTypo", bad, c, err)
				}
			}
			for j := range i {
				b := []byte(c)
				b[i], b[j] = b[j], b[i]
				if _, err := recoverycode.Normalize(string(b)); string(b) != c && !errors.Is(err, recoverycode.ErrTypo) {
					t.Fatalf("%s for %s: %v; want ErrTypo", b, c, err)
				}
			}
		}
	})
}

func TestWhatCannotBeACodeIsRefusedWithoutRepeatingIt(t *testing.T) {
	good := "M7PF-9K2W-3SDV-QB8E-5HZD"
	for _, bad := range []string{
		"", "-", good[:23], good + "0", good + " " + good, strings.Replace(good[:23], "M", "U", 1), strings.Replace(good, "-", "_", 1),
		good + strings.Repeat(" ", 200), good + "\x00", strings.Replace(good, "-", "\u2011", 1),
	} {
		got, err := recoverycode.Normalize(bad)
		if !errors.Is(err, recoverycode.ErrForm) || got != "" {
			t.Errorf("%q reads as %q, %v; want ErrForm", bad, got, err)
		} else if len(bad) > 1 && strings.Contains(err.Error(), bad) {
			t.Errorf("the error repeats %q", bad)
		}
	}
}

// Of the right length, it is a code with a wrong character.
func TestACharacterThatNoCodeHasIsATypo(t *testing.T) {
	good := "M7PF-9K2W-3SDV-QB8E-5HZD"
	for _, bad := range []string{
		strings.Replace(good, "M", "U", 1), strings.Replace(good, "M", "Ｍ", 1), strings.Replace(good, "M", "*", 1), strings.Replace(good, "D", "u", -1),
		strings.Replace(good, "K", "\u212a", 1), strings.Replace(good, "7", "٧", 1), strings.Replace(good, "7", "\x00", 1), strings.Replace(good, "7", "\xff", 1),
	} {
		if got, err := recoverycode.Normalize(bad); !errors.Is(err, recoverycode.ErrTypo) || got != "" {
			t.Errorf("%q reads as %q, %v; want ErrTypo", bad, got, err)
		} else if strings.Contains(err.Error(), bad) {
			t.Errorf("the error repeats %q", bad)
		}
	}
}

// All 32 characters come up about equally often at each random place.
func TestCodesAreSpreadEvenly(t *testing.T) {
	const n = 32 * 500
	var count [20]map[rune]int
	r := rand.NewChaCha8([32]byte{2})
	for range n {
		for i, c := range strings.ReplaceAll(recoverycode.New(r), "-", "") {
			if count[i] == nil {
				count[i] = map[rune]int{}
			}
			count[i][c]++
		}
	}
	for i := range count {
		for _, c := range alphabet {
			if got := count[i][c]; got < 380 || got > 620 { // five standard deviations
				t.Errorf("%c at place %d came up %d times of %d", c, i, got, n)
			}
		}
	}
}

func TestWithoutChanceThereIsNoCode(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("made a code out of too little")
		}
	}()
	recoverycode.New(bytes.NewReader(make([]byte, 18)))
}

func FuzzNormalize(f *testing.F) {
	f.Add("M7PF-9K2W-3SDV-QB8E-5HZD")
	f.Add("oooo-iiii-llll-0000-1111")
	f.Fuzz(func(t *testing.T, typed string) {
		c, err := recoverycode.Normalize(typed)
		if err != nil {
			return
		}
		if again, err := recoverycode.Normalize(c); again != c || err != nil {
			t.Fatalf("%q reads as %q, which reads as %q (%v)", typed, c, again, err)
		}
	})
}
