package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// counted returns salts that differ and repeat from run to run.
func counted() func() [32]byte {
	n := byte(0)
	return func() [32]byte { n++; return sha256.Sum256([]byte{n}) }
}

type sealed struct {
	Public  string            `json:"public"`
	When    time.Time         `json:"when,omitzero"`
	Name    string            `json:"name" ledger:"private"`
	Number  int64             `json:"number,omitempty" ledger:"private"`
	Details map[string]string `json:"details,omitempty" ledger:"private"`
	Pointer *string           `json:"pointer,omitempty" ledger:"private"`
}

func TestSealLeavesNothingPrivateInTheOpenForm(t *testing.T) {
	open, private, err := Seal(sealed{Public: "seen", Name: "Ito", Details: map[string]string{"z": "1", "a": "<2>"}}, counted())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(open), "Ito") || strings.Contains(string(open), "<2>") || !strings.Contains(string(open), `"public":"seen"`) {
		t.Errorf("open form: %s", open)
	}
	if got := string(private["details"].Value); got != `{"a":"<2>","z":"1"}` {
		t.Errorf("the value is kept as %s, not canonical", got)
	}
	if len(private) != 2 {
		t.Errorf("omitted fields left commitments: %v", private)
	}
}

func TestACommitmentIsTheHashOfDomainSaltAndValue(t *testing.T) {
	open, private, err := Seal(struct {
		Name string `json:"name" ledger:"private"`
	}{"Ito"}, func() [32]byte { return [32]byte{1, 2, 3} })
	if err != nil {
		t.Fatal(err)
	}
	salt := [32]byte{1, 2, 3}
	sum := sha256.Sum256([]byte("countersign/commitment/v1\x00" + string(salt[:]) + `"Ito"`))
	if want := `{"name":"sha256:` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"}`; string(open) != want {
		t.Errorf("got %s, want %s", open, want)
	}
	if private["name"].Commitment() != "sha256:"+base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Error("Commitment differs from what Seal wrote")
	}
}

func TestEqualValuesHaveDifferentCommitments(t *testing.T) {
	open, _, err := Seal(struct {
		A string `json:"a" ledger:"private"`
		B string `json:"b" ledger:"private"`
	}{"same", "same"}, counted())
	var got struct{ A, B string }
	if err != nil || json.Unmarshal(open, &got) != nil || got.A == got.B {
		t.Errorf("%s, %v", open, err)
	}
}

func TestSealRefusesPrivateTagsItCouldNotHonour(t *testing.T) {
	type inner struct {
		Secret string `json:"secret" ledger:"private"`
	}
	type Embedded struct{ X string }
	for name, body := range map[string]any{
		"nested":           struct{ In inner }{},
		"in a slice":       struct{ In []inner }{},
		"behind a pointer": struct{ In *inner }{},
		"in a map":         struct{ In map[string]inner }{},
		"in a private one": struct {
			In inner `ledger:"private"`
		}{},
		"an unknown word": struct {
			A string `ledger:"secret"`
		}{},
		"on a hidden field": struct {
			A string `json:"-" ledger:"private"`
		}{},
		"embedding":    struct{ Embedded }{},
		"no struct":    map[string]string{},
		"nil":          nil,
		"own encoding": time.Time{},
	} {
		if open, _, err := Seal(body, counted()); err == nil {
			t.Errorf("%s: sealed as %s", name, open)
		}
	}
}

