package signin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/gate/gatetest"
	"countersign/internal/openid"
	"countersign/internal/openid/openidtest"
	"countersign/internal/proof/oidc"
	"countersign/internal/signin"
)

const callback = gatetest.Origin + "/oidc/callback"

// gateway is a porch whose organisation has a provider.
type gateway struct {
	*porch
	op *openidtest.Provider
}

func newGateway(t *testing.T, use signin.Use) *gateway {
	return gatewayOf(t, gatetest.New(t, gatetest.Policy), use)
}

// gatewayOf is another gateway of the same house.
func gatewayOf(t *testing.T, h *gatetest.House, use signin.Use, change ...func(*signin.Provider)) *gateway {
	op := openidtest.New(t, callback, h.Now)
	ours := openid.New(openid.Config{Issuer: op.URL, ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, RedirectURL: callback}, op.Client(), h.Now)
	p := signin.Provider{Provider: ours, Staff: use, Claim: "roster_id"}
	for _, c := range change {
		c(&p)
	}
	return &gateway{&porch{h, signin.New(signin.Options{Gate: h.Gate, Store: h.Store, Now: h.Now, Secure: true, Provider: p})}, op}
}

func person(id string) openidtest.Person {
	return openidtest.Person{Subject: "s-" + id, AMR: []string{"pwd", "otp"}, Claims: map[string]any{"roster_id": id}}
}

// visit begins a sign-in and does what the person does at the provider: it
// returns what the browser then asks for, with its cookie.
func (g *gateway) visit(purpose, data string, who openidtest.Person) *http.Request {
	g.T.Helper()
	address, cookie, err := g.BeginOIDC(g.T.Context(), purpose, data, "")
	g.Must(err)
	return g.arrive(g.op.SignIn(address, who), cookie)
}

func (g *gateway) arrive(at *url.URL, cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequestWithContext(g.T.Context(), "GET", at.RequestURI(), nil)
	for _, c := range cookies {
		if c != nil {
			r.AddCookie(c)
		}
	}
	return r
}

func (g *gateway) ticket(id string) string {
	g.T.Helper()
	back, err := g.FinishOIDC(g.T.Context(), g.visit("staff", "", person(id)))
	g.Must(err)
	cookie, err := g.StaffTicket(g.T.Context(), back)
	g.Must(err)
	return cookie.Value
}

func TestSomebodyComesBackWithWhatTheyWereSentFor(t *testing.T) {
	g := newGateway(t, signin.Off)
	sent := g.Now()
	back, err := g.FinishOIDC(t.Context(), g.visit("proof", "chal_1", person("x")))
	g.Must(err)
	if back.Purpose != "proof" || back.Data != "chal_1" || back.Claims.Fields["roster_id"] != "x" || !back.Started.Equal(sent) {
		t.Errorf("%+v", back)
	}
	if err := oidc.Check(back.Claims, oidc.Want{AMR: []string{"pwd+otp"}, Claim: "roster_id", Is: []string{"X"}, Since: back.Started}, g.Now()); err != nil {
		t.Error(err)
	}
}

func TestTheFlowsCookieIsForTheWayBackAlone(t *testing.T) {
	g := newGateway(t, signin.Off)
	address, c, err := g.BeginOIDC(t.Context(), "proof", "", "")
	g.Must(err)
	if c.Name != "__Host-provider" || c.SameSite != http.SameSiteLaxMode || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.MaxAge != 600 {
		t.Errorf("%+v", c)
	}
	if strings.Contains(address, c.Value) {
		t.Error("the provider sees the browser's secret")
	}
	g.NoSecret(c.Value)
}

