// Package openid is the client of the organisation's OpenID Connect provider:
// the authorization code flow with PKCE (RFC 7636, S256), state, nonce and a
// demand to sign in afresh (max_age=0, prompt=login).
//
//	p := openid.New(cfg, client, time.Now)
//	f := openid.NewFlow(time.Now())                  // keep it; show nothing of it
//	address, err := p.Begin(ctx, f, "m.ito")         // send the browser there
//	claims, err := p.Finish(ctx, f, state, code)     // with what came back
//
// It verifies that the answer is the provider's, for us, to this flow, and
// fresh. What the claims are worth is judged by package proof/oidc.
//
// The provider is looked up when it is first needed, and again after an hour,
// so a server starts without it. No error carries a token, a code or a secret.
package openid

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"countersign/internal/proof/oidc"
)

// What callers decide on.
var (
	// ErrUnreachable: the provider does not answer, or not as a provider would.
	ErrUnreachable = errors.New("the provider does not answer")
	// ErrRefused: the answer is not one to this flow, or not to be believed.
	ErrRefused = errors.New("the sign-in was refused")
)

// FlowLife is how long a flow may take.
const FlowLife = 10 * time.Minute

// Config says who the provider is and who we are to it.
type Config struct {
	Issuer       string // exactly as the provider writes it
	ClientID     string
	ClientSecret string   // may be "" for a public client, which PKCE alone protects
	RedirectURL  string   // where the browser comes back to
	Scopes       []string // besides openid
	ACR          []string // sent as acr_values, most wanted first
	// Needs are claims that the UserInfo endpoint is asked for when the ID
	// token lacks them, as it may (OpenID Connect Core §5.4).
	Needs []string
}

// Provider is the organisation's provider. Its methods are safe for concurrent
// use.
type Provider struct {
	cfg    Config
	client *http.Client
	now    func() time.Time
	turn   chan struct{} // holds one element while somebody looks up the provider
	found  *found
	failed failure
}

// New names a provider; nothing is asked of it yet. The client decides which
// addresses may be called and through what proxy.
func New(cfg Config, c *http.Client, now func() time.Time) *Provider {
	return &Provider{cfg: cfg, client: careful(c), now: now, turn: make(chan struct{}, 1)}
}

// Issuer is the provider's name.
func (p *Provider) Issuer() string { return p.cfg.Issuer }

// Flow is one sign-in under way. The server keeps it and never shows it.
type Flow struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of PKCE
	Started  time.Time `json:"started"`
}

// NewFlow makes a flow of fresh randomness, 192 bits for each value.
func NewFlow(at time.Time) Flow {
	return Flow{State: random(24), Nonce: random(24), Verifier: oauth2.GenerateVerifier(), Started: at}
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand aborts the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// Begin gives the address to send the browser to. The hint, which may be "",
// is what the person would type as their name there.
func (p *Provider) Begin(ctx context.Context, f Flow, hint string) (string, error) {
	if !f.whole() {
		return "", fmt.Errorf("openid: beginning: %w: the flow is empty", ErrRefused)
	}
	at, err := p.find(ctx)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(f.Verifier), gooidc.Nonce(f.Nonce),
		oauth2.SetAuthURLParam("max_age", "0"), oauth2.SetAuthURLParam("prompt", "login"),
	}
	if len(p.cfg.ACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(p.cfg.ACR, " ")))
	}
	if hint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", hint))
	}
	return at.oauth.AuthCodeURL(f.State, options...), nil
}

func (f Flow) whole() bool {
	return f.State != "" && f.Nonce != "" && f.Verifier != "" && !f.Started.IsZero()
}

// Finish exchanges the code for an ID token and says what is in it. State and
// code are as the browser brought them. The caller sees to it that a flow is
// finished once.
func (p *Provider) Finish(ctx context.Context, f Flow, state, code string) (oidc.Claims, error) {
	now := p.now()
	switch {
	case !f.whole() || !same(state, f.State):
		return oidc.Claims{}, refused("it answers another question than ours")
	case now.After(f.Started.Add(FlowLife)):
		return oidc.Claims{}, refused("it took too long")
	case code == "":
		return oidc.Claims{}, refused("the provider sent no code")
	}
	at, err := p.find(ctx)
	if err != nil {
		return oidc.Claims{}, err
	}
	token, err := at.oauth.Exchange(gooidc.ClientContext(ctx, p.client), code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return oidc.Claims{}, exchangeError(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return oidc.Claims{}, refused("the provider sent no ID token")
	}
	c, err := p.verify(ctx, at, f, raw, code, token.AccessToken)
	if err != nil {
		return oidc.Claims{}, err
	}
	return p.complete(ctx, at, token, c)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func refused(why string) error { return fmt.Errorf("openid: finishing: %w: %s", ErrRefused, why) }

// words are the error codes of RFC 6749 §5.2, the only text of a token
// endpoint that is repeated.
var words = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}

// exchangeError says what came of the exchange without the answer's body,
// which may hold anything.
func exchangeError(err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) {
		if slices.Contains(words, answer.ErrorCode) {
			return refused("the provider does not take the code: " + answer.ErrorCode)
		}
		return refused("the provider does not take the code")
	}
	var call *url.Error
	if errors.As(err, &call) {
		return fmt.Errorf("openid: exchanging the code: %w: %v", ErrUnreachable, call.Err)
	}
	return refused("the answer to the code cannot be read")
}
