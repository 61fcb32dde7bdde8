package signin

import (
	"net/http"
	"time"
)

// caseCookieLife is longer than any request lives by default; the session
// itself ends a day after its request would have expired.
const caseCookieLife = 48 * time.Hour

// host adds the prefix that makes browsers refuse the cookie from any other
// host, path or scheme (RFC 6265bis §4.1.3.2).
func (s *Signin) host(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s *Signin) staffCookie() string  { return s.host("countersign") }
func (s *Signin) caseCookie() string   { return s.host("case") }
func (s *Signin) ownerCookie() string  { return s.host("owner") }
func (s *Signin) flowCookie() string   { return s.host("provider") }
func (s *Signin) ticketCookie() string { return s.host("ticket") }

func (s *Signin) newCookie(name, value string, life time.Duration, site http.SameSite) *http.Cookie {
	//nolint:gosec // Secure follows the site: a demo on localhost has no https
	c := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true, Secure: s.secure, SameSite: site}
	if life <= 0 {
		c.MaxAge = -1
	}
	return c
}

func (s *Signin) cookie(w http.ResponseWriter, name, value string, life time.Duration, site http.SameSite) {
	http.SetCookie(w, s.newCookie(name, value, life, site))
}

// SetStaffCookie hands a staff session to a browser. It is never sent along
// from another site, not even by a link.
func (s *Signin) SetStaffCookie(w http.ResponseWriter, token string) {
	s.cookie(w, s.staffCookie(), token, sessionLife, http.SameSiteStrictMode)
}

// ClearStaffCookie takes it back.
func (s *Signin) ClearStaffCookie(w http.ResponseWriter) {
	s.cookie(w, s.staffCookie(), "", 0, http.SameSiteStrictMode)
}

// SetCaseCookie hands a requester's session to a browser. A link in a mail may
// lead back to the case, so it is sent along when somebody follows one.
func (s *Signin) SetCaseCookie(w http.ResponseWriter, token string) {
	s.cookie(w, s.caseCookie(), token, caseCookieLife, http.SameSiteLaxMode)
}

// ClearCaseCookie takes it back.
func (s *Signin) ClearCaseCookie(w http.ResponseWriter) {
	s.cookie(w, s.caseCookie(), "", 0, http.SameSiteLaxMode)
}

// SetOwnerCookie hands an owner's session to a browser. Notices link to the
// pages that need it, so it is sent along when somebody follows one.
func (s *Signin) SetOwnerCookie(w http.ResponseWriter, token string) {
	s.cookie(w, s.ownerCookie(), token, sessionLife, http.SameSiteLaxMode)
}

// ClearOwnerCookie takes it back.
func (s *Signin) ClearOwnerCookie(w http.ResponseWriter) {
	s.cookie(w, s.ownerCookie(), "", 0, http.SameSiteLaxMode)
}

// ClearFlowCookie takes back the cookie that BeginOIDC returned.
func (s *Signin) ClearFlowCookie(w http.ResponseWriter) {
	s.cookie(w, s.flowCookie(), "", 0, http.SameSiteLaxMode)
}

// ClearTicketCookie takes back the cookie that StaffTicket returned.
func (s *Signin) ClearTicketCookie(w http.ResponseWriter) {
	s.cookie(w, s.ticketCookie(), "", 0, http.SameSiteStrictMode)
}
