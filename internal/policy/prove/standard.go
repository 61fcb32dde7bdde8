package prove

import (
	"slices"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

// guarded classes are those whose taking over gives away more than one account.
var guardedClasses = []identity.Class{identity.Privileged, identity.Unknown, identity.Service, identity.BreakGlass}

// Alone are the methods of which a single one may be enough at a high tier: a
// passkey, which is two factors that phishing cannot take, and repeated proofing
// of identity (SP 800-63B-4 §4.2.2.2, §3.2.5). At the critical tier proofing has
// to be in person, because what happens on a screen can be phished.
var (
	aloneAtHigh     = []proof.Method{proof.Passkey, proof.InPerson, proof.IDV}
	aloneAtCritical = []proof.Method{proof.Passkey, proof.InPerson}
	relayed         = []proof.Method{proof.EmailCode, proof.SMSCode, proof.VoiceCode}
)

// restoring are the actions that give somebody access again.
var restoring = []identity.Action{
	identity.PasswordReset, identity.MFAReset, identity.Unlock, identity.RecoveryChange, identity.AccessPass,
	identity.InitialEnrolment, identity.SecretRotation, identity.Reactivation,
}

// standard is one statement that every policy is held against.
type standard struct {
	name, text, because string
	kind                policy.StatementKind
	decide              func(v *Prover, r *Result)
}

// Standard decides the statements that every policy is held against.
func (v *Prover) Standard() []Result {
	var out []Result
	for _, st := range standards {
		r := Result{Name: st.name, Kind: st.kind, Text: st.text, Because: st.because, Standard: true}
		st.decide(v, &r)
		out = append(out, r)
	}
	return out
}

var standards = []standard{
	{
		name: "two-signatures", kind: policy.Never,
		text:    "a privileged, service, break-glass or unknown account is reset with fewer than two signatures",
		because: "one person who is fooled or bribed must not be enough for an account that opens all others",
		decide: func(v *Prover, r *Result) {
			v.never(r, []Lit{v.class(guardedClasses...), v.plan.ApproversAtLeast(2).Not()}, func(_ policy.Facts, p policy.Plan) bool {
				return slices.Contains(guardedClasses, p.Class) && signatures(p) < 2
			})
		},
	},
	{
		name: "no-single-proof", kind: policy.Never,
		text: "at tier high or critical one proof is enough, unless it is a passkey, in person or, at high, proofing anew",
		because: "recovery takes two codes of different methods, a code and an authenticator, or proofing anew (SP 800-63B-4 §4.2.2.2); " +
			"only what is tied to the channel or seen in person cannot be phished (§3.2.5)",
		decide: func(v *Prover, r *Result) {
			high := v.plan.ProvedBy(1, except(aloneAtHigh)...)
			critical := v.plan.ProvedBy(1, except(aloneAtCritical)...)
			v.never(r, []Lit{v.plan.TierAtLeast(identity.High), v.space.If(v.plan.TierAtLeast(identity.Critical), critical, high)},
				func(_ policy.Facts, p policy.Plan) bool {
					may := aloneAtHigh
					if p.Tier == identity.Critical {
						may = aloneAtCritical
					}
					return p.Tier.Rank() >= identity.High.Rank() && alone(p, except(may))
				})
		},
	},
	{
		name: "no-relayed-code-alone", kind: policy.Never,
		text:    "above tier low a code by e-mail, text message or voice is enough alone",
		because: "a mailbox or a number is often lost together with the password (SP 800-63B-4 §3.1.3.1, §3.1.3.3)",
		decide: func(v *Prover, r *Result) {
			v.never(r, []Lit{v.plan.TierAtLeast(identity.Elevated), v.plan.ProvedBy(1, relayed...)}, func(_ policy.Facts, p policy.Plan) bool {
				return p.Tier != identity.Low && alone(p, relayed)
			})
		},
	},
	{
		name: "no-proof-by-the-lost-thing", kind: policy.Never,
		text:    "a method helps to prove who is asking although the action replaces that very method",
		because: "what is being replaced is lost or in other hands",
		decide:  (*Prover).notByTheLostThing,
	},
	{
		name: "vendors-within-bounds", kind: policy.Never,
		text:    "a vendor's desk opens a request above the cap of the desk or of the vendor, or for a privileged, service, break-glass or unknown account",
		because: "an agent of another company is fooled or bribed out of one's sight",
		decide:  (*Prover).vendors,
	},
	{
		name: "rules-only-add", kind: policy.Never,
		text:    "without some of its rules the policy would ask more, but for the request that no rule asks a proof of, which is refused",
		because: "then no rule lowers anything, whatever else applies",
		decide:  (*Prover).rulesOnlyAdd,
	},
	{
		name: "unknown-is-privileged", kind: policy.Never,
		text:    "an account of unknown class is asked less than if it were privileged",
		because: "what nobody could sort may be an administrator",
		decide:  (*Prover).unknownIsPrivileged,
	},
	{
		name: "nobody-locked-out", kind: policy.Always,
		text:    "an account of every class that the policy sorts into can get access again by some action, in some circumstances",
		because: "who is locked out for ever will be let in by a way that nobody watches",
		decide:  (*Prover).nobodyLockedOut,
	},
	{
		name: "inactive-or-fenced", kind: policy.Never,
		text:    "an account that is not active, or whose owner said that this was not them, is reset",
		because: "whoever asks is not the owner, or nobody has looked yet",
		decide: func(v *Prover, r *Result) {
			s := v.space
			out := s.Or(s.says(ref{path: "subject.status"}, "active").Not(), s.yes(ref{path: "subject.fenced"}))
			v.never(r, []Lit{out}, func(f policy.Facts, _ policy.Plan) bool { return f.Subject.Status != "active" || f.Subject.Fenced })
		},
	},
}

// never decides that no request that is let through is as described.
func (v *Prover) never(r *Result, all []Lit, is func(policy.Facts, policy.Plan) bool) {
	v.decide(r, v.space.And(append(all, v.plan.Denied.Not())...), func(f policy.Facts, p policy.Plan) bool { return !p.Denied() && is(f, p) })
}

func (v *Prover) class(cs ...identity.Class) Lit {
	any := make([]Lit, len(cs))
	for i, c := range cs {
		any[i] = v.plan.Class(c)
	}
	return v.space.Or(any...)
}

func signatures(p policy.Plan) int {
	total := 0
	for _, n := range p.Approvals {
		total += n.Count
	}
	return total
}

func alone(p policy.Plan, ms []proof.Method) bool {
	return slices.ContainsFunc(p.Proofs, func(way []proof.Method) bool { return len(way) == 1 && slices.Contains(ms, way[0]) })
}

func except(ms []proof.Method) []proof.Method {
	return slices.DeleteFunc(slices.Clone(allMethods), func(m proof.Method) bool { return slices.Contains(ms, m) })
}

func (v *Prover) notByTheLostThing(r *Result) {
	s := v.space
	chosen := map[proof.Method]Lit{}
	for _, m := range allMethods {
		chosen[m] = s.Choice("proof by " + string(m))
	}
	enough := v.plan.AcceptsThose(chosen)
	var any []Lit
	for _, spec := range proof.Specs {
		without := map[proof.Method]Lit{}
		for m, l := range chosen {
			if m != spec.Method {
				without[m] = l
			}
		}
		for _, act := range spec.Spoiled {
			any = append(any, s.And(v.space.Asks(act), enough, v.plan.AcceptsThose(without).Not()))
		}
	}
	v.never(r, []Lit{s.Or(any...)}, func(f policy.Facts, p policy.Plan) bool {
		return slices.ContainsFunc(p.Proofs.Methods(), func(m proof.Method) bool {
			spec, _ := proof.SpecOf(m)
			return slices.Contains(spec.Spoiled, f.Action)
		})
	})
}

func (v *Prover) vendors(r *Result) {
	s := v.space
	caps, beyond := map[string]identity.Tier{}, []Lit{}
	for _, d := range v.plan.logic.Desks {
		if !d.Vendor {
			continue
		}
		least := d.TierCap
		for _, c := range v.plan.logic.Vendors {
			if c.Name == d.Company && c.TierCap != "" && (least == "" || c.TierCap.Rank() < least.Rank()) {
				least = c.TierCap
			}
		}
		over := v.class(guardedClasses...)
		if least != "" {
			over = s.Or(over, v.plan.tierAbove(least))
		}
		caps[d.Name] = least
		beyond = append(beyond, s.And(s.says(ref{path: "agent.desk"}, d.Name), over))
	}
	v.never(r, []Lit{s.Or(beyond...)}, func(f policy.Facts, p policy.Plan) bool {
		least, vendor := caps[f.Agent.Desk]
		return vendor && (slices.Contains(guardedClasses, p.Class) || least != "" && p.Tier.Rank() > least.Rank())
	})
}
