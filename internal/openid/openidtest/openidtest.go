// Package openidtest is an OpenID Connect provider for tests: discovery, a
// sign-in page that is a plain form, the token endpoint and the keys, over
// loopback. It keeps to the rules as a client can see them, unless Lie says
// otherwise.
//
//	p := openidtest.New(t, now)
//	back := p.SignIn(address, openidtest.Person{Subject: "1", Claims: …}) // what a browser would be sent to
package openidtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the provider knows its only client as.
const (
	ClientID     = "countersign"
	ClientSecret = "a secret of the client's, with %+: in it"
)

// Person is who signs in, and how.
type Person struct {
	Subject string
	ACR     string
	AMR     []string
	// Claims stand in the ID token beside those above.
	Claims map[string]any
}

// Lie is what the provider does wrong. The zero Lie is nothing.
type Lie struct {
	Down      bool             // every answer is 503
	Issuer    string           // another issuer in the ID token
	Document  map[string]any   // entries of the discovery document
	Claims    map[string]any   // claims of the ID token; nil removes one
	Age       time.Duration    // how long ago the person really signed in
	Clock     time.Duration    // how far its clock is ahead
	Algorithm string           // none, or HS256 with the client's secret
	OtherKey  bool             // signs with a key that is not published
	NewKey    bool             // has changed its key, and publishes the new one
	Thin      bool             // a person's claims come from the UserInfo endpoint alone, which is no lie
	Info      map[string]any   // what that endpoint says besides
	Token     http.HandlerFunc // replaces the token endpoint
}

// Provider is a running provider. People maps what is typed as the user name
// to who that is.
type Provider struct {
	*httptest.Server
	People map[string]Person

	t         testing.TB
	now       func() time.Time
	mu        sync.Mutex
	lie       Lie
	codes     map[string]grant
	access    map[string]Person // by access token
	key, next *rsa.PrivateKey
	asked     url.Values
}

type grant struct {
	person Person
	query  url.Values
	at     time.Time
}

var keys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var out [2]*rsa.PrivateKey
	for i := range out {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		out[i] = key
	}
	return out
})

// New starts a provider that stops with the test. redirect is the address it
// sends browsers back to; it accepts no other.
func New(t testing.TB, redirect string, now func() time.Time) *Provider {
	t.Helper()
	two := keys()
	p := &Provider{t: t, now: now, People: map[string]Person{}, codes: map[string]grant{}, access: map[string]Person{}, key: two[0], next: two[1]}
	m := http.NewServeMux()
	m.HandleFunc("GET /.well-known/openid-configuration", p.document)
	m.HandleFunc("GET /keys", p.keys)
	m.HandleFunc("GET /authorize", p.form(redirect))
	m.HandleFunc("POST /authorize", p.consent(redirect))
	m.HandleFunc("POST /token", p.token)
	m.HandleFunc("GET /userinfo", p.info)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.lying().Down {
			http.Error(w, "closed for today", http.StatusServiceUnavailable)
			return
		}
		m.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// Lie changes what the provider does wrong from now on.
func (p *Provider) Lie(l Lie) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = l
}

func (p *Provider) lying() Lie {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lie
}

// Asked is the query of the last visit to the sign-in page.
func (p *Provider) Asked() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.asked)
}

// SignIn is what a person does at the address that a client made: it signs
// them in and returns where the browser is sent back to.
func (p *Provider) SignIn(address string, who Person) *url.URL {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	name := "test-" + text(6)
	p.mu.Lock()
	p.People[name] = who
	p.mu.Unlock()
	return p.Post(u, name)
}

// Post sends the sign-in form as a browser would, and returns where it is sent
// back to.
func (p *Provider) Post(address *url.URL, name string) *url.URL {
	p.t.Helper()
	c := *p.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := c.PostForm(address.String(), url.Values{"user": {name}})
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	back, err := answer.Location()
	if err != nil {
		p.t.Fatalf("the provider answers %s and sends nobody back: %v", answer.Status, err)
	}
	return back
}

func (p *Provider) document(w http.ResponseWriter, _ *http.Request) {
	doc := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
	}
	maps.Copy(doc, p.lying().Document)
	write(w, doc)
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	id, key := p.signer()
	if p.lying().OtherKey {
		id, key = "first", p.key
	}
	write(w, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
	}}})
}

func (p *Provider) signer() (string, *rsa.PrivateKey) {
	switch l := p.lying(); {
	case l.NewKey:
		return "second", p.next
	case l.OtherKey:
		return "first", p.next
	}
	return "first", p.key
}

// faultOf is what a strict provider finds wrong with a request to sign in.
func faultOf(q url.Values, redirect string) string {
	switch {
	case q.Get("client_id") != ClientID || q.Get("redirect_uri") != redirect:
		return "unknown client"
	case q.Get("response_type") != "code" || !strings.HasPrefix(q.Get("scope")+" ", "openid "):
		return "not a request for a code of OpenID Connect"
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		return "no PKCE"
	}
	return ""
}

func (p *Provider) form(redirect string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if why := faultOf(r.URL.Query(), redirect); why != "" {
			http.Error(w, why, http.StatusBadRequest)
			return
		}
		p.note(r.URL.Query())
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>Provider</title><form method="post" action="%s"><label>User <input name="user"></label><button>Sign in</button></form>`,
			html.EscapeString(r.URL.RequestURI()))
	}
}

func (p *Provider) note(q url.Values) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = q
}

func (p *Provider) consent(redirect string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if why := faultOf(q, redirect); why != "" {
			http.Error(w, why, http.StatusBadRequest)
			return
		}
		p.note(q)
		back := url.Values{"state": {q.Get("state")}, "iss": {p.URL}}
		p.mu.Lock()
		if who, known := p.People[r.PostFormValue("user")]; known {
			code := text(16)
			p.codes[code] = grant{who, q, p.now()}
			back.Set("code", code)
		} else {
			back.Set("error", "access_denied")
		}
		p.mu.Unlock()
		http.Redirect(w, r, redirect+"?"+back.Encode(), http.StatusSeeOther)
	}
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func text(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b64(b)
}

// challengeOf is PKCE's S256.
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return b64(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
