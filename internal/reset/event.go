// Package reset is the life of one request: what may happen in which state,
// and what must have happened before an order goes out. It is pure. Decide
// turns a command into events; Evolve folds an event into the state and
// refuses what is not legal there, whoever wrote it, so the server that
// decides and the auditor who replays use the same judge.
package reset

import (
	"encoding/json"
	"fmt"
	"time"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
)

// Event is something that happened to a request. The types below are the
// stored form: their JSON must load for ever.
type Event interface{ Type() string }

// Opened begins a request.
type Opened struct {
	Case      string             `json:"case"` // public case code
	Action    identity.Action    `json:"action"`
	Subject   identity.AccountID `json:"subject"`
	Person    identity.PersonID  `json:"person"` // the subject's person
	Manager   identity.PersonID  `json:"manager,omitempty"`
	Requester identity.PersonID  `json:"requester"` // claimed
	Agent     identity.PersonID  `json:"agent,omitempty"`
	Desk      string             `json:"desk,omitempty"`
	Channel   identity.Channel   `json:"channel"`
	Policy    string             `json:"policy"` // hash
	Plan      policy.Plan        `json:"plan"`
	Facts     policy.Facts       `json:"facts" ledger:"private"`
}

// Refused ends a request that the policy denies.
type Refused struct {
	Reasons []policy.Denial `json:"reasons"`
}

// Claimed records that somebody came forward with the case code, in a session
// of their own. It proves nothing yet.
type Claimed struct {
	Session   string `json:"session"`
	Recipient string `json:"recipient"` // public key a secret for this session is sealed to
}

// Challenged records that the claimant of a session was asked for a proof.
type Challenged struct {
	Challenge string       `json:"challenge"`
	Session   string       `json:"session"`
	Method    proof.Method `json:"method"`
	Enrolment string       `json:"enrolment"`
	Since     time.Time    `json:"since"`
	Until     time.Time    `json:"until"`
	// Also lists further factors that may answer in the first one's stead:
	// whoever has two passkeys answers with the one at hand.
	Also []Choice `json:"also,omitempty"`
	// SetBy is who put the factor or destination on record, where that was
	// somebody else than its owner.
	SetBy string `json:"set_by,omitempty"`
}

// Choice is one registered factor of several.
type Choice struct {
	Enrolment string    `json:"enrolment"`
	Since     time.Time `json:"since"`
}

// Withheld records why a factor or destination on record was not offered.
type Withheld struct {
	Method    proof.Method `json:"method"`
	Enrolment string       `json:"enrolment"`
	Reason    Code         `json:"reason"`
}

// AnswerRefused records a wrong answer.
type AnswerRefused struct {
	Challenge string `json:"challenge"`
}

// Proved records a right answer. Its session becomes the claimant. What the
// answer consisted of stands here where others can check it again.
type Proved struct {
	Challenge string    `json:"challenge"`
	Until     time.Time `json:"until"`
	// Enrolment is which of the challenge's factors answered, where there were
	// several.
	Enrolment string `json:"enrolment,omitempty"`
	// By is who attested, for a method with a witness, and Document the kind of
	// document that a proofing officer saw.
	By       identity.PersonID `json:"by,omitempty"`
	Document string            `json:"document,omitempty"`
	// Assertion or Signature is over the challenge's statement. Key is the
	// enrolment of the passkey that made the assertion, where that is not the
	// factor itself and stands on no roster.
	Assertion *passkey.Assertion `json:"assertion,omitempty"`
	Signature passkey.Bytes      `json:"signature,omitempty"`
	Key       string             `json:"key,omitempty"`
	// Result is what a provider signed (idv, oidc), for whoever has its keys.
	Result string `json:"result,omitempty" ledger:"private"`
}

// Lapsed takes proofs back that have become too old.
type Lapsed struct {
	Challenges []string `json:"challenges"`
}

// Voted is an approver's signed decision.
type Voted struct {
	Person    identity.PersonID `json:"person"`
	Roles     []identity.Role   `json:"roles"`
	Deny      bool              `json:"deny"`
	Statement string            `json:"statement"`
	Until     time.Time         `json:"until"`
	Note      string            `json:"note,omitempty" ledger:"private"`
	Assertion passkey.Assertion `json:"assertion"`
}

// Voided takes signatures back whose signers no longer hold the role.
type Voided struct {
	Persons []identity.PersonID `json:"persons"`
}

// Replanned records that the plan was computed again from fresh facts and
// joined with the old one.
type Replanned struct {
	Policy  string            `json:"policy"`
	Manager identity.PersonID `json:"manager,omitempty"`
	Plan    policy.Plan       `json:"plan"` // the join
	Facts   policy.Facts      `json:"facts" ledger:"private"`
}

// WaitStarted begins the cooling-off.
type WaitStarted struct{}

// Ordered commits to one mutation. It is legal only when every demand is met.
type Ordered struct {
	Order      string             `json:"order"`
	Attempt    int                `json:"attempt"`
	Action     identity.Action    `json:"action"`
	Subject    identity.AccountID `json:"subject"`
	MustChange bool               `json:"must_change"`
	Recipient  string             `json:"recipient,omitempty"`
}

// Withdrawn takes an order back that the hands refused to carry out.
type Withdrawn struct {
	Order  string `json:"order"`
	Reason string `json:"reason"`
}

// Dispatched is the marker: from here the hands may touch the directory.
type Dispatched struct {
	Order string `json:"order"`
}

