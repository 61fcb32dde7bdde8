package house_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// The diagram in docs/way-of-a-request.md is compared with what the state
// machine really does: every arrow it draws is one that can be walked, and
// every arrow that can be walked is drawn.
func TestTheDiagramOfARequestsLifeIsTheStateMachine(t *testing.T) {
	drawn := arrowsOf(t, fenced(t, "docs/way-of-a-request.md", "mermaid"))
	walked := walkLives()
	for _, a := range sortedKeys(walked) {
		if !drawn[a] {
			t.Errorf("not drawn: %s", a)
		}
	}
	for _, a := range sortedKeys(drawn) {
		if !walked[a] {
			t.Errorf("drawn, and cannot be walked: %s", a)
		}
	}
}

// arrowsOf reads a mermaid state diagram. An arrow from a composite state is
// one from each state in it.
func arrowsOf(t *testing.T, diagram string) map[string]bool {
	arrows, members, inside := map[string]bool{}, map[string][]string{}, ""
	for line := range strings.SplitSeq(diagram, "\n") {
		line = strings.TrimSpace(line)
		from, rest, isArrow := strings.Cut(line, " --> ")
		switch {
		case strings.HasPrefix(line, "state "):
			inside = strings.Fields(line)[1]
		case line == "}":
			inside = ""
		case isArrow:
			to, label, ok := strings.Cut(rest, ": ")
			if !ok {
				t.Fatalf("an arrow without an event: %s", line)
			}
			all := members[from]
			if all == nil {
				all = []string{from}
			}
			for _, f := range all {
				for e := range strings.SplitSeq(label, ", ") {
					arrows[f+" --> "+to+": "+e] = true
				}
			}
		case inside != "" && line != "":
			members[inside] = append(members[inside], line)
		}
	}
	return arrows
}

var dawn = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// lifePlan demands TOTP, and as the walk goes on perhaps more.
func lifePlan(wait int64, denied bool, methods string, approvals ...approval.Need) policy.Plan {
	f, err := proof.ParseFormula(methods)
	if err != nil {
		panic(err)
	}
	p := policy.Plan{Class: identity.Standard, Tier: identity.Low, Proofs: f, Approvals: approvals, Wait: wait,
		Expires: 90 * 3600, CoolOff: 3600, Delivery: []string{"session"}, FollowUp: []string{"revoke_sessions"}}
	if denied {
		p.Deny = []policy.Denial{{Rule: "r", Reason: "no"}}
	}
	return policy.Join(p, p) // in canonical form
}

func lifeFacts(at time.Time) policy.Facts {
	return policy.Facts{At: at, Action: identity.PasswordReset, Subject: policy.Subject{ID: "corp/1", Person: "owner", Manager: "manager"},
		Requester: policy.Requester{Person: "owner"}, Request: policy.Request{Channel: identity.Phone}}
}

