package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/roster"
	"countersign/internal/store"
)

const shelfToken = "token" // key: hash of the token; owner: its name; value: token

type token struct {
	Name   string  `json:"name"`
	Scopes []Scope `json:"scopes"`
}

// TokenCreated records that an integration was let in.
type TokenCreated struct {
	Name   string    `json:"name"`
	Scopes []Scope   `json:"scopes"`
	Until  time.Time `json:"until"`
}

// TokenRevoked records that it was shut out again.
type TokenRevoked struct {
	Name string `json:"name"`
}

// CreateToken makes an API token for an integration. Only officers do; the
// token itself is shown once and kept as a hash.
func (g *Gate) CreateToken(ctx context.Context, c Caller, name string, scopes []Scope, life time.Duration) (string, error) {
	if _, _, err := g.governor(ctx, c); err != nil {
		return "", err
	}
	if err := identity.CheckLine(name, 60); err != nil || name == "" {
		return "", invalid("name: empty, too long, or not a plain line")
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes, s) {
			return "", invalid(fmt.Sprintf("unknown scope %q (there are %v)", s, Scopes))
		}
	}
	if len(scopes) == 0 || life <= 0 || life > 366*24*time.Hour {
		return "", invalid("a token needs a scope and a life of at most a year")
	}
	items, err := g.store.Items(ctx, shelfToken, name, g.now())
	if err != nil {
		return "", fmt.Errorf("gate: reading tokens: %w", err)
	}
	if len(items) > 0 {
		return "", invalid("a token of that name is in use; revoke it first")
	}
	secret, until := newToken("cst_"), g.now().Add(life)
	err = g.note(ctx, c, TokenCreated{name, scopes, until}, "token_created",
		put(shelfToken, tokenKey(secret), name, token{name, scopes}, 0, until))
	return secret, err
}

// RevokeToken shuts an integration out at once.
func (g *Gate) RevokeToken(ctx context.Context, c Caller, name string) error {
	if err := g.officer(ctx, c); err != nil {
		return err
	}
	items, err := g.store.Items(ctx, shelfToken, name, g.now())
	if err != nil {
		return fmt.Errorf("gate: reading tokens: %w", err)
	}
	if len(items) == 0 {
		return &Fault{"not_found", "there is no token of that name"}
	}
	var drops []store.ItemChange
	for _, i := range items {
		drops = append(drops, drop(i))
	}
	return g.note(ctx, c, TokenRevoked{name}, "token_revoked", drops...)
}

// ByToken finds the integration that a token belongs to.
func (g *Gate) ByToken(ctx context.Context, secret string) (Caller, error) {
	item, err := g.store.Item(ctx, shelfToken, tokenKey(secret), g.now())
	if errors.Is(err, store.ErrNotFound) {
		return Caller{}, &Fault{"unauthenticated", "sign in first"}
	}
	var t token
	if err == nil {
		err = unmarshal(item, &t)
	}
	if err != nil {
		return Caller{}, fmt.Errorf("gate: reading a token: %w", err)
	}
	g.used.Store(t.Name, g.now())
	return Caller{Token: t.Name, Scopes: t.Scopes}, nil
}

func (g *Gate) officer(ctx context.Context, c Caller) error {
	m, _, err := g.member(ctx, c)
	if err == nil && !m.Has(identity.Officer) {
		err = ErrForbidden
	}
	return err
}

// note records an event that is not part of a request's or the roster's life.
func (g *Gate) note(ctx context.Context, c Caller, body any, kind string, items ...store.ItemChange) error {
	return g.noteWith(ctx, c, body, kind, besides{items: items})
}

// noteWith does so with jobs that belong to it.
func (g *Gate) noteWith(ctx context.Context, c Caller, body any, kind string, more besides) error {
	open, private, err := ledger.Seal(body, salt)
	if err != nil {
		return fmt.Errorf("gate: writing %s: %w", kind, err)
	}
	at := g.now()
	_, err = g.store.Commit(ctx, store.Commit{
		Stream: newID("not"), Actor: c.actor(), At: at, Items: more.items, Jobs: more.jobs, Counts: countNote(body, c.actor(), at),
		Events: []store.Draft{{Type: kind, Open: open, Private: private}},
	})
	if errors.Is(err, store.ErrConflict) {
		return ErrBusy
	}
	if err != nil {
		return fmt.Errorf("gate: recording %s: %w", kind, err)
	}
	return nil
}

// Chain is the roster as it stands, verified.
func (g *Gate) Chain(ctx context.Context) (roster.State, error) {
	chain, _, err := g.rules(ctx)
	return chain, err
}
