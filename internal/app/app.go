// Package app puts the parts together: a configuration becomes a store, the
// door, the hands and the faces. It is the only place where backends have
// names.
//
//	cfg, warnings, err := app.LoadConfig("countersign.yaml", os.Environ())
//	a, err := app.New(ctx, cfg, app.Options{})
//	err = a.Run(ctx) // until ctx ends
//
// What the operator's commands do on a data folder without a server stands
// here too (offline.go).
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // the zones that policies name, for machines that have none

	"golang.org/x/sync/errgroup"

	"countersign/internal/console"
	"countersign/internal/directory/local"
	"countersign/internal/dispatch"
	"countersign/internal/rest"
	"countersign/internal/signin"
)

// App is a server.
type App struct {
	house
	hands     *dispatch.Hands
	pin       *pin
	wish      *wish
	metrics   *metrics
	readiness readiness
	listener  net.Listener
	server    *http.Server
	around    func(http.Handler) http.Handler // nil: nothing
	stopping  chan struct{}                   // closed when the server begins to stop
}

// New opens the data folder, builds everything, and takes the address. It does
// not serve yet. Close what New returned, unless Run was called.
func New(ctx context.Context, cfg Config, o Options) (*App, error) {
	a := &App{house: house{cfg: cfg, log: o.Log, now: o.Now, sender: o.Sender, sms: o.SMS, voice: o.Voice}, metrics: newMetrics(), listener: o.Listener, around: o.Around, stopping: make(chan struct{})}
	if a.log == nil {
		a.log = cfg.Log.logger()
	}
	if a.now == nil {
		a.now = time.Now
	}
	a.watch, a.faulted = a.metrics.watch, a.metrics.ruleFaulted
	a.watcher.wish = a.wished
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	if err := a.build(ctx); err != nil {
		return nil, errors.Join(err, a.store.Close())
	}
	return a, nil
}

func (a *App) build(ctx context.Context) error {
	a.pin = &pin{path: filepath.Join(a.cfg.Data, fileGenesis), log: a.keys.verifier, gate: a.gate}
	if _, err := a.pin.check(ctx); err != nil {
		return err
	}
	a.wish = &wish{file: a.cfg.Policy}
	a.wish.read()
	a.hands = dispatch.New(dispatch.Options{
		Door: a.gate, Actors: a.actors, Roots: a.pin.roots, Box: a.keys.box, Now: a.now, Log: a.log.With("part", "hands"),
	})
	a.readiness.app = a
	if err := a.metrics.registry.Register(newGauges(a)); err != nil {
		return fmt.Errorf("app: metrics: %w", err)
	}
	handler, err := a.faces()
	if err != nil {
		return err
	}
	if a.around != nil {
		handler = a.around(handler)
	}
	a.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(a.log.With("part", "http").Handler(), slog.LevelDebug),
	}
	a.server.RegisterOnShutdown(func() { close(a.stopping) })
	return a.listen(ctx)
}

// faces is everything that answers over HTTP.
func (a *App) faces() (http.Handler, error) {
	proxies, err := a.cfg.proxies()
	if err != nil {
		return nil, fmt.Errorf("app: trusted_proxies: %w", err)
	}
	secure := strings.HasPrefix(a.cfg.BaseURL, "https://")
	who := signin.New(signin.Options{Gate: a.gate, Store: a.store, Now: a.now, Secure: secure, TrustedProxies: proxies, Provider: a.cfg.staffProvider(a.provider)})
	api := rest.New(rest.Options{
		Gate: a.gate, Signin: who, Log: a.log.With("part", "http"), Ready: a.unready,
		Metrics: a.metrics.handler(), Observe: a.metrics.observe, Version: Version(), Secure: secure, Stopping: a.stopping,
	})
	pages, err := console.New(console.Options{
		Gate: a.gate, Signin: who, Organisation: a.cfg.Organisation, Secure: secure, Log: a.log.With("part", "console"),
	})
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", a.readyz)
	for _, ours := range []string{"/api/", "/ledger/checkpoint", "/ledger/tile/", "/healthz", "/metrics"} {
		mux.Handle(ours, api)
	}
	mux.Handle("/", a.metrics.pages(pages))
	return mux, nil
}

// Version is what this program was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && version == "(devel)" {
			version = s.Value[:min(12, len(s.Value))]
		}
	}
	return version
}

func (a *App) listen(ctx context.Context) error {
	if a.listener != nil {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		return fmt.Errorf("app: listening: %w", err)
	}
	if a.cfg.TLS.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(a.cfg.TLS.CertFile, a.cfg.TLS.KeyFile)
		if err != nil {
			return fmt.Errorf("app: reading the certificate: %w", errors.Join(err, l.Close()))
		}
		l = tls.NewListener(l, &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{cert},
		})
	}
	a.listener = l
	return nil
}

// Local finds a directory of kind local, for the demo and for tests.
func (a *App) Local(name string) (*local.Directory, error) { return a.local(name) }

// Addr is the address that the server listens on.
func (a *App) Addr() net.Addr { return a.listener.Addr() }

// URL is where people reach the server.
func (a *App) URL() string { return a.cfg.BaseURL }

// Close gives back what New took, for an App that is not run.
func (a *App) Close() error { return errors.Join(a.listener.Close(), a.store.Close()) }

// graceTime is how long requests under way may take when the server stops.
const graceTime = 15 * time.Second

// Run serves and works until ctx ends, then finishes what is under way. The
// store is closed when it returns.
func (a *App) Run(ctx context.Context) error {
	a.log.Info("serving", "url", a.cfg.BaseURL, "listen", a.listener.Addr().String(), "ledger", a.cfg.Ledger.Origin, "version", Version())
	// Before anything answers, so that whoever sees the server up may signal it.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("app: serving: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
		defer cancel()
		return a.server.Shutdown(ctx)
	})
	group.Go(func() error {
		if err := a.store.Work(ctx, a.handlers()); err != nil {
			return fmt.Errorf("app: working: %w", err)
		}
		return nil
	})
	group.Go(func() error { return a.founding(ctx) })
	group.Go(func() error { a.housekeeping(ctx, hup); return nil })
	err := group.Wait()
	a.log.Info("stopped")
	return errors.Join(err, a.store.Close())
}

// founding waits for the roster and pins its founding entry.
func (a *App) founding(ctx context.Context) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		// Once more when the server stops: it may have been founded just now.
		last := ctx.Err() != nil
		founded, err := a.pin.check(context.WithoutCancel(ctx))
		switch {
		case err != nil || last:
			return err
		case founded:
			a.log.Info("the roster stands; its founding entry is pinned", "file", a.pin.path)
			return nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// housekeeping forgets what has lapsed, and reads the policy file again when
// told to.
func (a *App) housekeeping(ctx context.Context, hup <-chan os.Signal) {
	sweep := time.NewTicker(10 * time.Minute)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			a.wish.read()
			_, inForce := a.readyRoster(ctx)
			c := a.wish.check(inForce)
			a.log.Info("read the policy file again", "file", a.cfg.Policy, "status", c.Severity, "detail", c.Detail)
		case <-sweep.C:
			if err := a.store.Sweep(ctx, a.now()); err != nil {
				a.log.Warn("what has lapsed was not swept", "error", err)
			}
			if err := a.gate.Wake(ctx); err != nil {
				a.log.Warn("requests that stand still were not woken", "error", err)
			}
		}
	}
}
