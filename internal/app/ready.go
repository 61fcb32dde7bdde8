package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"countersign/internal/directory"
	"countersign/internal/gate"
)

// Severity is how much a check's finding matters.
type Severity string

// The severities.
const (
	OK      Severity = "ok"
	Warning Severity = "warning" // the server serves; somebody should look
	Failing Severity = "failing" // nothing useful can be done through this server now
)

// Check is one thing that readiness rests on. Its detail is shown to anybody, so
// it names no address and repeats no error.
type Check struct {
	Name     string   `json:"name"`
	Severity Severity `json:"status"`
	Detail   string   `json:"detail,omitempty"`
}

const (
	readyFor  = 5 * time.Second // how long a directory's answer is believed
	readyWait = 3 * time.Second // how long it may take
)

// readiness asks everything the server rests on.
type readiness struct {
	app *App

	mu   sync.Mutex
	at   time.Time
	dirs []Check
}

// Ready lists the checks, and whether the server can do its work. A single
// directory that is down is a warning: the others work, and so do the links by
// which people stop a request.
func (a *App) Ready(ctx context.Context) ([]Check, bool) {
	checks := []Check{a.readyStore(ctx)}
	roster, inForce := a.readyRoster(ctx)
	checks = append(checks, roster, a.wish.check(inForce))
	checks = append(checks, a.readiness.directories(ctx)...)
	ready := true
	for _, c := range checks {
		ready = ready && c.Severity != Failing
	}
	return checks, ready
}

func (a *App) readyStore(ctx context.Context) Check {
	if err := a.store.Ping(ctx); err != nil {
		a.log.Error("the store takes no writes", "error", err)
		return Check{"store", Failing, "takes no writes (the log says more)"}
	}
	return Check{Name: "store", Severity: OK}
}

func (a *App) readyRoster(ctx context.Context) (Check, string) {
	founded, err := a.pin.check(ctx)
	switch {
	case err != nil:
		a.log.Error("the roster cannot be read", "error", err)
		return Check{"roster", Failing, "cannot be read, or does not begin as it should (the log says more)"}, ""
	case !founded:
		return Check{"roster", Warning, "not founded yet; run countersign roster init and use the invitation it prints"}, ""
	}
	chain, err := a.gate.Chain(ctx)
	if errors.Is(err, gate.ErrPolicy) {
		a.log.Error("nothing can be decided", "error", err)
		return Check{"roster", Failing, "the policy in force does not load here, so nothing is decided (the log says more)"}, ""
	}
	if err != nil {
		a.log.Error("the roster cannot be read", "error", err)
		return Check{"roster", Failing, "cannot be read (the log says more)"}, ""
	}
	return Check{"roster", OK, chain.Genesis}, chain.Policy
}

func (r *readiness) directories(ctx context.Context) []Check {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dirs != nil && time.Since(r.at) < readyFor {
		return r.dirs
	}
	// Whoever asks first may go away before the answer; the next one wants it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWait)
	defer cancel()
	dirs := make([]Check, len(r.app.readers))
	var wait sync.WaitGroup
	for i, d := range r.app.readers {
		wait.Go(func() { dirs[i] = r.ping(ctx, d) })
	}
	wait.Wait()
	r.dirs, r.at = allDown(dirs), time.Now()
	return r.dirs
}

// readyz answers monitors: 200 or 503, and each finding in words.
func (a *App) readyz(w http.ResponseWriter, r *http.Request) {
	checks, ready := a.Ready(r.Context())
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(map[string]any{"ready": ready, "checks": checks}) // the client has gone
}

// unready is Ready in one sentence; nil when the server can do its work.
func (a *App) unready(ctx context.Context) error {
	checks, ready := a.Ready(ctx)
	if ready {
		return nil
	}
	var words []string
	for _, c := range checks {
		if c.Severity == Failing {
			words = append(words, c.Name+": "+c.Detail)
		}
	}
	return errors.New(strings.Join(words, "; "))
}

func (r *readiness) ping(ctx context.Context, d directory.Directory) Check {
	c := Check{Name: "directory " + d.Name(), Severity: OK}
	if err := d.Ping(ctx); err != nil {
		r.app.log.Warn("directory does not answer", "directory", d.Name(), "error", err)
		c.Severity, c.Detail = Warning, "does not answer; nothing about its accounts can be decided (the log says more)"
	}
	return c
}

// allDown turns warnings into failures when no directory is left.
func allDown(dirs []Check) []Check {
	for _, d := range dirs {
		if d.Severity == OK {
			return dirs
		}
	}
	for i := range dirs {
		dirs[i].Severity = Failing
	}
	return dirs
}
