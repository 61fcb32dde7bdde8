package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/openid"
	"countersign/internal/proof/oidc"
	"countersign/internal/store"
)

// Use is what the organisation's provider has to do with the sign-in of staff.
type Use string

// The uses.
const (
	Off      Use = "off"
	Allowed  Use = "allowed"  // the provider and then the passkey, or the passkey alone
	Required Use = "required" // the provider and then the passkey
)

// Provider is the organisation's provider and how staff use it.
type Provider struct {
	*openid.Provider // nil when none is configured
	Staff            Use
	// Claim is the claim that equals a person's id on the roster.
	Claim string
	// ACR and AMR are looked for when staff sign in, if there are any: the
	// passkey that follows is a second factor in any case.
	ACR, AMR []string
}

// What a sign-in at the provider can come to.
var (
	ErrProviderOff     = &gate.Fault{Code: "provider_off", Msg: "signing in at the organisation's provider is not set up here"}
	ErrProviderDown    = &gate.Fault{Code: "provider_unavailable", Msg: "the organisation's sign-in does not answer; try again shortly"}
	ErrProviderRefused = &gate.Fault{Code: "provider_refused", Msg: "the sign-in at the organisation's provider does not count here; begin again"}
	// ErrProviderFirst: a passkey alone is not enough here.
	ErrProviderFirst = &gate.Fault{Code: "provider_first", Msg: "sign in at the organisation's provider first, on this site's sign-in page, then with your passkey"}
	// ErrOtherPerson: the provider named one person and the passkey another.
	ErrOtherPerson = &gate.Fault{Code: "sign_in_refused", Msg: "that passkey is not of the person who signed in at the organisation's provider; begin again"}
)

const (
	shelfFlow   = "signin_flow"
	shelfTicket = "signin_ticket"
	ticketLife  = 5 * time.Minute
	maxState    = 100
)

// flow is what the server keeps of a sign-in under way. Browser is the digest
// of the cookie of the browser that began it.
type flow struct {
	openid.Flow
	Browser string `json:"browser"`
	Purpose string `json:"purpose"`
	Data    string `json:"data,omitempty"`
}

// Return is somebody coming back from the provider.
type Return struct {
	Purpose string // as it was begun with
	Data    string // the same
	Claims  oidc.Claims
	Started time.Time // when they were sent there: a proof may not be older
}

// UsesProvider says how staff use the provider.
func (s *Signin) UsesProvider() Use {
	if s.provider.Provider == nil || s.provider.Staff == "" {
		return Off
	}
	return s.provider.Staff
}

// HasProvider reports whether there is a provider at all.
func (s *Signin) HasProvider() bool { return s.provider.Provider != nil }

// BeginOIDC sends a browser to the provider: to the address, with the cookie
// set. Purpose says what the sign-in is for, and data is kept here until the
// browser comes back. Callers admit the source first. The hint may be "".
func (s *Signin) BeginOIDC(ctx context.Context, purpose, data, hint string) (address string, c *http.Cookie, err error) {
	if s.provider.Provider == nil {
		return "", nil, ErrProviderOff
	}
	f := openid.NewFlow(s.now())
	address, err = s.provider.Begin(ctx, f, hint)
	if err != nil {
		return "", nil, providerError(err)
	}
	browser := random(24)
	kept := flow{f, digest("oidc-browser", browser), purpose, data}
	if err := s.put(ctx, shelfFlow, digest("oidc-state", f.State), "", kept, 0, f.Started.Add(openid.FlowLife)); err != nil {
		return "", nil, fmt.Errorf("signin: keeping a sign-in at the provider: %w", err)
	}
	// Lax, because it is the provider's site that sends the browser back.
	return address, s.newCookie(s.flowCookie(), browser, openid.FlowLife, http.SameSiteLaxMode), nil
}

// FinishOIDC takes the browser that the provider sent back. What it began is
// spent, whatever comes of it, and the caller clears the cookie. Every fault
// wraps one of those above; the cause beside it is for the log and holds no
// secret. Once the flow is known, Purpose and Data are told even with a fault.
func (s *Signin) FinishOIDC(ctx context.Context, r *http.Request) (Return, error) {
	if s.provider.Provider == nil {
		return Return{}, ErrProviderOff
	}
	q := r.URL.Query()
	state := q.Get("state")
	cookies := r.CookiesNamed(s.flowCookie())
	if len(q["state"]) != 1 || len(q["code"]) > 1 || len(state) > maxState || len(cookies) != 1 {
		return Return{}, fmt.Errorf("%w: this browser began none", ErrProviderRefused)
	}
	f, err := s.takeFlow(ctx, state, cookies[0].Value)
	if err != nil {
		return Return{}, err
	}
	back := Return{Purpose: f.Purpose, Data: f.Data, Started: f.Started}
	// RFC 9207: an answer that names its issuer names ours.
	if iss := q.Get("iss"); iss != "" && iss != s.provider.Issuer() {
		return back, fmt.Errorf("%w: the answer names another issuer", ErrProviderRefused)
	}
	if q.Get("error") != "" {
		return back, fmt.Errorf("%w: the provider signed nobody in", ErrProviderRefused)
	}
	back.Claims, err = s.provider.Finish(ctx, f.Flow, state, q.Get("code"))
	if err != nil {
		return back, providerError(err)
	}
	return back, nil
}

