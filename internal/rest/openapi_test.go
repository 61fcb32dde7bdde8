package rest

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"testing"

	"countersign/internal/signin"
)

//go:generate go test -run "TestTheContract|TestTheManual" -update .

var update = flag.Bool("update", false, "write zz_gen_openapi.json again")

func TestTheContractIsTheCommittedOne(t *testing.T) {
	w := httptest.NewRecorder()
	New(Options{Signin: signin.New(signin.Options{})}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", base+"/openapi.json", nil))
	got := w.Body.Bytes()
	if w.Code != 200 || !json.Valid(got) {
		t.Fatalf("the contract is answered with %d: %.200s", w.Code, got)
	}
	const file = "zz_gen_openapi.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: run go generate ./internal/rest", file)
	}
}
