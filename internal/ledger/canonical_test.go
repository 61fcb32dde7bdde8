package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCanonicalWritesTheFormOfRFC8785(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"b":1,"a":2}`, `{"a":2,"b":1}`},
		{" { \"b\" : [ 1 , 2 ] ,\r\n\t\"a\" : { } } ", `{"a":{},"b":[1,2]}`},
		{`[true,false,null,0,-1,9007199254740991,-9007199254740991]`, `[true,false,null,0,-1,9007199254740991,-9007199254740991]`},
		{`"\u0041\/\u00e9\u20ac"`, `"A/é€"`},
		{`"\u000a\u0008\u000c\u000d\u0009\u0022\u005c\u001F\u0000\u007f"`, `"\n\b\f\r\t\"\\\u001f\u0000` + "\x7f\""},
		{`"\ud83d\ude00\u2028<>&"`, "\"😀\u2028<>&\""},
		// The sorting example of RFC 8785 §3.2.3: code units, not bytes.
		{
			`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`,
			"{\"\\r\":2,\"1\":4,\"\u0080\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\ufb33\":3}",
		},
		{`{"aa":1,"a":2,"":3}`, `{"":3,"a":2,"aa":1}`},
	} {
		got, err := Canonical([]byte(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("Canonical(%s) = %s, %v; want %s", c.in, got, err, c.want)
		}
	}
}

func TestCanonicalRefusesWhatReadersDisagreeAbout(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":                    ``,
		"only space":                 ` `,
		"a name twice":               `{"a":1,"a":1}`,
		"a name twice, escaped":      `{"a":1,"\u0061":1}`,
		"a name twice, out of order": `{"b":1,"a":1,"b":2}`,
		"a name twice, nested":       `[{"x":{"b":1,"b":2}}]`,
		"text that is not UTF-8":     "\"\xff\"",
		"overlong UTF-8":             "\"\xc0\xaf\"",
		"an encoded surrogate":       "\"\xed\xa0\x80\"",
		"a lone high surrogate":      `"\ud800"`,
		"a high surrogate, then x":   `"\ud800x"`,
		"a lone low surrogate":       `"\udc00"`,
		"two high surrogates":        `"\ud800\ud800"`,
		"a fraction":                 `1.0`,
		"an exponent":                `1e3`,
		"a big exponent":             `1E3`,
		"minus zero":                 `-0`,
		"a leading zero":             `01`,
		"a leading zero, negative":   `-01`,
		"a lone minus":               `-`,
		"a plus":                     `+1`,
		"2^53":                       `9007199254740992`,
		"-2^53":                      `-9007199254740992`,
		"a very long number":         strings.Repeat("9", 400),
		"text after the value":       `{} {}`,
		"a NUL after the value":      "{}\x00",
		"a comma too many":           `[1,]`,
		"a comma too many, object":   `{"a":1,}`,
		"a missing comma":            `[1 2]`,
		"a missing colon":            `{"a" 1}`,
		"a name that is no text":     `{1:2}`,
		"an open array":              `[1`,
		"an open object":             `{"a":1`,
		"open text":                  `"abc`,
		"a raw line feed in text":    "\"a\nb\"",
		"an unknown escape":          `"\x41"`,
		"a short escape":             `"\u12"`,
		"an escape with a bad digit": `"\u12g4"`,
		"an escape with punctuation": `"\u00\u00"`,
		"an escape at the end":       `"\`,
		"NaN":                        `NaN`,
		"a word in capitals":         `True`,
		"a cut word":                 `tru`,
		"single quotes":              `'a'`,
		"a comment":                  `{}//x`,
		"a byte order mark":          "\ufeff{}",
		"nesting beyond 64":          strings.Repeat("[", 65) + strings.Repeat("]", 65),
		"endless nesting":            strings.Repeat(`{"a":`, 1_000_000),
	} {
		if got, err := Canonical([]byte(in)); err == nil {
			t.Errorf("%s: accepted as %s", name, got)
		}
	}
}

func TestCanonicalAcceptsNestingUpTo64(t *testing.T) {
	in := strings.Repeat("[", 64) + strings.Repeat("]", 64)
	if got, err := Canonical([]byte(in)); err != nil || string(got) != in {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestMarshalKeepsTextAsItIsAndRefusesWhatWouldBeReplaced(t *testing.T) {
	got, err := Marshal(map[string]string{"z": "a<b>&\u2028", "a": "\ufffd"})
	if want := "{\"a\":\"\ufffd\",\"z\":\"a<b>&\u2028\"}"; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	for _, v := range []any{"\xff", map[string]int{"\xff": 1}, 1.5, 1 << 60, make(chan int)} {
		if got, err := Marshal(v); err == nil {
			t.Errorf("Marshal(%#v) = %s", v, got)
		}
	}
}

// anyJSON draws values of every kind that Canonical accepts.
func anyJSON() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any { return drawJSON(t, 3) })
}

func drawJSON(t *rapid.T, depth int) any {
	kinds := 4
	if depth > 0 {
		kinds = 6
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int64Range(-maxInteger, maxInteger).Draw(t, "integer")
	case 3:
		return rapid.String().Draw(t, "text")
	case 4:
		list := []any{}
		for range rapid.IntRange(0, 4).Draw(t, "length") {
			list = append(list, drawJSON(t, depth-1))
		}
		return list
	default:
		object := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			object[rapid.String().Draw(t, "name")] = drawJSON(t, depth-1)
		}
		return object
	}
}

func TestCanonicalIsIdempotentAndKeepsTheMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyJSON().Draw(t, "value")
		indented, err := json.MarshalIndent(v, " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		once, err := Canonical(indented)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := Canonical(once); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s became %s, %v", once, twice, err)
		}
		if direct, err := Marshal(v); err != nil || !bytes.Equal(once, direct) {
			t.Fatalf("Marshal gives %s, %v, Canonical %s", direct, err, once)
		}
		if a, b := meaning(t, indented), meaning(t, once); a != b {
			t.Fatalf("%s became %s", a, b)
		}
	})
}

func meaning(t interface{ Fatal(...any) }, raw []byte) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%#v", v)
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{`{"b":[1,-2,null],"a":"\ud83d\ude00\n"}`, `"\u20ac"`, `[[[{}]]]`, `{"a":1,"a":2}`, "\"\xff\"", `-0`, `1e9`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := Canonical(in)
		if err != nil {
			return
		}
		if again, err := Canonical(out); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q is not canonical: %q, %v", out, again, err)
		}
		if !json.Valid(in) {
			t.Fatalf("%q was accepted but is no JSON", in)
		}
		if a, b := meaning(t, in), meaning(t, out); a != b {
			t.Fatalf("%s became %s", a, b)
		}
	})
}
