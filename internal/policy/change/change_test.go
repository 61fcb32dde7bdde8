package change

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

// plans generates plans that allow a request, and some that refuse it.
var plans = rapid.Custom(func(t *rapid.T) policy.Plan {
	some := func(label string, words ...string) []string {
		return slices.DeleteFunc(words, func(string) bool { return rapid.Bool().Draw(t, label) })
	}
	p := policy.Plan{
		Class:   identity.Standard,
		Tier:    rapid.SampledFrom(identity.Tiers).Draw(t, "tier"),
		Wait:    rapid.Int64Range(0, 2).Draw(t, "wait"),
		CoolOff: rapid.Int64Range(0, 2).Draw(t, "cool_off"), Probation: rapid.Int64Range(0, 2).Draw(t, "probation"),
		Expires: rapid.Int64Range(1, 3).Draw(t, "expires"), Review: rapid.Int64Range(0, 2).Draw(t, "review"),
		Proofs: proof.And(proof.Formula(rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]proof.Method{proof.TOTP, proof.Vouch, proof.Passkey}), 1, 2), 1, 2).
			Draw(t, "proofs")), nil),
		Delivery: append(some("delivery", "session", "vault"), "in_person"),
		Notify:   some("notify", "manager", "security"), FollowUp: some("follow_up", "revoke_sessions", "revoke_tokens"),
	}
	for _, r := range []identity.Role{identity.Manager, identity.Security} {
		if n := rapid.IntRange(0, 2).Draw(t, "count"); n > 0 {
			p.Approvals = append(p.Approvals, approval.Need{Role: r, Count: n})
		}
	}
	if rapid.IntRange(0, 4).Draw(t, "deny") == 0 {
		p.Deny = []policy.Denial{{Rule: "a", Reason: "r"}}
	}
	return p
})

func TestWhatIsComparedAgreesWithTheOrderOfPlans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := plans.Draw(t, "a"), plans.Draw(t, "b")
		eases, tightens := false, false
		for _, c := range Compare(a, b) {
			eases = eases || c.Direction.Eases()
			tightens = tightens || c.Direction == More || c.Direction == Else
			if c.Direction == "" || c.Old == c.New {
				t.Fatalf("%+v says nothing", c)
			}
		}
		if eases == policy.AtLeast(b, a) || tightens == policy.AtLeast(a, b) {
			t.Fatalf("%v\nbut of the plans the new is at least the old: %v, and the old the new: %v", Compare(a, b), policy.AtLeast(b, a), policy.AtLeast(a, b))
		}
	})
}

func TestTheOtherWayRoundMoreIsLess(t *testing.T) {
	turned := map[Direction]Direction{Less: More, More: Less, Else: Else}
	rapid.Check(t, func(t *rapid.T) {
		a, b := plans.Draw(t, "a"), plans.Draw(t, "b")
		there, back := Compare(a, b), Compare(b, a)
		if len(there) != len(back) || len(Compare(a, a)) != 0 {
			t.Fatalf("%v there, %v back", there, back)
		}
		for i, c := range there {
			if back[i] != (Change{c.Demand, turned[c.Direction], c.New, c.Old}) {
				t.Fatalf("%v there, %v back", c, back[i])
			}
		}
	})
}

func TestAnotherWayToProveOneselfIsSomethingElse(t *testing.T) {
	a := policy.Plan{Proofs: proof.Formula{{proof.TOTP}}}
	b := policy.Plan{Proofs: proof.Formula{{proof.RecoveryCode}}}
	if c := Compare(a, b); len(c) != 1 || c[0] != (Change{"proofs", Else, "totp", "recovery_code"}) || !c[0].Direction.Eases() {
		t.Errorf("%v", c)
	}
}
