package openid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// foundLife bounds how long an endpoint or a key that the provider has
	// withdrawn goes on being believed here.
	foundLife = time.Hour
	// failedLife spares a provider that is down, and whoever waits for it.
	failedLife = 5 * time.Second
	callTime   = 10 * time.Second
	maxAnswer  = 1 << 20
)

// found is what discovery (OpenID Connect Discovery §4) told.
type found struct {
	oauth    oauth2.Config
	provider *gooidc.Provider
	keys     gooidc.KeySet
	until    time.Time
}

type failure struct {
	err   error
	until time.Time
}

// find gives the provider's endpoints, asking for them when nobody has lately.
// One asks at a time; the others wait for the outcome.
func (p *Provider) find(ctx context.Context) (*found, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("openid: discovery: %w: %v", ErrUnreachable, ctx.Err())
	}
	now := p.now()
	if p.found != nil && now.Before(p.found.until) {
		return p.found, nil
	}
	if p.failed.err != nil && now.Before(p.failed.until) {
		return nil, p.failed.err
	}
	f, err := p.discover(ctx, now)
	p.found, p.failed = f, failure{err, now.Add(failedLife)}
	return f, err
}

func (p *Provider) discover(ctx context.Context, now time.Time) (*found, error) {
	// One caller who leaves must not make the others find nothing.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	ctx = gooidc.ClientContext(ctx, p.client)
	provider, err := gooidc.NewProvider(ctx, p.cfg.Issuer)
	if err != nil {
		return nil, discoveryError(err)
	}
	var more struct {
		Keys     string   `json:"jwks_uri"`
		UserInfo string   `json:"userinfo_endpoint"`
		Methods  []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, discoveryError(err)
	}
	at := provider.Endpoint()
	at.AuthStyle = style(p.cfg.ClientSecret, more.Methods)
	endpoints := []string{at.AuthURL, at.TokenURL, more.Keys}
	if more.UserInfo != "" {
		endpoints = append(endpoints, more.UserInfo)
	}
	if slices.ContainsFunc(endpoints, func(address string) bool { return !p.proper(address) }) {
		return nil, fmt.Errorf("openid: discovery: %w: an endpoint is missing or not https", ErrUnreachable)
	}
	return &found{
		oauth: oauth2.Config{ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, RedirectURL: p.cfg.RedirectURL,
			Endpoint: at, Scopes: scopes(p.cfg.Scopes)},
		provider: provider, keys: gooidc.NewRemoteKeySet(ctx, more.Keys), until: now.Add(foundLife),
	}, nil
}

// scopes begin with the one that makes it OpenID Connect.
func scopes(more []string) []string {
	out := []string{gooidc.ScopeOpenID}
	for _, s := range more {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// style is how the client's secret is sent. It is decided, not tried out: a
// first try that fails spends the code.
func style(secret string, methods []string) oauth2.AuthStyle {
	basic := len(methods) == 0 || slices.Contains(methods, "client_secret_basic")
	if secret == "" || !basic {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// proper: an issuer behind https cannot send us, or the browser, anywhere
// without.
func (p *Provider) proper(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	issuer, err := url.Parse(p.cfg.Issuer)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http" && issuer.Scheme == "http")
}

func discoveryError(err error) error {
	var other *gooidc.IssuerMismatchError
	var call *url.Error
	switch {
	case errors.As(err, &other):
		return fmt.Errorf("openid: discovery: %w: its document names another issuer than the one configured", ErrUnreachable)
	case errors.As(err, &call):
		return fmt.Errorf("openid: discovery: %w: %v", ErrUnreachable, call.Err)
	}
	return fmt.Errorf("openid: discovery: %w: there is no discovery document that can be read", ErrUnreachable)
}

// careful makes a client that follows no redirect (a token endpoint could
// send the secret elsewhere), takes no endless answer, and treats a server's
// own faults as what they are: it is down.
func careful(c *http.Client) *http.Client {
	mine := *c
	if mine.Transport == nil {
		mine.Transport = http.DefaultTransport
	}
	if mine.Timeout == 0 {
		mine.Timeout = callTime
	}
	mine.Transport = wary{mine.Transport}
	mine.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &mine
}

type wary struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t wary) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= http.StatusInternalServerError {
		return nil, errors.Join(fmt.Errorf("it answers with status %d", answer.StatusCode), answer.Body.Close())
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	return answer, nil
}
