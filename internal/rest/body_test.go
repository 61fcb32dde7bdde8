package rest

import (
	"encoding/json"
	"log/slog"
	"testing"
	"unicode/utf8"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func FuzzABodyThatPassesMeansOneThing(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":{"B":[1,{"c":null}]}}`, `{"a":1,"a":2}`, `{"a":1} `, `{"a":1}{}`, `[]`, `{"A":1}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{"a":1e999}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if checkJSON(body) != nil {
			return
		}
		var m map[string]json.RawMessage
		if err := json.Unmarshal(body, &m); err != nil || !utf8.Valid(body) {
			t.Fatalf("%q passes and does not read: %v", body, err)
		}
		for name, value := range m {
			// Say one member again, before all others: the reading must not
			// depend on which of the two counts.
			twice := append([]byte(`{"`+name+`":`+string(value)+`,`), body[1+indexOf(body, '{'):]...)
			if checkJSON(twice) == nil {
				t.Fatalf("%q passes", twice)
			}
		}
	})
}

func indexOf(b []byte, c byte) int {
	for i, x := range b {
		if x == c {
			return i
		}
	}
	return -1
}
