package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/gate"
	"countersign/internal/identity"
	"countersign/internal/roster"
	"countersign/internal/store"
)

const (
	shelfSession = "staff_session"
	staffPrefix  = "sst_"
	// SP 800-63B-4 §2.3.3: authenticate again after 12 hours at the latest.
	sessionLife = 12 * time.Hour
	// Those who may sign have to come back after a quarter of an hour of
	// silence, as AAL3 would have it; others after an hour, as AAL2 would.
	signerIdle = 15 * time.Minute
	readerIdle = time.Hour
	// touchEvery bounds the writes that keeping the time of last use costs.
	touchEvery = time.Minute
)

// signers are the roles whose holders sign what a request rests on.
var signers = []identity.Role{
	identity.Manager, identity.Security, identity.ResourceOwner, identity.Officer, identity.Reviewer, identity.Proofing,
}

// session is what the server keeps of a staff session: never its token. One
// without a key was opened by an older version and has ended.
type session struct {
	Person identity.PersonID `json:"person"`
	Key    []byte            `json:"key,omitempty"` // id of the passkey that opened it
	Since  time.Time         `json:"since"`
	Seen   time.Time         `json:"seen"`
	// What opened it, by its own account, and the network it came from.
	Browser string `json:"browser,omitempty"`
	System  string `json:"system,omitempty"`
	From    string `json:"from,omitempty"`
}

func sessionKey(token string) string { return digest("staff-session", token) }

func (s *Signin) open(ctx context.Context, p identity.PersonID, key []byte) (string, error) {
	token, at, by := staffPrefix+random(32), s.now(), visitOf(ctx)
	opened := session{Person: p, Key: key, Since: at, Seen: at, Browser: by.browser, System: by.system, From: by.from}
	if err := s.put(ctx, shelfSession, sessionKey(token), string(p), opened, 0, at.Add(sessionLife)); err != nil {
		return "", fmt.Errorf("signin: opening a session: %w", err)
	}
	return token, nil
}

// session finds who a staff token speaks for. It ends with the passkey that
// opened it: a key taken off the roster leaves no session behind. Unless it is
// only looked at, it is in use from now on.
func (s *Signin) session(ctx context.Context, token string, uses bool) (gate.Caller, error) {
	at, key := s.now(), sessionKey(token)
	var v session
	version, err := s.read(ctx, shelfSession, key, &v)
	if errors.Is(err, store.ErrNotFound) {
		return gate.Caller{}, ErrUnauthenticated
	}
	if err != nil {
		return gate.Caller{}, fmt.Errorf("signin: reading a session: %w", err)
	}
	chain, err := s.gate.Chain(ctx)
	if err != nil {
		return gate.Caller{}, err
	}
	if v.ended(chain, at) {
		return gate.Caller{}, errors.Join(ErrUnauthenticated, s.forget(ctx, shelfSession, key))
	}
	c := gate.Caller{Person: v.Person, Passkey: v.Key}
	if !uses || at.Before(v.Seen.Add(touchEvery)) {
		return c, nil
	}
	v.Seen = at
	err = s.put(ctx, shelfSession, key, string(v.Person), v, version, v.Since.Add(sessionLife))
	if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: another request noted it, or signed out
		return gate.Caller{}, fmt.Errorf("signin: noting a session's use: %w", err)
	}
	return c, nil
}

// idle is how long a member's session may lie still, by the roles they hold
// now.
func idle(m roster.Member) time.Duration {
	if slices.ContainsFunc(signers, m.Has) {
		return signerIdle
	}
	return readerIdle
}

// SignOut ends a staff session. One that has ended already is no error.
func (s *Signin) SignOut(ctx context.Context, token string) error {
	return s.forget(ctx, shelfSession, sessionKey(token))
}
