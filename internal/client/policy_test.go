package client_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"countersign/internal/client"
)

func TestAReportAndASimulationAreSentAsTheServerReadsThem(t *testing.T) {
	var path string
	var got map[string]any
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		path, got = r.URL.Path, nil
		_ = json.NewDecoder(r.Body).Decode(&got)
		if path == "/api/v1/reports" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.WriteString(w, `{"total":{"requests":3,"eased":1},"erased":1,"desks":[{"name":"helpdesk","requests":3}],"examples":{"eased":["req_1"]}}`)
	}).As("cst_x")
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	no := false
	if err := c.Report(t.Context(), client.Report{Login: "wren", Device: &client.Device{Managed: &no, At: at}}); err != nil {
		t.Fatal(err)
	}
	device, _ := got["device"].(map[string]any)
	if path != "/api/v1/reports" || len(got) != 2 || len(device) != 2 || device["managed"] != false || device["at"] != "2026-03-02T09:00:00Z" {
		t.Errorf("%s %v", path, got)
	}
	s, err := c.Simulate(t.Context(), "text", at.AddDate(0, -1, 0), at)
	if err != nil || path != "/api/v1/policy/simulations" || got["policy_text"] != "text" || got["until"] != "2026-03-02T09:00:00Z" {
		t.Errorf("%s %v, %v", path, got, err)
	}
	if s.Total.Eased != 1 || s.Erased != 1 || s.Desks[0].Requests != 3 || s.Examples.Eased[0] != "req_1" {
		t.Errorf("read as %+v", s)
	}
}

func TestAnEarlierPolicyIsAskedForByItsHash(t *testing.T) {
	var asked string
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RequestURI()
		_, _ = io.WriteString(w, `{"policy":"sha256:a","text":"name: house","signers":[{"person":"staff:olive","name":"Olive Park"}],"editions":[{"policy":"sha256:a"},{"policy":"sha256:b"}]}`)
	}).As("cst_x")
	p, err := c.Policy(t.Context(), "sha256:a&b")
	if err != nil || asked != "/api/v1/policy?policy=sha256%3Aa%26b" || p.Text != "name: house" || p.Signers[0].Person != "staff:olive" || len(p.Editions) != 2 || p.Until != nil {
		t.Errorf("%s: %+v, %v", asked, p, err)
	}
	if _, err := c.Policy(t.Context(), ""); err != nil || asked != "/api/v1/policy" {
		t.Errorf("%s, %v", asked, err)
	}
}
