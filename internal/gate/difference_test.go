package gate

import (
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

func somePlan(t *rapid.T, name string) policy.Plan {
	formula, err := proof.ParseFormula(rapid.SampledFrom([]string{"totp", "totp || recovery_code", "totp && recovery_code", "in_person"}).Draw(t, name+" proofs"))
	if err != nil {
		t.Fatal(err)
	}
	p := policy.Plan{
		Class: identity.Standard, Tier: rapid.SampledFrom(identity.Tiers).Draw(t, name+" tier"), Proofs: formula,
		Wait: int64(rapid.IntRange(0, 2).Draw(t, name+" wait")), Probation: int64(rapid.IntRange(0, 1).Draw(t, name+" probation")),
		Expires: 3600, Delivery: []string{"session"}, Notify: []string{"owner_all"},
	}
	if n := rapid.IntRange(0, 2).Draw(t, name+" signatures"); n > 0 {
		p.Approvals = []approval.Need{{Role: identity.Security, Count: n}}
	}
	if rapid.IntRange(0, 3).Draw(t, name+" denied") == 0 {
		p.Deny = []policy.Denial{{Rule: "r", Reason: "no"}}
	}
	return p
}

func TestEveryRequestIsUnchangedOrCountedByWhatChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, then := somePlan(t, "now"), somePlan(t, "then")
		if d := difference(now, now); d != (Difference{}) {
			t.Fatalf("a plan differs from itself: %+v", d)
		}
		d, back := difference(now, then), difference(then, now)
		if d.Refused != back.Allowed || d.Allowed != back.Refused || d.Eased != back.Tightened || d.Tightened != back.Eased {
			t.Fatalf("there %+v, back %+v", d, back)
		}
		if d.Refused != (then.Denied() && !now.Denied()) || (d.Refused || d.Allowed) && (d.Eased || d.Tightened || d.Delayed) {
			t.Fatalf("%+v of a refusal", d)
		}
		if d.Delayed && !d.Tightened {
			t.Fatal("a longer wait is not more")
		}
		if (d == Difference{}) && !now.Denied() && !(policy.AtLeast(now, then) && policy.AtLeast(then, now)) {
			t.Fatal("a change went unseen")
		}
		if d := difference(now, policy.Join(now, then)); d.Eased || d.Allowed {
			t.Fatalf("the stricter of two plans asks less: %+v", d)
		}
		var tally Tally
		tally.add(d)
		if tally.Requests != 1 || (tally.Unchanged == 1) == (tally.Refused+tally.Allowed+tally.Eased+tally.Tightened > 0) {
			t.Fatalf("%+v is counted as %+v", d, tally)
		}
	})
}
