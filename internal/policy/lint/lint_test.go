package lint_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/lint"
	"countersign/internal/policy/specimen"
	"countersign/internal/proof"
)

// everything is a site that has whatever the sound policy asks for.
var everything = lint.Site{
	Zone:      func(name string) bool { return name == "Europe/Berlin" },
	Methods:   []proof.Method{proof.InPerson, proof.RecoveryCode, proof.TOTP, proof.Passkey, proof.Vouch},
	Roles:     map[identity.Role]int{identity.Security: 2, identity.ResourceOwner: 1, identity.Manager: 2},
	Delivery:  []string{"session"},
	FollowUps: []string{"revoke_sessions"},
}

func sound(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/sound.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func load(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Load([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return p
}

func TestASoundPolicyHasNoFindings(t *testing.T) {
	for _, f := range lint.Policy(load(t, sound(t)), everything) {
		t.Errorf("%d:%d: %s", f.Line, f.Column, f.Text())
	}
}

// broken breaks the sound policy in one way. Edits are pairs of a text and what
// takes its place; the caret shows where the finding has to stand.
type broken struct {
	code  string
	edits []string
	site  func(*lint.Site)
}

const oneMoreRule = "\n  - rule: again"

var breaks = []broken{
	{code: "no-escalation", edits: []string{"escalation: Come to the service point with your badge\n", "", "\nrules:", "\n‸rules:"}},
	{code: "risk-analysis-placeholder", edits: []string{"docs/risk/helpdesk-2026.md", "‸TODO"}},
	{code: "short-cool-off", edits: []string{"cool_off: 3d", "cool_off: ‸1h"}},
	{code: "long-expiry", edits: []string{"expires: 24h", "expires: ‸7d"}},
	{code: "unused-name", edits: []string{"lists: {", "lists: {‸spare: [A], "}},
	{code: "unused-name", edits: []string{"conditions:", "conditions:\n  ‸idle: subject.locked"}},
	{code: "unused-name", edits: []string{"vendors:", "vendors:\n  - ‸vendor: days\n    tier_cap: low"}},
	{code: "accepted-nothing", edits: []string{"expires:", "accepted: [{finding: ‸no-review, because: we look at nothing}]\nexpires:"}},
	{code: "accepted-nothing", edits: []string{"expires:", "accepted: [{finding: ‸no-reviews, because: a slip}]\nexpires:"}},
	{code: "cannot-tell", edits: []string{`h.outcome == "denied")`, `h.outcome == "denied") || subject.groups.map(g, g) == contacts.map(c, c.id)`, "rules:", "‸rules:"}},
	{code: "class-reads-absent-fact", edits: []string{"has(subject.unit) && subject.unit in finance", "‸subject.unit in finance"}},
	{code: "condition-reads-absent-fact", edits: []string{`h.outcome == "denied")`, `h.outcome == "denied") || ‸request.ticket == "T1"`}},
	{code: "condition-reads-absent-fact", edits: []string{`reach: subject.class != "privileged"`, `reach: subject.class != "privileged" && ‸subject.location == "here"`}},
	{code: "class-never", edits: []string{"has(subject.unit) && subject.unit in finance", "‸has(subject.unit) && !has(subject.unit)"}},
	{code: "class-never", edits: []string{"has(subject.unit) && subject.unit in finance", "has(subject.unit) && subject.unit in finance",
		"  - class: standard", "  - class: executive\n    when: ‸size(subject.groups) > 1 && \"Admins\" in subject.groups\n  - class: standard"}},
	{code: "no-standard-class", edits: []string{"class: standard", "class: external", "classes:", "‸classes:"}},
	{code: "rule-never", edits: []string{`when: history.exists(h, h.outcome == "denied")`, `when: ‸action == "unlock" && action == "mfa_reset"`}},
	{code: "rule-never", edits: []string{`when: history.exists(h, h.outcome == "denied")`, `when: ‸size(subject.staff) > 3 && size(subject.staff) < 3`}},
	{code: "rule-adds-nothing", edits: []string{oneMoreRule, "\n  - ‸rule: idle\n    when: subject.locked\n    demand: {notify: [owner_all], follow_up: [revoke_sessions]}" + oneMoreRule}},
	{code: "rule-adds-nothing", edits: []string{oneMoreRule, "\n  - ‸rule: idle\n    when: subject.locked && critical\n    demand: {tier: critical, wait: 30m}" + oneMoreRule}},
	{code: "action-refused", edits: []string{`when: "true"
    demand:
      proofs`, `when: action != "unlock"
    demand:
      proofs`, "when: critical", `when: critical && action != "unlock"`, "rules:", "‸rules:"}},
	{code: "class-refused", edits: []string{"- class: sensitive", "- ‸class: sensitive",
		oneMoreRule, "\n  - rule: nobody\n    when: subject.class == \"sensitive\"\n    deny: ask security" + oneMoreRule}},
	{code: "desk-never", edits: []string{`reach: subject.class != "privileged"`, `reach: ‸subject.class == "privileged" && subject.class == "standard"`}},
	{code: "desk-never", edits: []string{`reach: subject.class != "privileged"`, `reach: ‸subject.class == "privileged" && subject.locked`,
		oneMoreRule, "\n  - rule: nobody\n    when: critical && subject.locked\n    deny: ask security" + oneMoreRule}},
	{code: "desk-capped-out", edits: []string{`reach: subject.class == "standard"`, `reach: subject.class == "sensitive"`, "- desk: nightline", "- ‸desk: nightline"}},
	{code: "vendor-reaches-privileged", edits: []string{"tier_cap: elevated", "tier_cap: critical", `reach: subject.class == "standard"`, `reach: ‸subject.class != "sensitive"`}},
	{code: "vendor-without-cap", edits: []string{"tier_cap: elevated", `reach: "true"`, "- desk: nightline", "- ‸desk: nightline"}},
	{code: "single-weak-proof", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || ‸totp"}},
	{code: "single-proof-high-tier", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || ‸recovery_code"}},
	{code: "recovery-combination", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || ‸vouch"}},
	{code: "critical-evidence", edits: []string{"proofs: in_person || (passkey && vouch)", "proofs: ‸recovery_code && totp"}},
	{code: "mail-or-phone-high-tier", edits: []string{"tier: high", "tier: high\n      proofs: in_person || ‸email_code"}},
	{code: "proof-never-counts", edits: []string{"tier: high", "tier: high\n      proofs: in_person || (totp && ‸email_code)"}},
	{code: "proof-spoiled", edits: []string{oneMoreRule, "\n  - rule: factor\n    when: action == \"mfa_reset\"\n    demand: {proofs: in_person || ‸totp}" + oneMoreRule}},
	{code: "proofs-never-enough", edits: []string{oneMoreRule, "\n  - rule: factor\n    when: action == \"mfa_reset\"\n    demand: {proofs: ‸totp}" + oneMoreRule}},
	{code: "no-unrestricted-proof", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: ‸sms_code"}},
	{code: "callback-alone", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || ‸callback"}},
	{code: "same-channel", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || (sms_code && ‸callback)"}},
	{code: "unequal-alternatives", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: ‸totp || (recovery_code && email_code)"}},
	{code: "mfa-reset-weaker", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || ‸recovery_code",
		oneMoreRule, "\n  - rule: password\n    when: action == \"password_reset\"\n    demand: {proofs: in_person}" + oneMoreRule}},
	{code: "circumstance-lowers-proof", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || totp",
		oneMoreRule, "\n  - rule: unmanaged\n    when: '‸!(has(device.managed) && device.managed)'\n    demand: {proofs: in_person}" + oneMoreRule}},
	{code: "circumstance-lowers-proof", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || totp",
		oneMoreRule, "\n  - rule: elsewhere\n    when: ‸location.country != \"JP\"\n    demand: {proofs: in_person}" + oneMoreRule}},
	{code: "circumstance-lowers-proof", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || totp",
		oneMoreRule, "\n  - rule: quiet\n    when: '‸!signals.exists(s, s.kind == \"device_healthy\")'\n    demand: {proofs: in_person}" + oneMoreRule}},
	{code: "circumstance-lowers-proof", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || totp",
		oneMoreRule, "\n  - rule: stranger\n    when: ‸history.filter(h, h.outcome == \"done\").size() < 2\n    demand: {proofs: in_person}" + oneMoreRule}},
	{code: "privileged-approvals", edits: []string{", {role: resource_owner, count: 1}]", "]", "- rule: critical", "- ‸rule: critical"}},
	{code: "privileged-without-security", edits: []string{"[{role: security, count: 1}, {role: resource_owner, count: 1}]", "[{role: resource_owner, count: 2}]",
		"- rule: critical", "- ‸rule: critical"}},
	{code: "manager-count", edits: []string{"{wait: 12h,", "{approvals: ‸[{role: manager, count: 2}], wait: 12h,"}},
	{code: "manager-may-be-absent", edits: []string{"{wait: 12h,", "{approvals: ‸[{role: manager, count: 1}], wait: 12h,"}},
	{code: "no-review", edits: []string{"      review: 3d\n", "", "- rule: everybody", "- ‸rule: everybody"}},
	{code: "no-probation", edits: []string{"probation: 24h", "probation: 1h", "- rule: everybody", "- ‸rule: everybody"}},
	{code: "no-probation", edits: []string{"probation: 3d", "probation: 24h", "- rule: critical", "- ‸rule: critical"}},
	{code: "sessions-survive", edits: []string{"revoke_sessions", "revoke_tokens", "- rule: everybody", "- ‸rule: everybody"}},
	{code: "no-time-to-veto", edits: []string{"      wait: 1h\n", "", "- rule: everybody", "- ‸rule: everybody"}},
	{code: "nobody-else-hears", edits: []string{"      notify: [security]\n", "", "- rule: critical", "- ‸rule: critical"}},
	{code: "no-signal-rule", edits: []string{`signals.exists(s, now - s.at < duration("72h"))`, "subject.locked", "rules:", "‸rules:"}},
	{code: "no-history-rule", edits: []string{`history.exists(h, h.outcome == "denied")`, "subject.locked", "rules:", "‸rules:"}},
	{code: "method-not-enabled", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: in_person || (recovery_code && ‸device)"}},
	{code: "proofs-not-enabled", edits: []string{"proofs: in_person || (recovery_code && totp)", "proofs: ‸in_person || (recovery_code && totp)"},
		site: func(s *lint.Site) { s.Methods = []proof.Method{proof.RecoveryCode} }},
	{code: "too-few-approvers", edits: []string{"{approvals: [{role: security, count: 2}]}", "{approvals: [{role: ‸security, count: 3}]}"}},
	{code: "delivery-not-offered", edits: []string{"delivery: [session]", "delivery: ‸[vault]"}},
	{code: "follow-up-not-able", edits: []string{"follow_up: [revoke_sessions]", "follow_up: [revoke_sessions, ‸revoke_tokens]"}},
	{code: "needs", edits: []string{"rules:", "‸rules:"}, site: func(s *lint.Site) { s.Methods = nil }},
	{code: "unknown-zone", edits: []string{"expires:", "zone: ‸Europe/Atlantis\nexpires:"}},
	{code: "unknown-zone", edits: []string{"- desk: helpdesk", "- desk: helpdesk\n    zone: ‸Mars/Olympus"}},
}

func (b broken) text(t *testing.T) (text string, line, column int) {
	t.Helper()
	text = sound(t)
	for i := 0; i < len(b.edits); i += 2 {
		if !strings.Contains(text, b.edits[i]) {
			t.Fatalf("%s: the sound policy has no %q", b.code, b.edits[i])
		}
		text = strings.Replace(text, b.edits[i], b.edits[i+1], 1)
	}
	before, after, marked := strings.Cut(text, "‸")
	if !marked {
		t.Fatalf("%s: nothing marks the place", b.code)
	}
	last := before[strings.LastIndexByte(before, '\n')+1:]
	return before + after, 1 + strings.Count(before, "\n"), 1 + len([]rune(last))
}

func TestEveryFaultIsFoundAtItsPlaceAndGoneOnceMended(t *testing.T) {
	for _, b := range breaks {
		text, line, column := b.text(t)
		site := everything
		if b.site != nil {
			b.site(&site)
		}
		found := lint.Policy(load(t, text), site)
		i := slices.IndexFunc(found, func(f lint.Finding) bool { return f.Code == b.code && f.Line == line && f.Column == column })
		if i < 0 {
			t.Errorf("%s is not found at %d:%d of\n%s", b.code, line, column, text)
			for _, f := range found {
				t.Logf("  but %d:%d: %s", f.Line, f.Column, f.Text())
			}
			continue
		}
		if f := found[i]; f.Message == "" || f.Way == "" || f.Severity == "" || f.Path == "" {
			t.Errorf("%s says too little: %+v", b.code, f)
		}
		// The sound policy, which is this one mended, has no finding at all.
	}
}

func TestEveryKindOfFindingHasAPolicyThatShowsIt(t *testing.T) {
	shown := map[string]bool{"does-not-load": true, "risk-analysis-missing": true, "knowledge-proof": true, "voice-proof": true}
	for _, b := range breaks {
		shown[b.code] = true
	}
	for _, code := range lint.Codes() {
		if !shown[code] {
			t.Errorf("no policy of the table shows %s", code)
		}
		delete(shown, code)
	}
	for code := range shown {
		t.Errorf("%s is no kind of finding", code)
	}
}

func TestTheExampleOfAFindingIsARequestThatThePolicyPlansSo(t *testing.T) {
	text := strings.Replace(sound(t), "proofs: in_person || (passkey && vouch)", "proofs: recovery_code && totp", 1)
	text = strings.Replace(text, ", {role: resource_owner, count: 1}]", "]", 1)
	p := load(t, text)
	found := lint.Policy(p, everything)
	i := slices.IndexFunc(found, func(f lint.Finding) bool { return f.Code == "privileged-approvals" })
	if i < 0 {
		t.Fatal("one approver is not found")
	}
	facts, err := specimen.Parse([]byte(found[i].Example))
	if err != nil {
		t.Fatalf("the example %s: %v", found[i].Example, err)
	}
	if plan := p.Plan(facts); plan.Denied() || plan.Tier != identity.Critical || len(plan.Approvals) != 1 {
		t.Errorf("the example %s is planned as %+v", found[i].Example, plan)
	}
}

func TestWhatDoesNotLoadIsSaidWithItsSection(t *testing.T) {
	for _, c := range []struct{ old, new, code, section string }{
		{"risk_analysis: docs/risk/helpdesk-2026.md\n", "", "risk-analysis-missing", "SP 800-63B-4 §4.2.1"},
		{"proofs: in_person", "proofs: security_question", "knowledge-proof", "SP 800-63A-4 §2.5.1"},
		{"proofs: in_person", "proofs: kba", "knowledge-proof", "SP 800-63A-4 §2.5.1"},
		{"proofs: in_person", "proofs: ssn", "knowledge-proof", "SP 800-63A-4 §2.5.1"},
		{"proofs: in_person", "proofs: employee_id", "knowledge-proof", "SP 800-63A-4 §2.5.1"},
		{"proofs: in_person", "proofs: voiceprint", "voice-proof", "SP 800-63B-4 §3.2.3"},
		{"proofs: in_person", "proofs: voice_cod", "does-not-load", ""},
		{"proofs: in_person", "proofs: telepathy", "does-not-load", ""},
	} {
		_, err := policy.Load([]byte(strings.Replace(sound(t), c.old, c.new, 1)))
		ps, ok := err.(policy.Problems) //nolint:errorlint // the documented type of Load's error
		if !ok {
			t.Fatalf("%s: %v", c.new, err)
		}
		found := lint.Problems(ps)
		if len(found) != 1 || found[0].Code != c.code || found[0].Section != c.section || found[0].Line != ps[0].Line || found[0].Severity != lint.Error {
			t.Errorf("%s gives %+v, want one %s", c.new, found, c.code)
		}
	}
}

func TestAnAcceptedFindingKeepsItsReasonAndDoesNotCount(t *testing.T) {
	long := strings.Replace(sound(t), "expires: 24h", "accepted: [{finding: long-expiry, because: the post is slow}]\nexpires: 7d", 1)
	found := lint.Policy(load(t, long), everything)
	if len(found) != 1 || found[0].Accepted != "the post is slow" || found[0].Counts(lint.Warning) {
		t.Errorf("found %+v", found)
	}
	// At one rule only: the other rule's finding stands.
	two := strings.Replace(sound(t), "proofs: in_person || (recovery_code && totp)", "proofs: totp || (recovery_code && email_code)", 1)
	two = strings.Replace(two, "expires:", "accepted: [{finding: unequal-alternatives, at: high, because: elsewhere}]\nexpires:", 1)
	found = lint.Policy(load(t, two), everything)
	for _, code := range []string{"unequal-alternatives", "accepted-nothing"} {
		if !slices.ContainsFunc(found, func(f lint.Finding) bool { return f.Code == code && f.Accepted == "" }) {
			t.Errorf("%s is not found: %+v", code, found)
		}
	}
}

func TestSignalsThatOnlyRaiseAreNoFinding(t *testing.T) {
	for _, when := range []string{
		`has(device.managed) && !device.managed`,
		`has(location.country) && location.country != "JP"`,
		`signals.exists(s, s.kind == "sim_change")`,
		`history.exists(h, h.outcome == "denied")`,
	} {
		text := strings.Replace(sound(t), oneMoreRule, "\n  - rule: wary\n    when: '"+when+"'\n    demand: {proofs: in_person}"+oneMoreRule, 1)
		for _, f := range lint.Policy(load(t, text), everything) {
			t.Errorf("%s: %s", when, f.Text())
		}
	}
}

func TestFindingsAreTheSameEveryTime(t *testing.T) {
	text := strings.Replace(sound(t), "proofs: in_person || (recovery_code && totp)", "proofs: totp || sms_code || callback", 1)
	first := lint.Policy(load(t, text), lint.Site{})
	if len(first) < 5 {
		t.Fatalf("only %d findings", len(first))
	}
	if diff := cmp.Diff(first, lint.Policy(load(t, text), lint.Site{})); diff != "" {
		t.Error(diff)
	}
}

func TestTheReadyPoliciesHaveNoErrors(t *testing.T) {
	files, err := filepath.Glob("../../../policies/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	for _, file := range files {
		if strings.Count(filepath.Base(file), ".") > 1 {
			continue // cases and invariants stand beside the policies
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range lint.Policy(load(t, string(raw)), lint.Site{}) {
			if f.Counts(lint.Error) || f.Code == "accepted-nothing" {
				t.Errorf("%s:%d:%d: %s\n  %s", filepath.Base(file), f.Line, f.Column, f.Text(), f.Example)
			}
		}
	}
}
