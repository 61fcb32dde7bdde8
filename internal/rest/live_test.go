package rest_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
)

// streamOf listens to a stream and hands over its events as they come; the
// channel is closed when it ends.
func (s *site) streamOf(path string, more ...with) (status int, events <-chan string) {
	s.T.Helper()
	server := httptest.NewServer(s.api)
	s.T.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, server.URL+"/api/v1"+path, nil)
	s.Must(err)
	for _, m := range more {
		m(r)
	}
	resp, err := http.DefaultClient.Do(r)
	s.Must(err)
	out := make(chan string, 100)
	s.T.Cleanup(func() { _ = resp.Body.Close() })
	go func() {
		defer close(out)
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				out <- event
			}
		}
	}()
	return resp.StatusCode, out
}

func heard(t *testing.T, events <-chan string, want string) {
	t.Helper()
	select {
	case e := <-events:
		if e != want {
			t.Fatalf("heard %q, want %q", e, want)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%q never came", want)
	}
}

func TestAStreamTellsThatARequestChangedAndNotWhat(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	v := s.Open(gatetest.Wren, identity.Unlock)
	status, one := s.streamOf("/requests/"+v.ID+"/events", as(agent))
	if status != http.StatusOK {
		t.Fatal(status)
	}
	_, all := s.streamOf("/requests/events", as(agent))
	_, mine := s.streamOf("/case/events", as(s.Claim(v.Case)))
	for _, events := range []<-chan string{one, all, mine} {
		heard(t, events, "ready")
	}
	s.post("/requests/"+v.ID+"/cancel", nil, as(agent)).ok(200)
	for _, events := range []<-chan string{one, all, mine} {
		heard(t, events, "changed")
	}
}

func TestAStreamIsOnlyForWhoMaySee(t *testing.T) {
	s := open(t, gatetest.Policy)
	v := s.Open(gatetest.Wren, identity.Unlock)
	s.get("/requests/"+v.ID+"/events").no(401, "unauthenticated")
	s.get("/requests/events").no(401, "unauthenticated")
	s.get("/case/events").no(401, "unauthenticated")
	s.get("/requests/req_unknown/events", as(s.signIn(gatetest.Finch))).no(404, "not_found")
}

func TestACallerHasOnlySoManyStreams(t *testing.T) {
	s := open(t, gatetest.Policy)
	agent := s.signIn(gatetest.Finch)
	for range 16 {
		if status, events := s.streamOf("/requests/events", as(agent)); status != http.StatusOK {
			t.Fatal(status)
		} else {
			heard(t, events, "ready")
		}
	}
	s.get("/requests/events", as(agent)).no(503, "busy")
}

func TestListeningDoesNotKeepASessionAlive(t *testing.T) {
	s := open(t, gatetest.Policy)
	security := s.signIn(gatetest.Sorrel)
	for range 8 {
		s.Pass(2 * time.Minute)
		s.get("/requests", as(security), header("Countersign-Unattended", "1"))
	}
	s.get("/requests", as(security)).no(401, "unauthenticated")
}
