package reset

import (
	"slices"
	"time"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

// Status is where a request stands, in one word.
type Status string

// The statuses. The first five are open: something is still owed.
const (
	Proving     Status = "proving"     // proofs are missing
	Approving   Status = "approving"   // signatures are missing
	Waiting     Status = "waiting"     // cooling off
	Ready       Status = "ready"       // every demand is met; about to be authorised
	OrderedUp   Status = "ordered"     // the order is on the ledger, not yet dispatched
	Dispatching Status = "dispatching" // the marker is written; the directory may be changing
	Uncertain   Status = "uncertain"   // dispatched, and the outcome could not be learnt
	Done        Status = "done"
	Failed      Status = "failed" // every attempt was found not applied
	RefusedEnd  Status = "refused"
	Denied      Status = "denied"
	CancelledBy Status = "cancelled"
	ExpiredEnd  Status = "expired"
	Vetoed      Status = "repudiated"
)

// OpenStatuses are those in which the request may still reach a directory.
var OpenStatuses = []Status{Proving, Approving, Waiting, Ready, OrderedUp, Dispatching, Uncertain}

// Limits that hold whatever the policy says.
const (
	maxFailures   = 5  // wrong answers per method and request
	maxChallenges = 10 // challenges per method and request; asking again never resets the failures
	maxSessions   = 10 // people coming forward per request
	maxAttempts   = 3  // orders per request, each found not applied before the next
)

// proofLife is how long an accepted proof counts, at most.
const proofLife = 24 * time.Hour

// State is a request as a value: the fold of its events. Facts are not part of
// its JSON, which holds nothing personal.
type State struct {
	ID         string             `json:"id"`
	Case       string             `json:"case"`
	Action     identity.Action    `json:"action"`
	Subject    identity.AccountID `json:"subject"`
	Person     identity.PersonID  `json:"person"`
	Manager    identity.PersonID  `json:"manager,omitempty"`
	Requester  identity.PersonID  `json:"requester"`
	Agent      identity.PersonID  `json:"agent,omitempty"`
	Desk       string             `json:"desk,omitempty"`
	Channel    identity.Channel   `json:"channel"`
	Policy     string             `json:"policy"`
	Plan       policy.Plan        `json:"plan"`
	Facts      policy.Facts       `json:"-"`
	PlannedAt  time.Time          `json:"planned_at"`
	OpenedAt   time.Time          `json:"opened_at"`
	ChangedAt  time.Time          `json:"changed_at"`
	Sessions   []Session          `json:"sessions,omitempty"`
	Claimant   string             `json:"claimant,omitempty"`
	Challenges []Challenge        `json:"challenges,omitempty"`
	Proofs     []proof.Proof      `json:"proofs,omitempty"`
	Votes      []approval.Vote    `json:"votes,omitempty"`
	WaitFrom   *time.Time         `json:"wait_from,omitempty"`
	Order      *Order             `json:"order,omitempty"`
	Attempts   int                `json:"attempts"`
	End        Status             `json:"end,omitempty"`
	Why        []policy.Denial    `json:"why,omitempty"` // reasons of a refusal
	Receipt    *Received          `json:"receipt,omitempty"`
	Revealed   bool               `json:"revealed"`
	FollowUps  []FollowedUp       `json:"follow_ups,omitempty"`
	Repudiated bool               `json:"repudiated"`
	Review     *Review            `json:"review,omitempty"`
	Withheld   []Withheld         `json:"withheld,omitempty"`
	// Probation is when the person's probation after this reset ends; nil when
	// the plan has none, or nothing was changed. See OnProbation.
	Probation *time.Time `json:"probation_until,omitempty"`
	Version   uint64     `json:"version"`
}

// Session is one person who came forward.
type Session struct {
	ID        string `json:"id"`
	Recipient string `json:"recipient"`
}

// Challenge is one asking for a proof.
type Challenge struct {
	ID        string       `json:"id"`
	Session   string       `json:"session"`
	Method    proof.Method `json:"method"`
	Enrolment string       `json:"enrolment"`
	Since     time.Time    `json:"since"`
	Until     time.Time    `json:"until"`
	Refused   int          `json:"refused"`
	Answered  bool         `json:"answered"`
	Also      []Choice     `json:"also,omitempty"`
}

// Choices are the factors that may answer.
func (c Challenge) Choices() []Choice {
	return append([]Choice{{c.Enrolment, c.Since}}, c.Also...)
}

// Choice finds one of the factors that may answer; "" is the first.
func (c Challenge) Choice(enrolment string) (Choice, bool) {
	all := c.Choices()
	i := slices.IndexFunc(all, func(x Choice) bool { return enrolment == "" || x.Enrolment == enrolment })
	if i < 0 {
		return Choice{}, false
	}
	return all[i], true
}

// Order is the one order that is under way, or the last.
type Order struct {
	Ordered
	At         time.Time  `json:"at"`
	Dispatched bool       `json:"dispatched"`
	MarkedAt   *time.Time `json:"marked_at,omitempty"`
}

// Review is one that was given.
type Review struct {
	Person  identity.PersonID `json:"person"`
	Verdict string            `json:"verdict"`
	At      time.Time         `json:"at"`
}

// Status derives the word from the state. It does not depend on the clock:
// running out of time is an event.
func (s State) Status() Status {
	switch {
	case s.Receipt != nil && s.Receipt.Outcome == Applied:
		return Done
	case s.End != "":
		return s.End
	case s.Receipt != nil && s.Receipt.Outcome == NotKnown:
		return Uncertain
	case s.Order != nil && s.Order.Dispatched:
		return Dispatching
	case s.Order != nil:
		return OrderedUp
	case !s.Plan.Proofs.Satisfied(s.have(time.Time{})):
		return Proving
	case !s.tally(time.Time{}).Granted:
		return Approving
	case s.Plan.Wait > 0:
		return Waiting
	}
	return Ready
}

// IsOpen reports whether the request may still reach a directory.
func (s State) IsOpen() bool { return slices.Contains(OpenStatuses, s.Status()) }

// marked reports whether the hands may already have acted: nothing before the
// marker can be undone after it.
func (s State) marked() bool { return s.Order != nil && s.Order.Dispatched }

// ExpiresAt is when the request runs out.
func (s State) ExpiresAt() time.Time {
	return s.OpenedAt.Add(time.Duration(s.Plan.Expires) * time.Second)
}

// WaitUntil is when the cooling-off ends; zero while it has not begun.
func (s State) WaitUntil() time.Time {
	if s.WaitFrom == nil {
		return time.Time{}
	}
	return s.WaitFrom.Add(time.Duration(s.Plan.Wait) * time.Second)
}

// ReviewOwed reports whether a review is owed and not yet given.
func (s State) ReviewOwed() bool {
	return s.Review == nil && (s.Repudiated || s.Plan.Review > 0 && s.Status() == Done)
}

// Fences reports whether this request keeps its subject frozen: somebody said
// "this wasn't me" and nobody has reviewed it.
func (s State) Fences() bool { return s.Repudiated && s.Review == nil }

// OnProbation reports whether this reset still keeps its person from acting
// for others.
func (s State) OnProbation(at time.Time) bool { return s.Probation != nil && at.Before(*s.Probation) }

// have lists the methods proved by proofs that still count at now; a zero now
// asks for no freshness.
func (s State) have(now time.Time) []proof.Method {
	var ms []proof.Method
	for _, p := range s.Proofs {
		if now.IsZero() || now.Before(p.Until) {
			ms = append(ms, p.Method)
		}
	}
	return ms
}

// Barred are the persons who may not sign: whoever takes part, those who
// attested to who the requester is among them.
func (s State) Barred() []identity.PersonID {
	all := []identity.PersonID{s.Person, s.Requester, s.Agent}
	for _, p := range s.Proofs {
		all = append(all, p.By)
	}
	return slices.DeleteFunc(all, func(p identity.PersonID) bool { return p == "" })
}

// tally counts the votes over the statement as it stands now.
func (s State) tally(now time.Time) approval.Verdict {
	votes := s.Votes
	if now.IsZero() {
		votes = slices.Clone(votes)
		for i := range votes {
			votes[i].Until = time.Unix(1<<40, 0)
		}
	}
	text, err := s.Statement(Approve)
	id := text.ID()
	if err != nil {
		id = "" // nobody can have signed what cannot be written
	}
	return approval.Tally(s.Plan.Approvals, votes, s.Barred(), id, now)
}

// Failures counts wrong answers by method over the whole request.
func (s State) Failures(m proof.Method) int {
	n := 0
	for _, c := range s.Challenges {
		if c.Method == m {
			n += c.Refused
		}
	}
	return n
}

func (s State) challenge(id string) int {
	return slices.IndexFunc(s.Challenges, func(c Challenge) bool { return c.ID == id })
}

// Recipient is the key that what is for a session is sealed to; "" when nobody
// came forward in it.
func (s State) Recipient(session string) string {
	x, _ := s.session(session)
	return x.Recipient
}

func (s State) session(id string) (Session, bool) {
	i := slices.IndexFunc(s.Sessions, func(x Session) bool { return x.ID == id })
	if i < 0 {
		return Session{}, false
	}
	return s.Sessions[i], true
}
