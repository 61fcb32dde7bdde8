package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"countersign/internal/reset"
	"countersign/internal/sealing"
	"countersign/internal/store"
)

// What the claimant was told about a challenge is kept for as long as it may
// be answered, sealed to their session: a page can be loaded again, and a code
// that is to be handed over found again hours later, while the server by
// itself can read neither.
const shelfPrompt = "prompt" // key: challenge id; value: Prompt, sealed to the claimant

func keepPrompt(s reset.State, session string, p Prompt) (store.ItemChange, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return store.ItemChange{}, fmt.Errorf("gate: writing a prompt: %w", err)
	}
	sealed, err := sealing.SealTo(s.Recipient(session), raw)
	if err != nil {
		return store.ItemChange{}, fmt.Errorf("gate: keeping a prompt: %w", err)
	}
	return store.ItemChange{Item: store.Item{Shelf: shelfPrompt, Key: p.Challenge, Owner: s.ID, Value: sealed, Expires: p.Until}}, nil
}

// Prompted tells the claimant again what Challenge told them, while the
// challenge can still be answered. It asks and sends nothing.
func (g *Gate) Prompted(ctx context.Context, token, challenge string) (Prompt, error) {
	s, session, err := g.claimed(ctx, token)
	if err != nil {
		return Prompt{}, err
	}
	at := g.now()
	if err := stillOpen(s, session, challenge, at); err != nil {
		return Prompt{}, err
	}
	_, plain, err := g.unseal(ctx, shelfPrompt, challenge, token)
	if errors.Is(err, store.ErrNotFound) {
		return Prompt{}, errChallenge
	}
	if err != nil {
		return Prompt{}, err
	}
	var p Prompt
	if err := json.Unmarshal([]byte(plain), &p); err != nil {
		return Prompt{}, fmt.Errorf("gate: reading a prompt: %w", err)
	}
	return p, nil
}

// stillOpen refuses as answering would.
func stillOpen(s reset.State, session, challenge string, at time.Time) error {
	c, err := challengeOf(s, challenge)
	if err != nil || c.Session != session {
		return errChallenge
	}
	_, err = reset.Evolve(s, reset.AnswerRefused{Challenge: challenge}, at)
	return err
}
