package openid

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"countersign/internal/proof/oidc"
)

// algorithms may sign an ID token: those for which the provider alone has the
// key, unlike HS256, let alone none.
var algorithms = []string{
	gooidc.RS256, gooidc.RS384, gooidc.RS512, gooidc.ES256, gooidc.ES384, gooidc.ES512,
	gooidc.PS256, gooidc.PS384, gooidc.PS512, gooidc.EdDSA,
}

// verify is OpenID Connect Core §3.1.3.7, for a token that came from the token
// endpoint.
func (p *Provider) verify(ctx context.Context, at *found, f Flow, raw, code, access string) (oidc.Claims, error) {
	keys := &watched{KeySet: at.keys}
	v := gooidc.NewVerifier(p.cfg.Issuer, keys, &gooidc.Config{
		ClientID: p.cfg.ClientID, SupportedSigningAlgs: algorithms, Now: p.now})
	token, err := v.Verify(gooidc.ClientContext(ctx, p.client), raw)
	var expired *gooidc.TokenExpiredError
	switch {
	case keys.down != nil:
		return oidc.Claims{}, fmt.Errorf("openid: fetching the provider's keys: %w: %v", ErrUnreachable, keys.down)
	case errors.As(err, &expired):
		return oidc.Claims{}, refused("the ID token has expired; compare the clocks")
	case err != nil:
		return oidc.Claims{}, refused("the ID token is not the provider's, not for us, or not one")
	}
	var more extra
	if err := token.Claims(&more); err != nil {
		return oidc.Claims{}, refused("the ID token cannot be read")
	}
	if why := p.judge(token, more, f, raw, code, access); why != "" {
		return oidc.Claims{}, refused(why)
	}
	return claimsOf(token)
}

// extra are the claims that the library leaves to us.
type extra struct {
	Party    string `json:"azp"`
	CodeHash string `json:"c_hash"`
}

// judge names what is wrong with a token that the provider signed for us.
func (p *Provider) judge(token *gooidc.IDToken, more extra, f Flow, raw, code, access string) string {
	now := p.now()
	switch {
	case !same(token.Nonce, f.Nonce):
		return "the ID token answers another question than ours"
	case token.Subject == "":
		return "the ID token names nobody"
	case more.Party != "" && more.Party != p.cfg.ClientID, more.Party == "" && len(token.Audience) != 1:
		return "the ID token was made for another client"
	case token.IssuedAt.After(now.Add(oidc.Skew)):
		return "the ID token is said to be made in the future; compare the clocks"
	case token.IssuedAt.Before(f.Started.Add(-oidc.Skew)):
		return "the ID token is older than the question; compare the clocks"
	case token.AccessTokenHash != "" && token.VerifyAccessToken(access) != nil:
		return "the ID token does not belong to the access token"
	case more.CodeHash != "" && !same(more.CodeHash, half(raw, code)):
		return "the ID token does not belong to the code"
	}
	return ""
}

// half is c_hash (OpenID Connect Core §3.3.2.11): the left half of the hash
// that the token's own algorithm uses. "" when that is none we know.
func half(raw, code string) string {
	head, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err != nil || json.Unmarshal(text, &header) != nil {
		return ""
	}
	var sum []byte
	switch header.Algorithm {
	case gooidc.RS256, gooidc.ES256, gooidc.PS256:
		h := sha256.Sum256([]byte(code))
		sum = h[:]
	case gooidc.RS384, gooidc.ES384, gooidc.PS384:
		h := sha512.Sum384([]byte(code))
		sum = h[:]
	default:
		h := sha512.Sum512([]byte(code))
		sum = h[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// watched remembers that the keys could not be fetched, which the library
// reports as a bad signature.
type watched struct {
	gooidc.KeySet
	down error
}

// VerifySignature implements the library's KeySet.
func (w *watched) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.KeySet.VerifySignature(ctx, token)
	var call *url.Error
	switch {
	case errors.As(err, &call):
		w.down = call.Err
	case err != nil && ctx.Err() != nil:
		w.down = ctx.Err()
	}
	return payload, err
}
