package reset

import (
	"fmt"
	"slices"
	"time"

	"countersign/internal/ledger"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

// Fold replays a stream's entry onto the state: it decodes the event, checks
// its commitments, and evolves.
func Fold(s State, leaf ledger.Leaf, private ledger.Private) (State, error) {
	if leaf.Version != s.Version+1 || s.ID != "" && leaf.Stream != s.ID {
		return s, refuse(IllegalTransition, "entry %s/%d does not follow %s/%d", leaf.Stream, leaf.Version, s.ID, s.Version)
	}
	e, _, err := Decode(leaf.Type, leaf.Body, private)
	if err != nil {
		return s, err
	}
	if s.Version == 0 {
		s.ID = leaf.Stream
	}
	return Evolve(s, e, leaf.At)
}

// Evolve folds one event into the state, or refuses it with a *Refusal when it
// is not legal there. The state passed in is never changed.
func Evolve(s State, e Event, at time.Time) (State, error) {
	if _, first := e.(Opened); first != (s.Version == 0) {
		return s, refuse(IllegalTransition, "a request is opened once, first")
	}
	if at.Before(s.ChangedAt) {
		return s, refuse(ClockStep, "the clock went back from %s to %s; correct it and try again", s.ChangedAt.Format(stamp), at.Format(stamp))
	}
	next, err := s.apply(e, at)
	if err != nil {
		return s, err
	}
	next.Version++
	next.ChangedAt = at
	return next, nil
}

func (s State) apply(e Event, at time.Time) (State, error) {
	switch e := e.(type) {
	case Opened:
		return s.opened(e, at)
	case Refused:
		return s.refused(e)
	case Claimed:
		return s.claimed(e, at)
	case Challenged:
		return s.challenged(e, at)
	case AnswerRefused:
		return s.answerRefused(e, at)
	case Proved:
		return s.proved(e, at)
	case Withheld:
		return s.withheld(e, at)
	case Lapsed:
		return s.lapsed(e, at)
	case Voted:
		return s.voted(e, at)
	case Voided:
		return s.voided(e)
	case Replanned:
		return s.replanned(e, at)
	case WaitStarted:
		return s.waitStarted(at)
	case Ordered:
		return s.ordered(e, at)
	case Withdrawn:
		return s.withdrawn(e)
	case Dispatched:
		return s.dispatched(e, at)
	case Received:
		return s.received(e, at)
	case Revealed:
		return s.revealed(e)
	case FollowedUp:
		return s.followedUp(e)
	case Notified:
		return s, nil
	case Cancelled:
		return s.ended(CancelledBy)
	case Expired:
		return s.expired(at)
	case Repudiated:
		return s.repudiated()
	case Reviewed:
		return s.reviewed(e, at)
	}
	return s, refuse(Malformed, "unknown event %T", e)
}

func (s State) opened(e Opened, at time.Time) (State, error) {
	switch {
	case e.Requester == "" || e.Person == "" || e.Subject.Check() != nil || e.Case == "":
		return s, refuse(Malformed, "the request names no account, person, requester or case")
	case e.Agent != "" && (e.Agent == e.Person || e.Agent == e.Requester):
		return s, refuse(SeparationOfDuties, "an agent opens no request about themselves")
	case e.Agent != "" && e.Agent == e.Manager:
		return s, refuse(SeparationOfDuties, "the manager of record signs; somebody else opens the request")
	}
	next := State{
		ID: s.ID, Case: e.Case, Action: e.Action, Subject: e.Subject, Person: e.Person, Manager: e.Manager,
		Requester: e.Requester, Agent: e.Agent, Desk: e.Desk, Channel: e.Channel,
		Policy: e.Policy, Plan: e.Plan, Facts: e.Facts, PlannedAt: at, OpenedAt: at,
	}
	if !next.describedBy(e.Facts, at) {
		return s, refuse(Malformed, "the request and its facts do not speak of the same thing")
	}
	return next, nil
}

// describedBy reports whether facts speak of this very request at this very
// moment: the plan is computed from the facts, separation of duties from what
// stands in the open, and the two must not be told different stories. Erased
// facts say nothing.
func (s State) describedBy(f policy.Facts, at time.Time) bool {
	return f.Subject.ID == "" || f.At.Equal(at) && f.Action == s.Action &&
		f.Subject.ID == s.Subject && f.Subject.Person == s.Person && f.Subject.Manager == s.Manager &&
		f.Requester.Person == s.Requester && f.Agent.Person == s.Agent && f.Agent.Desk == s.Desk &&
		f.Request.Channel == s.Channel
}

// undispatched refuses once the request has ended or the hands may have acted.
func (s State) undispatched() error {
	switch {
	case s.marked():
		return refuse(IllegalTransition, "the order has been dispatched; nothing before it can be changed")
	case s.End != "":
		return refuse(RequestEnded, "the request has ended (%s)", s.End)
	}
	return nil
}

// collecting refuses whenever evidence can no longer be added.
func (s State) collecting(at time.Time) error {
	if err := s.undispatched(); err != nil {
		return err
	}
	switch {
	case s.Order != nil:
		return refuse(IllegalTransition, "the order has been committed already")
	case s.Plan.Denied():
		return refuse(IllegalTransition, "the policy refuses this request")
	case !at.Before(s.ExpiresAt()):
		return refuse(RequestExpired, "the request ran out at %s; open a new one", s.ExpiresAt().Format(stamp))
	}
	return nil
}

func (s State) ended(end Status) (State, error) {
	if err := s.undispatched(); err != nil {
		return s, err
	}
	s.End = end
	return s, nil
}

func (s State) refused(e Refused) (State, error) {
	if !s.Plan.Denied() {
		return s, refuse(IllegalTransition, "the policy does not refuse this request")
	}
	s.Why = e.Reasons
	return s.ended(RefusedEnd)
}

func (s State) expired(at time.Time) (State, error) {
	if at.Before(s.ExpiresAt()) {
		return s, refuse(IllegalTransition, "the request has not run out yet")
	}
	return s.ended(ExpiredEnd)
}

func (s State) claimed(e Claimed, at time.Time) (State, error) {
	if err := s.collecting(at); err != nil {
		return s, err
	}
	if _, dup := s.session(e.Session); dup || e.Session == "" || e.Recipient == "" {
		return s, refuse(Malformed, "the session is not new or has no recipient")
	}
	if len(s.Sessions) >= maxSessions {
		return s, refuse(TooMany, "too many people came forward with this case code; open a new request")
	}
	s.Sessions = append(slices.Clone(s.Sessions), Session{ID: e.Session, Recipient: e.Recipient})
	return s, nil
}

// replanned takes the join of the old plan and a fresh one. Whatever was
// signed stays in the list but no longer counts where the statement changed.
func (s State) replanned(e Replanned, at time.Time) (State, error) {
	if err := s.undispatched(); err != nil {
		return s, err
	}
	before, err := s.planHash()
	if err != nil {
		return s, err
	}
	s.Policy, s.Plan, s.Facts, s.Manager, s.PlannedAt = e.Policy, e.Plan, e.Facts, e.Manager, at
	if !s.describedBy(e.Facts, at) {
		return s, refuse(Malformed, "the fresh facts speak of something else")
	}
	after, err := s.planHash()
	if before != after {
		s.WaitFrom = nil
	}
	return s, err
}

func (s State) repudiated() (State, error) {
	if s.Repudiated {
		return s, refuse(IllegalTransition, "the request has been repudiated already")
	}
	s.Repudiated = true
	if s.undispatched() == nil {
		s.End = Vetoed
	}
	return s, nil
}

func (s State) withdrawn(e Withdrawn) (State, error) {
	if s.Order == nil || s.Order.Order != e.Order || s.marked() {
		return s, refuse(IllegalTransition, "there is no undispatched order %s", e.Order)
	}
	s.Order = nil
	return s.ended(RefusedEnd)
}

func (s State) revealed(e Revealed) (State, error) {
	switch {
	case s.Status() != Done || s.Order.Recipient == "":
		return s, refuse(IllegalTransition, "there is no new secret to show")
	case e.Session != s.Claimant:
		return s, refuse(CaseClaimed, "the new secret is for the session that proved itself")
	case s.Revealed:
		return s, refuse(IllegalTransition, "the new secret has been shown once already")
	}
	s.Revealed = true
	return s, nil
}

func (s State) followedUp(e FollowedUp) (State, error) {
	if s.Status() != Done || !slices.Contains(s.Plan.FollowUp, e.Kind) {
		return s, refuse(IllegalTransition, "no follow-up %q is owed", e.Kind)
	}
	s.FollowUps = append(slices.Clone(s.FollowUps), e)
	return s, nil
}

func (s State) reviewed(e Reviewed, at time.Time) (State, error) {
	if !s.ReviewOwed() {
		return s, refuse(ReviewNotOwed, "no review is owed")
	}
	if e.Person == "" || slices.Contains(s.Barred(), e.Person) || slices.ContainsFunc(s.Votes, func(v vote) bool { return v.Person == e.Person }) {
		return s, refuse(SeparationOfDuties, "a reviewer took no part in the request")
	}
	if e.Verdict != "in_order" && e.Verdict != "suspicious" {
		return s, refuse(Malformed, "a review says in_order or suspicious")
	}
	s.Review = &Review{e.Person, e.Verdict, at}
	return s, nil
}

// lapsed takes proofs back and restarts the cooling-off.
func (s State) lapsed(e Lapsed, at time.Time) (State, error) {
	if err := s.undispatched(); err != nil {
		return s, err
	}
	for _, id := range e.Challenges {
		i := slices.IndexFunc(s.Proofs, func(p proof.Proof) bool { return p.Challenge == id })
		if i < 0 || at.Before(s.Proofs[i].Until) {
			return s, refuse(IllegalTransition, "proof %s has not lapsed", id)
		}
		s.Proofs = slices.Delete(slices.Clone(s.Proofs), i, i+1)
	}
	s.WaitFrom = nil
	return s, nil
}

// voided takes approvals back; a veto stays a veto.
func (s State) voided(e Voided) (State, error) {
	if err := s.undispatched(); err != nil {
		return s, err
	}
	kept := slices.DeleteFunc(slices.Clone(s.Votes), func(v vote) bool { return slices.Contains(e.Persons, v.Person) && !v.Deny })
	if len(kept) == len(s.Votes) {
		return s, refuse(IllegalTransition, "none of these persons has signed")
	}
	s.Votes, s.WaitFrom = kept, nil
	return s, nil
}

// String reads "req_… (proving)", for logs.
func (s State) String() string { return fmt.Sprintf("%s (%s)", s.ID, s.Status()) }
