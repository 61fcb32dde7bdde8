package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"countersign/internal/identity"
)

// Case is what a person who came forward sees.
type Case struct {
	Case      string          `json:"case"`
	Action    identity.Action `json:"action"`
	Status    string          `json:"status"`
	Desk      string          `json:"desk,omitempty"`
	ExpiresAt time.Time       `json:"expires_at"`
	WaitUntil *time.Time      `json:"wait_until,omitempty"`
	Proved    []string        `json:"proved"`
	Paths     [][]string      `json:"paths"` // the ways that are open
	Secret    bool            `json:"secret_ready"`
	Mine      bool            `json:"proved_by_this_session"`
}

// Claim comes forward with a case code. The token is the requester's session;
// a new secret will be sealed to it.
func (c Client) Claim(ctx context.Context, code string) (token string, v Case, err error) {
	var out struct {
		Token string `json:"token"`
		Case  Case   `json:"case"`
	}
	err = c.As("").Do(ctx, http.MethodPost, "/cases/claim", map[string]any{"case": code}, &out)
	return out.Token, out.Case, err
}

// Case shows the session's case.
func (c Client) Case(ctx context.Context) (Case, error) {
	return fetch[Case](ctx, c, http.MethodGet, "/case", nil)
}

// CancelCase ends the requester's own request.
func (c Client) CancelCase(ctx context.Context) (Case, error) {
	return fetch[Case](ctx, c, http.MethodPost, "/case/cancel", nil)
}

// Prompt is a challenge.
type Prompt struct {
	Challenge string    `json:"challenge"`
	Method    string    `json:"method"`
	Until     time.Time `json:"until"`
}

// Challenge asks to be challenged by a method.
func (c Client) Challenge(ctx context.Context, method string) (Prompt, error) {
	return fetch[Prompt](ctx, c, http.MethodPost, "/case/challenges", map[string]any{"method": method})
}

// Answer answers a challenge.
func (c Client) Answer(ctx context.Context, challenge, answer string) (Case, error) {
	return fetch[Case](ctx, c, http.MethodPost, "/case/challenges/"+url.PathEscape(challenge)+"/answer", map[string]any{"answer": answer})
}

// Secrets is what the claimant is shown once.
type Secrets struct {
	Password     string `json:"password,omitempty"`
	RecoveryCode string `json:"recovery_code,omitempty"`
}

// Secret shows the new secret, once.
func (c Client) Secret(ctx context.Context) (Secrets, error) {
	return fetch[Secrets](ctx, c, http.MethodPost, "/case/secret", nil)
}

// Repudiate is "this wasn't me", by the token of the link in a notice.
func (c Client) Repudiate(ctx context.Context, token string) error {
	return c.As("").Do(ctx, http.MethodPost, "/repudiations", map[string]any{"token": token}, nil)
}
