package rest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"countersign/internal/gate"
)

// serve is what every request goes through first: an id, the headers that
// keep browsers careful, a line in the log, and a net for panics.
func (a *api) serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &recorder{ResponseWriter: w}
		c := &call{id: rand.Text(), w: out}
		r = withCall(r, c)
		out.Header().Set("X-Request-Id", c.id)
		a.careful(out.Header(), r)
		defer a.finish(out, r, time.Now())
		next.ServeHTTP(out, r)
	})
}

// finish catches a panic and writes the log's line.
func (a *api) finish(out *recorder, r *http.Request, began time.Time) {
	if fault := recover(); fault != nil {
		a.panicked(out, r, fault)
	}
	a.note(r.Context(), out, time.Since(began))
}

func (a *api) careful(h http.Header, r *http.Request) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if a.opt.Secure || r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func (a *api) panicked(w *recorder, r *http.Request, fault any) {
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(fault) //nolint:forbidigo // net/http's own way to give up a connection
	}
	err := fmt.Errorf("rest: panic: %v\n%s", fault, debug.Stack())
	if w.status == 0 {
		a.fail(w, r, err)
		return
	}
	_ = a.problem(r.Context(), err) // too late for an answer; the log still hears
}

// note writes the access log: the route instead of the path, no query, no
// body, no token, no case code.
func (a *api) note(ctx context.Context, w *recorder, took time.Duration) {
	c := callOf(ctx)
	who := string(c.caller.Person)
	if c.caller.Token != "" {
		who = "token:" + c.caller.Token
	}
	if a.opt.Observe != nil && !c.streamed {
		a.opt.Observe(c.route, w.status, took)
	}
	a.log.InfoContext(ctx, "request",
		"request_id", c.id, "method", verb(c.r), "route", c.route, "status", w.status, "bytes", w.bytes,
		"took_ms", took.Milliseconds(), "source", a.signin.Source(c.r).String(), "caller", who)
}

// verb is the request's, if it is one that anybody uses: it is text from
// outside.
func verb(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// recorder remembers what was answered. It does not unwrap: nothing here
// streams, and huma would set deadlines on the connection.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
}

// WriteHeader remembers the status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += n
	return n, err
}

// dispatch finds the operation and, before its body is believed, who calls it.
func (a *api) dispatch(w http.ResponseWriter, r *http.Request) {
	h, pattern := a.mux.Handler(r)
	c := callOf(r.Context())
	c.route = pattern
	rt, ours := a.routes[pattern]
	switch {
	case !clean(r.URL.Path): // the mux would redirect; a program should be told
		a.fail(w, r, newProblem("not_found", "there is nothing here"))
	case pattern == "":
		a.fail(w, r, nowhere(h, w, r))
	case !ours:
		a.mux.ServeHTTP(w, r)
	default:
		a.operate(w, r, c, rt)
	}
}

func clean(p string) bool {
	c := path.Clean(p)
	return p == c || p == c+"/"
}

// nowhere asks the mux's own refusal whether the path or the method is wrong.
func nowhere(h http.Handler, w http.ResponseWriter, r *http.Request) error {
	s := &silent{header: http.Header{}}
	h.ServeHTTP(s, r)
	if s.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", s.header.Get("Allow"))
		return newProblem("method_not_allowed", "this resource does not have that method")
	}
	return newProblem("not_found", "there is nothing here")
}

// silent listens to a handler without answering anybody.
type silent struct {
	header http.Header
	status int
}

func (s *silent) Header() http.Header         { return s.header }
func (s *silent) Write(b []byte) (int, error) { return len(b), nil }
func (s *silent) WriteHeader(status int)      { s.status = status }

// operate runs one operation.
func (a *api) operate(w http.ResponseWriter, r *http.Request, c *call, rt route) {
	if err := sameOrigin(r); err != nil {
		a.fail(w, r, err)
		return
	}
	if err := a.identify(c, rt); err != nil {
		a.fail(w, r, err)
		return
	}
	body, err := readBody(w, r, rt.limit)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if key := r.Header.Values("Idempotency-Key"); len(key) > 0 && r.Method == http.MethodPost && rt.auth == staffOnly && !rt.reads {
		a.once(w, r, c, rt, key, body)
		return
	}
	a.mux.ServeHTTP(w, r)
}

var crossOrigin = http.NewCrossOriginProtection()

// sameOrigin refuses changes that another site's page asked a browser for.
// Programs send no Origin and are let through: they hold no cookies.
func sameOrigin(r *http.Request) error {
	if crossOrigin.Check(r) != nil {
		return newProblem("cross_origin", "a page of another site may not do this")
	}
	return nil
}

func (a *api) identify(c *call, rt route) error {
	var err error
	switch rt.auth {
	case staffOnly:
		c.caller, err = a.signin.Caller(c.r)
	case claimant:
		c.token, err = a.signin.CaseToken(c.r)
	case owning:
		c.owner, err = a.signin.Owner(c.r)
	case anybody:
	}
	return err
}

// known refuses what cannot be a request's id the way an unknown one is
// refused, so that the answer tells nothing.
func known(id string) error {
	if rest, ok := strings.CutPrefix(id, "req_"); ok && len(rest) == 36 && strings.Trim(rest, "0123456789abcdef-") == "" {
		return nil
	}
	return gate.ErrNoRequest
}
