package rest

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/internal/signin"
)

// replayed are the headers that belong to an outcome.
var replayed = []string{"Content-Type", "Etag", "Location", "Allow"}

// once runs an operation at most once for the caller's Idempotency-Key.
func (a *api) once(w http.ResponseWriter, r *http.Request, c *call, rt route, key []string, body []byte) {
	if len(key) != 1 || key[0] == "" || len(key[0]) > 200 || strings.ContainsFunc(key[0], func(c rune) bool { return c < 0x20 || c > 0x7e }) {
		a.fail(w, r, newProblem("invalid", "Idempotency-Key is one line of 1 to 200 printable ASCII characters"))
		return
	}
	t, before, err := a.signin.Hold(r.Context(), signin.Keyed{
		Caller: c.caller, Key: key[0], Method: r.Method, Path: r.URL.EscapedPath() + "?" + r.URL.RawQuery, Body: body})
	switch {
	case err != nil:
		a.fail(w, r, err)
		return
	case before != nil:
		replay(w, before)
		return
	}
	out := &keeper{ResponseWriter: w}
	a.mux.ServeHTTP(out, r)
	a.settle(r.Context(), t, out, rt.secret)
}

func replay(w http.ResponseWriter, o *signin.Outcome) {
	for k, v := range o.Header {
		w.Header()[k] = v
	}
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(o.Status)
	_, _ = w.Write(o.Body) // the client has gone
}

// settle decides what the key stands for from now on. Failing to write that
// down leaves it pending, which is answered with "unknown" in a minute.
func (a *api) settle(ctx context.Context, t signin.Ticket, out *keeper, secret bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // the client may have gone; the outcome stays
	defer cancel()
	var err error
	switch {
	case slices.Contains(again, out.status):
		err = a.signin.Release(ctx, t)
	case out.status >= http.StatusInternalServerError || out.status == 0: // nobody knows what was done
	case secret && out.status < http.StatusBadRequest:
		err = a.signin.Spend(ctx, t)
	default:
		o := signin.Outcome{Status: out.status, Header: map[string][]string{}, Body: out.body.Bytes()}
		for _, k := range replayed {
			if v := out.Header().Values(k); len(v) > 0 {
				o.Header[k] = v
			}
		}
		err = a.signin.Keep(ctx, t, o)
	}
	if err != nil {
		a.log.ErrorContext(ctx, "outcome not kept", "request_id", callOf(ctx).id, "error", err)
	}
}

// again are the statuses with which nothing was done, and after which the same
// request may well succeed or be corrected.
var again = []int{
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusConflict, http.StatusPreconditionFailed,
	http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests, http.StatusServiceUnavailable,
}

// keeper passes an answer on and keeps a copy.
type keeper struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader keeps the status.
func (k *keeper) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
	k.ResponseWriter.WriteHeader(status)
}

// Write keeps the body.
func (k *keeper) Write(b []byte) (int, error) {
	if k.status == 0 {
		k.status = http.StatusOK
	}
	k.body.Write(b)
	return k.ResponseWriter.Write(b)
}
