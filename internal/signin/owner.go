package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/internal/gate"
	"countersign/internal/proof/passkey"
	"countersign/internal/store"
)

const (
	shelfOwner  = "owner_session"
	ownerPrefix = "own_"
	ownerIdle   = 15 * time.Minute
)

// owning is what the server keeps of the session of somebody who looks after
// their own account: never its token.
type owning struct {
	gate.Owner
	Opened time.Time `json:"opened"`
	Seen   time.Time `json:"seen"`
}

func ownerKey(token string) string { return digest("owner-session", token) }

// OpenOwner opens a session for somebody who has just proved whose account it
// is. Since is set here.
func (s *Signin) OpenOwner(ctx context.Context, o gate.Owner) (token string, err error) {
	token, change, err := s.newOwner(o)
	if err != nil {
		return "", err
	}
	if err := s.store.Change(ctx, change); err != nil {
		return "", fmt.Errorf("signin: opening an owner's session: %w", err)
	}
	return token, nil
}

func (s *Signin) newOwner(o gate.Owner) (string, store.ItemChange, error) {
	if o.Account.Check() != nil || o.Person == "" || o.By == "" {
		return "", store.ItemChange{}, errors.New("signin: opening an owner's session: nobody is named")
	}
	token, at := ownerPrefix+random(32), s.now()
	o.Since = at
	change, err := putting(shelfOwner, ownerKey(token), string(o.Account), owning{o, at, at}, 0, at.Add(sessionLife))
	return token, change, err
}

// Owner says whose account the request's session looks after. The error is
// ErrUnauthenticated or ErrAmbiguous unless something broke.
func (s *Signin) Owner(r *http.Request) (gate.Owner, error) {
	token, err := s.OwnerToken(r)
	if err != nil {
		return gate.Owner{}, err
	}
	v, version, err := s.owning(r.Context(), token)
	if err != nil {
		return gate.Owner{}, err
	}
	at := s.now()
	if at.Before(v.Seen.Add(touchEvery)) {
		return v.Owner, nil
	}
	v.Seen = at
	err = s.put(r.Context(), shelfOwner, ownerKey(token), string(v.Account), v, version, v.Opened.Add(sessionLife))
	if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: another request noted it, or signed out
		return gate.Owner{}, fmt.Errorf("signin: noting a session's use: %w", err)
	}
	return v.Owner, nil
}

func (s *Signin) owning(ctx context.Context, token string) (owning, int64, error) {
	var v owning
	version, err := s.read(ctx, shelfOwner, ownerKey(token), &v)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return v, 0, ErrUnauthenticated
	case err != nil:
		return v, 0, fmt.Errorf("signin: reading an owner's session: %w", err)
	case !s.now().Before(v.Seen.Add(ownerIdle)):
		return owning{}, 0, errors.Join(ErrUnauthenticated, s.forget(ctx, shelfOwner, ownerKey(token)))
	}
	return v, version, nil
}

// RenewOwner takes a fresh proof by the same person for the same account: the
// session goes on under a new token, and the old one is gone.
func (s *Signin) RenewOwner(ctx context.Context, r *http.Request, o gate.Owner) (token string, err error) {
	old, err := s.OwnerToken(r)
	if err != nil {
		return "", err
	}
	v, version, err := s.owning(ctx, old)
	if err != nil {
		return "", err
	}
	if v.Account != o.Account || v.Person != o.Person {
		return "", ErrRefused
	}
	token, opened, err := s.newOwner(o)
	if err != nil {
		return "", err
	}
	closed := store.ItemChange{Item: store.Item{Shelf: shelfOwner, Key: ownerKey(old)}, Delete: true, Expect: version}
	err = s.store.Change(ctx, opened, closed)
	if errors.Is(err, store.ErrConflict) {
		return "", gate.ErrBusy
	}
	if err != nil {
		return "", fmt.Errorf("signin: renewing an owner's session: %w", err)
	}
	return token, nil
}

// OwnerToken is the owner's session token that came with the request. It is
// not checked.
func (s *Signin) OwnerToken(r *http.Request) (string, error) {
	token, err := s.credential(r, s.ownerCookie())
	if err == nil && !strings.HasPrefix(token, ownerPrefix) {
		return "", ErrUnauthenticated
	}
	return token, err
}

// SignOutOwner ends an owner's session. One that has ended already is no
// error.
func (s *Signin) SignOutOwner(ctx context.Context, token string) error {
	return s.forget(ctx, shelfOwner, ownerKey(token))
}

// FinishOwner takes the browser's answer to Begin and opens the session of
// whoever's own passkey made it; where the request brings such a session
// along, that one goes on, freshly proved. Whatever is wrong with the answer,
// the error is ErrRefused.
func (s *Signin) FinishOwner(ctx context.Context, r *http.Request, id string, response []byte) (token string, o gate.Owner, err error) {
	challenge, err := s.spend(ctx, id)
	if err != nil {
		return "", o, err
	}
	a, err := passkey.ParseAssertion(response)
	if err != nil {
		return "", o, ErrRefused
	}
	if o, err = s.gate.OwnerByPasskey(ctx, challenge, a); err != nil {
		return "", o, err
	}
	token, err = s.OwnerAgain(ctx, r, o)
	return token, o, err
}

// OwnerAgain goes on with the session that the request brings along, if it is
// this owner's, and opens a new one otherwise.
func (s *Signin) OwnerAgain(ctx context.Context, r *http.Request, o gate.Owner) (token string, err error) {
	if held, err := s.Owner(r); err == nil && held.Account == o.Account && held.Person == o.Person {
		return s.RenewOwner(ctx, r, o)
	}
	return s.OpenOwner(ctx, o)
}
