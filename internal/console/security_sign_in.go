package console

import (
	"net/http"
	"net/url"

	"countersign/internal/gate"
	"countersign/internal/signin"
)

// ownerSignInPage asks somebody to show whose account they look after.
type ownerSignInPage struct {
	Next     string
	Again    bool   // they are signed in, and prove it once more
	Lost     bool   // what they sent came too late
	Provider string // the address that leads to the organisation's provider; "" without
}

func (c *console) showOwnerSignIn(w http.ResponseWriter, r *http.Request, p ownerSignInPage, why error) error {
	if c.Signin.HasProvider() && c.Gate.AsksProvider() {
		p.Provider = "/security/oidc?" + url.Values{"next": {p.Next}}.Encode()
	}
	p.Lost = r.Method == http.MethodPost
	f, status := frame{Title: msg("My security"), Body: p}, http.StatusOK
	if p.Again {
		f.Title = msg("Prove once more that it is you")
	}
	switch {
	case why == nil || codeOf(why) == "unauthenticated":
		if r.Method != http.MethodGet {
			status = http.StatusUnauthorized
		}
	case codeOf(why) == "proof_too_old":
		if r.Method != http.MethodGet {
			status = http.StatusForbidden
		}
	default:
		t := c.noteOwn(w, r, why)
		f.Alert, status = &t, t.Status
	}
	return c.show(w, r, status, "security_sign_in", f)
}

// securityAgain lets somebody prove themselves before they type anything.
func (c *console) securityAgain(w http.ResponseWriter, r *http.Request, _ gate.Owner) error {
	return c.showOwnerSignIn(w, r, ownerSignInPage{Next: safeOwn(r.URL.Query().Get("next")), Again: true}, nil)
}

// forOwner is the purpose of people who look after their own account.
const forOwner = "owner"

// ownerProvider sends them to the organisation's provider.
func (c *console) ownerProvider(w http.ResponseWriter, r *http.Request) error {
	if !c.Gate.AsksProvider() {
		return signin.ErrProviderOff
	}
	return c.toProvider(w, r, forOwner, safeOwn(r.URL.Query().Get("next")), "")
}

// ownerReturned takes them back. The gate judges whether the sign-in showed
// enough, and whose account it names.
func (c *console) ownerReturned(w http.ResponseWriter, r *http.Request, back signin.Return) error {
	o, err := c.Gate.OwnerBySignIn(r.Context(), back.Claims, back.Started)
	if codeOf(err) == "sign_in_refused" {
		return c.showOwnerSignIn(w, r, ownerSignInPage{Next: safeOwn(back.Data)}, signin.ErrProviderRefused)
	}
	var token string
	if err == nil {
		token, err = c.Signin.OwnerAgain(r.Context(), r, o)
	}
	if err != nil {
		return err
	}
	c.Signin.SetOwnerCookie(w, token)
	http.Redirect(w, r, safeOwn(back.Data), http.StatusSeeOther)
	return nil
}

// ownerLeave ends the session here and at the server.
func (c *console) ownerLeave(w http.ResponseWriter, r *http.Request) error {
	if token, err := c.Signin.OwnerToken(r); err == nil {
		if err := c.Signin.SignOutOwner(r.Context(), token); err != nil {
			return err
		}
	}
	c.Signin.ClearOwnerCookie(w)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}
