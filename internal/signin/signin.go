// Package signin says who is calling. Staff sign in with a passkey that stands
// on the roster, once for a session; every decision of theirs needs an
// assertion of its own besides, by that very passkey, so a stolen session
// reads but never signs. Integrations carry an API token. A requester carries
// the token of their case, which names no person at all. Somebody who looks
// after their own account has an owner's session. None of these stands in for
// another.
//
//	c, err := s.Begin(ctx)                        // c.Options go to navigator.credentials.get
//	token, who, err := s.Finish(ctx, c.ID, answer)
//	s.SetStaffCookie(w, token)                    // or hand the token to a program
//	caller, err := s.Caller(r)                    // on every later request
//
// Where staff sign in at the organisation's provider first, they come back
// with a ticket, a cookie that one passkey sign-in spends:
//
//	address, cookie, err := s.BeginOIDC(ctx, "staff", "", "")
//	back, err := s.FinishOIDC(ctx, r)             // on /oidc/callback
//	cookie, err = s.StaffTicket(ctx, back)
//	token, who, err := s.FinishWithTicket(ctx, s.Ticket(r), c.ID, answer)
//
// What is stored: on shelf "signin" a challenge by its ceremony's id; by the
// hash of what the browser holds, on shelf "staff_session" a session, owned by
// the person, on "owner_session" one owned by the account, on "signin_flow" a
// visit to the provider and on "signin_ticket" a ticket; and on "idempotency"
// what came of a request by its key's hash.
package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/proof/passkey"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// Roster is what sign-in asks of the gate.
type Roster interface {
	// Chain is the roster as it stands, verified.
	Chain(ctx context.Context) (roster.State, error)
	// ByToken finds the integration that an API token belongs to.
	ByToken(ctx context.Context, token string) (gate.Caller, error)
	// OwnerByPasskey finds whose own passkey answered a challenge.
	OwnerByPasskey(ctx context.Context, challenge []byte, a passkey.Assertion) (gate.Owner, error)
	// EndSessions lets an officer end a member's sessions, and records it.
	EndSessions(ctx context.Context, c gate.Caller, p identity.PersonID, e gate.Ending, endings []store.ItemChange) error
}

// Options is what sign-in works with.
type Options struct {
	Gate  Roster
	Store store.Store
	Now   func() time.Time
	// Secure: the site is reached over https, so cookies get the __Host-
	// prefix. False is for a demo on localhost alone.
	Secure bool
	// TrustedProxies are the peers whose X-Forwarded-For is believed. With
	// none, the address of the connection is the caller's.
	TrustedProxies []netip.Prefix
	// Rates replaces some of DefaultRates.
	Rates map[Door]Rate
	// Provider is the organisation's, if it has one.
	Provider Provider
}

// Signin knows who is calling. Its methods are safe for concurrent use.
type Signin struct {
	gate     Roster
	store    store.Store
	clock    func() time.Time
	secure   bool
	proxies  []netip.Prefix
	limits   map[Door]*limiter
	provider Provider
}

// New makes a Signin.
func New(o Options) *Signin {
	s := &Signin{gate: o.Gate, store: o.Store, clock: o.Now, secure: o.Secure, proxies: o.TrustedProxies, limits: map[Door]*limiter{}, provider: o.Provider}
	for door, rate := range DefaultRates {
		if r, ok := o.Rates[door]; ok {
			rate = r
		}
		s.limits[door] = newLimiter(rate)
	}
	return s
}

func (s *Signin) now() time.Time { return s.clock().UTC().Truncate(time.Millisecond) }

// The faults callers decide on.
var (
	// ErrUnauthenticated: there is no session and no token, or one that ended.
	ErrUnauthenticated = &gate.Fault{Code: "unauthenticated", Msg: "sign in first"}
	// ErrAmbiguous: more than one credential came with the request, and which
	// of them speaks would be a guess.
	ErrAmbiguous = &gate.Fault{Code: "unauthenticated", Msg: "send one credential: a bearer token or a cookie, not both and not several"}
	// ErrRefused answers every sign-in that fails, whatever was wrong with it.
	ErrRefused = &gate.Fault{Code: "sign_in_refused", Msg: "that sign-in was not accepted; begin again"}
)

const (
	shelfCeremony = "signin"
	ceremonyLife  = 5 * time.Minute
)

type ceremony struct {
	Challenge []byte `json:"challenge"`
}

// Ceremony is a sign-in that has begun.
type Ceremony struct {
	ID      string          `json:"ceremony"`
	Options passkey.Request `json:"options"` // for navigator.credentials.get
}

