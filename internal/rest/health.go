package rest

import (
	"encoding/json"
	"net/http"
)

// health is what operators and their probes read.
type health struct {
	Status  string `json:"status"` // ok, or not ready
	Why     string `json:"why,omitempty"`
	Version string `json:"version,omitempty"`
}

// healthz says that the process lives. A restart would not help against what
// keeps it from being ready, so that is said and not held against it.
func (a *api) healthz(w http.ResponseWriter, r *http.Request) {
	tell(w, http.StatusOK, a.health(r))
}

// readyz says whether requests can be served.
func (a *api) readyz(w http.ResponseWriter, r *http.Request) {
	h := a.health(r)
	status := http.StatusOK
	if h.Why != "" {
		status = http.StatusServiceUnavailable
	}
	tell(w, status, h)
}

func (a *api) health(r *http.Request) health {
	h := health{Status: "ok", Version: a.opt.Version}
	if err := a.opt.Ready(r.Context()); err != nil {
		h.Status, h.Why = "not ready", err.Error()
	}
	return h
}

func tell(w http.ResponseWriter, status int, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	//nolint:errchkjson // a failed write means that the client has gone
	_ = json.NewEncoder(w).Encode(h)
}
