package console_test

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/console"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/signin"
)

// site is a house with its console, as browsers reach it.
type site struct {
	*gatetest.House
	signin *signin.Signin
	server *httptest.Server
}

func newSite(t *testing.T) *site { return openSite(t, gatetest.New(t, gatetest.Policy), nil) }

func openSite(t testing.TB, h *gatetest.House, api func(*signin.Signin) http.Handler) *site {
	s := &site{House: h, signin: signin.New(signin.Options{Gate: h.Gate, Store: h.Store, Now: h.Now})}
	mux, organisation := http.NewServeMux(), "Aviary <Ltd>"
	if api != nil {
		organisation = "Aviary" // as it stands in pictures
	}
	mux.Handle("/", opened(console.New(console.Options{
		Gate: h.Gate, Signin: s.signin, Organisation: organisation, Log: slog.New(slog.NewTextHandler(h.Log, nil)),
	})))
	if api != nil {
		mux.Handle("/api/v1/", api(s.signin))
	}
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

// opened takes the console of a program whose assets are built.
func opened(h http.Handler, err error) http.Handler {
	if err != nil {
		panic(err)
	}
	return h
}

// visitor is a browser without a script, with its cookies.
type visitor struct {
	*site
	client *http.Client
}

func (s *site) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	s.Must(err)
	return &visitor{s, &http.Client{Jar: jar}}
}

// staff is a browser in which somebody has signed in.
func (s *site) staff(p identity.PersonID) *visitor {
	s.T.Helper()
	begun, err := s.signin.Begin(s.T.Context())
	s.Must(err)
	answer, err := s.Key(p).Assert("localhost", gatetest.Origin, begun.Options.Challenge)
	s.Must(err)
	token, _, err := s.signin.Finish(s.T.Context(), begun.ID, answer)
	s.Must(err)
	w := httptest.NewRecorder()
	s.signin.SetStaffCookie(w, token)
	v := s.visitor()
	at, err := url.Parse(s.server.URL)
	s.Must(err)
	v.client.Jar.SetCookies(at, w.Result().Cookies())
	return v
}

// seen is a page as it came.
type seen struct {
	t      testing.TB
	status int
	path   string // where redirects led
	header http.Header
	body   string
}

func (v *visitor) get(path string) seen {
	v.T.Helper()
	r, err := http.NewRequestWithContext(v.T.Context(), http.MethodGet, v.server.URL+path, nil)
	v.Must(err)
	return v.do(r)
}

// post sends a form as a browser would from the site's own page; pairs are
// names and values.
func (v *visitor) post(path string, pairs ...string) seen {
	v.T.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequestWithContext(v.T.Context(), http.MethodPost, v.server.URL+path, strings.NewReader(form.Encode()))
	v.Must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.do(r)
}

