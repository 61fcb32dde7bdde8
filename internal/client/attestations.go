package client

import (
	"context"
	"net/http"
	"time"

	"countersign/internal/identity"
)

// Attesting is what somebody is asked to attest.
type Attesting struct {
	Card      Card              `json:"card"`
	Method    string            `json:"method"` // vouch or in_person
	Name      string            `json:"name"`   // of the account's owner
	Person    identity.PersonID `json:"person"` // the witness
	Until     time.Time         `json:"until"`
	Documents []string          `json:"documents,omitempty"` // in_person: what may have been shown
}

// Vouching says what somebody asks to be vouched for, by the token of the link
// in the letter.
func (c Client) Vouching(ctx context.Context, token string) (Attesting, error) {
	return fetch[Attesting](ctx, c, http.MethodPost, "/vouches/show", map[string]any{"token": token})
}

// VouchPaper is what vouching signs. The code is the one that the requester
// has told.
func (c Client) VouchPaper(ctx context.Context, token, code string) (Paper, error) {
	return fetch[Paper](ctx, c, http.MethodPost, "/vouches/statement", map[string]any{"token": token, "code": code})
}

// Vouch signs the statement with one's own passkey.
func (c Client) Vouch(ctx context.Context, token, code string, p Paper, k Key) error {
	signed, err := p.sign(k, c.server)
	if err != nil {
		return err
	}
	return c.Do(ctx, http.MethodPost, "/vouches", map[string]any{"token": token, "code": code, "assertion": signed}, nil)
}

// Disclaim says "that is not them", which stops the request.
func (c Client) Disclaim(ctx context.Context, token string) error {
	return c.Do(ctx, http.MethodPost, "/vouches/decline", map[string]any{"token": token}, nil)
}

// Proofing shows the case of the person who stands before a proofing officer.
func (c Client) Proofing(ctx context.Context, code string) (Attesting, error) {
	return fetch[Attesting](ctx, c, http.MethodPost, "/proofings/show", map[string]any{"case": code})
}

// Sighting is what a proofing officer has seen: the code on the requester's
// screen, and the kind of document.
type Sighting struct {
	Case     string `json:"case"`
	Code     string `json:"code"`
	Document string `json:"document"`
}

// ProofingPaper is what attesting signs.
func (c Client) ProofingPaper(ctx context.Context, s Sighting) (Paper, error) {
	return fetch[Paper](ctx, c, http.MethodPost, "/proofings/statement", s)
}

// Attest signs the statement.
func (c Client) Attest(ctx context.Context, s Sighting, p Paper, k Key) error {
	signed, err := p.sign(k, c.server)
	if err != nil {
		return err
	}
	in := map[string]any{"case": s.Case, "code": s.Code, "document": s.Document, "assertion": signed}
	return c.Do(ctx, http.MethodPost, "/proofings", in, nil)
}
