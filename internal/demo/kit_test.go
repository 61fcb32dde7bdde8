package demo_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"countersign/internal/demo"
)

// script keeps what the play says, and tells when a text has gone by.
type script struct {
	mu   sync.Mutex
	text strings.Builder
	wait map[string]chan struct{}
}

func (s *script) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(b)
	for text, seen := range s.wait {
		if strings.Contains(s.text.String(), text) {
			close(seen)
			delete(s.wait, text)
		}
	}
	return len(b), nil
}

func (s *script) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// theatre is a demo that stays up.
type theatre struct {
	*testing.T
	base   string
	script *script
}

var served = regexp.MustCompile(`served at (http://localhost:\d+)`)

// perform plays and comes back when the audience is let in.
func perform(t *testing.T) *theatre {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	open := make(chan struct{})
	s := &script{wait: map[string]chan struct{}{"Ctrl-C ends it": open}}
	over := make(chan error, 1)
	go func() { over <- demo.Run(ctx, demo.Options{Out: s, Stay: true}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-open:
	case err := <-over:
		over <- nil
		t.Fatalf("the play ended: %v\n%s", err, s)
	}
	return &theatre{t, served.FindStringSubmatch(s.String())[1], s}
}

// must ends the test on an error.
func (h *theatre) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// spectator is a browser without scripts.
type spectator struct {
	*theatre
	http *http.Client
}

func (h *theatre) spectator() spectator {
	jar, err := cookiejar.New(nil)
	h.must(err)
	return spectator{h, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

func (s spectator) send(r *http.Request) reply {
	s.Helper()
	res, err := s.http.Do(r)
	s.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	s.must(err)
	return reply{res.StatusCode, res.Header, string(body)}
}

func (s spectator) request(method, path, kind, body string) *http.Request {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.base+path, strings.NewReader(body))
	s.must(err)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return r
}

func (s spectator) get(path string) reply {
	s.Helper()
	return s.send(s.request(http.MethodGet, path, "", ""))
}

func (s spectator) form(path string, fields ...string) reply {
	s.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return s.send(s.request(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode()))
}

func (s spectator) call(path string, body any) reply {
	s.Helper()
	text, err := json.Marshal(body)
	s.must(err)
	return s.send(s.request(http.MethodPost, path, "application/json", string(text)))
}

// become becomes somebody, and must be them.
func (s spectator) become(who string) {
	s.Helper()
	if r := s.form("/demo/become", "who", who); r.status != http.StatusSeeOther {
		s.Fatalf("becoming %s: %d %s", who, r.status, r.body)
	}
	if me := s.panel().Me.ID; me != who {
		s.Fatalf("became %q, not %s", me, who)
	}
}

// panel is what the script shows.
type panel struct {
	Me struct {
		ID    string
		Staff bool
	}
	Cast   []struct{ ID string }
	People []struct {
		ID, App, Drawer string
		Line            []part
	}
	Post  []parcel
	Steps []step
	Tries []step
}

type (
	part struct{ Text, Kind string }
	step struct {
		Text, Who, Next string
		Done            bool
	}
	parcel struct {
		Way, Who, To, Subject string
		Parts                 []part
	}
)

func (s spectator) panel() (p panel) {
	s.Helper()
	r := s.get("/demo/post.json")
	if r.status != http.StatusOK {
		s.Fatalf("the panel: %d %s", r.status, r.body)
	}
	s.must(json.Unmarshal([]byte(r.body), &p))
	return p
}