func (v *visitor) do(r *http.Request) seen {
	v.T.Helper()
	resp, err := v.client.Do(r)
	v.Must(err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	v.Must(err)
	return seen{v.T, resp.StatusCode, resp.Request.URL.RequestURI(), resp.Header, string(body)}
}

var (
	within = regexp.MustCompile(`</?(?:b|bdi|span|time)\b[^>]*>`)
	tags   = regexp.MustCompile(`<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// text is what a reader reads.
func (p seen) text() string {
	_, main, _ := strings.Cut(p.body, "<main")
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(within.ReplaceAllString("<"+main, ""), " ")), " "))
}

func (p seen) is(status int) seen {
	p.t.Helper()
	if p.status != status {
		p.t.Fatalf("%s answered %d, want %d: %s", p.path, p.status, status, p.text())
	}
	return p
}

func (p seen) at(path string) seen {
	p.t.Helper()
	if p.path != path {
		p.t.Fatalf("we are at %s, want %s", p.path, path)
	}
	return p
}

func (p seen) says(words ...string) seen {
	p.t.Helper()
	for _, w := range words {
		if !strings.Contains(p.text(), w) {
			p.t.Errorf("%s does not say %q but: %s", p.path, w, p.text())
		}
	}
	return p
}

func (p seen) never(words ...string) seen {
	p.t.Helper()
	for _, w := range words {
		if strings.Contains(p.body, w) {
			p.t.Errorf("%s says %q: %s", p.path, w, p.text())
		}
	}
	return p
}

// hidden is the value of a hidden field.
func (p seen) hidden(name string) string {
	p.t.Helper()
	m := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)">`).FindStringSubmatch(p.body)
	if m == nil {
		p.t.Fatalf("%s has no field %s", p.path, name)
	}
	return html.UnescapeString(m[1])
}

func TestEveryPageIsGuardedAgainstTheOutside(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/", "/case", "/join", "/sign-in", "/approvals", "/not-me/abc", "/nothing", "/requests/x", "/case/answer", "/case/oidc/x", "/check", "/help", "/vouch/x", "/vouch/done", "/proofing"} {
		p := s.visitor().get(path)
		csp := p.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the content security policy lacks %q", path, want)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "X-Frame-Options": "DENY"} {
			if got := p.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestSearchEnginesAreToListOnlyWhatIsTheSameForEverybody(t *testing.T) {
	s := newSite(t)
	for path, listed := range map[string]bool{"/": true, "/check": true, "/help": true, "/case": false, "/join": false, "/sign-in": false, "/security": false, "/not-me/abc": false, "/vouch/x": false, "/nothing": false} {
		p := s.visitor().get(path)
		if strings.Contains(p.body, `<meta name="robots" content="noindex">`) == listed {
			t.Errorf("%s is listed: %v", path, !listed)
		}
	}
}

var inline = regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|<style|\son[a-z]+=|\sstyle=|javascript:|https?://`)

func TestNothingOnAPageIsInlineOrFromElsewhere(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	request, _ := s.Ordered(gatetest.Wren, identity.PasswordReset, seed)
	staff := s.staff(gatetest.Sorrel)
	for _, p := range []seen{staff.get("/"), staff.get("/case"), staff.get("/join"), staff.get("/sign-in"), staff.get("/approvals"), staff.get("/requests/" + request), staff.get("/not-me/abc"), staff.get("/nothing"),
		staff.get("/check"), staff.post("/check", "code", "ABCD-2345"), staff.post("/check/report"), staff.get("/help"), staff.post("/help", "login", "x", "action", "unlock"), staff.get("/vouch/x"), staff.get("/vouch/done"), staff.get("/proofing")} {
		if found := inline.FindString(p.body); found != "" {
			t.Errorf("%s has %q", p.path, found)
		}
	}
}

func TestAFormOfAnotherSiteDoesNothing(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
		b := s.visitor()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+"/case", strings.NewReader("code="+v.Case))
		s.Must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(header[0], header[1])
		b.do(r).is(http.StatusForbidden).says("from another site")
	}
	if n := len(s.State(v.ID).Sessions); n != 0 {
		t.Errorf("%d sessions were opened from elsewhere", n)
	}
}

func TestAnOldBrowserWithoutFetchMetadataIsServed(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+"/case", strings.NewReader("code="+v.Case))
	s.Must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", s.server.URL)
	b.do(r).is(http.StatusOK).at("/case")
}

func TestAnOversizeFormIsRefused(t *testing.T) {
	s := newSite(t)
	p := s.visitor().post("/case", "code", strings.Repeat("A", 64<<10))
	if p.status < 400 || p.status >= 500 {
		t.Errorf("it answered %d: %s", p.status, p.text())
	}
}

func TestAssetsMayBeKeptForEverUnderAHashedName(t *testing.T) {
	s := newSite(t)
	front := s.visitor().get("/")
	names := regexp.MustCompile(`/assets/[a-z]+\.[0-9a-f]{16}\.(?:css|js|svg)`).FindAllString(front.body, -1)
	if len(names) < 3 {
		t.Fatalf("the front page names %v", names)
	}
	types := map[string]string{"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
	for _, name := range names {
		p := s.visitor().get(name).is(http.StatusOK)
		if !strings.Contains(p.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s", name, p.header.Get("Cache-Control"))
		}
		if want := types[name[strings.LastIndex(name, ".")+1:]]; !strings.HasPrefix(p.header.Get("Content-Type"), want) {
			t.Errorf("%s is %s", name, p.header.Get("Content-Type"))
		}
	}
	s.visitor().get("/assets/console.js").is(http.StatusNotFound)
	s.visitor().get("/assets/..%2fconsole.go").is(http.StatusNotFound)
}

func TestOverHTTPSBrowsersAreToldToInsist(t *testing.T) {
	s := newSite(t)
	w := httptest.NewRecorder()
	opened(console.New(console.Options{Gate: s.Gate, Signin: s.signin, Organisation: "Aviary", Secure: true, Log: slog.New(slog.DiscardHandler)})).
		ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
}

func TestAnIntegrationsTokenOpensNoPage(t *testing.T) {
	s := newSite(t)
	token := s.Token("itsm", 1e12, gate.ScopeRead)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/approvals", nil)
	s.Must(err)
	r.Header.Set("Authorization", "Bearer "+token)
	s.visitor().do(r).is(http.StatusOK).at("/sign-in?next=%2Fapprovals")
}
