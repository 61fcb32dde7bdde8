package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
)

// What bounds streams: news of a change waits this long for more of the same;
// a stream that is silent shows this often that it lives, and whoever reads it
// is asked anew whether they still may; a caller has so many at most, and all
// of them so many.
const (
	livePause  = 250 * time.Millisecond
	liveBeat   = 15 * time.Second
	liveEach   = 16
	liveAll    = 4096
	liveWrites = 10 * time.Second
)

// crowd counts the streams under way.
type crowd struct {
	mu  sync.Mutex
	all int
	of  map[string]int
}

func (c *crowd) enter(who string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= liveAll || c.of[who] >= liveEach {
		return false
	}
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.all++
	c.of[who]++
	return true
}

func (c *crowd) leave(who string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.of[who]--; c.of[who] == 0 {
		delete(c.of, who)
	}
}

// audience is who listens to a stream: their name for counting, whether they
// still may, and what they hear.
type audience struct {
	who   string
	still func(context.Context) error
	news  <-chan struct{}
}

// live are the event streams (HTML Living Standard §9.2). They say that
// something changed and never what: whoever wants to know asks, with the
// rights they have then.
func (a *api) live(h huma.API) {
	for path, what := range map[string]struct {
		id, summary string
		listen      func(context.Context, *http.Request) (audience, error)
	}{
		"/requests/events":      {"watch-requests", "Hear that a request you may see has changed (server-sent events)", a.watchRequests},
		"/requests/{id}/events": {"watch-request", "Hear that a request has changed (server-sent events)", a.watchRequests},
		"/case/events":          {"watch-case", "Hear that your case has changed (server-sent events)", a.watchCase},
	} {
		a.mux.HandleFunc("GET "+base+path, func(w http.ResponseWriter, r *http.Request) { a.stream(w, r, what.listen) })
		h.OpenAPI().AddOperation(&huma.Operation{
			Method: http.MethodGet, Path: base + path, OperationID: what.id, Summary: what.summary,
			Description: "Each `changed` event says that something is different now; read it again. Comments keep the stream alive. It ends with the session.",
			Security:    streamSecurity(path), Parameters: streamParameters(path),
			Responses: map[string]*huma.Response{"200": {
				Description: "a stream of events", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
			}},
		})
	}
}

func streamSecurity(path string) []map[string][]string {
	if path == "/case/events" {
		return []map[string][]string{{"case": {}}, {"case_cookie": {}}}
	}
	return []map[string][]string{{"bearer": {}}, {"cookie": {}}}
}

func streamParameters(path string) []*huma.Param {
	if path != "/requests/{id}/events" {
		return nil
	}
	return []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}}
}

// watchRequests never counts as use of the session: nobody has to be there.
func (a *api) watchRequests(ctx context.Context, r *http.Request) (audience, error) {
	id := r.PathValue("id")
	caller, err := a.signin.Peek(r)
	if err != nil {
		return audience{}, err
	}
	callOf(ctx).caller = caller
	news, err := a.gate.Watch(ctx, caller, id, livePause)
	return audience{"staff " + string(caller.Person) + caller.Token, func(ctx context.Context) error {
		c, err := a.signin.Peek(r)
		if err == nil && id != "" {
			_, err = a.gate.Request(ctx, c, id)
		}
		return err
	}, news}, err
}

func (a *api) watchCase(ctx context.Context, r *http.Request) (audience, error) {
	token, err := a.signin.CaseToken(r)
	if err != nil {
		return audience{}, err
	}
	news, err := a.gate.WatchCase(ctx, token, livePause)
	return audience{"case " + token, func(ctx context.Context) error {
		_, err := a.gate.Case(ctx, token)
		return err
	}, news}, err
}

var errTooManyStreams = &gate.Fault{Code: "busy", Msg: "too many event streams are open; close some pages"}

func (a *api) stream(w http.ResponseWriter, r *http.Request, listen func(context.Context, *http.Request) (audience, error)) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	to, err := listen(ctx, r)
	if err == nil && !a.crowd.enter(to.who) {
		err = errTooManyStreams
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer a.crowd.leave(to.who)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a proxy that gathers answers would hold the news back
	w.WriteHeader(http.StatusOK)
	callOf(ctx).streamed = true
	if err := a.tell(ctx, w, to); err != nil && !errors.Is(err, context.Canceled) {
		a.log.DebugContext(ctx, "an event stream ended", "error", err)
	}
}

// tell writes until the listener goes, may not listen any more, or the server
// stops. The first event says that the stream stands, so a page that lost its
// connection looks again at what it missed.
func (a *api) tell(ctx context.Context, w http.ResponseWriter, to audience) error {
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	if err := send(w, "retry: 3000\nevent: ready\ndata:\n\n"); err != nil {
		return err
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.opt.Stopping:
			return nil
		case _, on := <-to.news:
			if !on {
				return nil
			}
			err = to.hear(ctx, w, "event: changed\ndata:\n\n")
		case <-beat.C:
			err = to.hear(ctx, w, ": still here\n\n")
		}
		if err != nil {
			return err
		}
	}
}

// hear sends something to who still may listen. Whose session was ended hears
// that, and nothing more.
func (to audience) hear(ctx context.Context, w http.ResponseWriter, text string) error {
	if err := to.still(ctx); err != nil {
		return errors.Join(err, send(w, "event: ended\ndata:\n\n"))
	}
	return send(w, text)
}

// send writes past the recorder, which does not stream, and gives a slow
// reader a while.
func send(w http.ResponseWriter, text string) error {
	if r, ok := w.(*recorder); ok {
		w = r.ResponseWriter
	}
	c := http.NewResponseController(w)
	if err := c.SetWriteDeadline(time.Now().Add(liveWrites)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("rest: streaming: %w", err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return fmt.Errorf("rest: streaming: %w", err)
	}
	return c.Flush()
}
