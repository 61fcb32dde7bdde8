package app

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"countersign/internal/directory/ldapconn"
	"countersign/internal/gate"
)

// What people who look after the server are told of the parts that the gate
// itself does not call: the organisation's provider, those of identity
// proofing, and the policy file beside the policy in force.

// watcher tells of them.
type watcher struct {
	provider *gate.Pulse // nil: none
	proofers []string
	wish     func(context.Context) (Check, string) // nil: there is no server that looks at the file
}

func (c Config) watcher() watcher {
	var w watcher
	if !c.OIDC.absent() {
		w.provider = gate.NewPulse(gate.PartProvider, c.OIDC.Issuer)
	}
	for _, p := range c.IDV {
		w.proofers = append(w.proofers, p.Name)
	}
	return w
}

func (w *watcher) parts(ctx context.Context) []gate.PartView {
	var out []gate.PartView
	if w.provider != nil {
		out = append(out, w.provider.View())
	}
	for _, name := range w.proofers {
		out = append(out, gate.PartView{Kind: gate.PartProofing, Name: name, State: gate.PartOK,
			Detail: "people bring its signed results themselves; this server never calls it"})
	}
	if w.wish != nil {
		c, file := w.wish(ctx)
		out = append(out, gate.PartView{Kind: gate.PartPolicy, Name: file, State: stateOf(c.Severity), Detail: c.Detail})
	}
	return out
}

func stateOf(s Severity) gate.PartState {
	return map[Severity]gate.PartState{OK: gate.PartOK, Warning: gate.PartWarning, Failing: gate.PartFailing}[s]
}

// wished compares the policy file with what is in force.
func (a *App) wished(ctx context.Context) (Check, string) {
	chain, err := a.gate.Chain(ctx)
	if err != nil {
		return Check{"policy", Failing, "what is in force cannot be read (the log says more)"}, filepath.Base(a.cfg.Policy)
	}
	return a.wish.check(chain.Policy), filepath.Base(a.cfg.Policy)
}

// kinds says what each directory is, by its name.
func (c Config) kinds() map[string]string {
	out := map[string]string{}
	for _, d := range c.Directories {
		out[d.Name] = d.Kind
	}
	return out
}

// inWords knows faults better than the gate does, which has no backends.
func inWords(err error) string {
	switch {
	case ldapconn.SignInRefused(err):
		return "it refused the service account: is its name or its password another one now?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at its address: is it running, and is the port right?"
	}
	return ""
}

// feltTransport takes down calls over HTTP, and how far the other's clock is
// off.
type feltTransport struct {
	next  http.RoundTripper
	pulse *gate.Pulse
	now   func() time.Time
}

// RoundTrip implements http.RoundTripper. A server that answers that it cannot
// is one that failed.
func (f feltTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	res, err := f.next.RoundTrip(r)
	took, failure := time.Since(began), ""
	failed := err
	if err == nil && res.StatusCode >= http.StatusInternalServerError {
		failed = errors.New(res.Status)
		failure = "it answered that it cannot serve now"
	}
	if err != nil {
		failure = gate.InWords(err, inWords)
	}
	f.pulse.Beat(f.now(), took, failed, failure)
	if err == nil {
		f.clock(res, took)
	}
	return res, err
}

// clock compares the other's clock with ours: their header has whole seconds,
// and was written while we waited.
func (f feltTransport) clock(res *http.Response, took time.Duration) {
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err == nil {
		f.pulse.Clock(theirs.Add(500 * time.Millisecond).Sub(f.now().Add(-took / 2)))
	}
}
