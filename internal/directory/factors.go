package directory

import (
	"context"
	"time"

	"countersign/internal/identity"
)

// Factor is a second factor that an account has registered at its directory:
// an authenticator app, a telephone, a security key.
type Factor struct {
	// Name is what the directory calls it, raw; unique within the account.
	// It is no secret, and stays out of the ledger and of logs all the same.
	Name string
	// Since is when it was registered, by the directory's clock; zero when the
	// directory does not say.
	Since time.Time
}

// FactorResetter takes an account's second factors away.
type FactorResetter interface {
	FactorLister
	// ResetFactors takes every registered second factor of the account away,
	// so that its owner registers a new one at the next sign-in. Passwords,
	// lock-outs and open sessions stay as they are. An account without any
	// factor is reset as well: there is nothing to do, and Outcome.Applied.
	// Outcome.OldDead is "dead" when the directory was seen to have none left.
	// ErrRefused, ErrUnreachable and ErrNotFound: nothing changed.
	// ErrUncertain: some or all of them may be gone.
	ResetFactors(ctx context.Context, id identity.AccountID) (Outcome, error)
}

// FactorLister tells which second factors an account has. A resetter has to be
// one, because after a crash reading is the only way to learn what was done.
type FactorLister interface {
	// Factors lists every second factor that would be accepted at a sign-in,
	// read from the server that changes are written to; empty when there is
	// none. ErrNotFound, ErrUnreachable.
	Factors(ctx context.Context, id identity.AccountID) ([]Factor, error)
}
