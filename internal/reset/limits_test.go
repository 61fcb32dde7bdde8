package reset_test

import (
	"fmt"
	"testing"
	"time"

	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

func TestAChallengeNeedsASessionANameAndAShortLife(t *testing.T) {
	s := begin(t, plan("totp || recovery_code", 0))
	s.refused(reset.ChallengeUnknown, challenged("chl_1", "nobody", proof.TOTP, s.at))
	s.claim("a")
	s.ask("a", proof.TOTP)
	for name, spoil := range map[string]func(*reset.Challenged){
		"a name that is taken": func(c *reset.Challenged) { c.Challenge = "chl_1" },
		"no name":              func(c *reset.Challenged) { c.Challenge = "" },
		"no enrolment":         func(c *reset.Challenged) { c.Enrolment = "" },
		"a life that is over":  func(c *reset.Challenged) { c.Until = s.at },
		"a life too long":      func(c *reset.Challenged) { c.Until = s.at.Add(10*time.Minute + time.Second) },
	} {
		c := challenged("chl_2", "a", proof.TOTP, s.at)
		spoil(&c)
		if _, err := reset.Evolve(s.state, c, s.at); reset.CodeOf(err) != reset.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMethodIsAskedForTenTimesAndNoMore(t *testing.T) {
	s := begin(t, plan("totp || recovery_code", 0))
	s.claim("a")
	for range 10 {
		s.ask("a", proof.TOTP)
	}
	s.refused(reset.TooMany, challenged("chl_x", "a", proof.TOTP, s.at))
	s.ask("a", proof.RecoveryCode) // the other method is counted by itself
}

func TestTenPeopleComeForwardAndNoMore(t *testing.T) {
	s := begin(t, plan("totp", 0))
	for i := range 10 {
		s.claim(fmt.Sprint(i))
	}
	s.refused(reset.TooMany, reset.Claimed{Session: "x", Recipient: "age1x"})
}

func TestASessionIsNewAndHasAKey(t *testing.T) {
	s := begin(t, plan("totp", 0))
	s.claim("a")
	for _, c := range []reset.Claimed{{Session: "a", Recipient: "age1b"}, {Recipient: "age1b"}, {Session: "b"}} {
		s.refused(reset.Malformed, c)
	}
}

func TestAProofIsGivenOnceAndCountsForADayAtMost(t *testing.T) {
	s := begin(t, plan("totp && recovery_code", 0))
	s.claim("a")
	again := s.ask("a", proof.TOTP)
	for _, until := range []time.Time{s.at, s.at.Add(24*time.Hour + time.Second)} {
		s.refused(reset.Malformed, reset.Proved{Challenge: again, Until: until})
	}
	s.prove("a", proof.TOTP)
	s.refused(reset.MethodNotWanted, reset.Proved{Challenge: again, Until: s.at.Add(time.Hour)})
}

// ready is a request whose every demand is met, planned at this moment.
func ready(t *testing.T) *story {
	s := begin(t, plan("totp", 0))
	s.claim("a")
	s.prove("a", proof.TOTP)
	s.must(s.replanned(s.state.Plan))
	return s
}

func TestAnOrderIsExactlyWhatWasAskedAndProved(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*reset.Ordered)
		want  reset.Code
	}{
		"another account":   {func(o *reset.Ordered) { o.Subject = "corp/guid-2" }, reset.Malformed},
		"another action":    {func(o *reset.Ordered) { o.Action = identity.Unlock }, reset.Malformed},
		"another recipient": {func(o *reset.Ordered) { o.Recipient = "age1x" }, reset.Malformed},
		"no name":           {func(o *reset.Ordered) { o.Order = "" }, reset.Malformed},
		"an attempt ahead":  {func(o *reset.Ordered) { o.Attempt = 2 }, reset.TooMany},
		"no attempt":        {func(o *reset.Ordered) { o.Attempt = 0 }, reset.TooMany},
	} {
		s := ready(t)
		o := s.order()
		c.spoil(&o)
		if _, err := reset.Evolve(s.state, o, s.at); reset.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnOrderThatRanOutIsNotDispatched(t *testing.T) {
	s := ready(t)
	s.must(s.order())
	s.refused(reset.IllegalTransition, reset.Dispatched{Order: "ord_other"})
	s.at = s.state.ExpiresAt()
	s.refused(reset.RequestExpired, reset.Dispatched{Order: "ord_1"})
}

func TestASecretThatCannotBeDeliveredIsNotMade(t *testing.T) {
	p := plan("totp", 0)
	p.Delivery = []string{"vault"}
	s := begin(t, p)
	s.claim("a")
	s.prove("a", proof.TOTP)
	s.must(s.replanned(p))
	s.refused(reset.DeliveryImpossible, s.order())
}

func TestAnApprovalThatWouldNeverCountIsRefused(t *testing.T) {
	s := begin(t, plan("totp", 0, oneSecurity))
	s.claim("a")
	s.prove("a", proof.TOTP)
	v := s.vote(security, false, identity.Security)
	v.Until = s.at
	s.refused(reset.Malformed, v)
}
