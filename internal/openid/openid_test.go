package openid_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/identity"
	"countersign/internal/openid"
	"countersign/internal/openid/openidtest"
	"countersign/internal/proof/oidc"
)

const redirect = "https://countersign.example.org/oidc/callback"

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

var ito = openidtest.Person{Subject: "u-17", ACR: "phr", AMR: []string{"pwd", "hwk"},
	Claims: map[string]any{"preferred_username": "m.ito", "email": "m.ito@example.org", "email_verified": true}}

// bench is a provider, a client of it, and their common clock.
type bench struct {
	t    *testing.T
	at   time.Time
	op   *openidtest.Provider
	ours *openid.Provider
}

func newBench(t *testing.T, change ...func(*openid.Config)) *bench {
	b := &bench{t: t, at: noon}
	b.op = openidtest.New(t, redirect, b.now)
	cfg := openid.Config{Issuer: b.op.URL, ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, RedirectURL: redirect,
		Scopes: []string{"profile", "openid", "email", "profile"}, ACR: []string{"phr", "phrh"}}
	for _, c := range change {
		c(&cfg)
	}
	b.ours = openid.New(cfg, b.op.Client(), b.now)
	return b
}

func (b *bench) now() time.Time { return b.at }

func (b *bench) begin(f openid.Flow) string {
	b.t.Helper()
	address, err := b.ours.Begin(b.t.Context(), f, "m.ito")
	if err != nil {
		b.t.Fatal(err)
	}
	return address
}

func (b *bench) flow() (openid.Flow, *url.URL) {
	b.t.Helper()
	f := openid.NewFlow(b.at)
	return f, b.op.SignIn(b.begin(f), ito)
}

func (b *bench) finish(f openid.Flow, back *url.URL) (oidc.Claims, error) {
	return b.ours.Finish(b.t.Context(), f, back.Query().Get("state"), back.Query().Get("code"))
}

// run is one whole sign-in.
func (b *bench) run() (oidc.Claims, error) {
	b.t.Helper()
	f, back := b.flow()
	return b.finish(f, back)
}

func TestASignInTellsWhoHowAndWhen(t *testing.T) {
	b := newBench(t)
	c, err := b.run()
	if err != nil {
		t.Fatal(err)
	}
	if c.Issuer != b.op.URL || c.Subject != "u-17" || c.ACR != "phr" || len(c.AMR) != 2 || !c.AuthTime.Equal(noon) {
		t.Errorf("%+v", c)
	}
	if c.Fields["preferred_username"] != "m.ito" || c.Fields["email_verified"] != "true" {
		t.Errorf("fields %v", c.Fields)
	}
	want := oidc.Want{ACR: []string{"phr"}, Claim: "email", Is: []string{"M.Ito@example.org"}, Since: noon}
	if err := oidc.Check(c, want, noon); err != nil {
		t.Error(err)
	}
}

func TestTheBrowserIsSentToSignInAfresh(t *testing.T) {
	b := newBench(t)
	f := openid.NewFlow(noon)
	u, err := url.Parse(b.begin(f))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(f.Verifier))
	for key, want := range map[string]string{
		"client_id": openidtest.ClientID, "redirect_uri": redirect, "response_type": "code", "scope": "openid profile email",
		"state": f.State, "nonce": f.Nonce, "code_challenge_method": "S256", "code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]),
		"max_age": "0", "prompt": "login", "acr_values": "phr phrh", "login_hint": "m.ito",
	} {
		if got := u.Query().Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if strings.Contains(u.String(), f.Verifier) || strings.Contains(u.String(), "secret") {
		t.Error("the address shows what the server keeps")
	}
}

func TestFlowsShareNothing(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		f := openid.NewFlow(noon)
		for _, v := range []string{f.State, f.Nonce, f.Verifier} {
			if seen[v] || len(v) < 22 { // 128 bits of base64url
				t.Fatalf("%q is short or repeats", v)
			}
			seen[v] = true
		}
	}
}

