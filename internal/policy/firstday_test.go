package policy

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/identity"
)

var tooEarly = Denial{byLifecycle, "the owner's first day has not come"}

func TestAFirstCredentialWaitsForTheDayBeforeTheFirst(t *testing.T) {
	p := mustRead(t, oneRule)
	for ahead, early := range map[time.Duration]bool{
		-400 * 24 * time.Hour: false, 0: false, time.Hour: false, EnrolAhead: false, EnrolAhead + 1: true, 400 * 24 * time.Hour: true,
	} {
		f := ordinary()
		starts := f.At.Add(ahead).In(time.FixedZone("", 9*3600))
		f.Action, f.Subject.Starts = identity.InitialEnrolment, &starts
		if plan := p.Plan(f); slices.Contains(plan.Deny, tooEarly) != early || plan.Denied() != early {
			t.Errorf("%v ahead: %v", ahead, plan.Deny)
		}
	}
}

// Whatever a policy says, nothing else looks at the first day by itself, and a
// first day that is not known changes nothing.
func TestNothingButAFirstCredentialWaitsForTheFirstDay(t *testing.T) {
	all := pool(t)
	rapid.Check(t, func(t *rapid.T) {
		f := someFacts.Draw(t, "facts")
		plan := all.Plan(f)
		early := f.Action == identity.InitialEnrolment && f.Subject.Starts != nil && f.Subject.Starts.Sub(f.At) > 24*time.Hour
		if slices.Contains(plan.Deny, tooEarly) != early {
			t.Fatalf("%v", plan.Deny)
		}
		if f.Subject.Starts = nil; slices.Contains(all.Plan(f).Deny, tooEarly) {
			t.Fatal("somebody without a first day waits for it")
		}
	})
}

func TestAChangeOfSIMIsReadOfEachContactThatHasOne(t *testing.T) {
	p := mustRead(t, `classes: [{class: standard, when: 'true'}]
rules:
  - {rule: all, when: 'true', demand: {proofs: totp}}
  - {rule: sim, when: 'contacts.exists(c, c.kind == "phone" && has(c.sim_changed) && now - c.sim_changed < duration("72h"))', demand: {tier: high}}
  - {rule: blunt, when: 'action == "unlock" && contacts.exists(c, c.sim_changed > now)', deny: x}
`)
	ago := func(d time.Duration) *time.Time { at := noon.Add(-d); return &at }
	for _, c := range []struct {
		contacts []Contact
		want     identity.Tier
	}{
		{nil, identity.Low},
		{[]Contact{{Kind: "phone"}}, identity.Low},
		{[]Contact{{Kind: "phone"}, {Kind: "phone", SIMChanged: ago(72*time.Hour - 1)}}, identity.High},
		{[]Contact{{Kind: "phone", SIMChanged: ago(72 * time.Hour)}, {Kind: "email", SIMChanged: ago(0)}}, identity.Low},
		{[]Contact{{Kind: "phone", SIMChanged: ago(-time.Hour)}}, identity.High}, // said to come: no less odd
	} {
		f := ordinary()
		f.Contacts = c.contacts
		for i := range f.Contacts {
			f.Contacts[i].FirstSeen = noon
		}
		if plan := p.Plan(f); plan.Tier != c.want || plan.Denied() {
			t.Errorf("%+v: %s %v", c.contacts, plan.Tier, plan.Deny)
		}
	}
	f := ordinary()
	f.Action, f.Contacts = identity.Unlock, []Contact{{Kind: "phone", FirstSeen: noon}}
	if plan := p.Plan(f); !slices.Contains(plan.Deny, Denial{"blunt", "the fact contacts.sim_changed is missing"}) {
		t.Errorf("%v", plan.Deny)
	}
}
