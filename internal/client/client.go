// Package client speaks Countersign's HTTP API: for the command line, the demo
// and tests that look from outside.
//
//	c, err := client.New("https://countersign.example.org")
//	session, err := c.SignIn(ctx, key)
//	c = c.As(session.Token)
//	r, err := c.Open(ctx, client.Wish{Login: "m.ito", Action: "password_reset", Channel: "phone"})
//
// A refusal is a *Problem. Whatever a server says is text from outside: escape
// it before it reaches a terminal.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const (
	base      = "/api/v1"
	timeout   = 30 * time.Second
	maxAnswer = 64 << 20 // a bundle is the largest
	tries     = 3
)

// Client calls one server with one credential. It is a value: As returns
// another.
type Client struct {
	server  string
	token   string
	http    *http.Client
	observe func(Exchange)
}

// Exchange is one call and its answer, for whoever watches.
type Exchange struct {
	Method, Path string
	Status       int
	Code         string // of the problem; "" when it went well
}

// New returns a client of the server at https://HOST[:PORT], or at an http
// address of this machine: nothing secret crosses a network in the clear.
func New(server string) (Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return Client{}, fmt.Errorf("client: %q is not the address of a server (want https://HOST[:PORT])", server)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return Client{}, fmt.Errorf("client: %s://%s: only https is spoken to other machines", u.Scheme, u.Host)
	}
	return Client{
		server: strings.ToLower(u.Scheme + "://" + u.Host),
		http: &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a token goes to the server it is for, and nowhere else
		}},
	}, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

// As returns a client with another credential: a staff session, an API token,
// a requester's session, or none.
func (c Client) As(token string) Client { c.token = token; return c }

// Watched returns a client that tells f of every call.
func (c Client) Watched(f func(Exchange)) Client { c.observe = f; return c }

// Through returns a client that uses t to reach the server.
func (c Client) Through(t http.RoundTripper) Client {
	h := *c.http
	h.Transport = t
	c.http = &h
	return c
}

// Server is the server's address, which is also the origin that passkeys are
// used at.
func (c Client) Server() string { return c.server }

// Problem is a server's refusal (RFC 9457). Code is what to decide on.
type Problem struct {
	Status   int    `json:"status"`
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Instance string `json:"instance,omitempty"`
	Errors   []struct {
		Location string `json:"location"`
		Message  string `json:"message"`
	} `json:"errors,omitempty"`
}

func (p *Problem) Error() string {
	text := fmt.Sprintf("the server says no (%d %s): %s", p.Status, p.Code, p.Detail)
	for _, e := range p.Errors {
		text += "\n  " + e.Location + ": " + e.Message
	}
	if p.Instance != "" {
		text += "\n  quote " + p.Instance + " to whoever runs the server"
	}
	return text
}

// CodeOf is the code of the problem in err, or "".
func CodeOf(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// ErrNoServer: nobody answers at the address.
var ErrNoServer = errors.New("the server cannot be reached")

func fetch[T any](ctx context.Context, c Client, method, path string, in any) (T, error) {
	var out T
	err := c.Do(ctx, method, path, in, &out)
	return out, err
}

// Do makes one call below /api/v1. in is sent as JSON unless nil; the answer is
// decoded into out unless nil, which may be a *[]byte for the bytes themselves.
func (c Client) Do(ctx context.Context, method, path string, in, out any) error {
	return c.do(ctx, method, base+path, in, out)
}

func (c Client) do(ctx context.Context, method, path string, in, out any) error {
	body, err := encode(in)
	if err != nil {
		return fmt.Errorf("client: writing a request: %w", err)
	}
	status, answer, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	var problem *Problem
	if status >= http.StatusMultipleChoices {
		problem = readProblem(status, answer)
	}
	if c.observe != nil {
		x := Exchange{Method: method, Path: path, Status: status}
		if problem != nil {
			x.Code = problem.Code
		}
		c.observe(x)
	}
	if problem != nil {
		return problem
	}
	return decode(answer, out)
}

// send repeats a call that got no answer, where the key makes repeating safe.
func (c Client) send(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	key := rand.Text()
	for try := 1; ; try++ {
		r, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
		if err != nil {
			return 0, nil, fmt.Errorf("client: %w", err)
		}
		r.Header.Set("Accept", "application/json")
		if body != nil {
			r.Header.Set("Content-Type", "application/json")
		}
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		if method == http.MethodPost && c.keyed() {
			// Only where the server honours it: net/http repeats what carries one.
			r.Header.Set("Idempotency-Key", key)
		}
		status, answer, err := c.once(r)
		if err == nil || try == tries || ctx.Err() != nil || method == http.MethodPost && !c.keyed() {
			return status, answer, err
		}
	}
}

// keyed reports whether the server honours Idempotency-Key from this caller:
// it does for staff and integrations.
func (c Client) keyed() bool {
	return strings.HasPrefix(c.token, "sst_") || strings.HasPrefix(c.token, "cst_")
}

func (c Client) once(r *http.Request) (int, []byte, error) {
	res, err := c.http.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %s: %w", ErrNoServer, c.server, cause(err))
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(answer) > maxAnswer {
		return 0, nil, fmt.Errorf("%w: %s: the answer did not arrive whole", ErrNoServer, c.server)
	}
	return res.StatusCode, answer, nil
}

// cause leaves out the address, which has been said, and the path, which may
// hold an id.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func encode(in any) ([]byte, error) {
	if in == nil {
		return nil, nil
	}
	return json.Marshal(in)
}

func decode(answer []byte, out any) error {
	if out == nil {
		return nil
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = answer
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("client: the server's answer does not read: %w", err)
	}
	return nil
}

func readProblem(status int, answer []byte) *Problem {
	p := &Problem{}
	if json.Unmarshal(answer, p) != nil || p.Code == "" {
		return &Problem{Status: status, Code: "unreadable", Detail: "this does not look like a Countersign server: " + http.StatusText(status)}
	}
	p.Status = status
	return p
}