// Begin makes a challenge that is good for five minutes and one answer. It
// names no credential, so it tells nobody who is on the roster; callers admit
// its source first (Admit).
func (s *Signin) Begin(ctx context.Context) (Ceremony, error) {
	chain, err := s.gate.Chain(ctx)
	if err != nil {
		return Ceremony{}, err
	}
	id, challenge := random(18), make([]byte, 32)
	_, _ = rand.Read(challenge)
	if err := s.put(ctx, shelfCeremony, id, "", ceremony{challenge}, 0, s.now().Add(ceremonyLife)); err != nil {
		return Ceremony{}, fmt.Errorf("signin: keeping a challenge: %w", err)
	}
	return Ceremony{ID: id, Options: passkey.RequestOptions(chain.RelyingParty, challenge, nil)}, nil
}

// Finish takes the browser's AuthenticationResponseJSON and opens a session,
// where a passkey alone is enough. See FinishWithTicket.
func (s *Signin) Finish(ctx context.Context, id string, response []byte) (token string, p identity.PersonID, err error) {
	return s.FinishWithTicket(ctx, "", id, response)
}

// FinishWithTicket takes the browser's AuthenticationResponseJSON, and the
// ticket if it brought one, and opens a session. Challenge and ticket are
// spent before the answer is looked at, so each is tried once. Whatever is
// wrong with the answer, the error is ErrRefused; ErrProviderFirst and
// ErrOtherPerson speak of the ticket.
func (s *Signin) FinishWithTicket(ctx context.Context, ticket, id string, response []byte) (token string, p identity.PersonID, err error) {
	challenge, err := s.spend(ctx, id)
	if err != nil {
		return "", "", err
	}
	named, err := s.punch(ctx, ticket)
	if err != nil {
		return "", "", err
	}
	chain, err := s.gate.Chain(ctx)
	if err != nil {
		return "", "", err
	}
	a, err := passkey.ParseAssertion(response)
	if err != nil {
		return "", "", ErrRefused
	}
	m, key, ok := chain.ByCredential(a.CredentialID)
	if !ok || passkey.Verify(chain.RelyingParty, key, challenge, a) != nil {
		return "", "", ErrRefused
	}
	if named != "" && named != m.Person {
		return "", "", ErrOtherPerson
	}
	token, err = s.open(ctx, m.Person, a.CredentialID)
	return token, m.Person, err
}

func (s *Signin) spend(ctx context.Context, id string) ([]byte, error) {
	var c ceremony
	version, err := s.read(ctx, shelfCeremony, id, &c)
	if err == nil {
		err = s.drop(ctx, shelfCeremony, id, version)
	}
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrConflict):
		return nil, ErrRefused // never begun, lapsed, or spent by somebody else
	case err != nil:
		return nil, fmt.Errorf("signin: spending a challenge: %w", err)
	}
	return c.Challenge, nil
}

// random is n random bytes as base64url text.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand aborts the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

func digest(use string, parts ...string) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "countersign/%s/v1\x00", use) // a hash takes everything
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d\x00%s", len(p), p) // lengths, so that no two lists read alike
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (s *Signin) put(ctx context.Context, shelf, key, owner string, v any, expect int64, until time.Time) error {
	change, err := putting(shelf, key, owner, v, expect, until)
	if err != nil {
		return err
	}
	return s.store.Change(ctx, change)
}

func putting(shelf, key, owner string, v any, expect int64, until time.Time) (store.ItemChange, error) {
	raw, err := json.Marshal(v)
	return store.ItemChange{Item: store.Item{Shelf: shelf, Key: key, Owner: owner, Value: raw, Expires: until}, Expect: expect}, err
}

// read reads what put has written, and says at which version.
func (s *Signin) read(ctx context.Context, shelf, key string, v any) (version int64, err error) {
	item, err := s.store.Item(ctx, shelf, key, s.now())
	if err != nil {
		return 0, err
	}
	return item.Version, json.Unmarshal(item.Value, v)
}

// drop deletes an item that has not changed since it was read: of several who
// try, one does.
func (s *Signin) drop(ctx context.Context, shelf, key string, version int64) error {
	return s.store.Change(ctx, store.ItemChange{Item: store.Item{Shelf: shelf, Key: key}, Delete: true, Expect: version})
}

// forget deletes an item, if it is there still.
func (s *Signin) forget(ctx context.Context, shelf, key string) error {
	err := s.drop(ctx, shelf, key, store.AnyVersion)
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("signin: ending a session: %w", err)
	}
	return nil
}
