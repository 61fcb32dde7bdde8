package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/internal/identity"
	"countersign/internal/reset"
	"countersign/internal/sealing"
	"countersign/internal/store"
)

// The methods in this file are what the hands (package dispatch) need of the
// door: to write the marker, the receipt, and what is sealed beside them.

const (
	shelfSecret = "secret" // key: request id; value: the new secret, sealed to the claimant
	shelfHands  = "hands"  // key: order id; value: the new secret, sealed to the hands
)

// secretLife is how long a new secret waits to be fetched.
const secretLife = 24 * time.Hour

// Mark writes the dispatch marker, and in the same transaction the new secret:
// sealed once for the person who proved themselves, once for the hands, who
// need it to find out after a crash whether it was set. Both are empty for
// orders without a secret. After Mark returns nil the hands may touch the
// directory, once.
func (g *Gate) Mark(ctx context.Context, request, order string, forClaimant, forHands []byte) error {
	_, err := g.change(ctx, request, system, func(s reset.State, at time.Time) (reset.Command, besides, error) {
		var more besides
		if len(forHands) > 0 {
			more.items = []store.ItemChange{
				{Item: store.Item{Shelf: shelfSecret, Key: s.ID, Owner: s.ID, Value: forClaimant, Expires: at.Add(secretLife)}, Expect: store.AnyVersion},
				{Item: store.Item{Shelf: shelfHands, Key: order, Owner: s.ID, Value: forHands}},
			}
		}
		return reset.Record{Event: reset.Dispatched{Order: order}}, more, nil
	})
	return err
}

// HandsSecret is what the hands kept for an order; nil when nothing was.
func (g *Gate) HandsSecret(ctx context.Context, order string) ([]byte, error) {
	item, err := g.store.Item(ctx, shelfHands, order, g.now())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("gate: reading what the hands kept: %w", err)
	}
	return item.Value, nil
}

// Receive records a receipt. What the hands kept goes with it, unless the
// outcome is still unknown; a secret that was not set is forgotten.
func (g *Gate) Receive(ctx context.Context, request string, r reset.Received) (reset.State, error) {
	return g.change(ctx, request, system, func(s reset.State, _ time.Time) (reset.Command, besides, error) {
		var more besides
		if r.Outcome != reset.NotKnown && s.Action == identity.PasswordReset {
			more.items = append(more.items, store.ItemChange{Item: store.Item{Shelf: shelfHands, Key: r.Order}, Delete: true, Expect: store.AnyVersion})
		}
		if r.Outcome == reset.NotApplied && s.Action == identity.PasswordReset {
			more.items = append(more.items, store.ItemChange{Item: store.Item{Shelf: shelfSecret, Key: s.ID}, Delete: true, Expect: store.AnyVersion})
		}
		return reset.Record{Event: r}, more, nil
	})
}

// Withdraw takes back an order that the hands refused to carry out, and ends
// the request.
func (g *Gate) Withdraw(ctx context.Context, request, order, reason string) error {
	_, err := g.change(ctx, request, system, func(reset.State, time.Time) (reset.Command, besides, error) {
		return reset.Record{Event: reset.Withdrawn{Order: order, Reason: reason}}, besides{}, nil
	})
	return err
}

// FollowUp records what came of a follow-up.
func (g *Gate) FollowUp(ctx context.Context, request string, f reset.FollowedUp) error {
	_, err := g.change(ctx, request, system, func(reset.State, time.Time) (reset.Command, besides, error) {
		return reset.Record{Event: f}, besides{}, nil
	})
	return err
}

// Secrets is what the claimant is shown once. The recovery code is theirs
// however the request ended: the one they used is spent.
type Secrets struct {
	Password     string `json:"password,omitempty"`
	RecoveryCode string `json:"recovery_code,omitempty"` // replaces the one that was used
}

var errRepudiated = &reset.Refusal{Code: reset.RequestEnded, Msg: "somebody has said that this was not them, so nothing is shown any more"}

// Reveal shows the new secret to the session that proved itself, once: it is
// deleted in the commit that records the showing, before it is returned.
func (g *Gate) Reveal(ctx context.Context, token string) (Secrets, error) {
	s, session, err := g.claimed(ctx, token)
	if err != nil {
		return Secrets{}, err
	}
	if s.Repudiated {
		return Secrets{}, errRepudiated
	}
	if s.Claimant != session || s.IsOpen() {
		return Secrets{}, &reset.Refusal{Code: reset.IllegalTransition, Msg: "there is nothing to show to this session"}
	}
	password, err1 := g.revealPassword(ctx, s, token)
	code, err2 := g.revealCode(ctx, s, token)
	if password == "" && code == "" {
		if err := errors.Join(err1, err2); err != nil {
			return Secrets{}, err
		}
		return Secrets{}, &reset.Refusal{Code: reset.IllegalTransition, Msg: "what there was has been shown once already"}
	}
	if err := errors.Join(err1, err2); err != nil {
		g.log.Error("only part of what there was could be shown", "request", s.ID, "error", err)
	}
	return Secrets{password, code}, nil
}

// revealPassword returns "" when there is none, or it has been shown.
func (g *Gate) revealPassword(ctx context.Context, s reset.State, token string) (string, error) {
	if s.Status() != reset.Done || s.Order.Recipient == "" || s.Revealed {
		return "", nil
	}
	item, plain, err := g.unseal(ctx, shelfSecret, s.ID, token)
	if errors.Is(err, store.ErrNotFound) {
		return "", &Fault{"secret_lapsed", "the new secret was not fetched in time; open a new request"}
	}
	if err != nil {
		return "", err
	}
	_, err = g.change(ctx, s.ID, "session:"+s.Claimant, func(s reset.State, _ time.Time) (reset.Command, besides, error) {
		if s.Repudiated {
			return nil, besides{}, errRepudiated
		}
		return reset.Record{Event: reset.Revealed{Session: s.Claimant}}, besides{items: []store.ItemChange{drop(item)}}, nil
	})
	if err != nil {
		return "", err
	}
	return plain, nil
}

// revealCode returns the recovery code that replaces the one that was used, or
// "" when there is none, or it has been shown.
func (g *Gate) revealCode(ctx context.Context, s reset.State, token string) (string, error) {
	item, plain, err := g.unseal(ctx, shelfReplacement, s.ID, token)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if err := g.store.Change(ctx, drop(item)); errors.Is(err, store.ErrConflict) {
		return "", nil // shown to another call of the same session
	} else if err != nil {
		return "", fmt.Errorf("gate: forgetting a shown code: %w", err)
	}
	return plain, nil
}

func (g *Gate) unseal(ctx context.Context, shelf, key, token string) (store.Item, string, error) {
	item, err := g.store.Item(ctx, shelf, key, g.now())
	if err != nil {
		return item, "", fmt.Errorf("gate: reading a sealed secret: %w", err)
	}
	plain, err := sealing.OpenWith(token, item.Value)
	if err != nil {
		return item, "", fmt.Errorf("gate: %w", err)
	}
	return item, string(plain), nil
}
