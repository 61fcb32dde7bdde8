package reset_test

import (
	"fmt"
	"testing"
	"time"

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
