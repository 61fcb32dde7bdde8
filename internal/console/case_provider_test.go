package console_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/internal/console"
	"countersign/internal/directory"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/openid"
	"countersign/internal/openid/openidtest"
	"countersign/internal/passhash"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/signin"
)

// federated is a case in a house whose gate believes a provider that can be
// visited, which knows Wren and Moss.
func federated(t *testing.T) (*site, *openidtest.Provider, gate.View, *visitor) {
	t.Helper()
	h := gatetest.New(t, asking("oidc || in_person"))
	s := &site{House: h, server: httptest.NewUnstartedServer(nil)}
	at := "http://" + s.server.Listener.Addr().String()
	op := openidtest.New(t, at+"/oidc/callback", h.Now)
	for _, login := range []string{gatetest.Wren, gatetest.Moss} {
		op.People[login] = openidtest.Person{Subject: "sub-" + login, ACR: "phr", AMR: []string{"pwd", "otp"}, Claims: map[string]any{"preferred_username": login}}
	}
	op.People["weak"] = openidtest.Person{Subject: "sub-weak", AMR: []string{"pwd"}, Claims: map[string]any{"preferred_username": gatetest.Wren}}
	ours := openid.New(openid.Config{Issuer: op.URL, ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, RedirectURL: at + "/oidc/callback"}, op.Client(), h.Now)
	var err error
	h.Gate, err = gate.New(t.Context(), gate.Config{
		Organisation: "Aviary", BaseURL: at, LogKey: h.LogKey, SoftwareKeys: true, RelyingParty: passkey.RelyingParty{ID: "localhost", Origins: []string{gatetest.Origin}},
		OIDC: gate.OIDC{Claim: "preferred_username", ACR: []string{"phr"}, AMR: []string{"pwd+otp"}},
	}, gate.Parts{Store: h.Store, Directories: []directory.Directory{h.Directory}, Sender: h.Mail, Provider: ours, Hasher: passhash.New(2), Box: h.Box, Now: h.Now, Log: h.Logger()})
	h.Must(err)
	s.signin = signin.New(signin.Options{Gate: h.Gate, Store: h.Store, Now: h.Now, Provider: signin.Provider{Provider: ours, Staff: signin.Allowed, Claim: "roster_id"}})
	s.server.Config.Handler = opened(console.New(console.Options{Gate: h.Gate, Signin: s.signin, Organisation: "Aviary", Log: slog.New(slog.NewTextHandler(h.Log, nil))}))
	s.server.Start()
	t.Cleanup(s.server.Close)
	v := s.Open(gatetest.Wren, identity.Unlock)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	return s, op, v, b
}

// toProvider is where the page of a challenge sends the browser.
func (s *site) toProvider(b *visitor, request string) string {
	s.T.Helper()
	p := b.post("/case/challenge", "method", "oidc").is(http.StatusOK).says("Sign in at my organisation")
	c := s.State(request).Challenges
	path := "/case/oidc/" + c[len(c)-1].ID
	if !contains(p.body, `href="`+s.server.URL+path+`"`) {
		s.T.Fatalf("the page does not lead to %s: %s", path, p.body)
	}
	return path
}

func TestASignInAtTheProviderProves(t *testing.T) {
	s, op, v, b := federated(t)
	path := s.toProvider(b, v.ID)
	s.Pass(time.Minute)
	back := b.leave(op, path, gatetest.Wren)
	b.get(back).is(http.StatusOK).at("/case").says("It is being carried out")
	if p := s.State(v.ID).Proofs; len(p) != 1 || p[0].Method != proof.OIDC {
		t.Errorf("there is %+v", p)
	}
	b.get(back).is(http.StatusForbidden) // once
	b.get(path).at("/case")              // the way there has gone stale
	s.NoSecret("sub-wren")
}

func TestASignInThatIsNotEnoughLeavesTheOtherWaysOpen(t *testing.T) {
	s, op, v, b := federated(t)
	for _, who := range []string{gatetest.Moss, "weak", "unknown there"} {
		b.get(b.leave(op, s.toProvider(b, v.ID), who)).is(http.StatusForbidden).says("That sign-in does not count here", "In person")
	}
	if len(s.State(v.ID).Proofs) != 0 {
		t.Error("something was proved")
	}
}

func TestAnotherBrowsersSignInProvesNothing(t *testing.T) {
	s, op, v, mallory := federated(t)
	link := mallory.leave(op, s.toProvider(mallory, v.ID), gatetest.Wren)
	s.visitor().get(link).is(http.StatusForbidden) // a link that is sent to the victim
	victim := s.visitor()
	victim.post("/case", "code", v.Case)
	victim.get(link).is(http.StatusForbidden)
	if len(s.State(v.ID).Proofs) != 0 {
		t.Error("something was proved")
	}
}

func TestTheWayToTheProviderIsForItsOwnChallenge(t *testing.T) {
	s, _, v, b := federated(t)
	path := s.toProvider(b, v.ID)
	s.visitor().get(path).is(http.StatusUnauthorized).says("Enter your case code again")
	other := s.visitor()
	other.post("/case", "code", v.Case)
	other.get(path).is(http.StatusNotFound)
	b.get("/case/oidc/chl_none").is(http.StatusNotFound)
	inPerson := b.post("/case/challenge", "method", "in_person")
	b.get("/case/oidc/" + strings.TrimPrefix(inPerson.path, "/case/answer?challenge=")).is(http.StatusNotFound)
}
