package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/rest"
	"countersign/internal/signin"
	"countersign/internal/softkey"
)

// site is a house that is reached over HTTP.
type site struct {
	*gatetest.House
	signin *signin.Signin
	api    http.Handler
	ready  error
}

func open(t *testing.T, policy string) *site {
	s := &site{House: gatetest.New(t, policy)}
	much := signin.Rate{Burst: 10_000, Every: time.Second}
	s.signin = signin.New(signin.Options{Gate: s.Gate, Store: s.Store, Now: s.Now,
		Rates: map[signin.Door]signin.Rate{signin.SignIns: much, signin.Claims: much, signin.Answers: much}})
	s.serve(s.signin)
	return s
}

func (s *site) serve(who *signin.Signin) {
	s.api = rest.New(rest.Options{Gate: s.Gate, Signin: who, Version: "test",
		Log:   slog.New(slog.NewTextHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Ready: func(context.Context) error { return s.ready }})
}

// answer is what came back.
type answer struct {
	t    testing.TB
	what string
	code int
	http.Header
	body []byte
}

type with func(*http.Request)

func header(name, value string) with { return func(r *http.Request) { r.Header.Add(name, value) } }
func as(token string) with           { return header("Authorization", "Bearer "+token) }
func key(k string) with              { return header("Idempotency-Key", k) }

// send sends a body: nil for none, text and bytes as they are, anything else
// as JSON.
func (s *site) send(method, path string, body any, more ...with) *answer {
	s.T.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	case []byte:
		in = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		s.Must(err)
		in = bytes.NewReader(raw)
	}
	r := httptest.NewRequestWithContext(s.T.Context(), method, path, in)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, m := range more {
		m(r)
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	return &answer{s.T, method + " " + path, w.Code, w.Result().Header, w.Body.Bytes()}
}

func (s *site) get(path string, more ...with) *answer {
	s.T.Helper()
	return s.send("GET", "/api/v1"+path, nil, more...)
}

func (s *site) post(path string, body any, more ...with) *answer {
	s.T.Helper()
	return s.send("POST", "/api/v1"+path, body, more...)
}

// ok wants the status and stops the test otherwise.
func (a *answer) ok(status int) *answer {
	a.t.Helper()
	if a.code != status {
		a.t.Fatalf("%s: %d, want %d: %s", a.what, a.code, status, a.body)
	}
	return a
}

// no wants a problem.
func (a *answer) no(status int, code string) *answer {
	a.t.Helper()
	var p struct {
		Title, Code, Detail string
		Status              int
	}
	if err := json.Unmarshal(a.body, &p); err != nil || a.Get("Content-Type") != "application/problem+json" {
		a.t.Errorf("%s: %d and no problem (%s): %s", a.what, a.code, a.Get("Content-Type"), a.body)
	} else if a.code != status || p.Code != code || p.Status != status || p.Title != http.StatusText(status) {
		a.t.Errorf("%s: %d %s, want %d %s: %s", a.what, a.code, p.Code, status, code, a.body)
	}
	return a
}

func into[T any](a *answer) T {
	a.t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
	return v
}

// object is JSON written by hand.
type object map[string]any

// signIn opens a session over HTTP.
func (s *site) signIn(p identity.PersonID) string {
	s.T.Helper()
	return s.signInWith(s.Key(p))
}

func (s *site) signInWith(k softkey.Key) string {
	s.T.Helper()
	c := into[signin.Ceremony](s.post("/sign-in/begin", nil).ok(200))
	options, err := json.Marshal(c.Options)
	s.Must(err)
	response, err := k.AssertOptions(gatetest.Origin, options)
	s.Must(err)
	return into[struct{ Token string }](s.post("/sign-in/finish", object{"ceremony": c.ID, "response": json.RawMessage(response)}).ok(200)).Token
}

// assertion is what a person's browser answers to a challenge.
func (s *site) assertion(p identity.PersonID, challenge []byte) json.RawMessage {
	s.T.Helper()
	raw, err := s.Key(p).Assert("localhost", gatetest.Origin, challenge)
	s.Must(err)
	return raw
}

func (s *site) token(name string, scopes ...gate.Scope) string {
	s.T.Helper()
	return s.Token(name, 365*24*time.Hour, scopes...)
}

// letting is an officer's signature over what lets an integration in.
func (s *site) letting(officer, name string, scopes ...string) object {
	s.T.Helper()
	paper := into[gate.Paper](s.post("/tokens/statement", object{"name": name, "scopes": scopes}, as(officer)).ok(200))
	return object{"statement_id": paper.ID, "assertion": s.assertion(gatetest.Olive, paper.Options.Challenge)}
}

func wish() object {
	return object{"login": gatetest.Wren, "action": "password_reset", "channel": "phone", "ticket": "INC-7"}
}

// proved is a request whose requester has proved themselves over HTTP.
func (s *site) proved(agent string, seed gatetest.Seed) (gate.View, string) {
	s.T.Helper()
	v := into[gate.View](s.post("/requests", wish(), as(agent)).ok(201))
	token := into[struct{ Token string }](s.post("/cases/claim", object{"case": v.Case}).ok(201)).Token
	p := into[gate.Prompt](s.post("/case/challenges", object{"method": "totp"}, as(token)).ok(201))
	s.post("/case/challenges/"+p.Challenge+"/answer", object{"answer": s.Code(seed)}, as(token)).ok(200)
	return v, token
}

// ballot is a signed decision, ready to be sent.
func (s *site) ballot(p identity.PersonID, session, request, decision string) object {
	s.T.Helper()
	paper := into[gate.Paper](s.get("/requests/"+request+"/statement?decision="+decision, as(session)).ok(200))
	return object{"decision": decision, "statement_id": paper.ID, "assertion": s.assertion(p, paper.Options.Challenge)}
}