func TestAnAnswerIsRefused(t *testing.T) {
	other := func(g *gateway) *http.Request { return g.visit("proof", "theirs", person("mallory")) }
	cookieOf := func(r *http.Request) *http.Cookie { return r.Cookies()[0] }
	h := gatetest.New(t, gatetest.Policy)
	for name, attack := range map[string]func(g *gateway) *http.Request{
		// Login CSRF: the victim's browser is made to ask for the attacker's
		// answer.
		"in a browser that began none": func(g *gateway) *http.Request { return g.arrive(other(g).URL) },
		"in a browser that began another": func(g *gateway) *http.Request {
			return g.arrive(other(g).URL, cookieOf(g.visit("proof", "mine", person("victim"))))
		},
		"with two cookies": func(g *gateway) *http.Request {
			r := other(g)
			r.AddCookie(cookieOf(r))
			return r
		},
		"with the code of another flow": func(g *gateway) *http.Request {
			mine, theirs := other(g), other(g)
			q := mine.URL.Query()
			q.Set("code", theirs.URL.Query().Get("code"))
			mine.URL.RawQuery = q.Encode()
			return mine
		},
		"twice": func(g *gateway) *http.Request {
			r := other(g)
			_, err := g.FinishOIDC(g.T.Context(), r)
			g.Must(err)
			return r
		},
		"twice, though the first time had no code": func(g *gateway) *http.Request {
			r := other(g)
			first := r.Clone(g.T.Context())
			q := first.URL.Query()
			q.Del("code")
			first.URL.RawQuery = q.Encode()
			if _, err := g.FinishOIDC(g.T.Context(), first); !errors.Is(err, signin.ErrProviderRefused) {
				g.T.Error(err)
			}
			return r
		},
		"after ten minutes": func(g *gateway) *http.Request {
			r := other(g)
			g.Pass(10 * time.Minute)
			return r
		},
		"with two states": func(g *gateway) *http.Request {
			r := other(g)
			r.URL.RawQuery += "&state=x"
			return r
		},
		"without a state": func(g *gateway) *http.Request {
			r := other(g)
			r.URL.RawQuery = "code=x"
			return r
		},
		"from another issuer": func(g *gateway) *http.Request {
			r := other(g)
			q := r.URL.Query()
			q.Set("iss", "https://other.example")
			r.URL.RawQuery = q.Encode()
			return r
		},
		"that is a no": func(g *gateway) *http.Request {
			address, cookie, err := g.BeginOIDC(g.T.Context(), "proof", "", "")
			g.Must(err)
			u, err := url.Parse(address)
			g.Must(err)
			return g.arrive(g.op.Post(u, "nobody"), cookie)
		},
		"that lies": func(g *gateway) *http.Request {
			g.op.Lie(openidtest.Lie{OtherKey: true})
			return other(g)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := gatewayOf(t, h, signin.Off)
			back, err := g.FinishOIDC(t.Context(), attack(g))
			if !errors.Is(err, signin.ErrProviderRefused) || back.Claims.Subject != "" {
				t.Errorf("%+v, %v", back, err)
			}
		})
	}
}

// Whoever learns the state, from a log perhaps, cannot spend it.
func TestAStrangerDoesNotSpoilTheFlow(t *testing.T) {
	g := newGateway(t, signin.Off)
	r := g.visit("proof", "", person("x"))
	for range 3 {
		if _, err := g.FinishOIDC(t.Context(), g.arrive(r.URL)); !errors.Is(err, signin.ErrProviderRefused) {
			t.Fatal(err)
		}
	}
	_, err := g.FinishOIDC(t.Context(), r)
	g.Must(err)
}

func TestOneOfManyAtOnceIsTakenBack(t *testing.T) {
	g := newGateway(t, signin.Off)
	r := g.visit("proof", "", person("x"))
	var wait sync.WaitGroup
	won := make(chan bool, 8)
	for range 8 {
		wait.Go(func() {
			if _, err := g.FinishOIDC(t.Context(), r.Clone(t.Context())); err == nil {
				won <- true
			}
		})
	}
	wait.Wait()
	if len(won) != 1 {
		t.Errorf("%d were taken back", len(won))
	}
}

func TestWithoutAProviderNobodyIsSentThere(t *testing.T) {
	p := newPorch(t)
	if _, _, err := p.BeginOIDC(t.Context(), "staff", "", ""); !errors.Is(err, signin.ErrProviderOff) {
		t.Error(err)
	}
	if _, err := p.FinishOIDC(t.Context(), bearer(t, "x")); !errors.Is(err, signin.ErrProviderOff) {
		t.Error(err)
	}
	if p.UsesProvider() != signin.Off || p.HasProvider() {
		t.Error("there is no provider")
	}
}

func TestAProviderThatIsDownIsSaidToBe(t *testing.T) {
	g := newGateway(t, signin.Required)
	g.op.Lie(openidtest.Lie{Down: true})
	if _, _, err := g.BeginOIDC(t.Context(), "staff", "", ""); !errors.Is(err, signin.ErrProviderDown) {
		t.Error(err)
	}
	g.op.Lie(openidtest.Lie{})
	g.Pass(time.Minute)
	r := g.visit("staff", "", person("staff:finch"))
	g.op.Lie(openidtest.Lie{Down: true})
	if _, err := g.FinishOIDC(t.Context(), r); !errors.Is(err, signin.ErrProviderDown) {
		t.Error(err)
	}
	c := g.begin()
	if _, _, err := g.Finish(t.Context(), c.ID, g.answer(g.Key(gatetest.Finch), c)); !errors.Is(err, signin.ErrProviderFirst) {
		t.Errorf("while it is down, a passkey alone: %v", err)
	}
}

