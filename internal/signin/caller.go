package signin

import (
	"net/http"
	"strings"

	"countersign/internal/gate"
)

const (
	apiPrefix  = "cst_"
	casePrefix = "AGE-SECRET-KEY-1"
	maxToken   = 256
)

// Caller says who sent the request: a signed-in person or an integration. The
// error is a *gate.Fault with code "unauthenticated" unless something broke.
func (s *Signin) Caller(r *http.Request) (gate.Caller, error) {
	return s.caller(r, r.Header.Get(Unattended) == "")
}

// Unattended is the header with which a page's script says that it asks by
// itself: a page that keeps itself fresh does not keep its session alive.
const Unattended = "Countersign-Unattended"

// Peek is Caller for what is done without the person's doing: it does not
// count as use of the session.
func (s *Signin) Peek(r *http.Request) (gate.Caller, error) { return s.caller(r, false) }

func (s *Signin) caller(r *http.Request, uses bool) (gate.Caller, error) {
	token, err := s.credential(r, s.staffCookie())
	if err != nil {
		return gate.Caller{}, err
	}
	switch {
	case strings.HasPrefix(token, staffPrefix):
		return s.session(r.Context(), token, uses)
	case strings.HasPrefix(token, apiPrefix) && bearers(r) == 1:
		return s.gate.ByToken(r.Context(), token)
	}
	return gate.Caller{}, ErrUnauthenticated
}

// StaffToken is the staff session's token that came with the request, for
// SignOut. It is not checked.
func (s *Signin) StaffToken(r *http.Request) (string, error) {
	token, err := s.credential(r, s.staffCookie())
	if err == nil && !strings.HasPrefix(token, staffPrefix) {
		err = ErrUnauthenticated
	}
	return token, err
}

// CaseToken is the requester's session token that came with the request. It is
// not checked: the gate does that.
func (s *Signin) CaseToken(r *http.Request) (string, error) {
	token, err := s.credential(r, s.caseCookie())
	if err == nil && !strings.HasPrefix(token, casePrefix) {
		err = gate.ErrSession
	}
	return token, err
}

func bearers(r *http.Request) int { return len(r.Header.Values("Authorization")) }

// credential finds the one credential of a request: a bearer token or the
// named cookie.
func (s *Signin) credential(r *http.Request, cookie string) (string, error) {
	cookies := r.CookiesNamed(cookie)
	switch n := bearers(r) + len(cookies); {
	case n == 0:
		return "", ErrUnauthenticated
	case n > 1:
		return "", ErrAmbiguous
	}
	token := ""
	if len(cookies) == 1 {
		token = cookies[0].Value
	} else if scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		token = value
	}
	if token == "" || len(token) > maxToken {
		return "", ErrUnauthenticated
	}
	return token, nil
}
