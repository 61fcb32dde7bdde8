package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/internal/signin"
)

// signInPage has one step or two: where staff sign in at the organisation's
// provider as well, that comes before the passkey.
type signInPage struct {
	Next     string
	Provider string // the address of the first step; "" when there is none
	Only     bool   // the passkey alone is not enough
	Second   bool   // the first step is done
}

// signIn asks for the passkey. The staff cookie is never sent along from
// another site, so somebody who follows a link from a mail lands here although
// they are signed in; the script notices and goes on.
func (c *console) signIn(w http.ResponseWriter, r *http.Request) error {
	page := signInPage{Next: safeNext(r.URL.Query().Get("next")), Second: r.URL.Query().Get("step") == "passkey"}
	if use := c.Signin.UsesProvider(); use != signin.Off {
		page.Provider = "/sign-in/oidc?" + url.Values{"next": {page.Next}}.Encode()
		page.Only = use == signin.Required
	}
	return c.show(w, r, http.StatusOK, "sign_in", frame{Title: msg("Sign in"), Body: page})
}

// forStaff is the purpose of staff who are sent to the provider.
const forStaff = "staff"

// signInProvider sends staff to the organisation's provider. It is a link and
// no form, because a form here may lead nowhere but here.
func (c *console) signInProvider(w http.ResponseWriter, r *http.Request) error {
	if c.Signin.UsesProvider() == signin.Off {
		return signin.ErrProviderOff
	}
	return c.toProvider(w, r, forStaff, safeNext(r.URL.Query().Get("next")), "")
}

// signInReturn takes them back: the passkey is still to come.
func (c *console) signInReturn(w http.ResponseWriter, r *http.Request, back signin.Return) error {
	ticket, err := c.Signin.StaffTicket(r.Context(), back)
	if err != nil {
		return err
	}
	http.SetCookie(w, ticket)
	http.Redirect(w, r, "/sign-in?"+url.Values{"next": {safeNext(back.Data)}, "step": {"passkey"}}.Encode(), http.StatusSeeOther)
	return nil
}

// signInFor is where somebody who is not signed in is sent, and how they come
// back.
func signInFor(r *http.Request) string {
	return "/sign-in?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
}

// safeNext keeps to the staff pages of this site: whatever else the parameter
// holds would let a stranger choose where signing in leads.
func safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Fragment != "" || strings.Contains(next, "\\") {
		return "/approvals"
	}
	ours := slices.ContainsFunc(entries, func(e entry) bool { return u.Path == e.Path || strings.HasPrefix(u.Path, e.Path+"/") })
	if (ours || u.Path == "/sessions") && u.Path == u.EscapedPath() {
		return u.RequestURI()
	}
	return "/approvals"
}

// signOut ends the session here and at the server.
func (c *console) signOut(w http.ResponseWriter, r *http.Request) error {
	if token, err := c.Signin.StaffToken(r); err == nil {
		if err := c.Signin.SignOut(r.Context(), token); err != nil {
			return err
		}
	}
	c.Signin.ClearStaffCookie(w)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}
