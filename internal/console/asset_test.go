package console_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/gate/gatetest"
)

var named = regexp.MustCompile(`/assets/[\w.-]+`)

func TestWhatAPageNamesIsThereForEverAndSmall(t *testing.T) {
	s := newSite(t)
	v := s.staff(gatetest.Olive)
	p := v.get("/approvals").is(http.StatusOK)
	total := len(squeezed(t, v, "/approvals"))
	for _, path := range unique(append(named.FindAllString(p.body, -1), "/assets/"+typeface(v, p))) {
		one := v.get(path).is(http.StatusOK)
		if one.header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s is kept %q", path, one.header.Get("Cache-Control"))
		}
		total += len(squeezed(t, v, path))
	}
	if total > 120<<10 {
		t.Errorf("the first page weighs %d bytes, want at most 120 KB", total)
	}
}

// typeface is the typeface that a browser fetches for Latin letters.
func typeface(v *visitor, p seen) string {
	style := v.get(regexp.MustCompile(`/assets/console\.[0-9a-f]+\.css`).FindString(p.body))
	return strings.TrimPrefix(named.FindString(style.body), "/assets/")
}

func unique(all []string) []string {
	seen, out := map[string]bool{}, []string{}
	for _, one := range all {
		if !seen[one] {
			seen[one], out = true, append(out, one)
		}
	}
	return out
}

// squeezed is what goes over the wire.
func squeezed(t *testing.T, v *visitor, path string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.server.URL+path, nil)
	v.Must(err)
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := v.client.Do(r)
	v.Must(err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	v.Must(err)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(strings.NewReader(string(raw)))
		v.Must(err)
		if _, err := io.Copy(io.Discard, z); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	return raw
}

func TestAPageOfStaffIsSqueezedAndARequestersIsNot(t *testing.T) {
	s := newSite(t)
	v := s.staff(gatetest.Olive)
	for path, want := range map[string]bool{"/approvals": true, "/check": false} {
		plain := v.get(path).is(http.StatusOK).body
		if got := len(squeezed(t, v, path)) < len(plain)*9/10; got != want {
			t.Errorf("%s is squeezed: %v, want %v", path, got, want)
		}
	}
}

func TestALaterPageIsSmall(t *testing.T) {
	s := newSite(t)
	v := s.staff(gatetest.Olive)
	for _, path := range []string{"/approvals", "/requests", "/roster"} {
		if n := len(squeezed(t, v, path)); n > 15<<10 {
			t.Errorf("%s weighs %d bytes, want at most 15 KB", path, n)
		}
	}
}
