// Package approval counts signed decisions: which votes are valid, whether the
// thresholds are met by distinct persons, and whether somebody has vetoed.
package approval

import (
	"time"

	"countersign/internal/identity"
)

// Need asks for signatures of Count distinct persons in Role.
type Need struct {
	Role  identity.Role `json:"role"`
	Count int           `json:"count"`
}

// Vote is one signed decision over one statement.
type Vote struct {
	Person    identity.PersonID `json:"person"`
	Roles     []identity.Role   `json:"roles"`     // what the person could sign as, when signing
	Deny      bool              `json:"deny"`      // a denial vetoes
	Statement string            `json:"statement"` // base64url SHA-256 of the statement's bytes
	At        time.Time         `json:"at"`
	Until     time.Time         `json:"until"` // an approval does not count from this moment on
}