func TestOpenRefusesWhatDoesNotBelongTogether(t *testing.T) {
	seal := func() (json.RawMessage, Private) {
		open, private, err := Seal(sealed{Public: "p", Name: "Ito", Number: 7}, counted())
		if err != nil {
			t.Fatal(err)
		}
		return open, private
	}
	for name, c := range map[string]struct {
		spoil func(open *json.RawMessage, p Private)
		names string
	}{
		"another value": {func(_ *json.RawMessage, p Private) {
			p["name"] = PrivateValue{p["name"].Salt, json.RawMessage(`"Eto"`)}
		}, `"name"`},
		"another salt":     {func(_ *json.RawMessage, p Private) { p["name"].Salt[0] ^= 1 }, `"name"`},
		"a short salt":     {func(_ *json.RawMessage, p Private) { p["name"] = PrivateValue{nil, p["name"].Value} }, `"name"`},
		"values exchanged": {func(_ *json.RawMessage, p Private) { p["name"], p["number"] = p["number"], p["name"] }, `"name"`},
		"a value that is no JSON": {func(_ *json.RawMessage, p Private) {
			p["number"] = PrivateValue{p["number"].Salt, json.RawMessage(`07`)}
		}, `"number"`},
		"a value too many":       {func(_ *json.RawMessage, p Private) { p["details"] = p["name"] }, `"details"`},
		"a public member's":      {func(_ *json.RawMessage, p Private) { p["public"] = p["name"] }, `"public"`},
		"an unknown member":      {func(o *json.RawMessage, _ Private) { *o = json.RawMessage(`{"extra":1,` + string((*o)[1:])) }, `"extra"`},
		"a member in other case": {func(o *json.RawMessage, _ Private) { *o = json.RawMessage(`{"PUBLIC":1,` + string((*o)[1:])) }, `"PUBLIC"`},
		"a loose open form":      {func(o *json.RawMessage, _ Private) { *o = append(*o, ' ') }, "canonical"},
		"no object":              {func(o *json.RawMessage, p Private) { *o = json.RawMessage(`[]`); clear(p) }, "object"},
		"plain private text": {func(o *json.RawMessage, p Private) {
			*o = json.RawMessage(`{"name":"Ito","public":"p"}`)
			clear(p)
		}, `"name"`},
	} {
		open, private := seal()
		c.spoil(&open, private)
		var dst sealed
		if _, err := Open(open, private, &dst); err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: error %v does not name %s", name, err, c.names)
		}
	}
}

func TestAValueThatAJSONWriterSpelledOtherwiseStillOpens(t *testing.T) {
	open, private, err := Seal(sealed{Name: "<Ito>", Details: map[string]string{"b": "1", "a": "2"}}, counted())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.MarshalIndent(private, "", "  ") // escapes < and indents
	if err != nil {
		t.Fatal(err)
	}
	var back Private
	var dst sealed
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(open, back, &dst); err != nil || dst.Name != "<Ito>" {
		t.Errorf("%+v, %v", dst, err)
	}
}

func TestAnErasedValueLeavesItsFieldZeroAndIsListed(t *testing.T) {
	open, private, err := Seal(sealed{Public: "p", Name: "Ito", Number: 7}, counted())
	if err != nil {
		t.Fatal(err)
	}
	delete(private, "number")
	var dst sealed
	erased, err := Open(open, private, &dst)
	if err != nil || !reflect.DeepEqual(erased, []string{"number"}) || dst.Number != 0 || dst.Name != "Ito" {
		t.Errorf("erased %v, %+v, %v", erased, dst, err)
	}
	clear(private)
	dst = sealed{}
	if erased, err = Open(open, nil, &dst); err != nil || !reflect.DeepEqual(erased, []string{"name", "number"}) || dst.Public != "p" {
		t.Errorf("erased %v, %+v, %v", erased, dst, err)
	}
}

func TestOpenIsTheInverseOfSeal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := sealed{
			Public: rapid.String().Draw(t, "public"),
			When:   time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "when")).UTC(),
			Name:   rapid.String().Draw(t, "name"),
			Number: rapid.Int64Range(-maxInteger, maxInteger).Draw(t, "number"),
		}
		if d := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "details"); len(d) > 0 {
			in.Details = d
		}
		if rapid.Bool().Draw(t, "has pointer") {
			s := rapid.String().Draw(t, "pointer")
			in.Pointer = &s
		}
		open, private, err := Seal(&in, counted())
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckPrivate(open, private); err != nil {
			t.Fatal(err)
		}
		var out sealed
		if erased, err := Open(open, private, &out); err != nil || erased != nil || !reflect.DeepEqual(in, out) {
			t.Fatalf("%+v came back as %+v, %v, %v", in, out, erased, err)
		}
		for name, p := range private {
			p.Salt[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 0x10
			if _, err := Open(open, private, &out); err == nil || !strings.Contains(err.Error(), name) {
				t.Fatalf("a changed salt of %s: %v", name, err)
			}
			break
		}
	})
}

func TestASaltHasOneForm(t *testing.T) {
	for text, fine := range map[string]bool{
		`{"salt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","value":"x"}`:             true,
		`{"salt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=","value":"x"}`:             false, // the same bytes, with a bit set that does not count
		`{"salt":"AAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAAAAAA=","value":"x"}`:           false,
		`{"salt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","value":"x","more":true}`: false,
	} {
		var p PrivateValue
		if err := json.Unmarshal([]byte(text), &p); (err == nil) != fine {
			t.Errorf("%s: %v", text, err)
		}
	}
}