func TestATokenThatIsNotToBeBelievedIsRefused(t *testing.T) {
	other := "https://other.example"
	for name, l := range map[string]openidtest.Lie{
		"another issuer":                       {Issuer: other},
		"for another client":                   {Claims: map[string]any{"aud": "other"}},
		"for two clients without azp":          {Claims: map[string]any{"aud": []string{openidtest.ClientID, "other"}}},
		"for two clients, made for the other":  {Claims: map[string]any{"aud": []string{openidtest.ClientID, "other"}, "azp": "other"}},
		"made for another client":              {Claims: map[string]any{"azp": "other"}},
		"no nonce":                             {Claims: map[string]any{"nonce": nil}},
		"another nonce":                        {Claims: map[string]any{"nonce": "x"}},
		"an expired token":                     {Claims: map[string]any{"exp": noon.Add(-time.Second).Unix()}},
		"a token without an end":               {Claims: map[string]any{"exp": nil}},
		"a token from before the question":     {Claims: map[string]any{"iat": noon.Add(-time.Minute).Unix()}},
		"a token without a beginning":          {Claims: map[string]any{"iat": nil}},
		"a token of the future":                {Claims: map[string]any{"iat": noon.Add(time.Minute).Unix()}},
		"nobody":                               {Claims: map[string]any{"sub": ""}},
		"unsigned":                             {Algorithm: "none"},
		"signed with the client's secret":      {Algorithm: "HS256"},
		"unsigned, and the document allows it": {Algorithm: "none", Document: map[string]any{"id_token_signing_alg_values_supported": []string{"none"}}},
		"the secret, and the document says so": {Algorithm: "HS256", Document: map[string]any{"id_token_signing_alg_values_supported": []string{"HS256"}}},
		"another key under the same name":      {OtherKey: true},
		"another access token":                 {Claims: map[string]any{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
		"another code":                         {Claims: map[string]any{"c_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
		"a clock a minute ahead":               {Clock: time.Minute},
		"a clock a minute behind":              {Clock: -time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.op.Lie(l)
			if c, err := b.run(); !errors.Is(err, openid.ErrRefused) || c.Subject != "" {
				t.Errorf("%v, %v", c, err)
			}
		})
	}
}

func TestAClockSomewhatOffIsTolerated(t *testing.T) {
	for _, off := range []time.Duration{-29 * time.Second, 29 * time.Second} {
		b := newBench(t)
		b.op.Lie(openidtest.Lie{Clock: off})
		if _, err := b.run(); err != nil {
			t.Errorf("%s: %v", off, err)
		}
	}
}

func TestAnAnswerCountsOnceAndForItsOwnFlow(t *testing.T) {
	b := newBench(t)
	f, back := b.flow()
	state, code := back.Query().Get("state"), back.Query().Get("code")
	second := openid.NewFlow(noon)
	second.State = f.State // an attacker who could set the state would still lack nonce and verifier
	for name, try := range map[string]struct {
		f           openid.Flow
		state, code string
	}{
		"no flow":        {openid.Flow{}, state, code},
		"no flow at all": {openid.Flow{}, "", code},
		"another state":  {f, openid.NewFlow(noon).State, code},
		"no state":       {f, "", code},
		"no code":        {f, state, ""},
	} {
		if _, err := b.ours.Finish(t.Context(), try.f, try.state, try.code); !errors.Is(err, openid.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.finish(f, back); err != nil {
		t.Fatalf("none of those should have spent the code: %v", err)
	}
	if _, err := b.finish(f, back); !errors.Is(err, openid.ErrRefused) {
		t.Errorf("the same code again: %v", err)
	}
	_, back = b.flow()
	if _, err := b.ours.Finish(t.Context(), second, state, back.Query().Get("code")); !errors.Is(err, openid.ErrRefused) {
		t.Errorf("a code of another flow: %v", err)
	}
}

// Although the provider would go on: the code is a fresh one.
func TestAFlowLapses(t *testing.T) {
	for after, want := range map[time.Duration]error{openid.FlowLife: nil, openid.FlowLife + time.Second: openid.ErrRefused, -time.Minute: openid.ErrRefused} {
		b := newBench(t)
		f := openid.NewFlow(noon)
		address := b.begin(f)
		b.at = noon.Add(after)
		back := b.op.SignIn(address, ito)
		if after < 0 {
			b.op.Lie(openidtest.Lie{Clock: -after})
		}
		if _, err := b.finish(f, back); !errors.Is(err, want) {
			t.Errorf("after %s: %v", after, err)
		}
	}
}

func TestAProviderThatIsDownIsAskedAgainLater(t *testing.T) {
	b := newBench(t)
	b.op.Lie(openidtest.Lie{Down: true})
	f := openid.NewFlow(noon)
	for range 2 {
		if _, err := b.ours.Begin(t.Context(), f, ""); !errors.Is(err, openid.ErrUnreachable) {
			t.Fatal(err)
		}
	}
	b.op.Lie(openidtest.Lie{})
	b.at = b.at.Add(6 * time.Second)
	if _, err := b.run(); err != nil {
		t.Fatal(err)
	}
	f, back := b.flow()
	b.op.Lie(openidtest.Lie{Down: true})
	if _, err := b.finish(f, back); !errors.Is(err, openid.ErrUnreachable) {
		t.Errorf("down at the exchange: %v", err)
	}
}

func TestAProviderThatIsDownIsNotPestered(t *testing.T) {
	var calls atomic.Int32
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer down.Close()
	p := openid.New(openid.Config{Issuer: down.URL, ClientID: "c"}, down.Client(), func() time.Time { return noon })
	for range 5 {
		if _, err := p.Begin(t.Context(), openid.NewFlow(noon), ""); !errors.Is(err, openid.ErrUnreachable) {
			t.Fatal(err)
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("it was asked %d times within a moment", n)
	}
}

func TestKeysThatCannotBeFetchedAreNoForgery(t *testing.T) {
	b := newBench(t)
	b.op.Lie(openidtest.Lie{Document: map[string]any{"jwks_uri": "http://127.0.0.1:1/keys"}})
	if _, err := b.run(); !errors.Is(err, openid.ErrUnreachable) {
		t.Error(err)
	}
}

func TestAProviderMayChangeItsKey(t *testing.T) {
	b := newBench(t)
	if _, err := b.run(); err != nil {
		t.Fatal(err)
	}
	b.op.Lie(openidtest.Lie{NewKey: true})
	if _, err := b.run(); err != nil {
		t.Error(err)
	}
}

func TestADiscoveryDocumentThatLiesIsRefused(t *testing.T) {
	for name, doc := range map[string]map[string]any{
		"another issuer":             {"issuer": "https://other.example"},
		"no token endpoint":          {"token_endpoint": ""},
		"no keys":                    {"jwks_uri": nil},
		"a script":                   {"authorization_endpoint": "javascript:alert(1)"},
		"a password in it":           {"token_endpoint": "https://u:p@provider.example/token"},
		"an address that is no text": {"jwks_uri": 7},
	} {
		b := newBench(t)
		b.op.Lie(openidtest.Lie{Document: doc})
		if _, err := b.ours.Begin(t.Context(), openid.NewFlow(noon), ""); !errors.Is(err, openid.ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnIssuerBehindHTTPSSendsNobodyToHTTP(t *testing.T) {
	var issuer string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"issuer":"`+issuer+`","authorization_endpoint":"`+issuer+`/a","jwks_uri":"`+issuer+`/k","token_endpoint":"http://provider.example/token"}`)
	}))
	defer s.Close()
	issuer = s.URL
	p := openid.New(openid.Config{Issuer: issuer, ClientID: "c"}, s.Client(), func() time.Time { return noon })
	if _, err := p.Begin(t.Context(), openid.NewFlow(noon), ""); !errors.Is(err, openid.ErrUnreachable) || !strings.Contains(err.Error(), "https") {
		t.Error(err)
	}
}

func TestNoErrorRepeatsWhatIsSecret(t *testing.T) {
	marks := []string{"MARK-access", "MARK-description", openidtest.ClientSecret}
	for name, token := range map[string]http.HandlerFunc{
		"an error with words": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"MARK-access","error_description":"MARK-description"}`)
		},
		"a page": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "<html>MARK-access")
		},
		"a token that is none": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"MARK-access","token_type":"Bearer","id_token":"MARK-description.x.y"}`)
		},
		"no token": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"MARK-access","token_type":"Bearer"}`)
		},
		"a redirect with the secret": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/MARK-access", http.StatusTemporaryRedirect)
		},
	} {
		b := newBench(t)
		b.op.Lie(openidtest.Lie{Token: token})
		f, back := b.flow()
		_, err := b.finish(f, back)
		if !errors.Is(err, openid.ErrRefused) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, secret := range append(marks, f.State, f.Nonce, f.Verifier, back.Query().Get("code")) {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error repeats %q: %v", name, secret, err)
			}
		}
	}
}

