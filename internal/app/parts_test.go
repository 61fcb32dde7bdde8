package app

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
)

func felt(t *testing.T, now time.Time, answer http.HandlerFunc) (*gate.Pulse, *http.Client, string) {
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	p := gate.NewPulse(gate.PartProvider, "login")
	return p, &http.Client{Transport: feltTransport{http.DefaultTransport, p, func() time.Time { return now }}}, server.URL
}

func ask(t *testing.T, c *http.Client, url string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := c.Do(r); err == nil {
		_ = res.Body.Close()
	}
}

func TestAProvidersClockIsComparedWithOurs(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	p, c, url := felt(t, now, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", now.Add(90*time.Second).Format(http.TimeFormat))
	})
	ask(t, c, url)
	v := p.View()
	if v.State != gate.PartOK || v.LastOK == nil || v.Off == nil || *v.Off < 89_000 || *v.Off > 92_000 {
		t.Errorf("%+v, off %v", v, v.Off)
	}
}

func TestAProviderThatCannotServeHasFailed(t *testing.T) {
	p, c, url := felt(t, time.Now(), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	ask(t, c, url)
	if v := p.View(); v.State != gate.PartFailing || v.Failure != "it answered that it cannot serve now" {
		t.Errorf("%+v", v)
	}
}

func TestWhatIsSaidOfAFailedCallRepeatsNoAddress(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	p := gate.NewPulse(gate.PartProvider, "login")
	ask(t, &http.Client{Transport: feltTransport{http.DefaultTransport, p, time.Now}}, "http://"+address+"/?token=canary")
	if v := p.View(); v.State != gate.PartFailing || !strings.HasPrefix(v.Failure, "nothing listens at its address") || strings.Contains(v.Failure, "canary") {
		t.Errorf("%+v", v)
	}
}

func TestThePolicyFileIsToldBesideThePolicyInForce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	w := &wish{file: file}
	w.read()
	watch := watcher{wish: func(context.Context) (Check, string) { return w.check("sha256:x"), "policy.yaml" }}
	parts := watch.parts(t.Context())
	if len(parts) != 1 || parts[0].Kind != gate.PartPolicy || parts[0].State != gate.PartWarning || !strings.Contains(parts[0].Detail, "does not load") || strings.Contains(parts[0].Detail, filepath.Dir(file)) {
		t.Errorf("%+v", parts)
	}
}
