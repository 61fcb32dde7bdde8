package ledger

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// rewritten is what IsCanonical has to answer, found the long way.
func rewritten(raw []byte) bool {
	out, err := Canonical(raw)
	return err == nil && bytes.Equal(out, raw)
}

func TestOnlyWhatCanonicalWritesIsCanonical(t *testing.T) {
	for _, in := range []string{
		`{}`, `[]`, `""`, `0`, `-1`, `true`, `false`, `null`, `[{},[],"",0]`,
		`{"":1,"a":2,"aa":3,"b":{"x":[1,2]}}`,
		`"\"\\\b\f\n\r\t\u0000\u001f\u000b"`, "\"\x7f/é€😀\ufffd<>&\u2028\"",
		"{\"1\":4,\"\u0080\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\ufb33\":3}", // RFC 8785 §3.2.3
		`{"\n":1,"a":2}`,
		strings.Repeat("[", 64) + strings.Repeat("]", 64),
	} {
		if !IsCanonical([]byte(in)) || !rewritten([]byte(in)) {
			t.Errorf("%s: refused", in)
		}
	}
	for name, in := range map[string]string{
		"nothing":                    ``,
		"space before":               ` 1`,
		"space after":                `1 `,
		"space in an array":          `[1, 2]`,
		"space before a comma":       `[1 ,2]`,
		"space in an empty array":    `[ ]`,
		"space in an empty object":   `{ }`,
		"space before a name":        `{ "a":1}`,
		"space before a colon":       `{"a" :1}`,
		"space after a colon":        `{"a": 1}`,
		"names out of order":         `{"b":1,"a":2}`,
		"a name twice":               `{"a":1,"a":1}`,
		"a name twice, by an escape": `{"\n":1,"\u000a":1}`,
		"names in the order of UTF8": "{\"\ufb33\":1,\"😀\":2}",
		"a solidus escaped":          `"\/"`,
		"a letter escaped":           `"\u0061"`,
		"a line feed in hexadecimal": `"\u000a"`,
		"an escape in capitals":      `"\u001F"`,
		"a pair of surrogates":       `"\ud83d\ude00"`,
		"a delete escaped":           `"\u007f"`,
		"a raw control character":    "\"\x1f\"",
		"text that is not UTF-8":     "\"\xc3\"",
		"text without its end":       `"a`,
		"a fraction":                 `1.0`,
		"minus zero":                 `-0`,
		"a leading zero":             `01`,
		"2^53":                       `9007199254740992`,
		"nesting beyond 64":          strings.Repeat("[", 65) + strings.Repeat("]", 65),
		"a NUL after it":             "{}\x00",
		"a comma too many":           `[1,]`,
		"a comma too many, object":   `{"a":1,}`,
	} {
		if IsCanonical([]byte(in)) || rewritten([]byte(in)) {
			t.Errorf("%s: accepted", name)
		}
	}
}

// The two readers share no code for structure, names and text.
func TestSteppingOverATextAndRewritingItAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw, err := Marshal(anyJSON().Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		if !IsCanonical(raw) {
			t.Fatalf("%q: refused", raw)
		}
		raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] = rapid.SampledFrom([]byte(" \"\\/,:{}[]-019.abfnrtu\x00\x1f\x7f\x80\xc3\xff")).Draw(t, "byte")
		if IsCanonical(raw) != rewritten(raw) {
			t.Fatalf("%q: IsCanonical says %v", raw, IsCanonical(raw))
		}
	})
}

func FuzzIsCanonical(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2,null],"b":"\n"}`, `"\u001f"`, `"\ud83d\ude00"`, `{"a":1,"a":2}`, "{\"\ufb33\":1,\"😀\":2}", "\"01234567\\\"\"", "\"\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if IsCanonical(in) != rewritten(in) {
			t.Fatalf("%q: IsCanonical says %v", in, IsCanonical(in))
		}
	})
}

func TestARunOfPlainBytesEndsAtTheFirstSpecialOne(t *testing.T) {
	for _, special := range []byte{0, 1, 0x1f, '"', '\\', 0x80, 0xa0, 0xff} {
		for length := range 20 {
			for at := range length {
				for _, filler := range []byte{' ', '!', '#', '[', ']', 'x', 0x7f} {
					b := bytes.Repeat([]byte{filler}, length)
					if plainRun(b) != length {
						t.Fatalf("%q ends at %d", b, plainRun(b))
					}
					b[at] = special
					if plainRun(b) != at {
						t.Fatalf("%q ends at %d, not %d", b, plainRun(b), at)
					}
				}
			}
		}
	}
}

// The standard library's reader is more generous, but never about what prints
// back the same.
func TestALeafsTimeIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(most int, name string) int { return rapid.IntRange(0, most).Draw(t, name) }
		b := []byte(time.Date(number(9999, "year"), time.Month(number(12, "month")), number(31, "day"), number(23, "hour"),
			number(59, "minute"), number(59, "second"), number(999, "ms")*1e6, time.UTC).Format(timeForm))
		for range number(2, "changes") {
			b[number(len(b)-1, "at")] = rapid.SampledFrom([]byte("0123456789-+:.,TZ /")).Draw(t, "byte")
		}
		want, err := time.Parse(timeForm, string(b))
		good := err == nil && want.Format(timeForm) == string(b) && want.Year() > 0
		s := scanner{in: []byte(`"` + string(b) + `"`)}
		var got time.Time
		if err := s.moment(&got); (err == nil) != good || good && got != want {
			t.Fatalf("%s: %v, %v; time.Parse says %v, %v", b, got, err, want, err)
		}
	})
}

// Only member names beyond ASCII cost something.
func TestReadingALeafAllocatesNothing(t *testing.T) {
	l := plainLeaf()
	l.Body, _ = Marshal(map[string]any{"note": strings.Repeat("x", 900), "other": []any{1, true, nil, "é\n"}})
	raw := l.Bytes()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := viewLeaf(raw); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a leaf", n)
	}
}
