package demo_test

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/internal/app"
	"countersign/internal/demo"
)

// everyDemoPath is each address that the demo answers at, and some beside.
var everyDemoPath = []string{
	"GET /demo", "GET /demo/", "GET /demo/demo.js", "GET /demo/demo.css", "GET /demo/post.json", "GET /demo/verify/req_1", "GET /demo/cast.html",
	"POST /demo/become", "POST /demo/passkey/who", "POST /demo/passkey/get", "POST /demo/passkey/create",
}

func TestAServerThatServesForRealKnowsNothingOfTheDemo(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "countersign.yaml")
	config := "organisation: Example Ltd\nbase_url: http://localhost:8443\nlisten: 127.0.0.1:0\ndata: data\npolicy: policy.yaml\ndirectories:\n  - {name: people, kind: local}\nledger: {origin: example.org}\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := app.LoadConfig(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler
	// The hook is only used to get at the handler: what it is given is what
	// serve has, which sets no hook.
	a, err := app.New(t.Context(), cfg, app.Options{Around: func(h http.Handler) http.Handler { handler = h; return h }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, line := range everyDemoPath {
		method, path, _ := strings.Cut(line, " ")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s answers %d", line, w.Code)
		}
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "/demo") {
		t.Errorf("the front page answers %d and speaks of the demo", w.Code)
	}
}

