package app

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"countersign/internal/directory"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/policy"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// metrics counts what operators watch. Labels hold words of ours and names of
// the configuration, never anything a caller sent.
type metrics struct {
	registry *prometheus.Registry
	http     *prometheus.HistogramVec
	jobs     *prometheus.CounterVec
	reads    *prometheus.HistogramVec
	faults   *prometheus.CounterVec
	rules    *prometheus.CounterVec

	mu     sync.Mutex
	policy string // the one whose rules are counted
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		http: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "countersign_http_request_seconds", Help: "HTTP requests by route and status.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "status"}),
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_jobs_total", Help: "Runs of jobs by kind and outcome (done, retry, dropped).",
		}, []string{"kind", "outcome"}),
		reads: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "countersign_directory_read_seconds", Help: "Reads of directories.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10},
		}, []string{"directory"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_directory_errors_total", Help: "Reads that a directory did not answer.",
		}, []string{"directory"}),
		rules: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_policy_errors_total", Help: "Decisions that a rule of the policy in force denied because it could not be evaluated.",
		}, []string{"rule"}),
	}
	m.registry.MustRegister(m.http, m.jobs, m.reads, m.faults, m.rules,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// ruleFaulted counts a rule that could not be evaluated. The rules of a policy
// that is gone are forgotten, so that there are never more than one has.
func (m *metrics) ruleFaulted(inForce *policy.Policy, rule string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.policy != inForce.Hash() {
		m.policy = inForce.Hash()
		m.rules.Reset()
	}
	m.rules.WithLabelValues(rule).Inc()
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// observe counts one HTTP request. The route is a pattern, never a path.
func (m *metrics) observe(route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.http.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// pages counts the requests of the console. Its mux leaves the pattern in the
// request.
func (m *metrics) pages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, out := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(out, r)
		m.observe(r.Pattern, out.status, time.Since(began))
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

// WriteHeader remembers the status.
func (w *statusWriter) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

// job counts the runs of a handler.
func (m *metrics) job(kind string, h store.Handler) store.Handler {
	return func(ctx context.Context, a store.Attempt) error {
		err := h(ctx, a)
		outcome := "done"
		switch {
		case errors.Is(err, store.ErrDrop):
			outcome = "dropped"
		case err != nil:
			outcome = "retry"
		}
		m.jobs.WithLabelValues(kind, outcome).Inc()
		return err
	}
}

// watched counts the reads of a directory. It only reads: the hands get the
// directory itself.
type watched struct {
	directory.Directory
	metrics *metrics
}

func (m *metrics) watch(d directory.Directory) directory.Directory {
	m.faults.WithLabelValues(d.Name()) // stands at 0 from the start
	return watched{d, m}
}

// Find implements directory.Directory.
func (w watched) Find(ctx context.Context, login string) (directory.Account, error) {
	began := time.Now()
	a, err := w.Directory.Find(ctx, login)
	return a, w.done(began, err)
}

// Lookup implements directory.Directory.
func (w watched) Lookup(ctx context.Context, id identity.AccountID) (directory.Account, error) {
	began := time.Now()
	a, err := w.Directory.Lookup(ctx, id)
	return a, w.done(began, err)
}

func (w watched) done(began time.Time, err error) error {
	w.metrics.reads.WithLabelValues(w.Name()).Observe(time.Since(began).Seconds())
	if err != nil && !errors.Is(err, directory.ErrNotFound) && !errors.Is(err, directory.ErrAmbiguous) {
		w.metrics.faults.WithLabelValues(w.Name()).Inc()
	}
	return err
}

// gauges are read from the store when somebody asks.
type gauges struct {
	app            *App
	open, size, ok *prometheus.Desc
}

func newGauges(a *App) gauges {
	return gauges{
		app:  a,
		open: prometheus.NewDesc("countersign_requests_open", "Open requests by status.", []string{"status"}, nil),
		size: prometheus.NewDesc("countersign_ledger_entries", "Entries that the newest checkpoint covers.", nil, nil),
		ok:   prometheus.NewDesc("countersign_check_ok", "1 where readiness finds nothing to look at.", []string{"check"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (g gauges) Describe(out chan<- *prometheus.Desc) {
	out <- g.open
	out <- g.size
	out <- g.ok
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if n, err := g.app.entries(ctx); err == nil {
		out <- prometheus.MustNewConstMetric(g.size, prometheus.GaugeValue, float64(n))
	} else {
		out <- prometheus.NewInvalidMetric(g.size, err)
	}
	counts, err := g.app.openRequests(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(g.open, err)
	}
	for status, n := range counts {
		out <- prometheus.MustNewConstMetric(g.open, prometheus.GaugeValue, float64(n), status)
	}
	checks, _ := g.app.Ready(ctx)
	for _, c := range checks {
		v := 0.0
		if c.Severity == OK {
			v = 1
		}
		out <- prometheus.MustNewConstMetric(g.ok, prometheus.GaugeValue, v, c.Name)
	}
}

func (a *App) entries(ctx context.Context) (uint64, error) {
	signed, err := a.store.Checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	c, err := ledger.ParseCheckpoint(a.cfg.Ledger.Origin, signed, a.keys.verifiers())
	return c.Size, err
}

func (a *App) openRequests(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	q := store.RowQuery{Limit: 500}
	for _, s := range reset.OpenStatuses {
		q.Statuses = append(q.Statuses, string(s))
		counts[string(s)] = 0
	}
	for {
		rows, err := a.store.Rows(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			counts[r.Status]++
		}
		if len(rows) < q.Limit {
			return counts, nil
		}
		q.Before = rows[len(rows)-1].ID
	}
}