func TestTheProvidersOwnWordForANoIsTold(t *testing.T) {
	b := newBench(t, func(c *openid.Config) { c.ClientSecret = "wrong" })
	if _, err := b.run(); !errors.Is(err, openid.ErrRefused) || !strings.Contains(err.Error(), "invalid_client") {
		t.Error(err)
	}
}

func TestASecretIsSentInTheFormWhereTheProviderWantsItThere(t *testing.T) {
	b := newBench(t)
	var form url.Values
	b.op.Lie(openidtest.Lie{
		Document: map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_post"}},
		Token: func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			form = r.PostForm
			w.WriteHeader(http.StatusBadRequest)
		},
	})
	if _, err := b.run(); !errors.Is(err, openid.ErrRefused) {
		t.Error(err)
	}
	if form.Get("client_secret") != openidtest.ClientSecret || form.Get("code_verifier") == "" {
		t.Errorf("form %v", form)
	}
}

func TestClaimsOfTheWrongTypeCountAsAbsent(t *testing.T) {
	b := newBench(t)
	b.op.Lie(openidtest.Lie{Claims: map[string]any{"acr": 7, "amr": "hwk", "auth_time": "now", "preferred_username": "m.i\u202eto", "email": []string{"a"}}})
	c, err := b.run()
	if err != nil {
		t.Fatal(err)
	}
	if c.ACR != "" || c.AMR != nil || !c.AuthTime.IsZero() || c.Fields["preferred_username"] != "" || c.Fields["email"] != "" {
		t.Errorf("%+v", c)
	}
}

