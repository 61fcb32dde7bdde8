package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"countersign/internal/identity"
)

// OpenSession is one of the caller's sessions. Its id ends it and opens nothing.
type OpenSession struct {
	ID      string    `json:"id"`
	Browser string    `json:"browser,omitempty"`
	System  string    `json:"system,omitempty"`
	From    string    `json:"from,omitempty"`
	Since   time.Time `json:"since"`
	Seen    time.Time `json:"seen"`
	Until   time.Time `json:"until"`
	Here    bool      `json:"here"` // the one that asks
}

// Ended says that an officer ended all sessions of the caller.
type Ended struct {
	At   time.Time         `json:"at"`
	By   identity.PersonID `json:"by"`
	Name string            `json:"name"`
	Why  string            `json:"why"`
}

// Sessions are the caller's, and when others ended all of them.
type Sessions struct {
	Sessions []OpenSession `json:"sessions"`
	Ended    []Ended       `json:"ended"`
}

// Sessions lists the caller's sessions.
func (c Client) Sessions(ctx context.Context) (Sessions, error) {
	return fetch[Sessions](ctx, c, http.MethodGet, "/sessions", nil)
}

// EndSession ends one of the caller's sessions.
func (c Client) EndSession(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/sessions/"+url.PathEscape(id), nil, nil)
}

type endedSessions struct {
	Ended int `json:"ended"`
}

// EndOtherSessions ends all sessions of the caller but this one, and says how
// many there were.
func (c Client) EndOtherSessions(ctx context.Context) (int, error) {
	out, err := fetch[endedSessions](ctx, c, http.MethodDelete, "/sessions", nil)
	return out.Ended, err
}

// EndSessionsOf ends all sessions of a member of the roster. Officers do.
func (c Client) EndSessionsOf(ctx context.Context, p identity.PersonID, reason string) (int, error) {
	out, err := fetch[endedSessions](ctx, c, http.MethodPost, "/sessions/end", map[string]any{"person": p, "reason": reason})
	return out.Ended, err
}
