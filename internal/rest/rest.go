// Package rest is the HTTP API: a file a resource, each operation a thin word
// to the gate. What may be done is decided there; here it is decided who is
// heard at all, in what form, and how a no reads.
//
//	h := rest.New(rest.Options{Gate: g, Signin: s, Log: log})
//
// The handler answers below /api/v1/ and at /ledger/, /healthz, /readyz and
// /metrics; anything else is a 404 problem. docs/api.md teaches its use, and
// zz_gen_openapi.json beside this file is the contract, generated from the
// types of the handlers.
package rest

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"countersign/internal/gate"
	"countersign/internal/signin"
)

// base is the path of this version of the API.
const base = "/api/v1"

// Options is what the API works with.
type Options struct {
	Gate   *gate.Gate
	Signin *signin.Signin
	Log    *slog.Logger // nil: silent
	// Ready says why requests cannot be served now; nil when they can. Its
	// error's text is shown at /readyz and /healthz, so it names no secret.
	Ready func(context.Context) error
	// Metrics answers /metrics; nil: not here.
	Metrics http.Handler
	// Observe hears of every request by its route, which is a pattern; nil: not.
	Observe func(route string, status int, took time.Duration)
	// Version of the program, for /healthz.
	Version string
	// Stopping is closed when the server stops: event streams end then. nil: never.
	Stopping <-chan struct{}
	// Secure: the site is reached over https, so browsers are told to insist.
	Secure bool
}

// api is the state that handlers share.
type api struct {
	gate   *gate.Gate
	signin *signin.Signin
	log    *slog.Logger
	opt    Options
	mux    *http.ServeMux
	routes map[string]route // by pattern, of the operations below base
	crowd  crowd
}

// New makes the handler.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Ready == nil {
		o.Ready = func(context.Context) error { return nil }
	}
	a := &api{gate: o.Gate, signin: o.Signin, log: o.Log, opt: o, mux: http.NewServeMux(), routes: map[string]route{}}
	a.operations()
	a.mux.HandleFunc("GET /healthz", a.healthz)
	a.mux.HandleFunc("GET /readyz", a.readyz)
	a.mux.HandleFunc("GET /ledger/{path...}", a.ledger)
	if o.Metrics != nil {
		a.mux.Handle("GET /metrics", o.Metrics)
	}
	return a.signin.Sourced(a.serve(http.HandlerFunc(a.dispatch)))
}
