package gate

import (
	"context"
	"errors"
	"fmt"

	"countersign/internal/passhash"
)

// ErrCrowded: too many answers wait to be checked already. Nothing was counted.
var ErrCrowded = &Fault{"busy", "too many answers are being checked at this moment; yours was not looked at and is not counted, try again in a few seconds"}

// hasher is how the gate hashes and compares. What it asks for goes by the
// name of the request that it is for, and otherwise by where the caller is (see
// From), so that whoever floods one of them stands in nobody else's way.
type hasher struct{ *passhash.Hasher }

func (h hasher) Hash(ctx context.Context, secret string) (string, error) {
	hash, err := h.Hasher.Hash(ctx, secret)
	return hash, crowded(err)
}

func (h hasher) Verify(ctx context.Context, hash, secret string) (bool, error) {
	right, err := h.Hasher.Verify(ctx, hash, secret)
	return right, crowded(err)
}

func crowded(err error) error {
	if errors.Is(err, passhash.ErrBusy) {
		return fmt.Errorf("%w (%w)", ErrCrowded, err)
	}
	return err
}
