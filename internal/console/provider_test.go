package console_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"countersign/internal/console"
	"countersign/internal/gate/gatetest"
	"countersign/internal/openid"
	"countersign/internal/openid/openidtest"
	"countersign/internal/signin"
)

// providedSite is a site whose organisation has a provider.
func providedSite(t *testing.T, use signin.Use) (*site, *openidtest.Provider) {
	h := gatetest.New(t, gatetest.Policy)
	s := &site{House: h, server: httptest.NewUnstartedServer(nil)}
	back := "http://" + s.server.Listener.Addr().String() + "/oidc/callback"
	op := openidtest.New(t, back, h.Now)
	op.People["finch"] = openidtest.Person{Subject: "1", Claims: map[string]any{"roster_id": string(gatetest.Finch)}}
	op.People["crow"] = openidtest.Person{Subject: "2", Claims: map[string]any{"roster_id": "staff:crow"}}
	ours := openid.New(openid.Config{Issuer: op.URL, ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, RedirectURL: back}, op.Client(), h.Now)
	s.signin = signin.New(signin.Options{Gate: h.Gate, Store: h.Store, Now: h.Now, Provider: signin.Provider{Provider: ours, Staff: use, Claim: "roster_id"}})
	s.server.Config.Handler = opened(console.New(console.Options{Gate: h.Gate, Signin: s.signin, Organisation: "Aviary", Log: slog.New(slog.NewTextHandler(h.Log, nil))}))
	s.server.Start()
	t.Cleanup(s.server.Close)
	return s, op
}

// leave follows a link to the provider, signs in there under a name, and
// returns the address the browser is sent back to.
func (v *visitor) leave(op *openidtest.Provider, path, name string) string {
	v.T.Helper()
	p := v.get(path).is(http.StatusOK)
	if !strings.HasPrefix(p.path, "/authorize?") {
		v.T.Fatalf("we are at %s, not at the provider", p.path)
	}
	u, err := url.Parse(op.URL + p.path)
	v.Must(err)
	return op.Post(u, name).RequestURI()
}

// pass answers the passkey's question as the page's script would.
func (v *visitor) pass(key interface {
	Assert(rpID, origin string, challenge []byte) ([]byte, error)
}) error {
	v.T.Helper()
	begun, err := v.signin.Begin(v.T.Context())
	v.Must(err)
	answer, err := key.Assert("localhost", gatetest.Origin, begun.Options.Challenge)
	v.Must(err)
	at, err := url.Parse(v.server.URL)
	v.Must(err)
	r := httptest.NewRequestWithContext(v.T.Context(), http.MethodPost, "/", nil)
	for _, c := range v.client.Jar.Cookies(at) {
		r.AddCookie(c)
	}
	_, _, err = v.signin.FinishWithTicket(v.T.Context(), v.signin.Ticket(r), begun.ID, answer)
	return err
}

func TestStaffComeBackFromTheProviderToTheirPasskey(t *testing.T) {
	for _, use := range []signin.Use{signin.Allowed, signin.Required} {
		s, op := providedSite(t, use)
		b := s.visitor()
		p := b.get("/sign-in?next=/requests/req_1").is(http.StatusOK).says("organisation")
		if strings.Contains(p.body, "data-act") != (use == signin.Allowed) {
			t.Errorf("%s: the page offers the passkey wrongly: %s", use, p.text())
		}
		b.get(b.leave(op, "/sign-in/oidc?next=/requests/req_1", "finch")).is(http.StatusOK).
			at("/sign-in?next=%2Frequests%2Freq_1&step=passkey").says("Your organisation knows you")
		if err := b.pass(s.Key(gatetest.Finch)); err != nil {
			t.Errorf("%s: %v", use, err)
		}
		if err := b.pass(s.Key(gatetest.Finch)); err == nil {
			t.Errorf("%s: the ticket was used twice", use)
		}
	}
}

func TestAnotherPersonsPasskeyDoesNotFollow(t *testing.T) {
	s, op := providedSite(t, signin.Required)
	b := s.visitor()
	b.get(b.leave(op, "/sign-in/oidc", "finch")).is(http.StatusOK)
	if err := b.pass(s.Key(gatetest.Olive)); err == nil {
		t.Error("Finch at the provider, Olive with the passkey")
	}
}

func TestComingBackIsRefused(t *testing.T) {
	s, op := providedSite(t, signin.Allowed)
	mallory := s.visitor()
	link := mallory.leave(op, "/sign-in/oidc", "finch")
	s.visitor().get(link).is(http.StatusForbidden).says("That sign-in does not count here").never(openidtest.ClientSecret)
	victim := s.visitor()
	_ = victim.leave(op, "/sign-in/oidc", "finch")
	victim.get(link).is(http.StatusForbidden) // a browser that began another
	mallory.get(link).is(http.StatusOK)       // theirs is not spoilt by that
	mallory.get(link).is(http.StatusForbidden)

	b := s.visitor()
	b.get(b.leave(op, "/sign-in/oidc", "crow")).is(http.StatusForbidden)
	b.get(b.leave(op, "/sign-in/oidc", "unknown there")).is(http.StatusForbidden)
	b.get("/oidc/callback").is(http.StatusForbidden)
	if err := b.pass(s.Key(gatetest.Finch)); err != nil {
		t.Errorf("a passkey alone is allowed here: %v", err)
	}
	for _, secret := range []string{openidtest.ClientSecret, "code=", link} {
		if strings.Contains(s.Log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestTheProviderLeadsNowhereElse(t *testing.T) {
	s, op := providedSite(t, signin.Allowed)
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "/case", "javascript:alert(1)"} {
		b := s.visitor()
		b.get(b.leave(op, "/sign-in/oidc?"+url.Values{"next": {next}}.Encode(), "finch")).at("/sign-in?next=%2Fapprovals&step=passkey")
	}
	// What the query of the way back adds does not matter either.
	b := s.visitor()
	b.get(b.leave(op, "/sign-in/oidc", "finch") + "&next=https%3A%2F%2Fevil.example").at("/sign-in?next=%2Fapprovals&step=passkey")
}

// A flow begun for something else is not staff signing in.
func TestAStateOfAnotherPurposeIsNoSignIn(t *testing.T) {
	s, op := providedSite(t, signin.Allowed)
	b := s.visitor()
	address, cookie, err := s.signin.BeginOIDC(t.Context(), "unheard of", "", "")
	s.Must(err)
	at, err := url.Parse(s.server.URL)
	s.Must(err)
	b.client.Jar.SetCookies(at, []*http.Cookie{cookie})
	b.get(op.SignIn(address, op.People["finch"]).RequestURI()).is(http.StatusForbidden)
	for _, c := range b.client.Jar.Cookies(at) {
		t.Errorf("the browser keeps %s", c.Name)
	}
}

func TestAProviderThatIsDownIsSaidInPlainWords(t *testing.T) {
	s, op := providedSite(t, signin.Required)
	op.Lie(openidtest.Lie{Down: true})
	s.visitor().get("/sign-in/oidc").is(http.StatusServiceUnavailable).says("does not answer", "Try again")
}

func TestWithoutAProviderThereIsNoSuchWay(t *testing.T) {
	s := newSite(t)
	s.visitor().get("/sign-in").is(http.StatusOK).never("/sign-in/oidc")
	s.visitor().get("/sign-in/oidc").is(http.StatusNotFound)
	s.visitor().get("/oidc/callback?state=x&code=y").is(http.StatusNotFound)
	off, _ := providedSite(t, signin.Off)
	off.visitor().get("/sign-in/oidc").is(http.StatusNotFound)
}