// Outcome of an order.
type Outcome string

// The outcomes.
const (
	Applied    Outcome = "applied"
	NotApplied Outcome = "not_applied"
	NotKnown   Outcome = "not_known"
)

// Received is the receipt of an order.
type Received struct {
	Order      string   `json:"order"`
	Outcome    Outcome  `json:"outcome"`
	OldDead    string   `json:"old_dead,omitempty"` // dead, alive, unknown
	Reported   bool     `json:"reported"`           // the directory reported success
	Reconciled bool     `json:"reconciled"`         // learnt by reading the target after a crash or a lost answer
	Notes      []string `json:"notes,omitempty"`
}

// Revealed records that the claimant was shown the new secret.
type Revealed struct {
	Session string `json:"session"`
}

// FollowedUp records what came of a follow-up.
type FollowedUp struct {
	Kind    string `json:"kind"`
	Outcome string `json:"outcome"` // confirmed, not_supported, failed
	Note    string `json:"note,omitempty"`
}

// Notified records a notice to one registered destination.
type Notified struct {
	Notice  string `json:"notice"`  // opened, done, …
	Contact string `json:"contact"` // the destination's id; none
	Outcome string `json:"outcome"` // sent, failed; nobody: there was nobody to tell, or no way to
}

// Cancelled ends a request at the wish of somebody who may.
type Cancelled struct {
	By string `json:"by"` // agent, requester, officer, fence; reported: somebody with the case code said it was not them
}

// Expired ends a request that ran out of time.
type Expired struct{}

// Repudiated records "this wasn't me". Until it is reviewed, it fences the
// subject.
type Repudiated struct {
	Contact string `json:"contact"` // the destination the notice had gone to
}

// Reviewed closes a review that was owed.
type Reviewed struct {
	Person    identity.PersonID `json:"person"`
	Verdict   string            `json:"verdict"` // in_order, suspicious
	Note      string            `json:"note,omitempty" ledger:"private"`
	Assertion passkey.Assertion `json:"assertion"`
}

// The events' names on the ledger.
func (Opened) Type() string        { return "opened" }
func (Refused) Type() string       { return "refused" }
func (Claimed) Type() string       { return "claimed" }
func (Challenged) Type() string    { return "challenged" }
func (AnswerRefused) Type() string { return "answer_refused" }
func (Proved) Type() string        { return "proved" }
func (Withheld) Type() string      { return "withheld" }
func (Lapsed) Type() string        { return "lapsed" }
func (Voted) Type() string         { return "voted" }
func (Voided) Type() string        { return "voided" }
func (Replanned) Type() string     { return "replanned" }
func (WaitStarted) Type() string   { return "wait_started" }
func (Ordered) Type() string       { return "ordered" }
func (Withdrawn) Type() string     { return "withdrawn" }
func (Dispatched) Type() string    { return "dispatched" }
func (Received) Type() string      { return "received" }
func (Revealed) Type() string      { return "revealed" }
func (FollowedUp) Type() string    { return "followed_up" }
func (Notified) Type() string      { return "notified" }
func (Cancelled) Type() string     { return "cancelled" }
func (Expired) Type() string       { return "expired" }
func (Repudiated) Type() string    { return "repudiated" }
func (Reviewed) Type() string      { return "reviewed" }

type decoder func(open json.RawMessage, private ledger.Private) (Event, []string, error)

func decoderOf[E Event]() decoder {
	return func(open json.RawMessage, private ledger.Private) (Event, []string, error) {
		var e E
		erased, err := ledger.Open(open, private, &e)
		return e, erased, err
	}
}

var decoders = map[string]decoder{
	"opened": decoderOf[Opened](), "refused": decoderOf[Refused](), "claimed": decoderOf[Claimed](),
	"challenged": decoderOf[Challenged](), "answer_refused": decoderOf[AnswerRefused](),
	"proved": decoderOf[Proved](), "lapsed": decoderOf[Lapsed](), "voted": decoderOf[Voted](),
	"voided": decoderOf[Voided](), "replanned": decoderOf[Replanned](), "wait_started": decoderOf[WaitStarted](),
	"ordered": decoderOf[Ordered](), "withdrawn": decoderOf[Withdrawn](),
	"dispatched": decoderOf[Dispatched](), "received": decoderOf[Received](),
	"revealed": decoderOf[Revealed](), "followed_up": decoderOf[FollowedUp](),
	"notified": decoderOf[Notified](), "cancelled": decoderOf[Cancelled](),
	"withheld": decoderOf[Withheld](),
	"expired":  decoderOf[Expired](), "repudiated": decoderOf[Repudiated](), "reviewed": decoderOf[Reviewed](),
}

// Decode reads an event back from the ledger, checking its commitments. The
// names of members whose values were erased come second.
func Decode(kind string, open json.RawMessage, private ledger.Private) (Event, []string, error) {
	d, ok := decoders[kind]
	if !ok {
		return nil, nil, fmt.Errorf("reset: unknown event type %q", kind)
	}
	e, erased, err := d(open, private)
	if err != nil {
		return nil, nil, fmt.Errorf("reset: reading %s: %w", kind, err)
	}
	return e, erased, nil
}

// vote is what approval.Tally sees of it.
func (v Voted) vote(at time.Time) approval.Vote {
	return approval.Vote{Person: v.Person, Roles: v.Roles, Deny: v.Deny, Statement: v.Statement, At: at, Until: v.Until}
}
