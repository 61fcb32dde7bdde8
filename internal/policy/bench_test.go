package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// forty is a policy of forty rules as a company of some size has them.
func forty(t testing.TB) *Policy { return ofRules(t, 40) }

// ofRules is forty with more units, which concern nobody that is asked about.
func ofRules(t testing.TB, n int) *Policy {
	var b strings.Builder
	b.WriteString(head + `classes:
  - {class: privileged, when: 'subject.admin || subject.groups.exists(g, g in ["Domain Admins", "Helpdesk"])'}
  - {class: sensitive, when: 'subject.unit in ["Payroll", "Finance"]'}
  - {class: standard, when: "true"}
desks:
  - {desk: near, reach: subject.class != "break_glass"}
rules:
  - {rule: everyone, when: "true", demand: {proofs: passkey || (recovery_code && (totp || recovery_contact)) || in_person, notify: [manager]}}
  - {rule: admins, when: 'subject.class in ["privileged", "unknown"]', demand: {proofs: in_person || (passkey && vouch), approvals: [{role: security, count: 1}], wait: 2h}}
  - {rule: two-steps, when: 'action == "mfa_reset" && history.exists(h, h.action == "password_reset")', demand: {tier: high}}
  - {rule: vendor-chat, when: agent.vendor && request.channel == "chat", deny: x}
`)
	for i := range n - 4 {
		fmt.Fprintf(&b, "  - {rule: unit-%d, when: 'subject.class == %q && action == %q && subject.unit == \"Unit %d\"', demand: {review: 1d}}\n",
			i, identity.Classes[i%5], identity.Actions[i%10], i)
	}
	p, err := Load([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func busy() Facts {
	f := ordinary()
	f.Agent = Agent{Person: "p9", Desk: "near"}
	f.Request.Channel = identity.Phone
	f.Action = identity.MFAReset
	for i := range 12 {
		f.Subject.Groups = append(f.Subject.Groups, fmt.Sprintf("Group %d", i))
	}
	f.History = []Past{{Action: identity.Unlock, At: noon}, {Action: identity.PasswordReset, At: noon}}
	return f
}

// byHand is what forty says, written in Go.
func byHand(f Facts) Plan {
	p := Plan{Class: identity.Standard, Tier: identity.Low, CoolOff: int64(proof.CoolOff.Seconds()), Expires: defaultEnd, Delivery: []string{"session"}, FollowUp: []string{}}
	switch {
	case *f.Subject.Admin || slices.Contains(f.Subject.Groups, "Domain Admins") || slices.Contains(f.Subject.Groups, "Helpdesk"):
		p.Class = identity.Privileged
	case f.Subject.Unit == "Payroll" || f.Subject.Unit == "Finance":
		p.Class = identity.Sensitive
	}
	p.Tier = floors[p.Class]
	p.Proofs = proof.Formula{{proof.InPerson}, {proof.RecoveryCode, proof.RecoveryContact}}
	p.Notify = []string{"manager", "owner_all"}
	p.Reasons = []Reason{{byDefault, "cool_off"}, {byDefault, "delivery"}, {byDefault, "expires"}, {"everyone", "notify"}, {"everyone", "proofs"}}
	p.Approvals = []approval.Need{}
	if f.Action == identity.MFAReset && slices.ContainsFunc(f.History, func(h Past) bool { return h.Action == identity.PasswordReset }) {
		p.Tier = p.Tier.Max(identity.High)
		p.Reasons = append(p.Reasons, Reason{"two-steps", "tier"})
	}
	for i := range 36 {
		if p.Class == identity.Classes[i%5] && f.Action == identity.Actions[i%10] && f.Subject.Unit == fmt.Sprint("Unit ", i) {
			p.Review = 86400
		}
	}
	return p
}

func TestTheMatcherWrittenByHandAgrees(t *testing.T) {
	judge(t, forty(t).Plan(busy()), []string{"class standard", "tier high"})
	a, b := forty(t).Plan(busy()), byHand(busy())
	if !AtLeast(a, b) || !AtLeast(b, a) || !slices.Equal(a.Reasons, b.Reasons) {
		t.Errorf("%+v\n%+v", a, b)
	}
}

// What does not apply costs nothing that grows with it.
func TestFurtherRulesThatDoNotApplyChangeAndAllocateNothing(t *testing.T) {
	few, many := forty(t), ofRules(t, 1000)
	unknown, refused, elsewhere := busy(), busy(), busy()
	unknown.Subject.Admin = nil
	refused.Action = "fly"
	elsewhere.Agent.Desk = "nowhere"
	for name, f := range map[string]Facts{"busy": busy(), "unknown": unknown, "refused": refused, "elsewhere": elsewhere} {
		if a, b := few.Plan(f), many.Plan(f); !cmp.Equal(a, b) {
			t.Errorf("%s: %+v\n%+v", name, a, b)
		}
		a, b := allocations(few, f), allocations(many, f)
		if b > a || name == "busy" && a > 5 {
			t.Errorf("%s: %v allocations over 40 rules, %v over 1,000", name, a, b)
		}
	}
}

// allocations are those of one decision: the fewest of several counts, because
// what the rest of the program allocates meanwhile is counted too.
func allocations(p *Policy, f Facts) float64 {
	fewest := math.Inf(1)
	for range 20 {
		fewest = min(fewest, testing.AllocsPerRun(20, func() { p.Plan(f) }))
	}
	return fewest
}

func BenchmarkPlan(b *testing.B) {
	f := busy()
	for _, n := range []int{40, 1000} {
		p := ofRules(b, n)
		b.Run(fmt.Sprintf("policy/rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Plan(f)
			}
		})
		b.Run(fmt.Sprintf("by_cel/rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.planByCEL(f)
			}
		})
	}
	b.Run("by_hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			byHand(f)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	src := forty(b).Source()
	for b.Loop() {
		if _, err := Load(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJoin(b *testing.B) {
	p := forty(b).Plan(busy())
	b.ReportAllocs()
	for b.Loop() {
		Join(p, p)
	}
}

// BenchmarkLoadLargest is the largest policy there may be.
func BenchmarkLoadLargest(b *testing.B) {
	src := head + "rules:\n"
	for i := 0; i < maxRules && len(src) < maxSource-200; i++ {
		src += fmt.Sprintf("  - {rule: r%d, when: 'subject.unit == \"u%d\" && history.exists(h, h.action == action)', demand: {proofs: totp}}\n", i, i)
	}
	for b.Loop() {
		if _, err := Load([]byte(src)); err != nil {
			b.Fatal(err)
		}
	}
}
