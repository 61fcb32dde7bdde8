package console

import (
	"net/http"

	"countersign/internal/gate"
	"countersign/internal/signin"
)

// caseSecret shows the new secret, once. It answers a POST and is never
// stored, so neither history nor reloading brings it back: the gate has
// forgotten it by then.
func (c *console) caseSecret(w http.ResponseWriter, r *http.Request) error {
	token, err := c.requester(r, signin.Answers)
	var s gate.Secrets
	if err == nil {
		s, err = c.Gate.Reveal(r.Context(), token)
	}
	if err != nil {
		return c.caseTrouble(w, r, err)
	}
	return c.show(w, r, http.StatusOK, "case_secret", frame{Title: msg("Shown once"), Body: s})
}
