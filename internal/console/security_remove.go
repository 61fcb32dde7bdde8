package console

import (
	"net/http"
	"slices"

	"countersign/internal/gate"
	"countersign/internal/proof"
)

type removePage struct {
	factRow
	Last     bool // nothing else is left by which they can prove themselves
	LastKey  bool // and no passkey to sign in here with
	Mine     bool // the session was opened with it, and ends
	Provided bool
}

// removeAsk says what taking a factor away does.
func (c *console) removeAsk(w http.ResponseWriter, r *http.Request, o gate.Owner) error {
	v, err := c.Gate.Mine(r.Context(), o)
	if err != nil {
		return err
	}
	p := newSecurityPage(v)
	i := slices.IndexFunc(p.Ways, func(f factRow) bool { return f.ID == r.PathValue("id") })
	if i < 0 {
		return c.securityWith(w, r, o, &gate.Fault{Code: "not_found"})
	}
	if !v.Fresh {
		return c.showOwnerSignIn(w, r, ownerSignInPage{Next: "/security/remove/" + v.Factors[i].ID, Again: true}, nil)
	}
	keys := 0
	for _, f := range v.Factors {
		if f.Method == proof.Passkey {
			keys++
		}
	}
	page := removePage{factRow: p.Ways[i], Last: len(v.Factors) == 1, Provided: c.Gate.AsksProvider() && c.Signin.HasProvider()}
	if f := v.Factors[i]; f.Method == proof.Passkey {
		page.LastKey, page.Mine = keys == 1, f.Here
	}
	return c.show(w, r, http.StatusOK, "security_remove", frame{Title: msg("Remove it"), Body: page})
}

// remove takes it away. A session that was opened with it has ended, which the
// next page says.
func (c *console) remove(w http.ResponseWriter, r *http.Request, o gate.Owner) error {
	if err := c.Gate.Remove(r.Context(), o, r.PathValue("id")); err != nil {
		return c.securityOr(w, r, o, err)
	}
	http.Redirect(w, r, "/security?done=removed", http.StatusSeeOther)
	return nil
}
