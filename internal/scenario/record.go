package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// The parts that people play towards the server.
const (
	setUp    = "set-up"   // before the script begins: invitations and enrolments
	asStaff  = "staff"    // signed in, or an API token
	asPerson = "claimant" // with a case code, or with nothing
)

// exchange is one call and its answer.
type exchange struct {
	who, part, method, path string
	status                  int
	kind, body              string
}

// recorder takes every call to the server and keeps the answer.
type recorder struct {
	addr string
	http *http.Transport

	mu  sync.Mutex
	all []exchange
	ips map[string]string
	odd map[string]oddity
}

// oddity is what a browser that was led astray sends, or a forger.
type oddity struct{ origin, host string }

func newRecorder(addr string) *recorder {
	return &recorder{addr: addr, http: &http.Transport{DisableCompression: true}, ips: map[string]string{}, odd: map[string]oddity{}}
}

// as is the way to the server of one person, who comes from an address of
// their own.
func (r *recorder) as(who, part string) http.RoundTripper { return caller{r, who, part} }

type caller struct {
	*recorder
	who, part string
}

// RoundTrip implements http.RoundTripper.
func (c caller) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Host = req.URL.Host
	req.URL.Scheme, req.URL.Host = "http", c.addr
	req.Header.Set("X-Forwarded-For", c.from(c.who))
	if odd := c.oddity(c.who); c.part != setUp {
		odd.onto(req)
	}
	res, err := c.http.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, exchange{c.who, c.part, req.Method, req.URL.Path, res.StatusCode, res.Header.Get("Content-Type"), string(body)})
	return res, nil
}

// from is somebody's address, of those set aside for documentation.
func (r *recorder) from(who string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ips[who] == "" {
		r.ips[who] = fmt.Sprintf("203.0.113.%d", len(r.ips)+1)
	}
	return r.ips[who]
}

func (r *recorder) oddity(who string) oddity {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.odd[who]
}

func (r *recorder) become(who string, change func(*oddity)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	odd := r.odd[who]
	change(&odd)
	r.odd[who] = odd
}

func (o oddity) onto(req *http.Request) {
	if o.origin != "" {
		req.Header.Set("Origin", o.origin)
		req.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	if o.host != "" {
		req.Host = o.host
		req.Header.Set("X-Forwarded-Host", o.host)
		req.Header.Set("Forwarded", "host="+o.host)
	}
}

func (r *recorder) exchanges() []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]exchange(nil), r.all...)
}

// uniform says what is wrong with the form of a refusal, or "".
func (x exchange) uniform() string {
	if x.status < 400 || !strings.HasPrefix(x.path, "/api/") {
		return ""
	}
	if x.kind != "application/problem+json" {
		return "its content type is " + x.kind
	}
	var p map[string]json.RawMessage
	if err := json.Unmarshal([]byte(x.body), &p); err != nil {
		return "it is no JSON"
	}
	var status int
	_ = json.Unmarshal(p["status"], &status)
	for _, must := range []string{"title", "status", "code", "detail"} {
		if len(p[must]) == 0 {
			return "it has no " + must
		}
		delete(p, must)
	}
	delete(p, "instance")
	delete(p, "errors")
	if status != x.status || len(p) > 0 {
		return "its status is another, or it has members of its own"
	}
	return ""
}
