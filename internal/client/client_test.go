package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/client"
	"countersign/internal/proof/passkey"
	"countersign/internal/statement"
)

// server answers with h and returns a client of it.
func server(t *testing.T, h http.HandlerFunc) client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := client.New(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNothingSecretCrossesANetworkInTheClear(t *testing.T) {
	for _, bad := range []string{
		"http://countersign.example.org", "http://10.0.0.1:80", "ftp://localhost", "localhost:8443", "", "https://",
		"https://u:p@host", "https://host/path", "https://host?q=1", "http://localhost.evil.example",
	} {
		if _, err := client.New(bad); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
	for _, good := range []string{"https://countersign.example.org", "https://Host:8443/", "http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"} {
		if _, err := client.New(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

func TestATokenGoesToItsServerAlone(t *testing.T) {
	var stolen string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen = r.Header.Get("Authorization") }))
	defer thief.Close()
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
	})
	if _, err := c.As("sst_secret").Me(t.Context()); err == nil {
		t.Error("followed a redirect")
	}
	if stolen != "" {
		t.Errorf("the token went to %s", thief.URL)
	}
}

func TestARefusalKeepsItsCodeAndAnAnswerThatIsNoneIsSaidToBe(t *testing.T) {
	for _, c := range []struct {
		status     int
		body, code string
	}{
		{403, `{"code":"forbidden","detail":"your role does not allow this"}`, "forbidden"},
		{500, `{"code":"internal","detail":"x","instance":"ID1"}`, "internal"},
		{404, `<html>`, "unreadable"},
		{302, ``, "unreadable"},
		{400, `{}`, "unreadable"},
	} {
		api := server(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		_, err := api.Me(t.Context())
		var p *client.Problem
		if !errors.As(err, &p) || p.Code != c.code || p.Status != c.status || client.CodeOf(err) != c.code {
			t.Errorf("%d %s: %v", c.status, c.body, err)
		}
	}
	api := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"person":7}`) })
	if _, err := api.Me(t.Context()); err == nil || client.CodeOf(err) != "" {
		t.Errorf("an answer of another form: %v", err)
	}
}

func TestACallThatGotNoAnswerIsRepeatedUnderTheSameKeyWhereThatIsSafe(t *testing.T) {
	var mu sync.Mutex
	var keys, bodies []string
	api := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		keys, bodies = append(keys, r.Header.Get("Idempotency-Key")), append(bodies, string(body))
		first := len(keys) == 1
		mu.Unlock()
		if first {
			conn, _, _ := http.NewResponseController(w).Hijack()
			conn.Close()
			return
		}
		w.WriteHeader(201)
		_, _ = io.WriteString(w, `{"id":"req_1"}`)
	})
	r, err := api.As("sst_x").Open(t.Context(), client.Wish{Login: "m.ito"})
	if err != nil || r.ID != "req_1" {
		t.Fatalf("%v %v", r.ID, err)
	}
	mu.Lock()
	if len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] || bodies[0] != bodies[1] {
		t.Errorf("keys %q, bodies %q", keys, bodies)
	}
	keys = nil
	mu.Unlock()
	_, err = api.As("AGE-SECRET-KEY-1X").Secret(t.Context())
	mu.Lock()
	defer mu.Unlock()
	if !errors.Is(err, client.ErrNoServer) || len(keys) != 1 || keys[0] != "" {
		t.Errorf("a requester's call was sent with keys %q: %v", keys, err)
	}
}

func TestAnAnswerWithoutEndIsNotReadToIt(t *testing.T) {
	api := server(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte(" "), 1<<20)
		for range 100 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if _, err := api.Me(t.Context()); !errors.Is(err, client.ErrNoServer) {
		t.Errorf("%v", err)
	}
}

// signer notes what it was asked to sign.
type signer struct{ challenge []byte }

func (s *signer) RegisterOptions(string, []byte) ([]byte, error) { return []byte("{}"), nil }
func (s *signer) AssertOptions(string, []byte) ([]byte, error)   { return []byte("{}"), nil }
func (s *signer) Assert(_, _ string, challenge []byte) ([]byte, error) {
	s.challenge = challenge
	return []byte("{}"), nil
}

// A server that shows one statement and asks for a signature over another gets
// one over what was shown.
func TestWhatWasReadIsWhatIsSigned(t *testing.T) {
	const shown = statement.Statement("countersign/approval/v1\nrequest: req_1\n")
	var sent map[string]any
	api := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_ = json.NewDecoder(r.Body).Decode(&sent)
			_, _ = io.WriteString(w, `{"id":"req_1"}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"decision": "approval", "statement": shown, "statement_id": "of another",
			"options": passkey.RequestOptions(passkey.RelyingParty{ID: "localhost"}, []byte("another challenge"), nil)})
	})
	p, err := api.Statement(t.Context(), "req_1", "approval")
	if err != nil {
		t.Fatal(err)
	}
	var k signer
	if _, err := api.Decide(t.Context(), "req_1", p, "", &k); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(k.challenge, shown.Challenge()) || sent["statement_id"] != shown.ID() {
		t.Errorf("signed %x, sent %v", k.challenge, sent)
	}
}

func TestAnIdFromAPersonCannotBecomeAnotherPath(t *testing.T) {
	var paths []string
	api := server(t, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.EscapedPath())
		_, _ = io.WriteString(w, `{}`)
	})
	_, _ = api.Request(t.Context(), "../tokens?x=1#y")
	if len(paths) != 1 || paths[0] != "/api/v1/requests/..%2Ftokens%3Fx=1%23y" {
		t.Errorf("went to %v", paths)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	api := server(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":"req_1","status":"proving"}`)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, err := api.Wait(ctx, "req_1", func(r client.Request) bool { return !r.IsOpen() })
	if err == nil || r.Status == "done" || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("%v", err)
	}
}