func TestWhatTheTokenLacksIsAskedFor(t *testing.T) {
	need := func(c *openid.Config) { c.Needs = []string{"preferred_username", "email", "email_verified"} }
	b := newBench(t, need)
	b.op.Lie(openidtest.Lie{Thin: true, Info: map[string]any{"acr": "better", "auth_time": 1, "given_name": "M."}})
	c, err := b.run()
	if err != nil {
		t.Fatal(err)
	}
	if c.Fields["preferred_username"] != "m.ito" || c.Fields["email_verified"] != "true" {
		t.Errorf("fields %v", c.Fields)
	}
	if c.ACR != "phr" || c.Fields["acr"] != "phr" || !c.AuthTime.Equal(noon) || c.Fields["given_name"] != "" {
		t.Errorf("more was taken than is needed: %+v", c)
	}

	// What the token says stands.
	b = newBench(t, need)
	b.op.Lie(openidtest.Lie{Claims: map[string]any{"email": nil}, Info: map[string]any{"preferred_username": "a.okafor"}})
	if c, err = b.run(); err != nil || c.Fields["preferred_username"] != "m.ito" || c.Fields["email"] != "m.ito@example.org" {
		t.Errorf("%+v, %v", c, err)
	}

	// An answer about somebody else is none.
	b = newBench(t, need)
	b.op.Lie(openidtest.Lie{Thin: true, Info: map[string]any{"sub": "u-18"}})
	if c, err = b.run(); !errors.Is(err, openid.ErrRefused) || c.Fields != nil {
		t.Errorf("%+v, %v", c, err)
	}

	// A provider without that endpoint is one whose token says little.
	b = newBench(t, need)
	b.op.Lie(openidtest.Lie{Thin: true, Document: map[string]any{"userinfo_endpoint": nil}})
	if c, err = b.run(); err != nil || c.Fields["preferred_username"] != "" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestSomebodyWhoLeavesDoesNotSpoilItForOthers(t *testing.T) {
	b := newBench(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = b.ours.Begin(gone, openid.NewFlow(noon), "")
	if _, err := b.run(); err != nil {
		t.Error(err)
	}
}

// Whatever stands in a token that is signed, nothing breaks, and what is kept
// of it can be shown.
func FuzzClaims(f *testing.F) {
	f.Add("acr", `"phr"`)
	f.Add("amr", `["hwk",1,null]`)
	f.Add("auth_time", `1e300`)
	f.Add("auth_time", `-1`)
	f.Add("aud", `["countersign"]`)
	f.Add("_claim_names", `{"a":"b"}`)
	f.Fuzz(func(t *testing.T, name, text string) {
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			return
		}
		b := newBench(t)
		b.op.Lie(openidtest.Lie{Claims: map[string]any{name: value}})
		c, err := b.run()
		if err != nil {
			if !errors.Is(err, openid.ErrRefused) || c.Fields != nil {
				t.Fatal(err)
			}
			return
		}
		for _, v := range c.Fields {
			if identity.CheckLine(v, 500) != nil {
				t.Fatalf("%q is kept", v)
			}
		}
		if c.Subject == "" || c.Issuer != b.op.URL {
			t.Fatalf("%+v", c)
		}
	})
}
