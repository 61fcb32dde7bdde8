package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"countersign/internal/identity"
	"countersign/internal/store"
)

const (
	shelfSession = "staff_session"
	staffPrefix  = "sst_"
	// SP 800-63B-4 §2.3.3: authenticate again after 12 hours at the latest,
	// and after an hour of silence. A decision needs its own assertion anyway.
	sessionLife = 12 * time.Hour
	sessionIdle = time.Hour
	// touchEvery bounds the writes that keeping the time of last use costs.
	touchEvery = time.Minute
)

// session is what the server keeps of a staff session: never its token.
type session struct {
	Person identity.PersonID `json:"person"`
	Since  time.Time         `json:"since"`
	Seen   time.Time         `json:"seen"`
}

func sessionKey(token string) string { return digest("staff-session", token) }

func (s *Signin) open(ctx context.Context, p identity.PersonID) (string, error) {
	token, at := staffPrefix+random(32), s.now()
	if err := s.put(ctx, shelfSession, sessionKey(token), string(p), session{p, at, at}, 0, at.Add(sessionLife)); err != nil {
		return "", fmt.Errorf("signin: opening a session: %w", err)
	}
	return token, nil
}

// session finds who a staff token speaks for, if they are on the roster still.
func (s *Signin) session(ctx context.Context, token string) (identity.PersonID, error) {
	at := s.now()
	item, err := s.store.Item(ctx, shelfSession, sessionKey(token), at)
	if errors.Is(err, store.ErrNotFound) {
		return "", ErrUnauthenticated
	}
	var v session
	if err == nil {
		err = json.Unmarshal(item.Value, &v)
	}
	if err != nil {
		return "", fmt.Errorf("signin: reading a session: %w", err)
	}
	chain, err := s.gate.Chain(ctx)
	if err != nil {
		return "", err
	}
	if _, member := chain.Members[v.Person]; !member || !at.Before(v.Seen.Add(sessionIdle)) {
		return "", errors.Join(ErrUnauthenticated, s.forget(ctx, item.Key))
	}
	if at.Before(v.Seen.Add(touchEvery)) {
		return v.Person, nil
	}
	v.Seen = at
	err = s.put(ctx, shelfSession, item.Key, item.Owner, v, item.Version, item.Expires)
	if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: another request noted it, or signed out
		return "", fmt.Errorf("signin: noting a session's use: %w", err)
	}
	return v.Person, nil
}

// SignOut ends a staff session. One that has ended already is no error.
func (s *Signin) SignOut(ctx context.Context, token string) error {
	return s.forget(ctx, sessionKey(token))
}

func (s *Signin) forget(ctx context.Context, key string) error {
	err := s.store.Change(ctx, store.ItemChange{Item: store.Item{Shelf: shelfSession, Key: key}, Delete: true, Expect: store.AnyVersion})
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("signin: ending a session: %w", err)
	}
	return nil
}