// Nothing but the command that plays it may know the demo, and nothing but the
// demo may stand around the handler.
func TestOnlyTheDemosVerbKnowsTheDemo(t *testing.T) {
	const ours = `"countersign/internal/demo"`
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && name != "." || d.Name() == "node_modules" || name == "internal/demo") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			if i.Path.Value == ours && name != "cmd/countersign/demo.go" && !strings.HasSuffix(name, "_test.go") {
				t.Errorf("%s imports the demo", name)
			}
		}
		if !strings.HasSuffix(name, "_test.go") && bytes.Contains(text, []byte("Around:")) {
			t.Errorf("%s sets the hook around the handler", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingOfTheDemoAnswersBeforeThePlayIsOver(t *testing.T) {
	seen := make(chan int, 1)
	out := &during{at: "An impatient agent", do: func(base string) {
		res, err := http.Get(base + "/demo")
		if err != nil {
			t.Error(err)
			return
		}
		res.Body.Close()
		seen <- res.StatusCode
	}}
	if err := demo.Run(t.Context(), demo.Options{Out: out}); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; got != http.StatusNotFound {
		t.Errorf("it answered %d", got)
	}
}

// during does something when a text goes by.
type during struct {
	at   string
	do   func(base string)
	text strings.Builder
}

func (d *during) Write(b []byte) (int, error) {
	d.text.Write(b)
	if d.do != nil && strings.Contains(string(b), d.at) {
		do := d.do
		d.do = nil
		do(served.FindStringSubmatch(d.text.String())[1])
	}
	return len(b), nil
}

// One theatre serves the questions that leave nothing behind.
func TestTheCast(t *testing.T) {
	h := perform(t)
	for name, test := range map[string]func(*theatre){
		"anybody can be become, and is signed in by their own key": anybody,
		"an owner's case is laid aside and comes back":             laidAside,
		"other sites can press nothing and read nothing":           foreign,
		"a key signs only what names it":                           keys,
		"a page gets the script once, and nothing else does":       scripts,
		"the panel is sent when it has changed":                    unchanged,
		"a new key is its maker's":                                 newKey,
	} {
		t.Run(name, func(t *testing.T) { test(&theatre{t, h.base, h.script}) })
	}
}

func anybody(h *theatre) {
	s := h.spectator()
	if me := s.panel().Me.ID; me != "" {
		h.Errorf("a stranger is %q", me)
	}
	cast := s.panel().Cast
	if len(cast) != 11 {
		h.Fatalf("the cast is %v", cast)
	}
	for _, c := range cast {
		s.become(c.ID)
		me, page := s.get("/api/v1/me"), s.get("/demo")
		if staff := s.panel().Me.Staff; staff != (me.status == http.StatusOK) || staff && !strings.Contains(me.body, `"person:`+c.ID+`"`) {
			h.Errorf("as %s the product says %d %s", c.ID, me.status, me.body)
		}
		if !strings.Contains(page.body, "Go on as") || strings.Count(page.body, "Go on as") != 1 {
			h.Errorf("the cast's page does not say who %s is", c.ID)
		}
	}
	for _, bad := range []string{"", "m.ito", "a.aoki", "person:s.lund", "root"} {
		if r := s.form("/demo/become", "who", bad); r.status != http.StatusBadRequest {
			h.Errorf("becoming %q: %d", bad, r.status)
		}
	}
	for _, away := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "javascript:alert(1)"} {
		if r := s.form("/demo/become", "who", "p.cole", "next", away); r.header.Get("Location") != "/home" {
			h.Errorf("sent to %s", r.header.Get("Location"))
		}
	}
}

// open opens a case about somebody, as the agent, by the API.
func (s spectator) open(login, action string) (id, code string) {
	s.Helper()
	s.become("p.cole")
	var r struct{ ID, Case string }
	got := s.call("/api/v1/requests", map[string]string{"login": login, "action": action, "channel": "phone"})
	if got.status != http.StatusCreated {
		s.Fatalf("opening: %d %s", got.status, got.body)
	}
	s.must(json.Unmarshal([]byte(got.body), &r))
	return r.ID, r.Case
}

func laidAside(h *theatre) {
	s := h.spectator()
	_, code := s.open("o.lang", "mfa_reset")
	s.become("o.lang")
	i := slices.IndexFunc(s.panel().People, func(p struct {
		ID, App, Drawer string
		Line            []part
	}) bool {
		return p.ID == "o.lang"
	})
	line := s.panel().People[i].Line
	if !slices.ContainsFunc(line, func(p part) bool { return p.Kind == "code" && p.Text == code }) {
		h.Errorf("the desk says %v, not %s", line, code)
	}
	if r := s.form("/case", "code", code); r.status != http.StatusSeeOther {
		h.Fatalf("opening the case: %d", r.status)
	}
	has := func() bool { return strings.Contains(s.get("/case").body, code) }
	if !has() {
		h.Fatal("the case is not open")
	}
	for _, other := range []string{"n.berg", "a.dahl", "s.lund"} {
		s.become(other)
		if has() {
			h.Errorf("%s has the case of O. Lang open", other)
		}
	}
	s.become("o.lang")
	s.become("o.lang")
	if !has() {
		h.Error("O. Lang's case is gone")
	}
}

func foreign(h *theatre) {
	s := h.spectator()
	for _, line := range everyDemoPath {
		method, path, _ := strings.Cut(line, " ")
		if method != http.MethodPost {
			continue
		}
		r := s.request(method, path, "application/x-www-form-urlencoded", "who=s.lund")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", "https://evil.example")
		if got := s.send(r); got.status != http.StatusForbidden {
			h.Errorf("%s from another site: %d", line, got.status)
		}
	}
	for _, line := range everyDemoPath {
		method, path, _ := strings.Cut(line, " ")
		r := s.request(method, path, "", "")
		r.Host = "evil.example:" + r.URL.Port()
		if got := s.send(r); got.status != http.StatusMisdirectedRequest || strings.Contains(got.body, "drawer") {
			h.Errorf("%s under another name: %d", line, got.status)
		}
	}
}

// ceremony is what the script asks about.
func ceremony(page, who, challenge string, allow ...string) map[string]any {
	list := []map[string]string{}
	for _, id := range allow {
		list = append(list, map[string]string{"type": "public-key", "id": id})
	}
	return map[string]any{"page": page, "who": who, "options": map[string]any{
		"challenge": challenge, "rpId": "localhost", "userVerification": "required", "allowCredentials": list,
	}}
}

type holders struct {
	Holders []struct{ ID string }
	Own     bool
}

func (s spectator) whose(c map[string]any) (out holders) {
	s.Helper()
	r := s.call("/demo/passkey/who", c)
	if r.status != http.StatusOK {
		s.Fatalf("whose key: %d %s", r.status, r.body)
	}
	s.must(json.Unmarshal([]byte(r.body), &out))
	return out
}

func keys(h *theatre) {
	s := h.spectator()
	s.become("n.berg")
	staff := s.whose(ceremony("/sign-in", "", "AAAA"))
	if len(staff.Holders) != 7 || staff.Holders[0].ID != "n.berg" || !staff.Own {
		h.Errorf("at the staff's sign-in: %+v", staff)
	}
	owners := s.whose(ceremony("/security/sign-in", "", "AAAA"))
	if slices.ContainsFunc(owners.Holders, func(o struct{ ID string }) bool { return o.ID != "a.dahl" && o.ID != "v.stein" }) || len(owners.Holders) < 2 || !owners.Own {
		h.Errorf("at the owners' sign-in: %+v", owners)
	}
	stranger := s.whose(ceremony("/requests/x/sign", "", "AAAA", "c3RyYW5nZXI"))
	if len(stranger.Holders) != 0 || !stranger.Own {
		h.Errorf("for a passkey that the demo does not have: %+v", stranger)
	}
	if r := s.call("/demo/passkey/get", ceremony("/requests/x/sign", "n.berg", "AAAA", "c3RyYW5nZXI")); r.status != http.StatusForbidden {
		h.Errorf("a key that was not asked for: %d %s", r.status, r.body)
	}
	if r := s.call("/demo/passkey/get", ceremony("/sign-in", "nobody", "AAAA")); r.status != http.StatusForbidden {
		h.Errorf("nobody's key: %d %s", r.status, r.body)
	}
	for _, bad := range []string{"", "{", `{"options":7}`, strings.Repeat(" ", 100<<10)} {
		if r := s.send(s.request(http.MethodPost, "/demo/passkey/get", "application/json", bad)); r.status != http.StatusBadRequest {
			h.Errorf("%.20q: %d", bad, r.status)
		}
	}
}

func scripts(h *theatre) {
	s := h.spectator()
	s.become("s.lund")
	for _, page := range []string{"/", "/approvals", "/case", "/sign-in", "/nowhere"} {
		r := s.get(page)
		if strings.Count(r.body, `<script src="/demo/demo.js"></script></head>`) != 1 || strings.Count(r.body, "</html>") != 1 {
			h.Errorf("%s has the tags %d times", page, strings.Count(r.body, "/demo/demo.js"))
		}
		if csp := r.header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'") || !strings.Contains(csp, "trusted-types 'none'") || strings.Contains(csp, "unsafe") {
			h.Errorf("%s: %s", page, csp)
		}
	}
	if s.get("/nowhere").status != http.StatusNotFound {
		h.Error("the status of a page is lost")
	}
	for _, other := range []string{"/api/v1/me", "/api/v1/openapi.json", "/ledger/checkpoint", "/healthz"} {
		if r := s.get(other); r.status != http.StatusOK || strings.Contains(r.body, "/demo/") {
			h.Errorf("%s: %d, touched", other, r.status)
		}
	}
	own := s.get("/demo")
	if strings.Count(own.body, "/demo/demo.js") != 1 || own.header.Get("Content-Security-Policy") != s.get("/").header.Get("Content-Security-Policy") {
		h.Errorf("the cast's own page: %s", own.header.Get("Content-Security-Policy"))
	}
	if strings.Contains(own.body, "<style") || strings.Contains(own.body, " style=") || strings.Contains(own.body, " onclick=") {
		h.Error("the cast's page has what its policy forbids")
	}
}

