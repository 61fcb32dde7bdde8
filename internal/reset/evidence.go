package reset

import (
	"slices"
	"strings"
	"time"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

type vote = approval.Vote

// usable says why a method may not be asked of this request: the plan does not
// want it, it travels the way the caller came, its destination is opened by
// the very account in question, or it is too young.
func (s State) usable(m proof.Method, enrolment string, since time.Time) error {
	spec, ok := proof.SpecOf(m)
	if !ok || !slices.Contains(s.Plan.Proofs.Methods(), m) {
		return refuse(MethodNotWanted, "the plan does not ask for %s", m)
	}
	// Whoever walks in is looked at by somebody else than the desk: presence
	// cannot be intercepted as a line or a mailbox can.
	if spec.Channel == s.Channel && m != proof.InPerson {
		return refuse(ChannelNotIndependent, "%s travels over %s, the way this request came in", m, s.Channel)
	}
	for _, c := range s.Facts.Contacts {
		if c.ID == enrolment && c.Own {
			return refuse(ChannelNotIndependent, "this destination is opened by the account itself")
		}
	}
	if spec.Unregistered {
		return nil
	}
	if since.IsZero() || s.OpenedAt.Sub(since) < time.Duration(s.Plan.CoolOff)*time.Second {
		return refuse(DestinationTooNew, "it has not been on record long enough (%s)", time.Duration(s.Plan.CoolOff)*time.Second)
	}
	return nil
}

// Usable tells whether a challenge by this method to this enrolment would be
// accepted now, for showing people the paths that are open to them.
func (s State) Usable(m proof.Method, enrolment string, since, at time.Time) error {
	if err := s.collecting(at); err != nil {
		return err
	}
	if s.Failures(m) >= maxFailures {
		return refuse(MethodLocked, "%s is locked for this request after %d wrong answers", m, maxFailures)
	}
	return s.usable(m, enrolment, since)
}

func (s State) challenged(e Challenged, at time.Time) (State, error) {
	if err := s.Usable(e.Method, e.Enrolment, e.Since, at); err != nil {
		return s, err
	}
	spec, _ := proof.SpecOf(e.Method)
	asked := 0
	for _, c := range s.Challenges {
		if c.Method == e.Method {
			asked++
		}
	}
	_, known := s.session(e.Session)
	switch {
	case !known:
		return s, refuse(ChallengeUnknown, "nobody came forward in session %s", e.Session)
	case s.Claimant != "" && s.Claimant != e.Session:
		return s, refuse(CaseClaimed, "somebody else has proved themselves for this case")
	case asked >= maxChallenges:
		return s, refuse(TooMany, "%s was asked for too often; use another method or open a new request", e.Method)
	case s.challenge(e.Challenge) >= 0 || e.Challenge == "" || e.Enrolment == "":
		return s, refuse(Malformed, "the challenge is not new or names no enrolment")
	case !at.Before(e.Until) || e.Until.After(at.Add(spec.Life)):
		return s, refuse(Malformed, "a %s challenge may be answered for %s at most", e.Method, spec.Life)
	case e.SetBy != "" && e.SetBy == string(s.Agent):
		return s, refuse(DestinationTooNew, "it was put on record by the agent of this request")
	}
	for _, c := range e.Also {
		if err := s.usable(e.Method, c.Enrolment, c.Since); err != nil {
			return s, err
		}
	}
	s.Challenges = append(slices.Clone(s.Challenges), Challenge{
		ID: e.Challenge, Session: e.Session, Method: e.Method, Enrolment: e.Enrolment, Since: e.Since, Until: e.Until, Also: e.Also})
	return s, nil
}

// withheld notes, once for each reason, what was on record and not offered.
func (s State) withheld(e Withheld, at time.Time) (State, error) {
	if err := s.collecting(at); err != nil {
		return s, err
	}
	if e.Enrolment == "" || e.Reason == "" || slices.Contains(s.Withheld, e) {
		return s, refuse(Malformed, "what was not offered is noted once, with its reason")
	}
	s.Withheld = append(slices.Clone(s.Withheld), e)
	return s, nil
}

// answerable finds the open challenge that an answer is for.
func (s State) answerable(id string, at time.Time) (int, error) {
	if err := s.collecting(at); err != nil {
		return -1, err
	}
	i := s.challenge(id)
	switch {
	case i < 0:
		return -1, refuse(ChallengeUnknown, "this request has no such challenge")
	case s.Challenges[i].Answered:
		return -1, refuse(ChallengeUnknown, "the challenge has been answered already")
	case !at.Before(s.Challenges[i].Until):
		return -1, refuse(ChallengeLapsed, "the challenge lapsed at %s; ask for a new one", s.Challenges[i].Until.Format(stamp))
	case s.Failures(s.Challenges[i].Method) >= maxFailures:
		return -1, refuse(MethodLocked, "%s is locked for this request after %d wrong answers", s.Challenges[i].Method, maxFailures)
	case s.Claimant != "" && s.Claimant != s.Challenges[i].Session:
		return -1, refuse(CaseClaimed, "somebody else has proved themselves for this case")
	}
	return i, nil
}

func (s State) answerRefused(e AnswerRefused, at time.Time) (State, error) {
	i, err := s.answerable(e.Challenge, at)
	if err != nil {
		return s, err
	}
	s.Challenges = slices.Clone(s.Challenges)
	s.Challenges[i].Refused++
	return s, nil
}

func (s State) proved(e Proved, at time.Time) (State, error) {
	i, err := s.answerable(e.Challenge, at)
	if err != nil {
		return s, err
	}
	c := s.Challenges[i]
	used, known := c.Choice(e.Enrolment)
	switch {
	case slices.Contains(s.have(time.Time{}), c.Method):
		return s, refuse(MethodNotWanted, "%s has been proved already", c.Method)
	case !at.Before(e.Until) || e.Until.After(at.Add(proofLife)):
		return s, refuse(Malformed, "a proof counts for %s at most", proofLife)
	case !known:
		return s, refuse(Malformed, "the factor that answered was not asked")
	}
	if err := s.given(c.Method, e); err != nil {
		return s, err
	}
	s.Challenges = slices.Clone(s.Challenges)
	s.Challenges[i].Answered = true
	s.Claimant = c.Session
	s.Proofs = append(slices.Clone(s.Proofs), proof.Proof{
		Method: c.Method, Challenge: c.ID, Enrolment: used.Enrolment, Since: used.Since, At: at, Until: e.Until, By: e.By, Key: e.Key})
	return s, nil
}

// Documents are the kinds of document that a proofing officer may attest to.
var Documents = []string{"passport", "identity_card", "residence_permit", "driving_licence", "staff_badge"}

// given checks that a proof brings along what its method must leave behind.
// Whether a signature is good is for whoever knows the keys.
func (s State) given(m proof.Method, e Proved) error {
	spec, _ := proof.SpecOf(m)
	signed := func(v vote) bool { return v.Person == e.By }
	switch {
	case spec.Signed != (e.Assertion != nil || len(e.Signature) > 0) || e.Assertion != nil && len(e.Signature) > 0:
		return refuse(Malformed, "a %s proof is one signature where the method signs, and none where it does not", m)
	case spec.Witness != (e.By != ""):
		return refuse(Malformed, "a %s proof names its witness where the method has one", m)
	case spec.Witness && (slices.Contains(s.Barred(), e.By) || slices.ContainsFunc(s.Votes, signed)):
		return refuse(SeparationOfDuties, "whoever takes part in a request does not attest to who asks")
	case (m == proof.InPerson) != (e.Document != "") || e.Document != "" && !slices.Contains(Documents, e.Document):
		return refuse(Malformed, "an attestation in person names a kind of document: %s", strings.Join(Documents, ", "))
	}
	return nil
}

// voted takes a decision. Whether its signature is the person's own is checked
// by whoever knows the roster; everything else is checked here.
func (s State) voted(e Voted, at time.Time) (State, error) {
	if err := s.mayVote(e, at); err != nil {
		return s, err
	}
	s.Votes = append(slices.Clone(s.Votes), e.vote(at))
	if e.Deny {
		return s.ended(Denied)
	}
	return s, nil
}

func (s State) mayVote(e Voted, at time.Time) error {
	if err := s.undispatched(); err != nil {
		return err
	}
	decision := Approve
	if e.Deny {
		decision = Deny
	} else if err := s.collecting(at); err != nil {
		return err
	}
	text, err := s.Statement(decision)
	if err != nil {
		return err
	}
	switch {
	case e.Person == "" || len(e.Roles) == 0:
		return refuse(RoleMissing, "you hold no role that signs for this account")
	case slices.Contains(e.Roles, identity.Manager) && e.Person != s.Manager:
		return refuse(RoleMissing, "you are not the manager of record")
	case e.Statement != text.ID():
		return refuse(StatementOutdated, "the request has changed since the statement was shown; read it again")
	case e.Deny:
		return nil
	case slices.Contains(s.Barred(), e.Person):
		return refuse(SeparationOfDuties, "whoever takes part in a request does not sign for it")
	case !s.Plan.Proofs.Satisfied(s.have(at)):
		return refuse(ProofMissing, "the requester has not proved themselves yet")
	case slices.ContainsFunc(s.Votes, func(v vote) bool { return v.Person == e.Person && v.Statement == e.Statement && at.Before(v.Until) }):
		return refuse(SignedAlready, "you have signed this statement already")
	case !at.Before(e.Until):
		return refuse(Malformed, "the approval would never count")
	}
	return nil
}
