package gate

import (
	"fmt"
	"slices"
	"time"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

// StepKind is what a step of the checklist is about.
type StepKind string

// The kinds of steps, in the order in which they come.
const (
	StepProof    StepKind = "proof"     // the requester proves themselves
	StepApproval StepKind = "approval"  // people of one role sign
	StepWait     StepKind = "wait"      // the cooling-off, in which everybody can object
	StepOrder    StepKind = "order"     // the directory is changed
	StepSecret   StepKind = "secret"    // the requester is shown the new secret, once
	StepFollowUp StepKind = "follow_up" // one thing that the reset entails
	StepNotice   StepKind = "notice"    // everybody on record is told what came of it
	StepReview   StepKind = "review"    // somebody who took no part looks at it afterwards
)

// StepState is how far a step is.
type StepState string

// The states of a step.
const (
	StepPending StepState = "pending" // not its turn yet
	StepCurrent StepState = "current" // this is what the request waits for
	StepDone    StepState = "done"
	StepRefused StepState = "refused" // it failed, or the request ended here
	StepOff     StepState = "off"     // it will not come to this any more
)

// Step is one line of a request's checklist: the plan, and how far it is. It is
// the same for everybody who sees the request, but for what Ways says.
type Step struct {
	Step  StepKind   `json:"step"`
	State StepState  `json:"state"`
	At    *time.Time `json:"at,omitempty"`    // when it was done, or refused
	Until *time.Time `json:"until,omitempty"` // of a wait that has begun: its end
	// Role, Count and Have are of an approval: how many of a role have to sign,
	// and how many signatures count now.
	Role  identity.Role `json:"role,omitempty"`
	Count int           `json:"count,omitempty"`
	Have  int           `json:"have,omitempty"`
	// Seconds is how long a wait is.
	Seconds int64 `json:"seconds,omitempty"`
	// What is the follow-up, and Outcome what came of it.
	What    string `json:"what,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	// Ways are what the policy accepts as proof (any one of them, with all its
	// methods), the least first, and Left what is still missing of them. They
	// say nothing about what is on record. A desk sees them only where the
	// policy itself looks at nothing on record.
	Ways [][]proof.Method `json:"ways,omitempty"`
	Left [][]proof.Method `json:"left,omitempty"`
}

// progress is the checklist of a request, from its records at a moment.
func progress(s reset.State, records []store.Record, now time.Time, ways bool) []Step {
	if s.Status() == reset.RefusedEnd && atTheDoor(s) {
		return []Step{}
	}
	p := list{s: s, at: times(records), now: now, status: s.Status()}
	p.proof(ways)
	p.approvals()
	p.wait()
	p.order()
	p.secret()
	p.followUps()
	p.notice()
	p.review()
	return p.steps
}

// list is a checklist in the making.
type list struct {
	s       reset.State
	status  reset.Status
	at      moments
	now     time.Time
	steps   []Step
	stopped bool // the step at which the request ended is among them
}

// moments are when things happened that the state does not date.
type moments struct {
	ended, received, revealed *time.Time
	followed                  map[string]*time.Time
	told, untold              *time.Time // what came of it: heard by somebody, by nobody
}

// closing are the notices that say what came of a request.
var closing = []string{noticeDone, noticeEnded, noticeRepudiated}

func times(records []store.Record) moments {
	m := moments{followed: map[string]*time.Time{}}
	for _, r := range records {
		e, _, err := reset.Decode(r.Type, r.Body, r.Private)
		if err != nil {
			continue // it has been folded, so it reads
		}
		at := r.At
		switch e := e.(type) {
		case reset.Refused, reset.Cancelled, reset.Expired, reset.Withdrawn, reset.Voted:
			m.ended = &at // the last of them, if it ended: a denial is a vote
		case reset.Repudiated:
			m.ended = &at
		case reset.Received:
			m.received = &at
		case reset.Revealed:
			m.revealed = &at
		case reset.FollowedUp:
			m.followed[e.Kind] = &at
		case reset.Notified:
			if !slices.Contains(closing, e.Notice) {
				break
			}
			if e.Outcome == "sent" {
				m.told = &at
			} else {
				m.untold = &at
			}
		}
	}
	return m
}

func (p *list) add(step Step) { p.steps = append(p.steps, step) }

// turn is the state of a step that is not done: whether its turn has come, has
// not come yet, or will not come.
func (p *list) turn(step Step, mine bool) Step {
	switch {
	case p.s.IsOpen() && mine:
		step.State = StepCurrent
	case p.s.IsOpen() || p.status == reset.Done:
		step.State = StepPending
	case p.stopped || p.status == reset.Denied && step.Step == StepProof:
		step.State = StepOff
	default: // it got as far as here
		p.stopped, step.State, step.At = true, StepRefused, p.at.ended
	}
	return step
}

func (p *list) proof(ways bool) {
	step, have := Step{Step: StepProof}, []proof.Method{}
	var last time.Time
	for _, x := range p.s.Proofs {
		if p.s.IsOpen() && p.s.Order == nil && !p.now.Before(x.Until) {
			continue // too old to count, and taken back with the next plan
		}
		have = append(have, x.Method)
		if x.At.After(last) {
			last = x.At
		}
	}
	if ways {
		step.Ways, step.Left = p.s.Plan.Proofs.Remaining(nil), p.s.Plan.Proofs.Remaining(have)
	}
	if p.s.Plan.Proofs.Satisfied(have) {
		step.State, step.At = StepDone, &last
	} else {
		step = p.turn(step, true)
	}
	p.add(step)
}

// counted is how many signatures of each need count.
func (p *list) counted() map[identity.Role]int {
	text, err := p.s.Statement(reset.Approve)
	id := text.ID()
	if err != nil {
		id = ""
	}
	at := p.now
	switch {
	case p.s.Order != nil:
		at = p.s.Order.At
	case p.at.ended != nil && !p.s.IsOpen():
		at = *p.at.ended
	}
	open := map[identity.Role]int{}
	for _, n := range approval.Tally(p.s.Plan.Approvals, p.s.Votes, p.s.Barred(), id, at).Missing {
		open[n.Role] = n.Count
	}
	have := map[identity.Role]int{}
	for _, n := range p.s.Plan.Approvals {
		have[n.Role] = n.Count - open[n.Role]
	}
	return have
}

func (p *list) approvals() {
	have := p.counted()
	for _, n := range p.s.Plan.Approvals {
		step := Step{Step: StepApproval, Role: n.Role, Count: n.Count, Have: have[n.Role]}
		if step.Have >= n.Count {
			step.State, step.At = StepDone, p.lastVote(n.Role)
		} else {
			step = p.turn(step, p.status == reset.Approving)
		}
		p.add(step)
	}
}

func (p *list) lastVote(role identity.Role) *time.Time {
	var last *time.Time
	for _, v := range p.s.Votes {
		if !v.Deny && slices.Contains(v.Roles, role) {
			last = &v.At
		}
	}
	return last
}

func (p *list) wait() {
	if p.s.Plan.Wait == 0 {
		return
	}
	step := Step{Step: StepWait, Seconds: p.s.Plan.Wait}
	if until := p.s.WaitUntil(); !until.IsZero() {
		step.Until = &until
	}
	if p.s.Order != nil {
		step.State, step.At = StepDone, step.Until
	} else {
		step = p.turn(step, p.status == reset.Waiting)
	}
	p.add(step)
}

func (p *list) order() {
	step := Step{Step: StepOrder}
	switch p.status {
	case reset.Done:
		step.State, step.At = StepDone, p.at.received
	case reset.Failed:
		step.State, step.At = StepRefused, p.at.received
	default:
		step = p.turn(step, slices.Contains([]reset.Status{reset.Ready, reset.OrderedUp, reset.Dispatching, reset.Uncertain}, p.status))
	}
	p.add(step)
}

// later is a step that comes when the directory has been changed.
func (p *list) later(step Step) Step {
	if p.status == reset.Done {
		step.State = StepCurrent
		return step
	}
	return p.turn(step, false)
}

func (p *list) secret() {
	if p.s.Action != identity.PasswordReset {
		return
	}
	step := Step{Step: StepSecret}
	if p.s.Revealed {
		step.State, step.At = StepDone, p.at.revealed
	} else {
		step = p.later(step)
	}
	p.add(step)
}

func (p *list) followUps() {
	for _, kind := range p.s.Plan.FollowUp {
		step := Step{Step: StepFollowUp, What: kind}
		i := slices.IndexFunc(p.s.FollowUps, func(f reset.FollowedUp) bool { return f.Kind == kind })
		if i < 0 {
			step = p.later(step)
		} else {
			step.State, step.At, step.Outcome = StepRefused, p.at.followed[kind], p.s.FollowUps[i].Outcome
			if step.Outcome == "confirmed" {
				step.State = StepDone
			}
		}
		p.add(step)
	}
}

// notice is about the news of what came of the request. How many were told is
// not said: it would count what is on record.
func (p *list) notice() {
	step := Step{Step: StepNotice}
	switch {
	case p.at.told != nil:
		step.State, step.At = StepDone, p.at.told
	case p.at.untold != nil:
		step.State, step.At = StepRefused, p.at.untold
	case p.s.IsOpen():
		step.State = StepPending
	default:
		step.State = StepCurrent
	}
	p.add(step)
}

func (p *list) review() {
	step := Step{Step: StepReview}
	switch {
	case p.s.Review != nil:
		step.State, step.At, step.Outcome = StepDone, &p.s.Review.At, p.s.Review.Verdict
	case p.s.ReviewOwed():
		step.State = StepCurrent
	case p.s.Plan.Review > 0:
		step = p.turn(step, false)
	default:
		return
	}
	p.add(step)
}

// atTheDoor reports whether the request was refused when it was opened. Towards
// the desk there is then no such request: it was told nothing but no.
func atTheDoor(s reset.State) bool {
	return s.Status() == reset.RefusedEnd && len(s.Why) > 0 && s.PlannedAt.Equal(s.OpenedAt) && s.Order == nil && len(s.Sessions) == 0
}

// String reads "approval of manager: 0 of 1, current", for logs and tests.
func (s Step) String() string {
	switch s.Step {
	case StepApproval:
		return fmt.Sprintf("%s of %s: %d of %d, %s", s.Step, s.Role, s.Have, s.Count, s.State)
	case StepFollowUp:
		return fmt.Sprintf("%s %s: %s", s.Step, s.What, s.State)
	}
	return fmt.Sprintf("%s: %s", s.Step, s.State)
}
