package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/ledger"
	"countersign/internal/rest"
	"countersign/internal/signin"
)

// operations lists what the contract has, as method and path.
func operations(t *testing.T, s *site) map[string]bool {
	var doc struct {
		Paths map[string]map[string]struct{ Security []any }
	}
	if err := json.Unmarshal(s.get("/openapi.json").ok(200).body, &doc); err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{} // whether a credential is wanted
	for path, methods := range doc.Paths {
		for m, o := range methods {
			all[strings.ToUpper(m)+" "+path] = len(o.Security) > 0
		}
	}
	return all
}

func TestNothingIsReadFromStrangers(t *testing.T) {
	s := open(t, gatetest.Policy)
	guarded := 0
	for op, wanted := range operations(t, s) {
		method, path, _ := strings.Cut(op, " ")
		path = strings.NewReplacer("{id}", "x", "{name}", "x").Replace(path)
		if !wanted {
			continue
		}
		guarded++
		// The body is broken too: who calls comes before what they say.
		if a := s.send(method, path, `{"`); a.code != 401 || a.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s without a credential: %d %s", op, a.code, a.body)
		}
		if a := s.send(method, path, `{"`, as("sst_AAAA")); a.code != 401 {
			t.Errorf("%s with a made-up credential: %d %s", op, a.code, a.body)
		}
	}
	if guarded < 20 {
		t.Errorf("the contract guards %d operations only", guarded)
	}
}

func TestWrongPathsAndMethodsAreProblems(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	for _, path := range []string{"/", "/api/v1", "/api/v1/", "/api/v1/requests/x/execute", "/api/v2/requests", "/docs", "/schemas/View", "/openapi.yaml", "/metrics", "/ledger/../healthz"} {
		if a := s.send("GET", path, nil, as(agent)); a.code != 404 {
			t.Errorf("GET %s: %d %s", path, a.code, a.body)
		} else {
			a.no(404, "not_found")
		}
	}
	for _, method := range []string{"PATCH", "PUT", "DELETE", "OPTIONS", "TRACE", "MADE-UP"} {
		a := s.send(method, "/api/v1/requests/req_00000000-0000-7000-8000-000000000000", `{"tier":"low"}`, as(agent)).no(405, "method_not_allowed")
		if a.Get("Allow") != "GET, HEAD" {
			t.Errorf("Allow: %q", a.Get("Allow"))
		}
	}
}

func TestBrowsersAreToldToBeCareful(t *testing.T) {
	s := open(t, gatetest.Policy)
	for _, a := range []*answer{s.get("/me"), s.get("/openapi.json"), s.send("GET", "/nowhere", nil), s.send("GET", "/healthz", nil), s.send("PUT", "/healthz", nil)} {
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
			"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"Strict-Transport-Security": "",
		} {
			if a.Get(name) != want {
				t.Errorf("%s: %s is %q", a.what, name, a.Get(name))
			}
		}
		if len(a.Get("X-Request-Id")) < 20 {
			t.Errorf("%s: request id %q", a.what, a.Get("X-Request-Id"))
		}
	}
	s.api = rest.New(rest.Options{Gate: s.Gate, Signin: s.signin, Secure: true})
	if a := s.send("GET", "/healthz", nil); a.Get("Strict-Transport-Security") == "" {
		t.Error("https is not insisted on")
	}
}

func TestAnotherSitesPageMayChangeNothing(t *testing.T) {
	s := open(t, gatetest.Policy)
	cookie := header("Cookie", "countersign="+s.signIn(gatetest.Finch))
	s.post("/requests", wish(), cookie, header("Sec-Fetch-Site", "cross-site")).no(403, "cross_origin")
	s.post("/requests", wish(), cookie, header("Sec-Fetch-Site", "same-site")).no(403, "cross_origin")
	s.post("/requests", wish(), cookie, header("Origin", "https://evil.example")).no(403, "cross_origin")
	s.post("/sign-in/begin", nil, header("Sec-Fetch-Site", "cross-site")).no(403, "cross_origin")
	s.post("/cases/claim", object{"case": "X"}, header("Origin", "null")).no(403, "cross_origin")
	s.post("/requests", wish(), cookie, header("Sec-Fetch-Site", "same-origin")).ok(201)
	s.post("/requests", wish(), cookie).ok(201)
	s.get("/requests", cookie, header("Sec-Fetch-Site", "cross-site")).ok(200)
}

