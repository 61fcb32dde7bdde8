package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"countersign/internal/gate"
	"countersign/internal/store"
)

const (
	shelfIdempotency = "idempotency"
	replayLife       = 24 * time.Hour
	// pendingFor is how long a request may be under way. One that takes longer
	// ended with its process, and nobody knows what it did.
	pendingFor = 60 * time.Second
	maxReplay  = 64 << 10
)

// What a repeated key can be answered with besides the first outcome.
var (
	ErrReplayMismatch = &gate.Fault{Code: "idempotency_mismatch", Msg: "this Idempotency-Key was used for another request; make a new one"}
	ErrReplayPending  = &gate.Fault{Code: "idempotency_in_progress", Msg: "the first request with this Idempotency-Key is under way; ask again shortly"}
	ErrReplayUnknown  = &gate.Fault{Code: "idempotency_unknown", Msg: "the outcome of the first request with this Idempotency-Key is not known; look before you repeat it with a new key"}
	ErrReplayUsed     = &gate.Fault{Code: "idempotency_used", Msg: "the request with this Idempotency-Key was carried out; its answer held a secret and is not kept"}
)

// Keyed is a request that carries an Idempotency-Key.
type Keyed struct {
	Caller       gate.Caller
	Key          string
	Method, Path string
	Body         []byte
}

// Outcome is the answer to it, to be given again.
type Outcome struct {
	Status int                 `json:"status"`
	Header map[string][]string `json:"header,omitempty"`
	Body   []byte              `json:"body,omitempty"`
}

// Ticket is the hold that Hold gave.
type Ticket struct{ key, request string }

// kept is what stands on the shelf. Outcome is nil while pending, and for ever
// if Used.
type kept struct {
	Request string    `json:"request"` // digest of method, path and body
	Since   time.Time `json:"since"`
	Used    bool      `json:"used,omitempty"`
	Outcome *Outcome  `json:"outcome,omitempty"`
}

// Hold claims the caller's key for this one request. It returns the outcome
// that is on record already, if any, or a fault of those above. With neither,
// the request is to be carried out now, and one of Keep, Spend and Release to
// be called; if none is, the outcome counts as unknown.
func (s *Signin) Hold(ctx context.Context, k Keyed) (Ticket, *Outcome, error) {
	t := Ticket{
		key:     digest("idempotency", string(k.Caller.Person), k.Caller.Token, k.Key),
		request: digest("idempotency-body", k.Method, k.Path, string(k.Body)),
	}
	at := s.now()
	err := s.put(ctx, shelfIdempotency, t.key, "", kept{Request: t.request, Since: at}, 0, at.Add(replayLife))
	if err == nil {
		return t, nil, nil
	}
	if !errors.Is(err, store.ErrConflict) {
		return t, nil, fmt.Errorf("signin: keeping an idempotency key: %w", err)
	}
	item, err := s.store.Item(ctx, shelfIdempotency, t.key, at)
	if errors.Is(err, store.ErrNotFound) {
		return t, nil, ErrReplayPending // released between the two; the next try gets it
	}
	var v kept
	if err == nil {
		err = json.Unmarshal(item.Value, &v)
	}
	if err != nil {
		return t, nil, fmt.Errorf("signin: reading an idempotency key: %w", err)
	}
	switch {
	case v.Request != t.request:
		return t, nil, ErrReplayMismatch
	case v.Outcome != nil:
		return t, v.Outcome, nil
	case v.Used:
		return t, nil, ErrReplayUsed
	case at.Sub(v.Since) > pendingFor:
		return t, nil, ErrReplayUnknown
	}
	return t, nil, ErrReplayPending
}

// Keep records the outcome. One too large to keep is spent instead.
func (s *Signin) Keep(ctx context.Context, t Ticket, o Outcome) error {
	if len(o.Body) > maxReplay {
		return s.Spend(ctx, t)
	}
	return s.settle(ctx, t, kept{Outcome: &o})
}

// Spend records that the request was carried out, and no answer: it held a
// secret.
func (s *Signin) Spend(ctx context.Context, t Ticket) error {
	return s.settle(ctx, t, kept{Used: true})
}

func (s *Signin) settle(ctx context.Context, t Ticket, v kept) error {
	v.Request, v.Since = t.request, s.now()
	if err := s.put(ctx, shelfIdempotency, t.key, "", v, 1, v.Since.Add(replayLife)); err != nil {
		return fmt.Errorf("signin: keeping an outcome: %w", err)
	}
	return nil
}

// Release forgets the key: the request was refused before anything happened,
// and may be tried again.
func (s *Signin) Release(ctx context.Context, t Ticket) error {
	err := s.store.Change(ctx, store.ItemChange{Item: store.Item{Shelf: shelfIdempotency, Key: t.key}, Delete: true, Expect: 1})
	if err != nil {
		return fmt.Errorf("signin: forgetting an idempotency key: %w", err)
	}
	return nil
}
