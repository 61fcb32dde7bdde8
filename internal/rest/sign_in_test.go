package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/internal/gate/gatetest"
	"countersign/internal/openid"
	"countersign/internal/openid/openidtest"
	"countersign/internal/signin"
)

// Where the provider is required, the passkey needs the ticket that the
// sign-in page fetched, in its cookie.
func TestAPasskeyWithoutATicketIsRefusedWhereTheProviderIsRequired(t *testing.T) {
	s := open(t, gatetest.Policy)
	back := gatetest.Origin + "/oidc/callback"
	op := openidtest.New(t, back, s.Now)
	ours := openid.New(openid.Config{Issuer: op.URL, ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, RedirectURL: back}, op.Client(), s.Now)
	s.signin = signin.New(signin.Options{Gate: s.Gate, Store: s.Store, Now: s.Now, Provider: signin.Provider{Provider: ours, Staff: signin.Required, Claim: "sub"}})
	s.serve(s.signin)

	finish := func(more ...with) *answer {
		c := into[signin.Ceremony](s.post("/sign-in/begin", nil).ok(200))
		return s.post("/sign-in/finish", object{"ceremony": c.ID, "as": "cookie", "response": s.assertion(gatetest.Finch, c.Options.Challenge)}, more...)
	}
	finish().no(403, "provider_first")

	ticket := s.ticket(op, string(gatetest.Finch))
	a := finish(header("Cookie", ticket)).ok(200)
	if set := strings.Join(a.Values("Set-Cookie"), "\n"); !strings.Contains(set, "ticket=; Path=/; Max-Age=0") || !strings.Contains(set, "countersign=sst_") {
		t.Errorf("cookies: %s", set)
	}
	finish(header("Cookie", ticket)).no(403, "provider_first")
	finish(header("Cookie", s.ticket(op, string(gatetest.Olive)))).no(401, "sign_in_refused")
}

// ticket signs somebody in at the provider and returns the cookie they get.
func (s *site) ticket(op *openidtest.Provider, subject string) string {
	s.T.Helper()
	address, cookie, err := s.signin.BeginOIDC(s.T.Context(), "staff", "", "")
	s.Must(err)
	r, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, op.SignIn(address, openidtest.Person{Subject: subject}).String(), nil)
	s.Must(err)
	r.AddCookie(cookie)
	back, err := s.signin.FinishOIDC(s.T.Context(), r)
	s.Must(err)
	c, err := s.signin.StaffTicket(s.T.Context(), back)
	s.Must(err)
	return c.Name + "=" + c.Value
}