func unchanged(h *theatre) {
	s := h.spectator()
	first := s.get("/demo/post.json")
	r := s.request(http.MethodGet, "/demo/post.json", "", "")
	r.Header.Set("If-None-Match", first.header.Get("ETag"))
	again := s.send(r)
	// The code of an authenticator app may have changed just now.
	if again.status != http.StatusNotModified && again.header.Get("ETag") == first.header.Get("ETag") || again.header.Get("ETag") == "" {
		h.Errorf("%d with %s, then %d with %s", first.status, first.header.Get("ETag"), again.status, again.header.Get("ETag"))
	}
	s.open("reports", "unlock")
	changed := s.send(r.Clone(h.Context()))
	if changed.status != http.StatusOK || changed.header.Get("ETag") == first.header.Get("ETag") {
		h.Errorf("after a change: %d with %s", changed.status, changed.header.Get("ETag"))
	}
}

func newKey(h *theatre) {
	s := h.spectator()
	s.become("a.dahl")
	options := map[string]any{
		"challenge": "AAAA", "rp": map[string]string{"id": "localhost", "name": "localhost"},
		"user":             map[string]string{"id": "AAAA", "name": "a.dahl", "displayName": "A. Dahl"},
		"pubKeyCredParams": []map[string]any{{"type": "public-key", "alg": -7}},
	}
	r := s.call("/demo/passkey/create", map[string]any{"page": "/security", "options": options})
	var made struct{ ID string }
	if r.status != http.StatusOK || json.Unmarshal([]byte(r.body), &made) != nil || made.ID == "" || !strings.Contains(r.body, "attestationObject") {
		h.Fatalf("%d %s", r.status, r.body)
	}
	if got := s.whose(ceremony("/case", "", "AAAA", made.ID)); len(got.Holders) != 1 || got.Holders[0].ID != "a.dahl" || got.Own {
		h.Errorf("whose it is: %+v", got)
	}
	if r := s.call("/demo/passkey/get", ceremony("/case", "a.dahl", "AAAA", made.ID)); r.status != http.StatusOK || !strings.Contains(r.body, made.ID) {
		h.Errorf("touching it: %d %s", r.status, r.body)
	}
}
