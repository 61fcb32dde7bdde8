package rest

import (
	"context"
	"net/http"

	"countersign/internal/gate"
)

// call is one request on its way, as the handlers see it.
type call struct {
	id     string // also in the X-Request-Id header, for the log
	route  string // the pattern, never the path: a path may hold anything
	w      http.ResponseWriter
	r      *http.Request
	caller gate.Caller
	token  string // a requester's session
	owner  gate.Owner

	streamed bool // how long it took says how long somebody listened
}

type callKey struct{}

func withCall(r *http.Request, c *call) *http.Request {
	c.r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	return c.r
}

func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}