// takeFlow spends the flow, if this browser began it. A stranger who knows the
// state alone cannot spend it.
func (s *Signin) takeFlow(ctx context.Context, state, browser string) (flow, error) {
	var f flow
	none := fmt.Errorf("%w: this browser began none, or it was answered or has lapsed", ErrProviderRefused)
	version, err := s.read(ctx, shelfFlow, digest("oidc-state", state), &f)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return f, none
	case err != nil:
		return f, fmt.Errorf("signin: reading a sign-in at the provider: %w", err)
	case !same(f.Browser, digest("oidc-browser", browser)):
		return flow{}, none
	}
	err = s.drop(ctx, shelfFlow, digest("oidc-state", state), version)
	if errors.Is(err, store.ErrConflict) {
		return flow{}, none // somebody else spent it between the two
	}
	return f, err
}

func providerError(err error) error {
	if errors.Is(err, openid.ErrUnreachable) {
		return fmt.Errorf("%w: %w", ErrProviderDown, err)
	}
	return fmt.Errorf("%w: %w", ErrProviderRefused, err)
}

// StaffTicket takes a member of staff who is back from the provider: the
// cookie it returns says so, to one passkey sign-in in the next five minutes.
func (s *Signin) StaffTicket(ctx context.Context, back Return) (*http.Cookie, error) {
	if s.UsesProvider() == Off {
		return nil, ErrProviderOff
	}
	p, err := s.named(ctx, back)
	if err != nil {
		return nil, err
	}
	token := random(24)
	if err := s.put(ctx, shelfTicket, digest("oidc-ticket", token), string(p), ticket{p}, 0, s.now().Add(ticketLife)); err != nil {
		return nil, fmt.Errorf("signin: keeping a ticket: %w", err)
	}
	return s.newCookie(s.ticketCookie(), token, ticketLife, http.SameSiteStrictMode), nil
}

// ticket is what the server keeps of it.
type ticket struct {
	Person identity.PersonID `json:"person"`
}

// named finds whom on the roster the provider means: exactly one.
func (s *Signin) named(ctx context.Context, back Return) (identity.PersonID, error) {
	if err := oidc.Fresh(back.Claims, back.Started, s.now()); err != nil {
		return "", fmt.Errorf("%w: %w", ErrProviderRefused, err)
	}
	chain, err := s.gate.Chain(ctx)
	if err != nil {
		return "", err
	}
	var found []identity.PersonID
	for p := range chain.Members {
		if oidc.Account(back.Claims, s.provider.Claim, string(p)) == nil {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%w: its claim %s names nobody on the roster", ErrProviderRefused, s.provider.Claim)
	}
	if len(s.provider.ACR)+len(s.provider.AMR) == 0 {
		return found[0], nil
	}
	want := oidc.Want{ACR: s.provider.ACR, AMR: s.provider.AMR, Claim: s.provider.Claim, Is: []string{string(found[0])}, Since: back.Started}
	if err := oidc.Check(back.Claims, want, s.now()); err != nil {
		return "", fmt.Errorf("%w: %w", ErrProviderRefused, err)
	}
	return found[0], nil
}

// Ticket is the ticket that came with a request, for FinishWithTicket; ""
// when there is none. It is not checked.
func (s *Signin) Ticket(r *http.Request) string {
	cookies := r.CookiesNamed(s.ticketCookie())
	if len(cookies) != 1 {
		return ""
	}
	return cookies[0].Value
}

// punch spends a ticket and says whose it was; "" when staff may do without
// and came without.
func (s *Signin) punch(ctx context.Context, token string) (identity.PersonID, error) {
	use := s.UsesProvider()
	if use == Off || token == "" && use == Allowed {
		return "", nil
	}
	var t ticket
	key := digest("oidc-ticket", token)
	version, err := s.read(ctx, shelfTicket, key, &t)
	if err == nil {
		err = s.drop(ctx, shelfTicket, key, version)
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return "", ErrProviderFirst
	}
	return t.Person, err
}
