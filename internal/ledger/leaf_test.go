package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 1, 2, 12, 0, 0, 7_000_000, time.UTC)

func plainLeaf() Leaf {
	return Leaf{
		Seq: 41, Stream: "req_01", Version: 3, Type: "request.opened", At: noon,
		Actor: "person/17", Body: json.RawMessage(`{"action":"mfa_reset"}`),
	}
}

func TestALeafIsCanonicalAndHashedAsRFC6962Says(t *testing.T) {
	got := plainLeaf().Bytes()
	want := `{"actor":"person/17","at":"2026-01-02T12:00:00.007Z","body":{"action":"mfa_reset"},"seq":41,"stream":"req_01","type":"request.opened","version":3}`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if again, err := Canonical(got); err != nil || !bytes.Equal(again, got) {
		t.Errorf("not canonical: %s, %v", again, err)
	}
	if plainLeaf().Hash() != Hash(sha256.Sum256(append([]byte{0}, got...))) {
		t.Error("the hash is not SHA-256 over 0x00 and the bytes")
	}
}

func TestALeafWritesItsTimeInUTCWithMilliseconds(t *testing.T) {
	l := plainLeaf()
	l.At = l.At.In(time.FixedZone("x", 3600)).Add(999_999)
	if !bytes.Equal(l.Bytes(), plainLeaf().Bytes()) {
		t.Errorf("got %s", l.Bytes())
	}
}

func TestParseLeafRefusesEveryOtherSpelling(t *testing.T) {
	good := string(plainLeaf().Bytes())
	swap := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("nothing to replace: %s", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, in := range map[string]string{
		"nothing":               "",
		"null":                  "null",
		"white space":           swap(`,"at"`, `, "at"`),
		"text after it":         good + "\n",
		"an unknown member":     swap(`:3}`, `:3,"x":1}`),
		"a missing member":      swap(`,"seq":41`, ``),
		"members out of order":  swap(`"seq":41,"stream":"req_01"`, `"stream":"req_01","seq":41`),
		"another case":          swap(`"actor"`, `"Actor"`),
		"an escape not needed":  swap(`req_01`, `req\u005f01`),
		"seq as text":           swap(`41`, `"41"`),
		"a negative seq":        swap(`41`, `-41`),
		"a seq beyond 2^53":     swap(`41`, `9007199254740992`),
		"version 0":             swap(`"version":3`, `"version":0`),
		"an empty stream":       swap(`req_01`, ``),
		"an empty type":         swap(`request.opened`, ``),
		"an empty actor":        swap(`person/17`, ``),
		"no milliseconds":       swap(`.007Z`, `Z`),
		"microseconds":          swap(`.007Z`, `.007000Z`),
		"a comma in the time":   swap(`.007Z`, `,007Z`),
		"an offset":             swap(`.007Z`, `.007+00:00`),
		"a day that is not":     swap(`2026-01-02`, `2026-02-30`),
		"a body that is a list": swap(`{"action":"mfa_reset"}`, `[]`),
		"a body that is null":   swap(`{"action":"mfa_reset"}`, `null`),
		"a loose body":          swap(`{"action":"mfa_reset"}`, `{"b":1,"a":2}`),
		"a body with twins":     swap(`{"action":"mfa_reset"}`, `{"a":1,"a":1}`),
		"too many bytes":        swap(`mfa_reset`, strings.Repeat("x", MaxLeaf)),
	} {
		if l, err := ParseLeaf([]byte(in)); err == nil {
			t.Errorf("%s: accepted as %s", name, l.Bytes())
		}
	}
	if l, err := ParseLeaf([]byte(good)); err != nil || !bytes.Equal(l.Bytes(), []byte(good)) {
		t.Errorf("the good one: %s, %v", l.Bytes(), err)
	}
}

func TestCheckRefusesLeavesThatCouldNotBeReadBack(t *testing.T) {
	for name, spoil := range map[string]func(*Leaf){
		"text that is not UTF-8": func(l *Leaf) { l.Actor = "\xff" },
		"a year of five digits":  func(l *Leaf) { l.At = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"year zero":              func(l *Leaf) { l.At = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no body":                func(l *Leaf) { l.Body = nil },
		"a loose body":           func(l *Leaf) { l.Body = json.RawMessage(`{ }`) },
		"a body too deep": func(l *Leaf) {
			l.Body = json.RawMessage(`{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`)
		},
		"text after the body": func(l *Leaf) { l.Body = json.RawMessage(`{}{}`) },
		"a leaf too long":     func(l *Leaf) { l.Stream = strings.Repeat("s", MaxLeaf) },
	} {
		l := plainLeaf()
		spoil(&l)
		if l.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	l := plainLeaf()
	l.Body = json.RawMessage(`{"a":` + strings.Repeat("[", 62) + strings.Repeat("]", 62) + `}`)
	if _, err := ParseLeaf(l.Bytes()); err != nil || l.Check() != nil {
		t.Errorf("a body of 63 levels: %v, %v", err, l.Check())
	}
}

func anyLeaf() *rapid.Generator[Leaf] {
	return rapid.Custom(func(t *rapid.T) Leaf {
		name := rapid.StringN(1, 20, 60)
		body, err := Marshal(rapid.MapOf(rapid.String(), anyJSON()).Draw(t, "body"))
		if err != nil {
			t.Fatal(err)
		}
		return Leaf{
			Seq:     rapid.Uint64Range(0, maxInteger).Draw(t, "seq"),
			Stream:  name.Draw(t, "stream"),
			Version: rapid.Uint64Range(1, maxInteger).Draw(t, "version"),
			Type:    name.Draw(t, "type"),
			At:      time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "at")).UTC(),
			Actor:   name.Draw(t, "actor"),
			Body:    body,
		}
	})
}

func TestEveryLeafReadsBackAsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyLeaf().Draw(t, "leaf")
		b := l.Bytes()
		back, err := ParseLeaf(b)
		if err != nil || !bytes.Equal(back.Bytes(), b) || !back.At.Equal(l.At) || back.Stream != l.Stream {
			t.Fatalf("%s came back as %s, %v", b, back.Bytes(), err)
		}
	})
}

func TestAChangedByteNeverLeavesTheHashAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyLeaf().Draw(t, "leaf")
		b := bytes.Clone(l.Bytes())
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		if HashLeaf(b) == l.Hash() {
			t.Fatal("a change went unseen")
		}
		if back, err := ParseLeaf(b); err == nil && back.Hash() == l.Hash() {
			t.Fatal("a changed text stands for the same leaf")
		}
	})
}

func FuzzParseLeaf(f *testing.F) {
	f.Add(plainLeaf().Bytes())
	f.Add([]byte(`{"actor":"a","at":"2026-01-02T12:00:00.000Z","body":{},"seq":0,"stream":"s","type":"t","version":1}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		l, err := ParseLeaf(in)
		if err != nil {
			return
		}
		if !bytes.Equal(l.Bytes(), in) {
			t.Fatalf("%q reads as %q", in, l.Bytes())
		}
		if again, err := Canonical(in); err != nil || !bytes.Equal(again, in) {
			t.Fatalf("%q is not canonical: %v", in, err)
		}
	})
}

// opened is the body that the golden file holds.
type opened struct {
	Action string   `json:"action"`
	Caller string   `json:"caller" ledger:"private"`
	Phones []string `json:"phones,omitempty" ledger:"private"`
	Note   string   `json:"note,omitempty" ledger:"private"`
}

// stored is the form in which an event is kept: it has to load for ever.
type stored struct {
	Leaf    string          `json:"leaf"`
	Hash    Hash            `json:"hash"`
	Private json.RawMessage `json:"private"`
}

func TestAStoredEventLoadsForEver(t *testing.T) {
	file := filepath.Join("testdata", "event.golden.json")
	body := opened{Action: "mfa_reset", Caller: "Zoë <z@example.test>", Phones: []string{"+44 20 7946 0000"}}
	if *update {
		writeGolden(t, file, body)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s stored
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	l, err := ParseLeaf([]byte(s.Leaf))
	if err != nil || l.Hash() != s.Hash {
		t.Fatalf("leaf %s, hash %v, %v", s.Leaf, l.Hash(), err)
	}
	var private Private
	if err := json.Unmarshal(s.Private, &private); err != nil {
		t.Fatal(err)
	}
	var got opened
	erased, err := Open(l.Body, private, &got)
	if err != nil || len(erased) != 0 || got.Action != body.Action || got.Caller != body.Caller || got.Phones[0] != body.Phones[0] {
		t.Fatalf("opened %+v, erased %v, %v", got, erased, err)
	}
}

func writeGolden(t *testing.T, file string, body opened) {
	open, private, err := Seal(body, counted())
	if err != nil {
		t.Fatal(err)
	}
	l := plainLeaf()
	l.Body = open
	kept, err := Marshal(private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.MarshalIndent(stored{string(l.Bytes()), l.Hash(), kept}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkParseLeaf(b *testing.B) {
	l := plainLeaf()
	l.Body, _ = Marshal(map[string]string{"a": strings.Repeat("x", 400), "b": strings.Repeat("y", 400)})
	raw := l.Bytes()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := ParseLeaf(raw); err != nil {
			b.Fatal(err)
		}
	}
}
