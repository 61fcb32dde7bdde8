package reset_test

import (
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

var oneSecurity = approval.Need{Role: identity.Security, Count: 1}

func TestARequestWalksFromProofToDone(t *testing.T) {
	s := begin(t, plan("totp", time.Hour, oneSecurity))
	s.claim("a")
	s.prove("a", proof.TOTP)
	s.must(s.vote(security, false, identity.Security))
	if got := s.state.Status(); got != reset.Waiting {
		t.Fatalf("after the signature: %s", got)
	}
	s.must(reset.WaitStarted{})
	s.refused(reset.CoolingOff, s.order())
	s.at = s.at.Add(time.Hour)
	s.refused(reset.PlanStale, s.order())
	s.must(s.replanned(s.state.Plan), s.order(), reset.Dispatched{Order: "ord_1"})
	if got := s.state.Status(); got != reset.Dispatching {
		t.Fatalf("after the marker: %s", got)
	}
	s.must(reset.Received{Order: "ord_1", Outcome: reset.Applied}, reset.Revealed{Session: "a"})
	s.refused(reset.IllegalTransition, reset.Revealed{Session: "a"})
	if got := s.state.Status(); got != reset.Done {
		t.Fatalf("at the end: %s", got)
	}
}

func TestNobodyOpensOrSignsForThemselves(t *testing.T) {
	o := opened(plan("totp", 0))
	o.Agent = subject
	if _, err := reset.Evolve(reset.State{}, o, t0); reset.CodeOf(err) != reset.SeparationOfDuties {
		t.Errorf("an agent opened a request about themselves: %v", err)
	}
	o.Agent = manager
	if _, err := reset.Evolve(reset.State{}, o, t0); reset.CodeOf(err) != reset.SeparationOfDuties {
		t.Errorf("a manager opened a request they would sign: %v", err)
	}
	s := begin(t, plan("totp", 0, oneSecurity))
	s.claim("a")
	s.prove("a", proof.TOTP)
	s.refused(reset.SeparationOfDuties, s.vote(subject, false, identity.Security))
	s.refused(reset.SeparationOfDuties, s.vote(agent, false, identity.Security))
	s.refused(reset.RoleMissing, s.vote(security, false, identity.Manager))
	s.refused(reset.RoleMissing, s.vote(security, false))
	s.must(s.vote(security, false, identity.Security))
	s.refused(reset.SignedAlready, s.vote(security, false, identity.Security))
}

func TestNobodySignsBeforeTheProof(t *testing.T) {
	s := begin(t, plan("totp", 0, oneSecurity))
	s.refused(reset.ProofMissing, s.vote(security, false, identity.Security))
}

func TestANewProofVoidsWhatWasSigned(t *testing.T) {
	s := begin(t, plan("totp || recovery_code", 0, oneSecurity, approval.Need{Role: identity.Manager, Count: 1}))
	s.claim("a")
	s.prove("a", proof.TOTP)
	old := s.vote(manager, false, identity.Manager)
	s.must(s.vote(security, false, identity.Security))
	s.prove("a", proof.RecoveryCode)
	s.refused(reset.StatementOutdated, old)
	s.must(s.vote(manager, false, identity.Manager))
	if err := s.state.Unmet(s.at); reset.CodeOf(err) != reset.ApprovalMissing {
		t.Errorf("a signature over an earlier statement still counted: %v", err)
	}
}

func TestFiveWrongAnswersLockTheMethodHoweverOftenItIsAskedForAgain(t *testing.T) {
	s := begin(t, plan("totp || recovery_code", 0))
	s.claim("a")
	var last string
	for i := range 5 {
		if i%2 == 0 {
			last = s.ask("a", proof.TOTP)
		}
		s.must(reset.AnswerRefused{Challenge: last})
	}
	s.refused(reset.MethodLocked, reset.Proved{Challenge: last, Until: s.at.Add(time.Hour)})
	s.refused(reset.MethodLocked, challenged("chl_x", "a", proof.TOTP, s.at))
	s.prove("a", proof.RecoveryCode) // the other way stays open
}

func TestAChallengeIsAnsweredOnceInTimeAndInItsOwnSession(t *testing.T) {
	s := begin(t, plan("totp && recovery_code", 0))
	s.claim("a")
	s.claim("b")
	id, late := s.ask("a", proof.TOTP), s.ask("a", proof.RecoveryCode)
	other := s.ask("b", proof.RecoveryCode)
	s.must(reset.Proved{Challenge: id, Until: s.at.Add(time.Hour)})
	s.refused(reset.ChallengeUnknown, reset.Proved{Challenge: id, Until: s.at.Add(time.Hour)})
	s.refused(reset.CaseClaimed, reset.Proved{Challenge: other, Until: s.at.Add(time.Hour)})
	s.refused(reset.CaseClaimed, challenged("chl_z", "b", proof.RecoveryCode, s.at))
	s.at = s.at.Add(10 * time.Minute)
	s.refused(reset.ChallengeLapsed, reset.Proved{Challenge: late, Until: s.at.Add(time.Hour)})
	s.refused(reset.ChallengeUnknown, reset.Proved{Challenge: "chl_of_another_request", Until: s.at.Add(time.Hour)})
}

func TestOnlyIndependentOldAndWantedDestinationsAreAsked(t *testing.T) {
	s := begin(t, plan("email_code || totp", 0))
	s.claim("a")
	mail := challenged("chl_1", "a", proof.EmailCode, s.at)
	mail.Enrolment = "con_own"
	s.refused(reset.ChannelNotIndependent, mail)
	mail.Enrolment, mail.Since = "con_private", t0.Add(-71*time.Hour)
	s.refused(reset.DestinationTooNew, mail)
	mail.Since = t0.Add(-72 * time.Hour)
	s.must(mail)
	s.refused(reset.MethodNotWanted, challenged("chl_2", "a", proof.RecoveryCode, s.at))

	o := opened(plan("email_code || totp", 0))
	o.Channel, o.Facts.Request.Channel = identity.Email, identity.Email
	byMail, err := reset.Evolve(reset.State{ID: "req_2"}, o, t0)
	if err != nil {
		t.Fatal(err)
	}
	m := story{t: t, state: byMail, at: t0}
	m.claim("a")
	mail.Since = t0.AddDate(-1, 0, 0)
	m.refused(reset.ChannelNotIndependent, mail)
}

func TestADenialAfterTheOrderStillStopsIt(t *testing.T) {
	s := begin(t, plan("totp", 0, oneSecurity))
	s.claim("a")
	s.prove("a", proof.TOTP)
	s.must(s.vote(security, false, identity.Security), s.replanned(s.state.Plan))
	s.must(s.order())
	s.must(s.vote(officer, true, identity.Security))
	s.refused(reset.RequestEnded, reset.Dispatched{Order: "ord_1"})
	if got := s.state.Status(); got != reset.Denied {
		t.Errorf("status %s", got)
	}
}

func TestTheVetoWinsUntilTheMarkerAndIsHeardAfterIt(t *testing.T) {
	ready := func() *story {
		s := begin(t, plan("totp", 0))
		s.claim("a")
		s.prove("a", proof.TOTP)
		s.must(s.replanned(s.state.Plan), s.order())
		return s
	}
	s := ready()
	s.must(reset.Repudiated{Contact: "con_1"})
	s.refused(reset.RequestEnded, reset.Dispatched{Order: "ord_1"})
	if !s.state.Fences() || !s.state.ReviewOwed() {
		t.Error("a repudiated request neither fences nor owes a review")
	}

	s = ready()
	s.must(reset.Dispatched{Order: "ord_1"}, reset.Repudiated{Contact: "con_1"}, reset.Received{Order: "ord_1", Outcome: reset.Applied})
	if s.state.Status() != reset.Done || !s.state.Fences() {
		t.Errorf("after the marker: %s, fences %v", s.state.Status(), s.state.Fences())
	}
	s.refused(reset.SeparationOfDuties, reset.Reviewed{Person: agent, Verdict: "in_order"})
	s.must(reset.Reviewed{Person: officer, Verdict: "suspicious"})
	if s.state.Fences() {
		t.Error("still fenced after the review")
	}
}

func TestWhatWasNotAppliedMayBeOrderedThreeTimes(t *testing.T) {
	s := begin(t, plan("totp", 0))
	s.claim("a")
	s.prove("a", proof.TOTP)
	for range 3 {
		s.must(s.replanned(s.state.Plan))
		o := s.order()
		s.must(o, reset.Dispatched{Order: o.Order})
		s.must(reset.Received{Order: o.Order, Outcome: reset.NotKnown}) // first unknown,
		if s.state.Status() != reset.Uncertain {
			t.Fatalf("status %s", s.state.Status())
		}
		s.refused(reset.IllegalTransition, s.order())
		s.must(reset.Received{Order: o.Order, Outcome: reset.NotApplied}) // then learnt
	}
	if s.state.Status() != reset.Failed {
		t.Errorf("after three attempts: %s", s.state.Status())
	}
	s.refused(reset.RequestEnded, s.order())
}

func TestTimeRunsOutAndNeverBack(t *testing.T) {
	s := begin(t, plan("totp", 0))
	s.claim("a")
	s.prove("a", proof.TOTP)
	s.refused(reset.IllegalTransition, reset.Expired{})
	s.at = s.at.Add(-time.Second)
	s.refused(reset.ClockStep, reset.Claimed{Session: "b", Recipient: "age1b"})
	s.at = t0.Add(24 * time.Hour)
	s.refused(reset.RequestExpired, s.order())
	s.must(reset.Expired{})
	s.refused(reset.RequestEnded, reset.Cancelled{By: "agent"})
}

func TestAuthoriseJoinsAndSaysWhatIsMissing(t *testing.T) {
	s := begin(t, plan("totp", 0))
	s.claim("a")
	s.prove("a", proof.TOTP)
	looser := plan("recovery_code", 0, oneSecurity)
	looser.Tier = identity.Critical
	events, after, err := reset.Decide(s.state, reset.Authorise{Facts: facts(t0), Policy: "sha256:q", Plan: looser, Order: "ord_1"}, t0)
	if reset.CodeOf(err) != reset.ProofMissing || len(events) != 1 || after.Plan.Tier != identity.Critical {
		t.Fatalf("got %d events, %v, tier %s", len(events), err, after.Plan.Tier)
	}
	if after.Plan.Proofs.Satisfied([]proof.Method{proof.TOTP}) || after.Plan.Proofs.Satisfied([]proof.Method{proof.RecoveryCode}) {
		t.Error("the joined plan is met by half of what was asked")
	}
	events, _, err = reset.Decide(after, reset.Authorise{Facts: facts(t0), Policy: "sha256:q", Plan: looser, Order: "ord_1"}, t0)
	if reset.CodeOf(err) != reset.ProofMissing || len(events) != 0 {
		t.Errorf("asking again left %d events (%v); want none", len(events), err)
	}
	denied := looser
	denied.Deny = append(denied.Deny, struct {
		Rule   string `json:"rule"`
		Reason string `json:"reason"`
	}{"gone", "left the company"})
	_, after, err = reset.Decide(s.state, reset.Authorise{Facts: facts(t0), Policy: "sha256:q", Plan: denied, Order: "ord_1"}, t0)
	if err != nil || after.Status() != reset.RefusedEnd {
		t.Errorf("a plan that denies left the request at %s (%v)", after.Status(), err)
	}
}

func TestALapsedProofIsTakenBack(t *testing.T) {
	p := plan("totp", 0)
	p.Expires = int64((72 * time.Hour).Seconds())
	s := begin(t, p)
	s.claim("a")
	s.prove("a", proof.TOTP)
	later := t0.Add(24 * time.Hour)
	events, after, err := reset.Decide(s.state, reset.Authorise{Facts: facts(later), Policy: "sha256:p", Plan: p, Order: "ord_1"}, later)
	if reset.CodeOf(err) != reset.ProofMissing || len(events) != 2 || after.Status() != reset.Proving {
		t.Fatalf("%d events, %v, %s", len(events), err, after.Status())
	}
	s.state, s.at = after, later
	s.prove("a", proof.TOTP)
	if _, after, err = reset.Decide(s.state, reset.Authorise{Facts: facts(later), Policy: "sha256:p", Plan: p, Order: "ord_1"}, later); err != nil || after.Status() != reset.OrderedUp {
		t.Errorf("after proving again: %s, %v", after.Status(), err)
	}
}

func TestARequestThatSpeaksOfSomethingElseThanItsFactsIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*reset.Opened){
		"another account": func(o *reset.Opened) { o.Subject = identity.NewAccountID("corp", "guid-2") },
		"another person":  func(o *reset.Opened) { o.Person = "somebody" },
		"another action":  func(o *reset.Opened) { o.Action = identity.Unlock },
		"another manager": func(o *reset.Opened) { o.Manager = officer },
		"another agent":   func(o *reset.Opened) { o.Agent = officer },
		"another desk":    func(o *reset.Opened) { o.Desk = "second" },
		"another channel": func(o *reset.Opened) { o.Channel = identity.Chat },
		"another asking":  func(o *reset.Opened) { o.Requester = officer },
		"another time":    func(o *reset.Opened) { o.Facts.At = t0.Add(-time.Hour) },
		"no case":         func(o *reset.Opened) { o.Case = "" },
	} {
		o := opened(plan("totp", 0))
		spoil(&o)
		if _, err := reset.Evolve(reset.State{}, o, t0); reset.CodeOf(err) != reset.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}
