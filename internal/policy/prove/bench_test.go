package prove

import (
	"fmt"
	"strings"
	"testing"

	"countersign/internal/identity"
	"countersign/internal/policy"
)

// thousand is a policy of a thousand rules as a large company has them: most
// are about one unit, group, desk, action or habit, and demand a little more.
func thousand(t testing.TB, n int) *policy.Policy {
	t.Helper()
	var b strings.Builder
	b.WriteString(`apiVersion: countersign/v1
name: large
risk_analysis: docs/risk.md
zone: Europe/Berlin
classes:
  - {class: break_glass, when: '"Break Glass" in subject.groups'}
  - {class: service, when: subject.service}
  - {class: privileged, when: 'subject.admin || subject.groups.exists(g, g in ["Domain Admins", "Helpdesk"])'}
  - {class: executive, when: '"Board" in subject.groups'}
  - {class: sensitive, when: 'has(subject.unit) && subject.unit in ["Payroll", "Finance"]'}
  - {class: standard, when: "true"}
vendors:
  - {vendor: nightline, reach: 'subject.class == "standard"', tier_cap: elevated}
desks:
  - {desk: near, reach: 'subject.class != "break_glass"'}
  - {desk: far, vendor: nightline, reach: 'action in ["unlock", "password_reset"]'}
rules:
  - {rule: everyone, when: "true", demand: {proofs: passkey || (recovery_code && (totp || recovery_contact)) || in_person, notify: [manager]}}
  - {rule: guarded, when: 'subject.class in ["privileged", "unknown", "service", "break_glass"]', demand: {proofs: in_person || (passkey && vouch), approvals: [{role: security, count: 1}, {role: manager, count: 1}], wait: 2h}}
  - {rule: two-steps, when: 'action == "mfa_reset" && history.exists(h, h.action == "password_reset" && now - h.at < duration("24h"))', demand: {tier: high}}
  - {rule: vendor-chat, when: agent.vendor && request.channel == "chat", deny: not by chat}
`)
	whens := []string{
		`has(subject.unit) && subject.unit == "Unit %d"`,
		`"Group %d" in subject.groups`,
		`subject.groups.exists(g, g == "Project %d")`,
		`has(subject.location) && subject.location == "Site %d" && (now.getHours() < 7 || now.getHours() > 19)`,
		`has(agent.desk) && agent.desk == "near" && subject.login.startsWith("u%d-")`,
		`signals.exists(s, s.kind == "signal-%d" && now - s.at < duration("24h"))`,
		`size(history.filter(h, h.outcome == "denied-%d")) >= 2`,
		`has(subject.created) && now - subject.created < duration("%dh")`,
	}
	demands := []string{
		"{review: %dm}", "{wait: %dm}", "{approvals: [{role: manager, count: 1}]}", "{approvals: [{role: security, count: 2}], notify: [security]}",
		"{tier: elevated}", "{proofs: passkey || totp || in_person || recovery_code, tier: high}", "{delivery: [vault, in_person]}", "{follow_up: [revoke_tokens], expires: %dm}",
	}
	for i := 4; i < n; i++ {
		when := fmt.Sprintf(whens[i%len(whens)], i)
		if i%3 == 0 {
			when = fmt.Sprintf("action == %q && ", identity.Actions[i/3%len(identity.Actions)]) + when
		}
		if i%7 == 0 {
			when = fmt.Sprintf("subject.class == %q && ", identity.Classes[i/7%7]) + when
		}
		demand := demands[i/8%len(demands)]
		if strings.Contains(demand, "%d") {
			demand = fmt.Sprintf(demand, 1+i%300)
		}
		fmt.Fprintf(&b, "  - {rule: r%d, when: '%s', demand: %s}\n", i, when, demand)
	}
	return load(t, b.String())
}

// BenchmarkStandard is the standard set on a thousand rules; the goal is ten
// seconds.
func BenchmarkStandard(b *testing.B) {
	p := thousand(b, 1000)
	for b.Loop() {
		for _, r := range NewProver(p).Standard() {
			b.Logf("%s %s %s %+v", r.Name, r.Outcome, r.Why, r.Basis)
		}
	}
}
