package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"countersign/internal/identity"
)

// Security is what an owner sees of their own account.
type Security struct {
	At       time.Time          `json:"at"`
	Account  identity.AccountID `json:"account"`
	Login    string             `json:"login"`
	Name     string             `json:"name"`
	Factors  []OwnFactor        `json:"factors"`
	Contacts []OwnContact       `json:"contacts"`
	History  []OwnRequest       `json:"history"`  // newest first
	CoolOff  int64              `json:"cool_off"` // in seconds
	Fresh    bool               `json:"fresh"`    // changes may be made now
	Adds     []string           `json:"adds"`     // what can be registered
	Actions  []identity.Action  `json:"actions"`  // what the directory can do
}

// OwnFactor is one registered factor or destination.
type OwnFactor struct {
	ID       string    `json:"id"`
	Method   string    `json:"method"`
	Label    string    `json:"label,omitempty"`
	Where    string    `json:"where,omitempty"` // shortened
	Since    time.Time `json:"since"`
	UsableAt time.Time `json:"usable_at"`
	SetBy    string    `json:"set_by,omitempty"`
	Closed   bool      `json:"closed"`
	Here     bool      `json:"here,omitempty"` // this session was opened with it
}

// OwnContact is one destination that the directory has.
type OwnContact struct {
	Kind      string    `json:"kind"`
	Where     string    `json:"where"` // shortened
	FirstSeen time.Time `json:"first_seen"`
	Source    string    `json:"source"`
	Own       bool      `json:"own"`
}

// OwnRequest is one request about the account.
type OwnRequest struct {
	Case       string          `json:"case"`
	Action     identity.Action `json:"action"`
	Status     string          `json:"status"`
	Desk       string          `json:"desk,omitempty"`
	Channel    string          `json:"channel"`
	At         time.Time       `json:"at"`
	Asked      int             `json:"asked"`
	Wrong      int             `json:"wrong"`
	Repudiated bool            `json:"repudiated"`
}

// OwnerSession is the session of somebody who looks after their own account.
type OwnerSession struct {
	Account identity.AccountID `json:"account"`
	Token   string             `json:"token"`
}

// OwnerSignIn signs in with one's own passkey, to look after one's own account.
// A client that holds such a session already proves itself once more: the
// session goes on under another token.
func (c Client) OwnerSignIn(ctx context.Context, k Key) (OwnerSession, error) {
	in, err := c.ceremony(ctx, "/security/sign-in/begin", k)
	if err != nil {
		return OwnerSession{}, err
	}
	return fetch[OwnerSession](ctx, c, http.MethodPost, "/security/sign-in/finish", in)
}

// BeginEnrolment turns the session of a first enrolment that was carried out
// into that of the account's owner, once.
func (c Client) BeginEnrolment(ctx context.Context) (OwnerSession, error) {
	return fetch[OwnerSession](ctx, c, http.MethodPost, "/case/enrolment", map[string]any{})
}

// OwnerSignOut ends the session.
func (c Client) OwnerSignOut(ctx context.Context) error {
	return c.Do(ctx, http.MethodPost, "/security/sign-out", nil, nil)
}

// Security says by what the owner can prove themselves, and what was done.
func (c Client) Security(ctx context.Context) (Security, error) {
	return fetch[Security](ctx, c, http.MethodGet, "/security", nil)
}

// Begun is something that waits to be confirmed.
type Begun struct {
	Enrolment string          `json:"enrolment"`
	Method    string          `json:"method"`
	URI       string          `json:"uri,omitempty"`     // totp
	Options   json.RawMessage `json:"options,omitempty"` // passkey
	Until     time.Time       `json:"until"`
}

// Added is something that was registered.
type Added struct {
	Enrolment string    `json:"enrolment"`
	Method    string    `json:"method"`
	Code      string    `json:"code,omitempty"` // recovery_code, shown once
	Since     time.Time `json:"since"`
	UsableAt  time.Time `json:"usable_at"`
}

// AddPasskey registers a passkey of one's own.
func (c Client) AddPasskey(ctx context.Context, label string, k Key) (Added, error) {
	b, err := fetch[Begun](ctx, c, http.MethodPost, "/security/passkeys", map[string]any{"label": label})
	if err != nil {
		return Added{}, err
	}
	answer, err := k.RegisterOptions(c.server, b.Options)
	if err != nil {
		return Added{}, fmt.Errorf("client: registering a passkey: %w", err)
	}
	return fetch[Added](ctx, c, http.MethodPost, "/security/passkeys/"+url.PathEscape(b.Enrolment), map[string]any{"response": json.RawMessage(answer)})
}

// AddTOTP begins to register an authenticator app; ConfirmFactor ends it.
func (c Client) AddTOTP(ctx context.Context, label string) (Begun, error) {
	return fetch[Begun](ctx, c, http.MethodPost, "/security/totp", map[string]any{"label": label})
}

// AddAddress has a code sent to an address (email_code, sms_code,
// recovery_contact); ConfirmFactor takes it.
func (c Client) AddAddress(ctx context.Context, method, address, label string) (Begun, error) {
	return fetch[Begun](ctx, c, http.MethodPost, "/security/addresses", map[string]any{"method": method, "address": address, "label": label})
}

// ConfirmFactor registers what was begun.
func (c Client) ConfirmFactor(ctx context.Context, enrolment, code string) (Added, error) {
	return fetch[Added](ctx, c, http.MethodPost, "/security/begun/"+url.PathEscape(enrolment), map[string]any{"code": code})
}

// AddRecoveryCode makes a recovery code, in the place of the one before.
func (c Client) AddRecoveryCode(ctx context.Context) (Added, error) {
	return fetch[Added](ctx, c, http.MethodPost, "/security/recovery-codes", nil)
}

// AddColleague names somebody who may vouch.
func (c Client) AddColleague(ctx context.Context, login string) (Added, error) {
	return fetch[Added](ctx, c, http.MethodPost, "/security/colleagues", map[string]any{"login": login})
}

// RemoveFactor takes a factor away.
func (c Client) RemoveFactor(ctx context.Context, enrolment string) error {
	return c.Do(ctx, http.MethodPost, "/security/factors/"+url.PathEscape(enrolment)+"/remove", nil, nil)
}

// Disown says "that wasn't me" by the token of the link in the news of a
// factor.
func (c Client) Disown(ctx context.Context, token string) error {
	return c.As("").Do(ctx, http.MethodPost, "/disownments", map[string]any{"token": token}, nil)
}

// Registering is what an integration registers for somebody.
type Registering struct {
	Directory string `json:"directory,omitempty"`
	Login     string `json:"login"`
	Method    string `json:"method"`            // totp, recovery_code, device or idv
	Key       string `json:"key,omitempty"`     // of a device, in PEM
	Subject   string `json:"subject,omitempty"` // whom a provider of identity proofing knows
	Label     string `json:"label,omitempty"`
}

// Register registers a factor for an account's owner.
func (c Client) Register(ctx context.Context, r Registering) (Factor, error) {
	return fetch[Factor](ctx, c, http.MethodPost, "/enrolments", r)
}
