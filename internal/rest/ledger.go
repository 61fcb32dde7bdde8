package rest

import (
	"net/http"
	"strings"

	"countersign/internal/gate"
)

// ledger serves the log as C2SP tlog-tiles: its head and its hashes to anybody,
// its entries to those with oversight.
func (a *api) ledger(w http.ResponseWriter, r *http.Request) {
	path := r.PathValue("path")
	var caller gate.Caller
	var err error
	oversight := gate.OversightOnly(path)
	if oversight {
		if caller, err = a.signin.Caller(r); err != nil {
			a.fail(w, r, err)
			return
		}
	}
	data, err := a.gate.LedgerFile(r.Context(), caller, path)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	switch {
	case path == "checkpoint":
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
	case oversight:
		// What somebody may read ends with their session and their role.
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "no-store")
	case strings.Contains(path, ".p/"):
		// A partial tile never changes either, but nobody asks for it again
		// once it has grown.
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "public, max-age=3600")
	default:
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	//nolint:gosec // no browser renders this: nosniff, a type of its own, and a policy that allows nothing
	_, _ = w.Write(data)
}
