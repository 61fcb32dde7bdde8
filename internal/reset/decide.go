package reset

import (
	"slices"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

// Command is a wish that Decide turns into events.
type Command interface{ command() }

// Open asks for a reset. Plan is the policy's answer to Facts.
type Open struct {
	Case   string
	Facts  policy.Facts
	Policy string
	Plan   policy.Plan
}

// Answer is an answer to a challenge, already checked by its method. Given is
// what it consisted of; its challenge and end are filled in here.
type Answer struct {
	Challenge string
	Session   string
	Right     bool
	Given     Proved
}

// Authorise asks for the order, on a plan computed from fresh facts.
type Authorise struct {
	Facts  policy.Facts
	Policy string
	Plan   policy.Plan // of Facts alone; Decide joins it with the old one
	Order  string      // id for the order, should it come to it
	// Gone are signers who no longer hold the role they signed in.
	Gone []identity.PersonID
}

// Record passes an event as it is; Evolve judges it.
type Record struct{ Event Event }

func (Open) command()      {}
func (Answer) command()    {}
func (Authorise) command() {}
func (Record) command()    {}

// Decide answers a command with the events it causes and the state after
// them, or with a *Refusal. Some refusals leave a trace: then both events and
// an error come back, and the events have to be recorded.
func Decide(s State, c Command, at time.Time) ([]Event, State, error) {
	d := &decision{state: s, at: at}
	err := d.decide(c)
	if err == nil && d.err == nil {
		d.beginWaiting()
	}
	if d.err != nil {
		return nil, s, d.err
	}
	return d.events, d.state, err
}

type decision struct {
	state  State
	at     time.Time
	events []Event
	err    error // of Evolve: nothing may be recorded
}

// emit evolves and reports whether the event was legal.
func (d *decision) emit(e Event) bool {
	if d.err != nil {
		return false
	}
	next, err := Evolve(d.state, e, d.at)
	if err != nil {
		d.err = err
		return false
	}
	d.events, d.state = append(d.events, e), next
	return true
}

func (d *decision) decide(c Command) error {
	switch c := c.(type) {
	case Open:
		return d.open(c)
	case Answer:
		return d.answer(c)
	case Authorise:
		return d.authorise(c)
	case Record:
		d.emit(c.Event)
		return nil
	}
	return refuse(Malformed, "unknown command %T", c)
}

func (d *decision) open(c Open) error {
	f := c.Facts
	ok := d.emit(Opened{
		Case: c.Case, Action: f.Action, Subject: f.Subject.ID, Person: f.Subject.Person, Manager: f.Subject.Manager,
		Requester: f.Requester.Person, Agent: f.Agent.Person, Desk: f.Agent.Desk, Channel: f.Request.Channel,
		Policy: c.Policy, Plan: c.Plan, Facts: f,
	})
	if ok && c.Plan.Denied() {
		d.emit(Refused{c.Plan.Deny})
	}
	return nil
}

func (d *decision) answer(c Answer) error {
	if i := d.state.challenge(c.Challenge); i < 0 || d.state.Challenges[i].Session != c.Session {
		return refuse(ChallengeUnknown, "this request has no such challenge")
	}
	if !c.Right {
		d.emit(AnswerRefused{c.Challenge})
		return nil
	}
	until := d.at.Add(proofLife)
	if end := d.state.ExpiresAt(); end.Before(until) {
		until = end
	}
	proved := c.Given
	proved.Challenge, proved.Until = c.Challenge, until
	d.emit(proved)
	return nil
}

// authorise plans again, joins, takes lapsed proofs back and, if nothing is
// missing, orders. What is missing is an error beside the events; when nothing
// changed there are no events, so asking often leaves no litter.
func (d *decision) authorise(c Authorise) error {
	before := d.state
	joined := policy.Join(before.Plan, c.Plan)
	if !d.emit(Replanned{Policy: c.Policy, Manager: c.Facts.Subject.Manager, Plan: joined, Facts: c.Facts}) {
		return nil
	}
	if joined.Denied() {
		d.emit(Refused{joined.Deny})
		return nil
	}
	if len(c.Gone) > 0 {
		d.emit(Voided{c.Gone})
	}
	if old := d.lapsing(); len(old) > 0 {
		d.emit(Lapsed{old})
	}
	missing := d.state.Unmet(d.at)
	if missing == nil {
		d.order(c.Order)
		return nil
	}
	// The statement holds everything a signature rests on, the name of the
	// subject included; and who may sign as manager stands beside it.
	was, _ := before.Statement(Approve)
	is, _ := d.state.Statement(Approve)
	if was == is && before.Manager == d.state.Manager && len(d.events) == 1 {
		d.events, d.state = nil, before
	}
	d.beginWaiting()
	return missing
}

func (d *decision) order(id string) {
	s := d.state
	o := Ordered{Order: id, Attempt: s.Attempts + 1, Action: s.Action, Subject: s.Subject}
	if s.Action == identity.PasswordReset {
		o.MustChange, o.Recipient = true, s.Recipient(s.Claimant)
	}
	d.emit(o)
}

func (d *decision) lapsing() []string {
	var ids []string
	for _, p := range d.state.Proofs {
		if !d.at.Before(p.Until) {
			ids = append(ids, p.Challenge)
		}
	}
	slices.Sort(ids)
	return ids
}

// beginWaiting starts the cooling-off as soon as it is all that is missing.
func (d *decision) beginWaiting() {
	if d.state.Plan.Wait > 0 && d.state.WaitFrom == nil && CodeOf(d.state.Unmet(d.at)) == CoolingOff {
		d.emit(WaitStarted{})
	}
}

// Paths are the ways still open to prove oneself, easiest first: the plan's
// alternatives less what has been proved.
func (s State) Paths(at time.Time) proof.Formula {
	return s.Plan.Proofs.Remaining(s.have(at))
}
