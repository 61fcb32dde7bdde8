package gate

import (
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
)

// ByEnrolment as Owner.By says that the session was opened by the invitation of
// somebody's first enrolment, when there is nothing else yet to prove with.
const ByEnrolment proof.Method = "enrolment"

// Owner is a person looking after the security of their own account, as
// package signin has established. It is neither staff nor the requester of a
// case, and neither of those is ever an Owner.
type Owner struct {
	Account identity.AccountID `json:"account"`
	Person  identity.PersonID  `json:"person"`
	By      proof.Method       `json:"by"`            // passkey, oidc or ByEnrolment
	Since   time.Time          `json:"since"`         // when they last proved themselves in this session
	Key     []byte             `json:"key,omitempty"` // the credential's id, for passkey
}
