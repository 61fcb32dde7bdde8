package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/proof/passkey"
	"countersign/internal/roster"
	"countersign/internal/statement"
	"countersign/internal/store"
)

const (
	shelfToken      = "token"       // key: hash of the token; owner: its name; value: token
	shelfTokenName  = "token_name"  // key and owner: a token's name, which two signed at once cannot both take; value: {}
	shelfTokenPaper = "token_paper" // key: id of the statement; owner: who is to sign it; value: TokenCreated, unsigned
)

// tokenPaperLife is how long an officer has to sign.
const tokenPaperLife = 15 * time.Minute

type token struct {
	Name   string  `json:"name"`
	Scopes []Scope `json:"scopes"`
}

// TokenCreated records that an integration was let in, and the officer's
// signature over its statement.
type TokenCreated struct {
	ID        string             `json:"id"` // of this letting in: no signature serves for two
	Name      string             `json:"name"`
	Scopes    []Scope            `json:"scopes"`
	Until     time.Time          `json:"until"`
	Assertion *passkey.Assertion `json:"assertion,omitempty"`
}

// TokenRevoked records that it was shut out again.
type TokenRevoked struct {
	Name string `json:"name"`
}

// TokenPaper puts before an officer what letting an integration in signs: its
// name, its scopes and how long it may come.
func (g *Gate) TokenPaper(ctx context.Context, c Caller, name string, scopes []Scope, life time.Duration) (Paper, error) {
	m, chain, err := g.governor(ctx, c)
	if err != nil {
		return Paper{}, err
	}
	if err := identity.CheckLine(name, 60); err != nil || name == "" {
		return Paper{}, invalid("name: empty, too long, or not a plain line")
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes, s) {
			return Paper{}, invalid(fmt.Sprintf("unknown scope %q (there are %v)", s, Scopes))
		}
	}
	if len(scopes) == 0 || life <= 0 || life > 366*24*time.Hour {
		return Paper{}, invalid("a token needs a scope and a life of at most a year")
	}
	if err := g.tokenNameFree(ctx, name); err != nil {
		return Paper{}, err
	}
	at := g.now()
	// Each scope once, in the list's order; the statement has whole seconds.
	once := slices.DeleteFunc(slices.Clone(Scopes), func(s Scope) bool { return !slices.Contains(scopes, s) })
	e := TokenCreated{ID: newID("tok"), Name: name, Scopes: once, Until: at.Add(life).Truncate(time.Second)}
	text, err := e.statement(chain)
	if err != nil {
		return Paper{}, err
	}
	err = g.store.Change(ctx, put(shelfTokenPaper, text.ID(), string(m.Person), e, 0, at.Add(tokenPaperLife)))
	if err != nil {
		return Paper{}, fmt.Errorf("gate: keeping what is to be signed: %w", err)
	}
	return Paper{Decision: "let-in", Statement: string(text), ID: text.ID(), Version: chain.Version,
		Options: passkey.RequestOptions(chain.RelyingParty, text.Challenge(), c.keys(m))}, nil
}

func (e TokenCreated) statement(chain roster.State) (statement.Statement, error) {
	scopes := make([]string, len(e.Scopes))
	for n, s := range e.Scopes {
		scopes[n] = string(s)
	}
	return statement.New("integration", []statement.Line{
		{Name: "log", Value: chain.Log},
		{Name: "roster", Value: chain.Genesis},
		{Name: "token", Value: e.ID},
		{Name: "name", Value: e.Name},
		{Name: "scopes", Value: strings.Join(scopes, " ")},
		{Name: "until", Value: roster.When(e.Until)},
	})
}

func (g *Gate) tokenNameFree(ctx context.Context, name string) error {
	items, err := g.store.Items(ctx, shelfToken, name, g.now())
	if err != nil {
		return fmt.Errorf("gate: reading tokens: %w", err)
	}
	if len(items) > 0 {
		return invalid("a token of that name is in use. If it was lost, revoke it and let the integration in again")
	}
	return nil
}

// CreateToken lets in the integration of a statement that the caller has
// signed. The token itself is shown once and kept as a hash.
func (g *Gate) CreateToken(ctx context.Context, c Caller, statementID string, a passkey.Assertion) (string, error) {
	m, chain, err := g.governor(ctx, c)
	if err != nil {
		return "", err
	}
	paper, err := g.store.Item(ctx, shelfTokenPaper, statementID, g.now())
	if errors.Is(err, store.ErrNotFound) || err == nil && paper.Owner != string(m.Person) {
		return "", &Fault{"not_found", "this statement was signed already, has lapsed, or was put before somebody else; ask for it again"}
	}
	var e TokenCreated
	if err == nil {
		err = unmarshal(paper, &e)
	}
	if err != nil {
		return "", fmt.Errorf("gate: reading what is to be signed: %w", err)
	}
	text, err := e.statement(chain)
	if err == nil {
		err = c.sameKey(a)
	}
	if err != nil {
		return "", err
	}
	if chain.Verify(c.Person, text.Challenge(), a) != nil {
		return "", &Fault{"signature_refused", "the passkey's signature is not yours over this statement"}
	}
	if err := g.tokenNameFree(ctx, e.Name); err != nil {
		return "", err
	}
	secret := newToken("cst_")
	e.Assertion = &a
	err = g.note(ctx, c, e, "token_created", drop(paper),
		put(shelfTokenName, e.Name, e.Name, struct{}{}, 0, e.Until),
		put(shelfToken, tokenKey(secret), e.Name, token{e.Name, e.Scopes}, 0, e.Until))
	if errors.Is(err, ErrBusy) { // another of that name was faster, most likely
		err = cmp.Or(g.tokenNameFree(ctx, e.Name), err)
	}
	if err != nil {
		return "", err
	}
	return secret, nil
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
	names, err := g.store.Items(ctx, shelfTokenName, name, g.now())
	if err != nil {
		return fmt.Errorf("gate: reading a token's name: %w", err)
	}
	var drops []store.ItemChange
	for _, i := range slices.Concat(items, names) {
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
