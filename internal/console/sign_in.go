package console

import (
	"net/http"
	"net/url"
	"strings"
)

type signInPage struct{ Next string }

// signIn asks for the passkey. The staff cookie is never sent along from
// another site, so somebody who follows a link from a mail lands here although
// they are signed in; the script notices and goes on.
func (c *console) signIn(w http.ResponseWriter, r *http.Request) error {
	return c.show(w, http.StatusOK, "sign_in", frame{Title: "Sign in", Body: signInPage{safeNext(r.URL.Query().Get("next"))}})
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
	for _, staff := range []string{"/approvals", "/requests/", "/roster/"} {
		if strings.HasPrefix(u.Path, staff) && u.Path == u.EscapedPath() {
			return u.RequestURI()
		}
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