func TestABrowserGetsCookiesAndNoToken(t *testing.T) {
	s := open(t, gatetest.Policy)
	c := into[signin.Ceremony](s.post("/sign-in/begin", nil).ok(200))
	a := s.post("/sign-in/finish", object{"ceremony": c.ID, "as": "cookie", "response": s.assertion(gatetest.Finch, c.Options.Challenge)}).ok(200)
	staff := (&http.Response{Header: a.Header}).Cookies()
	if strings.Contains(string(a.body), "sst_") || len(staff) != 1 || !staff[0].HttpOnly {
		t.Fatalf("%s %v", a.body, staff)
	}
	jar := func(c *http.Cookie) with { return func(r *http.Request) { r.AddCookie(c) } }
	if me := into[gate.Me](s.get("/me", jar(staff[0])).ok(200)); me.Person != gatetest.Finch {
		t.Errorf("me: %+v", me)
	}
	v := into[gate.View](s.post("/requests", wish(), jar(staff[0])).ok(201))
	claimed := s.post("/cases/claim", object{"case": v.Case, "as": "cookie"}).ok(201)
	cookies := (&http.Response{Header: claimed.Header}).Cookies()
	if strings.Contains(string(claimed.body), "AGE-SECRET") || len(cookies) != 1 {
		t.Fatalf("%s %v", claimed.body, cookies)
	}
	s.get("/case", jar(cookies[0]), jar(staff[0])).ok(200)
	s.get("/case", jar(cookies[0]), as("AGE-SECRET-KEY-1X")).no(401, "unauthenticated")

	out := s.post("/sign-out", nil, jar(staff[0])).ok(204)
	if gone := (&http.Response{Header: out.Header}).Cookies(); len(gone) != 1 || gone[0].MaxAge >= 0 {
		t.Errorf("after signing out: %v", gone)
	}
	s.get("/me", jar(staff[0])).no(401, "unauthenticated")
}

func TestWhoKnocksTooOftenHasToWait(t *testing.T) {
	s := open(t, gatetest.Policy)
	s.serve(signin.New(signin.Options{Gate: s.Gate, Store: s.Store, Now: s.Now}))
	from := func(addr string) with { return func(r *http.Request) { r.RemoteAddr = addr + ":999" } }
	for path, body := range map[string]any{
		"/sign-in/begin": nil, "/join/begin": object{"token": "inv_x"}, "/cases/claim": object{"case": "ABCD-2345"},
		"/repudiations": object{"token": "x"}, "/case/challenges": object{"method": "totp"}, "/case/challenges/x/answer": object{"answer": "1"},
	} {
		refused := 0
		for range 40 {
			a := s.post(path, body, as("AGE-SECRET-KEY-1X"), from("203.0.113.7"), header("X-Forwarded-For", time.Now().String()))
			if a.code == 429 {
				if a.no(429, "throttled"); a.Get("Retry-After") == "" {
					t.Errorf("%s does not say how long", path)
				}
				refused++
			}
		}
		if refused < 10 {
			t.Errorf("%s: %d of 40 refused", path, refused)
		}
		if a := s.post(path, body, as("AGE-SECRET-KEY-1X"), from("203.0.113.8")); path == "/sign-in/begin" && a.code != 200 {
			t.Errorf("another source: %d %s", a.code, a.body)
		}
	}
}

func TestAPanicIsAProblemAndTheLogHasIt(t *testing.T) {
	var log gatetest.Log
	api := rest.New(rest.Options{Signin: signin.New(signin.Options{}), Log: slog.New(slog.NewTextHandler(&log, nil)),
		Ready: func(context.Context) error { panic("the cellar is flooded") }})
	for _, path := range []string{"/readyz", "/api/v1/genesis"} { // the second has no gate to ask
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		a := (&answer{t, path, w.Code, w.Result().Header, w.Body.Bytes()}).no(500, "internal")
		if strings.Contains(w.Body.String(), "flooded") || strings.Contains(w.Body.String(), "nil") {
			t.Errorf("the caller is told %s", w.Body)
		}
		if id := a.Get("X-Request-Id"); !strings.Contains(w.Body.String(), id) || !strings.Contains(log.String(), id) {
			t.Errorf("%s cannot be found in the log", id)
		}
	}
	if !strings.Contains(log.String(), "flooded") {
		t.Error("the log does not know why")
	}
}