func TestThePasskeyFollowsTheProvider(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	for name, c := range map[string]struct {
		use    signin.Use
		ticket func(g *gateway) string
		want   error
	}{
		"off, without":                   {signin.Off, func(*gateway) string { return "" }, nil},
		"off, with anything":             {signin.Off, func(*gateway) string { return "x" }, nil},
		"allowed, without":               {signin.Allowed, func(*gateway) string { return "" }, nil},
		"allowed, with":                  {signin.Allowed, func(g *gateway) string { return g.ticket("staff:finch") }, nil},
		"allowed, with somebody else's":  {signin.Allowed, func(g *gateway) string { return g.ticket("staff:olive") }, signin.ErrOtherPerson},
		"allowed, with an invented one":  {signin.Allowed, func(*gateway) string { return "x" }, signin.ErrProviderFirst},
		"required, with":                 {signin.Required, func(g *gateway) string { return g.ticket("STAFF:finch") }, nil},
		"required, without":              {signin.Required, func(*gateway) string { return "" }, signin.ErrProviderFirst},
		"required, with an invented one": {signin.Required, func(*gateway) string { return "x" }, signin.ErrProviderFirst},
		"required, with somebody else's": {signin.Required, func(g *gateway) string { return g.ticket("staff:olive") }, signin.ErrOtherPerson},
		"required, five minutes late": {signin.Required, func(g *gateway) string {
			token := g.ticket("staff:finch")
			g.Pass(5 * time.Minute)
			return token
		}, signin.ErrProviderFirst},
		"required, used already": {signin.Required, func(g *gateway) string {
			token := g.ticket("staff:finch")
			c := g.begin()
			_, _, err := g.FinishWithTicket(g.T.Context(), token, c.ID, g.answer(g.Key(gatetest.Finch), c))
			g.Must(err)
			return token
		}, signin.ErrProviderFirst},
		"required, tried already": {signin.Required, func(g *gateway) string {
			token := g.ticket("staff:finch")
			c := g.begin()
			if _, _, err := g.FinishWithTicket(g.T.Context(), token, c.ID, nil); !errors.Is(err, signin.ErrRefused) {
				g.T.Fatal(err)
			}
			return token
		}, signin.ErrProviderFirst},
	} {
		t.Run(name, func(t *testing.T) {
			g := gatewayOf(t, h, c.use)
			ticket := c.ticket(g)
			begun := g.begin()
			token, who, err := g.FinishWithTicket(t.Context(), ticket, begun.ID, g.answer(g.Key(gatetest.Finch), begun))
			if !errors.Is(err, c.want) || (err == nil) != (who == gatetest.Finch) || (err == nil) != (token != "") {
				t.Errorf("%q %q %v", token, who, err)
			}
		})
	}
}

func TestTheProviderNamesOnePersonOnTheRoster(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	for name, c := range map[string]struct {
		who  openidtest.Person
		lie  openidtest.Lie
		with func(*signin.Provider)
		ok   bool
	}{
		"somebody on it":             {who: person("staff:finch"), ok: true},
		"a stranger":                 {who: person("staff:crow")},
		"nobody":                     {who: openidtest.Person{Subject: "staff:finch"}},
		"a name with a Cyrillic c":   {who: person("staff:fin\u0441h")},
		"a name with a dotless i":    {who: person("staff:f\u0131nch")},
		"from an old session":        {who: person("staff:finch"), lie: openidtest.Lie{Age: time.Minute}},
		"without a time":             {who: person("staff:finch"), lie: openidtest.Lie{Claims: map[string]any{"auth_time": nil}}},
		"with a clock a little off":  {who: person("staff:finch"), lie: openidtest.Lie{Clock: -25 * time.Second}, ok: true},
		"with the factor asked for":  {who: person("staff:finch"), with: func(p *signin.Provider) { p.AMR = []string{"otp"} }, ok: true},
		"without the factor":         {who: person("staff:finch"), with: func(p *signin.Provider) { p.AMR = []string{"hwk"} }},
		"while staff do not use it":  {who: person("staff:finch"), with: func(p *signin.Provider) { p.Staff = signin.Off }},
		"by a claim that names none": {who: person("staff:finch"), with: func(p *signin.Provider) { p.Claim = "" }},
	} {
		t.Run(name, func(t *testing.T) {
			with := c.with
			if with == nil {
				with = func(*signin.Provider) {}
			}
			g := gatewayOf(t, h, signin.Allowed, with)
			g.op.Lie(c.lie)
			back, err := g.FinishOIDC(t.Context(), g.visit("staff", "", c.who))
			g.Must(err)
			cookie, err := g.StaffTicket(t.Context(), back)
			if (err == nil) != c.ok {
				t.Fatalf("%v", err)
			}
			if c.ok && (cookie.Name != "__Host-ticket" || cookie.SameSite != http.SameSiteStrictMode || !cookie.HttpOnly || cookie.MaxAge != 300) {
				t.Errorf("%+v", cookie)
			}
		})
	}
}

// A ticket says who signed in at the provider. It is no session.
func TestATicketOpensNothingByItself(t *testing.T) {
	g := newGateway(t, signin.Required)
	token := g.ticket("staff:finch")
	for _, name := range []string{"__Host-ticket", "__Host-countersign", "__Host-owner", "__Host-case"} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: name, Value: token})
		if c, err := g.Caller(r); code(err) != "unauthenticated" || c.Person != "" {
			t.Errorf("as %s: %+v, %v", name, c, err)
		}
		if o, err := g.Owner(r); code(err) != "unauthenticated" || o.Person != "" {
			t.Errorf("as %s: %+v, %v", name, o, err)
		}
	}
}
