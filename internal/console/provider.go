package console

import (
	"net/http"

	"countersign/internal/signin"
)

// returns says who takes somebody back from the organisation's provider, by
// what they were sent there for. Whoever is named here judges the claims: that
// the sign-in is the provider's and answers ours is all that is known so far.
func (c *console) returns() map[string]func(http.ResponseWriter, *http.Request, signin.Return) error {
	return map[string]func(http.ResponseWriter, *http.Request, signin.Return) error{
		forStaff: c.signInReturn,
		forOwner: c.ownerReturned,
		forProof: c.proofReturned,
	}
}

// toProvider sends a browser to the organisation's provider. Data is kept at
// the server and comes back with the browser; the hint is the name they would
// type there.
func (c *console) toProvider(w http.ResponseWriter, r *http.Request, purpose, data, hint string) error {
	if err := c.Signin.Admit(r, signin.SignIns); err != nil {
		return err
	}
	address, cookie, err := c.Signin.BeginOIDC(r.Context(), purpose, data, hint)
	if err != nil {
		c.Log.WarnContext(r.Context(), "nobody can be sent to the provider", "purpose", purpose, "error", err)
		return err
	}
	http.SetCookie(w, cookie)
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

// fromProvider is the one address that the provider sends browsers back to.
func (c *console) fromProvider(w http.ResponseWriter, r *http.Request) error {
	back, err := c.Signin.FinishOIDC(r.Context(), r)
	c.Signin.ClearFlowCookie(w)
	take := c.returns()[back.Purpose]
	switch {
	case err == nil && take == nil:
		err = signin.ErrProviderRefused
	case err == nil:
		err = take(w, r, back)
	}
	if err != nil {
		c.Log.WarnContext(r.Context(), "a sign-in at the provider was refused", "purpose", back.Purpose, "error", err)
	}
	if err != nil && back.Purpose == forProof {
		return c.caseTrouble(w, r, err) // the other ways are still open
	}
	return err
}