// wishes are all events that anybody might try in a state. The state machine
// decides which of them are legal.
func wishes(s reset.State, at time.Time) []reset.Event {
	manager := approval.Need{Role: identity.Manager, Count: 1}
	if s.Version == 0 {
		var first []reset.Event
		for _, p := range []policy.Plan{
			lifePlan(0, false, "totp"), lifePlan(0, false, "totp", manager), lifePlan(60, false, "totp"),
			lifePlan(60, false, "totp", manager), lifePlan(0, true, "totp"),
		} {
			first = append(first, reset.Opened{Case: "ABCD-2345", Action: identity.PasswordReset, Subject: "corp/1", Person: "owner",
				Manager: "manager", Requester: "owner", Channel: identity.Phone, Policy: "sha256:p", Plan: p, Facts: lifeFacts(at)})
		}
		return first
	}
	order, n := "", fmt.Sprint(len(s.Challenges))
	if s.Order != nil {
		order = s.Order.Order
	}
	yes, _ := s.Statement(reset.Approve)
	no, _ := s.Statement(reset.Deny)
	all := []reset.Event{
		reset.Refused{}, reset.WaitStarted{}, reset.Withdrawn{Order: order}, reset.Dispatched{Order: order},
		reset.Received{Order: order, Outcome: reset.Applied}, reset.Received{Order: order, Outcome: reset.NotApplied},
		reset.Received{Order: order, Outcome: reset.NotKnown}, reset.Revealed{Session: "ses"},
		reset.FollowedUp{Kind: "revoke_sessions", Outcome: "confirmed"}, reset.Notified{}, reset.Cancelled{By: "agent"},
		reset.Expired{}, reset.Repudiated{}, reset.Reviewed{Person: "reviewer", Verdict: "in_order"},
		reset.Voted{Person: "manager", Roles: []identity.Role{identity.Manager}, Statement: yes.ID(), Until: s.ExpiresAt()},
		reset.Voted{Person: "manager", Roles: []identity.Role{identity.Manager}, Statement: no.ID(), Deny: true, Until: at},
		reset.Ordered{Order: "ord" + fmt.Sprint(s.Attempts+1), Attempt: s.Attempts + 1, Action: s.Action, Subject: s.Subject, MustChange: true, Recipient: "age1"},
	}
	if len(s.Sessions) == 0 {
		all = append(all, reset.Claimed{Session: "ses", Recipient: "age1"})
	}
	if len(s.Challenges) < 2 {
		all = append(all, reset.Challenged{Challenge: "chl" + n, Session: "ses", Method: proof.TOTP, Enrolment: "enr",
			Since: dawn.AddDate(-1, 0, 0), Until: at.Add(10 * time.Minute)})
	}
	for _, c := range s.Challenges {
		all = append(all, reset.AnswerRefused{Challenge: c.ID}, reset.Proved{Challenge: c.ID, Until: at.Add(24 * time.Hour)})
	}
	if s.Order != nil {
		return all // the door plans again until there is an order, and not after
	}
	all = append(all, reset.Voided{Persons: []identity.PersonID{"manager"}})
	for _, p := range s.Proofs {
		all = append(all, reset.Lapsed{Challenges: []string{p.Challenge}})
	}
	for _, more := range []policy.Plan{
		s.Plan, lifePlan(0, false, "totp", manager), lifePlan(60, false, "totp"), lifePlan(0, false, "recovery_code"), lifePlan(0, true, "totp"),
	} {
		all = append(all, reset.Replanned{Policy: "sha256:p", Manager: "manager", Plan: policy.Join(s.Plan, more), Facts: lifeFacts(at)})
	}
	return all
}

// walkLives tries every wish in every state it reaches, at the same moment, a
// little later, past the life of a proof and past the end of the request, and
// returns the changes of status it saw.
func walkLives() map[string]bool {
	type life struct {
		reset.State
		at time.Time
	}
	arrows, seen := map[string]bool{}, map[string]bool{}
	todo := []life{{reset.State{ID: "req_1"}, dawn}}
	for len(todo) > 0 {
		l := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, pass := range []time.Duration{0, 2 * time.Minute, 25 * time.Hour, 100 * time.Hour} {
			at := l.at.Add(pass)
			for _, e := range wishes(l.State, at) {
				next, err := reset.Evolve(l.State, e, at)
				if err != nil {
					continue
				}
				from := "[*]"
				if l.Version > 0 {
					from = string(l.Status())
				}
				if to := string(next.Status()); from != to {
					arrows[from+" --> "+to+": "+e.Type()] = true
				}
				if key := shape(next, at); !seen[key] {
					seen[key] = true
					todo = append(todo, life{next, at})
				}
			}
		}
	}
	return arrows
}

// shape is what two states must have in common to be walked only once.
func shape(s reset.State, at time.Time) string {
	if !s.IsOpen() {
		return fmt.Sprint(s.Status(), s.Repudiated, s.Review != nil)
	}
	asked := slices.ContainsFunc(s.Challenges, func(c reset.Challenge) bool { return !c.Answered && at.Before(c.Until) })
	text, _ := s.Statement(reset.Approve)
	signed := slices.ContainsFunc(s.Votes, func(v approval.Vote) bool { return v.Statement == text.ID() })
	return fmt.Sprint(s.Status(), s.Plan.Proofs, len(s.Plan.Approvals), s.Plan.Wait, s.Plan.Denied(), s.Attempts, len(s.Sessions),
		len(s.Proofs), asked, signed, s.Order != nil, s.Repudiated, s.WaitFrom != nil, at.Before(s.WaitUntil()), s.PlannedAt.Equal(at), at.Before(s.ExpiresAt()))
}
