package rest

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/internal/gate"
	"countersign/internal/proof/passkey"
)

type scope gate.Scope

// Schema lists the words.
func (scope) Schema(huma.Registry) *huma.Schema {
	return words("what the token may do; none approves anything", gate.Scopes)
}

type tokenPaperInput struct {
	Body struct {
		Name   string  `json:"name" minLength:"1" maxLength:"60"`
		Scopes []scope `json:"scopes" minItems:"1" maxItems:"10" nullable:"false"`
		Days   int     `json:"days,omitempty" minimum:"1" maximum:"366" default:"90" doc:"how long it works"`
	}
}

type tokenInput struct {
	Keyed
	Body struct {
		StatementID string        `json:"statement_id" maxLength:"100" doc:"of the statement that was read; it can be signed once, within a quarter of an hour"`
		Assertion   browserAnswer `json:"assertion"`
	}
}

type tokenOutput struct {
	Body struct {
		Token string `json:"token" doc:"shown once; the server keeps a hash"`
	}
}

type tokensOutput struct {
	Body struct {
		Tokens []gate.TokenView `json:"tokens" nullable:"false"`
	}
}

type tokenName struct {
	Name string `path:"name" maxLength:"60"`
}

func (a *api) tokens(h huma.API) {
	staff(a, h, post("/tokens/statement", "token-statement", "Read the statement that letting an integration in signs", 200).reading(), a.tokenStatement)
	staff(a, h, post("/tokens", "create-token", "Let an integration in by signing the statement", 201).withSecret(), a.createToken)
	staff(a, h, get("/tokens", "list-tokens", "Which integrations were let in"), a.listTokens)
	revoke := get("/tokens/{name}", "revoke-token", "Shut an integration out")
	revoke.Method, revoke.DefaultStatus = "DELETE", 204
	staff(a, h, revoke, a.revokeToken)
}

func (a *api) tokenStatement(ctx context.Context, c gate.Caller, in *tokenPaperInput) (*paperOutput, error) {
	var scopes []gate.Scope
	for _, s := range in.Body.Scopes {
		scopes = append(scopes, gate.Scope(s))
	}
	p, err := a.gate.TokenPaper(ctx, c, in.Body.Name, scopes, time.Duration(in.Body.Days)*24*time.Hour)
	return &paperOutput{etag(p.Version), p}, err
}

func (a *api) createToken(ctx context.Context, c gate.Caller, in *tokenInput) (*tokenOutput, error) {
	signed, err := passkey.ParseAssertion(in.Body.Assertion)
	if err != nil {
		return nil, errNoAssertion()
	}
	token, err := a.gate.CreateToken(ctx, c, in.Body.StatementID, signed)
	out := &tokenOutput{}
	out.Body.Token = token
	return out, err
}

func (a *api) listTokens(ctx context.Context, c gate.Caller, _ *none) (*tokensOutput, error) {
	list, err := a.gate.Tokens(ctx, c)
	out := &tokensOutput{}
	out.Body.Tokens = list
	return out, err
}

func (a *api) revokeToken(ctx context.Context, c gate.Caller, in *tokenName) (*none, error) {
	return nil, a.gate.RevokeToken(ctx, c, in.Name)
}
