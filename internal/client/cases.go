package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof/passkey"
	"countersign/internal/statement"
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
	Shown     bool            `json:"secret_shown"` // what there was has been shown
	Mine      bool            `json:"proved_by_this_session"`
	Card      Card            `json:"card"`
	// Escalation is the documented way out when no path remains.
	Escalation string `json:"escalation,omitempty"`
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
	Card      Card      `json:"card"`
	// Statement is what a passkey or a device signs.
	Statement statement.Statement `json:"statement,omitempty"`
	Options   *passkey.Request    `json:"options,omitempty"`
	Code      string              `json:"code,omitempty"` // to hand over to whoever attests
	Go        string              `json:"go,omitempty"`   // where to go on, in a browser
}

// Challenge asks to be challenged by a method.
func (c Client) Challenge(ctx context.Context, method string) (Prompt, error) {
	return fetch[Prompt](ctx, c, http.MethodPost, "/case/challenges", map[string]any{"method": method})
}

// Answer answers a challenge.
func (c Client) Answer(ctx context.Context, challenge, answer string) (Case, error) {
	return fetch[Case](ctx, c, http.MethodPost, "/case/challenges/"+url.PathEscape(challenge)+"/answer", map[string]any{"answer": answer})
}

// AnswerSigned answers a passkey's challenge by signing its statement, as it
// was read.
func (c Client) AnswerSigned(ctx context.Context, p Prompt, k Key) (Case, error) {
	if p.Options == nil {
		return Case{}, errors.New("client: the challenge is not one for a passkey")
	}
	signed, err := Paper{Statement: p.Statement, Options: *p.Options}.sign(k, c.server)
	if err != nil {
		return Case{}, err
	}
	return fetch[Case](ctx, c, http.MethodPost, "/case/challenges/"+url.PathEscape(p.Challenge)+"/answer", map[string]any{"assertion": signed})
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

// Card says who asks, and what would happen to which account.
type Card struct {
	Organisation string          `json:"organisation"`
	Agent        string          `json:"agent,omitempty"` // empty in self-service
	Desk         string          `json:"desk,omitempty"`
	Action       identity.Action `json:"action"`
	Login        string          `json:"login"`
	Case         string          `json:"case"`
	Words        string          `json:"words"` // the agent's screen shows the same two
	OpenedAt     time.Time       `json:"opened_at"`
}

// CheckDesk shows what is behind the case code that a caller gave.
func (c Client) CheckDesk(ctx context.Context, code string) (card Card, status string, err error) {
	var out struct {
		Card   Card   `json:"card"`
		Status string `json:"status"`
	}
	err = c.As("").Do(ctx, http.MethodPost, "/desk-checks", map[string]any{"case": code}, &out)
	return out.Card, out.Status, err
}

// CallerReport is about a caller who claimed to be the helpdesk; every part may
// be missing or wrong.
type CallerReport struct {
	Case  string `json:"case,omitempty"`
	Login string `json:"login,omitempty"`
	Note  string `json:"note,omitempty"`
}

// ReportCaller reports one. The answer never tells what came of it.
func (c Client) ReportCaller(ctx context.Context, r CallerReport) error {
	return c.As("").Do(ctx, http.MethodPost, "/desk-reports", r, nil)
}

// SelfWish is what anybody may ask for at the self-service page.
type SelfWish struct {
	Directory string          `json:"directory,omitempty"`
	Login     string          `json:"login"`
	Action    identity.Action `json:"action"`
}

// SelfOpen asks for a reset of an account. What comes of it is told to the
// account's registered addresses, never here.
func (c Client) SelfOpen(ctx context.Context, w SelfWish) error {
	return c.As("").Do(ctx, http.MethodPost, "/self-requests", w, nil)
}
