package reset_test

import (
	"fmt"
	"slices"
	"time"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// The cast of these tests.
const (
	subject  = identity.PersonID("subject")
	agent    = identity.PersonID("agent")
	manager  = identity.PersonID("manager")
	security = identity.PersonID("security")
	officer  = identity.PersonID("officer")
)

var (
	t0      = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	account = identity.NewAccountID("corp", "guid-1")
)

func facts(at time.Time) policy.Facts {
	no := false
	return policy.Facts{
		At: at, Action: identity.PasswordReset,
		Subject: policy.Subject{ID: account, Person: subject, Directory: "corp", Login: "m.ito", Name: "M Ito",
			Groups: []string{}, Admin: &no, Status: "active", Manager: manager, Staff: []string{}, Enrolled: []string{"recovery_code", "totp"}},
		Requester: policy.Requester{Person: subject},
		Agent:     policy.Agent{Person: agent, Desk: "first"},
		Request:   policy.Request{Channel: identity.Phone},
		Contacts:  []policy.Contact{{ID: "con_own", Kind: "email", FirstSeen: t0.AddDate(-1, 0, 0), Own: true}, {ID: "con_private", Kind: "email", FirstSeen: t0.AddDate(-1, 0, 0)}},
		History:   []policy.Past{}, Signals: []policy.Signal{},
	}
}

// plan builds what a policy would demand.
func plan(formula string, wait time.Duration, needs ...approval.Need) policy.Plan {
	f, err := proof.ParseFormula(formula)
	if err != nil {
		panic(err)
	}
	if needs == nil {
		needs = []approval.Need{}
	}
	return policy.Plan{
		Class: identity.Standard, Tier: identity.Low, Proofs: f, Approvals: needs, Wait: int64(wait.Seconds()),
		Expires: int64((24 * time.Hour).Seconds()), CoolOff: int64(proof.CoolOff.Seconds()),
		Delivery: []string{"session"}, Notify: []string{"owner_all"}, FollowUp: []string{"revoke_sessions"}, Reasons: []policy.Reason{},
	}
}

func opened(p policy.Plan) reset.Opened {
	return reset.Opened{
		Case: "ABCD-2345", Action: identity.PasswordReset, Subject: account, Person: subject, Manager: manager,
		Requester: subject, Agent: agent, Desk: "first", Channel: identity.Phone, Policy: "sha256:p", Plan: p, Facts: facts(t0),
	}
}

// story evolves a request step by step and stops the test at the first
// refusal that was not asked for.
type story struct {
	t     tb
	state reset.State
	at    time.Time
	n     int
}

type tb interface {
	Helper()
	Fatalf(string, ...any)
}

func begin(t tb, p policy.Plan) *story {
	s := &story{t: t, at: t0, state: reset.State{ID: "req_1"}}
	s.must(opened(p))
	return s
}

func (s *story) must(events ...reset.Event) {
	s.t.Helper()
	for _, e := range events {
		next, err := reset.Evolve(s.state, e, s.at)
		if err != nil {
			s.t.Fatalf("%s refused: %v", e.Type(), err)
		}
		s.state = next
	}
}

func (s *story) refused(code reset.Code, e reset.Event) {
	s.t.Helper()
	if _, err := reset.Evolve(s.state, e, s.at); reset.CodeOf(err) != code {
		s.t.Fatalf("%s: got %v, want the refusal %s", e.Type(), err, code)
	}
}

func (s *story) claim(session string) {
	s.t.Helper()
	s.must(reset.Claimed{Session: session, Recipient: "age1" + session})
}

func challenged(id, session string, m proof.Method, at time.Time) reset.Challenged {
	return reset.Challenged{Challenge: id, Session: session, Method: m, Enrolment: "enr_" + string(m), Since: t0.AddDate(-1, 0, 0), Until: at.Add(10 * time.Minute)}
}

// ask puts a challenge and returns its id.
func (s *story) ask(session string, m proof.Method) string {
	s.t.Helper()
	s.n++
	id := fmt.Sprintf("chl_%d", s.n)
	s.must(challenged(id, session, m, s.at))
	return id
}

func (s *story) prove(session string, m proof.Method) {
	s.t.Helper()
	s.must(reset.Proved{Challenge: s.ask(session, m), Until: s.at.Add(24 * time.Hour)})
}

// vote is a vote over the statement as it stands.
func (s *story) vote(p identity.PersonID, deny bool, roles ...identity.Role) reset.Voted {
	d := reset.Approve
	if deny {
		d = reset.Deny
	}
	text, err := s.state.Statement(d)
	if err != nil {
		s.t.Fatalf("statement: %v", err)
	}
	return reset.Voted{Person: p, Roles: roles, Deny: deny, Statement: text.ID(), Until: s.state.ExpiresAt()}
}

func (s *story) replanned(p policy.Plan) reset.Replanned {
	return reset.Replanned{Policy: "sha256:p", Manager: manager, Plan: p, Facts: facts(s.at)}
}

func (s *story) order() reset.Ordered {
	o := reset.Ordered{Order: fmt.Sprintf("ord_%d", s.state.Attempts+1), Attempt: s.state.Attempts + 1, Action: identity.PasswordReset, Subject: account, MustChange: true}
	if i := slices.IndexFunc(s.state.Sessions, func(x reset.Session) bool { return x.ID == s.state.Claimant }); i >= 0 {
		o.Recipient = s.state.Sessions[i].Recipient
	}
	return o
}
