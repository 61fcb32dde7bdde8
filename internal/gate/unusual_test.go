package gate

import (
	"testing"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

var noon = time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC) // a Wednesday

func ordinary(change func(*reset.State)) reset.State {
	zero := 0
	s := reset.State{
		Agent: "staff:finch", OpenedAt: noon, PlannedAt: noon,
		Plan: policy.Plan{Class: identity.Standard, Tier: identity.Low},
		Facts: policy.Facts{At: noon, Subject: policy.Subject{Status: "active"},
			Request: policy.Request{Ticket: "INC-1", Zone: "UTC", Offset: &zero}},
	}
	change(&s)
	return s
}

func TestNothingIsUnusualAboutAnOrdinaryRequest(t *testing.T) {
	for _, change := range []func(*reset.State){
		func(*reset.State) {},
		func(s *reset.State) { s.PlannedAt = noon.Add(time.Hour) }, // every request is planned again before it is carried out
		func(s *reset.State) {
			s.Withheld = []reset.Withheld{{Method: proof.SMSCode, Reason: reset.ChannelNotIndependent}} // it came by telephone
		},
	} {
		if odd := oddities(ordinary(change)); len(odd) != 0 {
			t.Errorf("%+v", odd)
		}
	}
}

func TestWhatIsUnusualIsTold(t *testing.T) {
	no, hour, yesterday, longAgo := false, 3600, noon.Add(-24*time.Hour), noon.Add(-300*24*time.Hour)
	for want, change := range map[OddityKind]func(*reset.State){
		OddSignal: func(s *reset.State) { s.Facts.Signals = []policy.Signal{{Kind: "recovery_flood", At: yesterday}} },
		OddClass:  func(s *reset.State) { s.Plan.Class = identity.Privileged },
		OddState:  func(s *reset.State) { s.Facts.Subject.Status = "disabled" },
		OddContact: func(s *reset.State) {
			s.Facts.Contacts = []policy.Contact{{Kind: "email", FirstSeen: yesterday}, {Kind: "phone", FirstSeen: longAgo}}
		},
		OddSIM: func(s *reset.State) {
			s.Facts.Contacts = []policy.Contact{{Kind: "phone", FirstSeen: longAgo, SIMChanged: &yesterday}}
		},
		OddGuesses: func(s *reset.State) {
			s.Challenges = []reset.Challenge{{Method: proof.TOTP, Refused: 2}}
		},
		OddWithheld: func(s *reset.State) {
			s.Withheld = []reset.Withheld{{Method: proof.TOTP, Reason: reset.DestinationTooNew}}
		},
		OddRestricted: func(s *reset.State) { s.Proofs = []proof.Proof{{Method: proof.SMSCode, At: noon}} },
		OddRepeated: func(s *reset.State) {
			s.Facts.History = []policy.Past{{Outcome: "done", At: yesterday}, {Outcome: "done", At: longAgo}}
		},
		OddVendor:   func(s *reset.State) { s.Facts.Agent.Vendor = true },
		OddHour:     func(s *reset.State) { s.OpenedAt, s.PlannedAt = noon.Add(9*time.Hour), noon.Add(9*time.Hour) },
		OddDevice:   func(s *reset.State) { s.Facts.Device = &policy.Device{Managed: &no, At: yesterday} },
		OddNoTicket: func(s *reset.State) { s.Facts.Request.Ticket = "" },
	} {
		odd := oddities(ordinary(change))
		if len(odd) != 1 || odd[0].Kind != want {
			t.Errorf("%s: %+v", want, odd)
		}
	}
	stopped := oddities(ordinary(func(s *reset.State) {
		s.Facts.History = []policy.Past{{Outcome: "denied", At: yesterday.Add(-10 * 24 * time.Hour)}, {Outcome: "vetoed", At: longAgo}}
	}))
	if len(stopped) != 1 || stopped[0].Kind != OddRefused || stopped[0].What != "denied" {
		t.Errorf("%+v", stopped)
	}
	east := ordinary(func(s *reset.State) {
		s.OpenedAt, s.PlannedAt = noon.Add(7*time.Hour+30*time.Minute), noon.Add(7*time.Hour+30*time.Minute)
		s.Facts.Request.Offset = &hour
	})
	if odd := oddities(east); len(odd) != 1 || odd[0].Kind != OddHour {
		t.Errorf("half past seven in UTC is half past eight an hour further east: %+v", odd)
	}
}

func TestACriticalStatementHasToLieBeforeItIsApproved(t *testing.T) {
	var l looks
	if err := l.enough("staff:moss", "s", criticalLook, noon); err == nil {
		t.Error("approved without having been seen")
	}
	l.begin("staff:moss", "s", noon)
	l.begin("staff:moss", "s", noon.Add(9*time.Second))
	for after, fine := range map[time.Duration]bool{0: false, 9999 * time.Millisecond: false, criticalLook: true, time.Hour: true, time.Hour + 1: false, -time.Minute: false} {
		if err := l.enough("staff:moss", "s", criticalLook, noon.Add(after)); (err == nil) != fine {
			t.Errorf("after %s: %v", after, err)
		}
	}
	if err := l.enough("staff:wren", "s", criticalLook, noon.Add(time.Minute)); err == nil {
		t.Error("what one has seen, another has not")
	}
	if err := l.enough("staff:wren", "other", 0, noon); err != nil {
		t.Errorf("what is not critical: %v", err)
	}
	l.begin("staff:wren", "later", noon.Add(2*time.Hour))
	if len(l.since) != 1 {
		t.Errorf("%d looks are kept", len(l.since))
	}
}
