package demo_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"countersign/internal/client"
)

// ticks are the steps that the guide shows as done.
func (s spectator) ticks() string {
	s.Helper()
	p := s.panel()
	out := ""
	for _, list := range [][]step{p.Steps, p.Tries} {
		for _, st := range list {
			out += map[bool]string{true: "x", false: "."}[st.Done]
		}
		out += " "
	}
	return strings.TrimSpace(out)
}

func (s spectator) wantTicks(after, want string) {
	s.Helper()
	if got := s.ticks(); got != want {
		s.Fatalf("after %s the guide stands at %q, not %q", after, got, want)
	}
}

// app is the code that A. Dahl's authenticator shows now.
func (s spectator) app() string {
	s.Helper()
	for _, p := range s.panel().People {
		if p.ID == "a.dahl" {
			return strings.ReplaceAll(p.App, " ", "")
		}
	}
	s.Fatal("A. Dahl has no app")
	return ""
}

func TestTheGuideTicksWhatIsCommittedAndNothingElse(t *testing.T) {
	h := perform(t)
	s := h.spectator()
	api, err := client.New(h.base)
	h.must(err)
	s.wantTicks("nothing", "...... ...")
	id, code := s.open("a.dahl", "password_reset")
	s.wantTicks("opening", "x..... ...")

	if r := s.get("/requests/" + id + "/sign?decision=approval"); r.status != http.StatusForbidden {
		t.Fatalf("the agent may sign: %d", r.status)
	}
	s.wantTicks("an agent's try", "x..... ..x")

	session, _, err := api.Claim(t.Context(), code)
	h.must(err)
	mine := api.As(session)
	s.wantTicks("claiming", "x..... ..x")
	prompt, err := mine.Challenge(t.Context(), "totp")
	h.must(err)
	if _, err := mine.Answer(t.Context(), prompt.Challenge, "not it"); client.CodeOf(err) != "answer_refused" {
		t.Fatalf("a guess: %v", err)
	}
	s.become("n.berg") // whose coming is looked at afresh
	s.wantTicks("a guess", "x..... x.x")
	_, err = mine.Answer(t.Context(), prompt.Challenge, s.app())
	h.must(err)
	s.become("n.berg")
	s.wantTicks("the proof", "xx.... x.x")

	s.signAs("n.berg", id)
	s.wantTicks("the signature", "xxx... x.x")
	watched, err := mine.Case(t.Context())
	for err == nil && watched.Status != "done" { // the hands are at it
		watched, err = mine.Case(t.Context())
	}
	h.must(err)
	_, err = mine.Secret(t.Context())
	h.must(err)
	s.become("e.quist")
	s.wantTicks("showing the password", "xxxx.. x.x")

	if r := s.get("/requests/" + id); r.status != http.StatusOK {
		t.Fatalf("the auditor's look: %d", r.status)
	}
	s.wantTicks("the auditor's look", "xxxx.. x.x")
	r := s.get("/demo/verify/" + id)
	if r.status != http.StatusOK || !strings.Contains(r.body, "The file that proves it: allowed") || !strings.Contains(r.body, "changed: not allowed") {
		t.Fatalf("verifying: %d %s", r.status, r.body)
	}
	s.wantTicks("verifying", "xxxx.x x.x")
	s.become("s.lund")
	if r := s.get("/requests/" + id); r.status != http.StatusOK {
		t.Fatalf("security's look: %d", r.status)
	}
	s.wantTicks("security's look", "xxxxxx x.x")
	s.objects()
	s.wantTicks("an objection", "xxxxxx xxx")
	for _, none := range []string{"/demo/verify/req_1", "/demo/verify/nothing"} {
		if r := s.get(none); r.status != http.StatusNotFound {
			t.Errorf("%s: %d", none, r.status)
		}
	}
}

// signAs signs what the page would have signed, with the demo's key.
func (s spectator) signAs(who, request string) {
	s.Helper()
	var paper struct {
		Statement string
		ID        string          `json:"statement_id"`
		Options   json.RawMessage `json:"options"`
	}
	s.must(json.Unmarshal([]byte(s.get("/api/v1/requests/"+request+"/statement?decision=approval").body), &paper))
	asked := map[string]any{"page": "/requests/" + request + "/sign", "who": who, "options": paper.Options}
	if got := s.whose(asked); len(got.Holders) != 1 || got.Holders[0].ID != who || got.Own {
		s.Fatalf("the page asks %+v", got)
	}
	touched := s.call("/demo/passkey/get", asked)
	if touched.status != http.StatusOK || len(touched.header.Values("Set-Cookie")) != 0 {
		s.Fatalf("touching: %d %s", touched.status, touched.body)
	}
	r := s.call("/api/v1/requests/"+request+"/decisions", map[string]any{"decision": "approval", "statement_id": paper.ID, "assertion": json.RawMessage(touched.body)})
	if r.status >= http.StatusMultipleChoices {
		s.Fatalf("signing: %d %s", r.status, r.body)
	}
}

// objects opens one more case and follows the link in its letter.
func (s spectator) objects() {
	s.Helper()
	_, code := s.open("a.dahl", "unlock")
	for s.Context().Err() == nil {
		for _, m := range s.panel().Post {
			if m.Who != "A. Dahl" || m.Way != "mail" || !strings.Contains(m.Subject, code) {
				continue
			}
			for _, p := range m.Parts {
				if _, path, ok := strings.Cut(p.Text, "/not-me/"); ok && p.Kind == "link" {
					if r := s.form("/not-me/" + path); r.status >= http.StatusBadRequest {
						s.Fatalf("objecting: %d", r.status)
					}
					return
				}
			}
		}
	}
}
