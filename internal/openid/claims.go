package openid

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"countersign/internal/identity"
	"countersign/internal/proof/oidc"
)

// maxField bounds a claim that is kept.
const maxField = 500

// claimsOf reads the claims that are judged later. One that is not of its
// proper type counts as absent.
func claimsOf(token *gooidc.IDToken) (oidc.Claims, error) {
	all := map[string]any{}
	if err := token.Claims(&all); err != nil {
		return oidc.Claims{}, refused("the ID token cannot be read")
	}
	for _, spent := range []string{"nonce", "at_hash", "c_hash"} {
		delete(all, spent)
	}
	c := oidc.Claims{Issuer: token.Issuer, Subject: token.Subject, Fields: fields(all)}
	c.ACR = c.Fields["acr"]
	if list, ok := all["amr"].([]any); ok {
		for _, e := range list {
			if word, ok := e.(string); ok {
				c.AMR = append(c.AMR, word)
			}
		}
	}
	// Seconds since 1970; beyond 2^40 is no time but a mistake.
	if at, ok := all["auth_time"].(float64); ok && at > 0 && at < 1<<40 {
		c.AuthTime = time.Unix(int64(at), 0).UTC()
	}
	return c, nil
}

func fields(all map[string]any) map[string]string {
	out := map[string]string{}
	for name, value := range all {
		switch v := value.(type) {
		case string:
			if identity.CheckLine(v, maxField) == nil {
				out[name] = v
			}
		case bool:
			out[name] = fmt.Sprint(v)
		}
	}
	return out
}

// complete asks the UserInfo endpoint for what is needed and not in the ID
// token. It never replaces what the token says, and adds nothing but what is
// needed: how and when somebody signed in stands in the token or nowhere.
func (p *Provider) complete(ctx context.Context, at *found, token *oauth2.Token, c oidc.Claims) (oidc.Claims, error) {
	var lacking []string
	for _, name := range p.cfg.Needs {
		if _, there := c.Fields[name]; !there {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) == 0 || at.provider.UserInfoEndpoint() == "" {
		return c, nil
	}
	info, err := at.provider.UserInfo(gooidc.ClientContext(ctx, p.client), oauth2.StaticTokenSource(token))
	var call *url.Error
	if errors.As(err, &call) {
		return oidc.Claims{}, fmt.Errorf("openid: asking who signed in: %w: %v", ErrUnreachable, call.Err)
	}
	all := map[string]any{}
	if err != nil || info.Claims(&all) != nil {
		return oidc.Claims{}, refused("the provider does not say who signed in")
	}
	// Core §5.3.2: without this, an answer about somebody else would be taken.
	if info.Subject != c.Subject {
		return oidc.Claims{}, refused("the provider speaks of two persons")
	}
	more := fields(all)
	for _, name := range lacking {
		if v, there := more[name]; there {
			c.Fields[name] = v
		}
	}
	return c, nil
}
