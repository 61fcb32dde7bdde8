package console_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/gate/gatetest"
)

var nextAttr = regexp.MustCompile(`data-next="([^"]*)"`)

func (v *visitor) nextOf(query string) string {
	return html.UnescapeString(nextAttr.FindStringSubmatch(v.get("/sign-in?" + query).body)[1])
}

func TestStaffPagesSendStrangersToSignInAndBack(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/approvals", "/requests/req_x", "/requests/req_x/sign?decision=approval", "/roster/proposals/chg_x/sign"} {
		p := s.visitor().get(path).is(http.StatusOK).at("/sign-in?" + url.Values{"next": {path}}.Encode())
		if got := html.UnescapeString(nextAttr.FindStringSubmatch(p.body)[1]); got != path {
			t.Errorf("after signing in, %s leads to %s", path, got)
		}
	}
}

func TestSigningInNeverLeadsElsewhere(t *testing.T) {
	b := newSite(t).visitor()
	for _, next := range []string{
		"", "https://evil.example/approvals", "//evil.example/approvals", "/\\evil.example", "javascript:alert(1)", "/case",
		"/requests/../../evil", "approvals", "/approvals#x", "https:/approvals", "/requests/%2e%2e/x", "\t//evil.example", "/%09/evil.example",
	} {
		got := b.nextOf(url.Values{"next": {next}}.Encode())
		if !strings.HasPrefix(got, "/approvals") && !strings.HasPrefix(got, "/requests/") || strings.Contains(got, "evil.example") {
			t.Errorf("%q leads to %q", next, got)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		next := rapid.StringMatching(`[/\\:?#@.a-z%0-9 ]{0,20}`).Draw(rt, "next")
		u, err := url.Parse(b.nextOf(url.Values{"next": {next}}.Encode()))
		if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
			rt.Fatalf("%q leads to %v", next, u)
		}
	})
}

func TestSigningOutEndsTheSessionAtTheServer(t *testing.T) {
	s := newSite(t)
	b := s.staff(gatetest.Sorrel)
	b.get("/approvals").is(http.StatusOK).at("/approvals")
	at, err := url.Parse(s.server.URL)
	s.Must(err)
	kept := b.client.Jar.Cookies(at)
	b.post("/sign-out").is(http.StatusOK).at("/")
	b.get("/approvals").at("/sign-in?next=%2Fapprovals")
	b.client.Jar.SetCookies(at, kept)
	b.get("/approvals").at("/sign-in?next=%2Fapprovals")
	s.visitor().post("/sign-out").is(http.StatusOK).at("/")
}