func TestReadinessSaysWhyNot(t *testing.T) {
	s := open(t, gatetest.Policy)
	if h := into[object](s.send("GET", "/readyz", nil).ok(200)); h["status"] != "ok" || h["version"] != "test" {
		t.Errorf("%v", h)
	}
	s.ready = errors.New("directory corp does not answer")
	if h := into[object](s.send("GET", "/readyz", nil).ok(503)); h["why"] != s.ready.Error() {
		t.Errorf("%v", h)
	}
	if h := into[object](s.send("GET", "/healthz", nil).ok(200)); h["why"] != s.ready.Error() {
		t.Errorf("%v", h)
	}
}

func TestTheLedgersHeadAndHashesAreForAnybodyAndItsEntriesForOversight(t *testing.T) {
	s := open(t, gatetest.Policy)
	check := s.send("GET", "/ledger/checkpoint", nil).ok(200)
	if check.Get("Content-Type") != "text/plain; charset=utf-8" || check.Get("Cache-Control") != "no-cache" || !strings.HasPrefix(string(check.body), "house.example/ledger\n") {
		t.Errorf("%v %s", check.Header, check.body)
	}
	size := strings.Split(string(check.body), "\n")[1]
	tile := s.send("GET", "/ledger/tile/0/000.p/"+size, nil).ok(200)
	if tile.Get("Content-Type") != "application/octet-stream" || tile.Get("Cache-Control") != "public, max-age=3600" || len(tile.body)%len(ledger.Hash{}) != 0 || len(tile.body) == 0 {
		t.Errorf("%v, %d bytes", tile.Header, len(tile.body))
	}
	entries := "/ledger/tile/entries/000.p/" + size
	s.send("GET", entries, nil).no(401, "unauthenticated")
	s.send("GET", entries, nil, as(s.signIn(gatetest.Finch))).no(403, "forbidden")
	s.send("GET", entries, nil, as(s.token("itsm", gate.ScopeOpen, gate.ScopeRead))).no(403, "forbidden")
	for _, may := range []string{s.signIn(gatetest.Sorrel), s.token("auditor", gate.ScopeAudit)} {
		if got := s.send("GET", entries, nil, as(may)).ok(200); got.Get("Cache-Control") != "no-store" || got.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%v", got.Header)
		}
	}
	for _, path := range []string{"", "secret", "tile/0/000", "tile/0/001", "tile/9/000", "tile/0/000.p/0", "checkpoint/"} {
		s.send("GET", "/ledger/"+path, nil).no(404, "not_found")
	}
}

func TestTheLogSaysWhoDidWhatAndNoMore(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	a := s.post("/requests?canary=QUERY-CANARY", wish(), as(agent)).no(400, "unknown_field")
	var line string
	for l := range strings.Lines(s.Log.String()) {
		if strings.Contains(l, a.Get("X-Request-Id")) {
			line = l
		}
	}
	for _, want := range []string{"method=POST", `route="POST /api/v1/requests"`, "status=400", "caller=staff:finch", "source=192.0.2.1"} {
		if !strings.Contains(line, want) {
			t.Errorf("the log's line lacks %s: %s", want, line)
		}
	}
	s.NoSecret("QUERY-CANARY", agent, strings.TrimPrefix(agent, "sst_"))
}

func TestAClosedStoreIsAnInternalErrorWithoutDetails(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	s.Must(s.Store.Close())
	a := s.post("/requests", wish(), as(agent)).no(500, "internal")
	if strings.Contains(string(a.body), "sql") || strings.Contains(string(a.body), "store") {
		t.Errorf("%s", a.body)
	}
}
