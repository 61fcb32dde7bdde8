package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func (v *visitor) prefer(from string, pairs ...string) *http.Response {
	v.T.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequestWithContext(v.T.Context(), http.MethodPost, v.server.URL+"/preferences", strings.NewReader(form.Encode()))
	v.Must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Referer", from)
	c := *v.client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(r)
	v.Must(err)
	v.Must(resp.Body.Close())
	return resp
}

func TestTheReaderChoosesHowPagesLook(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	if to := v.prefer(s.server.URL+"/check?x=1", "theme", "dark").Header.Get("Location"); to != "/check?x=1" {
		t.Errorf("led to %q", to)
	}
	v.prefer(s.server.URL+"/check", "language", "de")
	if p := v.get("/check"); !strings.Contains(p.body, `lang="de" data-theme="dark"`) {
		t.Errorf("%.200s", p.body)
	}
	v.prefer(s.server.URL+"/check", "theme", "auto")
	v.prefer(s.server.URL+"/check", "language", "en")
	if p := v.get("/check"); !strings.Contains(p.body, `<html lang="en" class`) {
		t.Errorf("%.200s", p.body)
	}
}

func TestAPreferenceThatThereIsNotIsLeftAlone(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	for _, pairs := range [][]string{{"theme", `"><script>`}, {"language", "tlh"}, {"language", ""}, {"else", "x"}} {
		if c := v.prefer(s.server.URL+"/", pairs...).Cookies(); len(c) != 0 {
			t.Errorf("%v left %v", pairs, c)
		}
	}
}

func TestChoosingALanguageLeadsNowhereElse(t *testing.T) {
	s := newSite(t)
	for _, from := range []string{"https://elsewhere.example/check", "", "::", s.server.URL + "//elsewhere.example", "javascript:alert(1)"} {
		if to := s.visitor().prefer(from, "theme", "dark").Header.Get("Location"); to != "/" {
			t.Errorf("from %q to %q", from, to)
		}
	}
}
