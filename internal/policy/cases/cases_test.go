package cases_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/cases"
	"countersign/internal/policy/specimen"
)

var update = flag.Bool("update", false, "write what Load says into testdata")

// small is a policy whose plans are easy to foresee.
const small = `apiVersion: countersign/v1
name: small
risk_analysis: docs/risk.md
expires: 24h
cool_off: 3d
classes:
  - {class: privileged, when: subject.admin}
  - {class: standard, when: "true"}
desks:
  - {desk: near, reach: "true"}
  - {desk: far, vendor: true, reach: action == "unlock"}
rules:
  - {rule: everybody, when: "true", demand: {proofs: totp || (recovery_code && email_code), notify: [manager]}}
  - {rule: admins, when: subject.class == "privileged", demand: {approvals: [{role: security, count: 2}], wait: 1h, review: 1d}}
  - {rule: payroll, when: subject.unit == "Payroll" && action == "mfa_reset", demand: {tier: high}}
  - {rule: no-chat, when: request.channel == "chat", deny: not by chat}
`

func verdict(t *testing.T, policyText, given, expect string) cases.Verdict {
	t.Helper()
	f := loadCases(t, "cases:\n  - case: it is so\n    given: "+given+"\n    expect: "+expect+"\n")
	return cases.Run(loadPolicy(t, policyText), f).Verdicts[0]
}

func TestACaseHoldsOrSaysWhatWasFound(t *testing.T) {
	const plain, chat = `{subject: {unit: Kitchen}}`, `{subject: {unit: Kitchen}, request: {channel: chat}}`
	for _, c := range []struct{ given, expect, differs string }{
		{plain, "{class: standard, tier: low, proofs: totp || (email_code && recovery_code), approvals: none, wait: none, review: none, probation: none}", ""},
		{plain, "{expires: 1d, cool_off: 72h, delivery: [session], notify: [owner_all, manager, manager], follow_up: none}", ""},
		{plain, "{follow_up: []}", ""},
		{plain, "{tier: high}", "tier: high | tier: low"},
		{plain, "{class: privileged}", "class: privileged | class: standard"},
		{plain, "{proofs: totp}", "proofs: totp | proofs: (email_code && recovery_code) || totp"},
		{plain, "{approvals: [{role: manager, count: 1}]}", "approvals: manager 1 | approvals: none"},
		{plain, "{wait: 90m}", "wait: 1h30m | wait: none"},
		{plain, "{notify: [owner_all]}", "notify: owner_all | notify: manager, owner_all"},
		{plain, "{refused: true}", "refused | not refused"},
		{plain, "{refused: not by chat}", "refused: not by chat | not refused"},
		{plain, "{because: [everybody, (default)]}", ""},
		{plain, "{because: [admins]}", "because: admins | because: (default), everybody"},
		{plain, "{because: [admin]}", "because: admin | because: (default), everybody; the policy has no rule `admin`, did you mean `admins`?"},
		{chat, "{tier: low}", "not refused | refused by no-chat: not by chat"},
		{chat, "{refused: true}", ""},
		{chat, "{refused: not by chat, because: [no-chat]}", ""},
		{chat, "{refused: {by: no-chat}, class: standard}", ""},
		{chat, "{refused: {by: no-chat, because: not by chat}}", ""},
		{chat, "{refused: [not by chat, {by: no-chat}]}", ""},
		{chat, "{refused: not by mail}", "refused: not by mail | refused by no-chat: not by chat"},
		{chat, "{refused: {by: no_chat}}", "refused by no_chat | refused by no-chat: not by chat; the policy has no rule `no_chat`, did you mean `no-chat`?"},
		{chat, "{refused: {by: (desk), because: not by chat}}", "refused by (desk): not by chat | refused by no-chat: not by chat"},
		{chat, "{refused: true, tier: high}", "tier: high | tier: low"},
		{plain, "{enough: totp || (recovery_code && email_code) || (totp && passkey)}", ""},
		{plain, "{enough: totp || passkey || email_code}",
			"enough: email_code | proofs: (email_code && recovery_code) || totp\nenough: passkey | proofs: (email_code && recovery_code) || totp"},
		{chat, "{enough: totp}", "not refused | refused by no-chat: not by chat"},
		// A refusal does not stand for being strict.
		{chat, "{refused: true, at_least: {wait: 1h}}", "wait at least: 1h | wait: none"},
		{"{subject: {admin: true}}", "{refused: true}", "refused | not refused"},
		{"{subject: {admin: true, unit: a}}", "{class: privileged, at_least: {class: standard, tier: high, wait: 30m, review: 2d, approvals: [{role: security, count: 1}], proofs: totp || recovery_code, notify: [manager]}, refused: true}",
			"refused | not refused"},
	} {
		v := verdict(t, small, c.given, c.expect)
		var differs []string
		for _, d := range v.Differences {
			differs = append(differs, d.Expected+" | "+d.Found)
		}
		if got := strings.Join(differs, "\n"); got != c.differs || v.Passed != (c.differs == "") {
			t.Errorf("given %s expect %s:\ngot  %s\nwant %s", c.given, c.expect, got, c.differs)
		}
	}
}

func TestAtLeastMeansThatOrStricter(t *testing.T) {
	const text = `apiVersion: countersign/v1
name: strict
risk_analysis: docs/risk.md
expires: 24h
cool_off: 3d
classes: [{class: sensitive, when: "true"}]
rules:
  - rule: all
    when: "true"
    demand: {proofs: totp && recovery_code, approvals: [{role: manager, count: 2}], wait: 2h, expires: 10h, review: 1d, cool_off: 7d, delivery: [vault], notify: [manager], follow_up: [revoke_tokens], probation: 1d}
`
	for word, bounds := range map[string]struct{ weaker, same, stricter string }{
		"class":     {"standard", "sensitive", "privileged"},
		"tier":      {"elevated", "high", "critical"},
		"proofs":    {"totp", "totp && recovery_code", "totp && recovery_code && passkey"},
		"approvals": {"[{role: manager, count: 1}]", "[{role: manager, count: 2}]", "[{role: manager, count: 2}, {role: security, count: 1}]"},
		"wait":      {"none", "2h", "121m"},
		"expires":   {"11h", "10h", "599m"},
		"review":    {"none", "24h", "23h"},
		"cool_off":  {"3d", "7d", "8d"},
		"probation": {"none", "1d", "2d"},
		"delivery":  {"[session, vault]", "[vault]", "[in_person]"},
		"notify":    {"[manager]", "[manager, owner_all]", "[security]"},
		"follow_up": {"none", "[revoke_tokens]", "[revoke_sessions, revoke_tokens]"},
	} {
		for value, want := range map[string]bool{bounds.weaker: true, bounds.same: true, bounds.stricter: false} {
			if v := verdict(t, text, "{}", fmt.Sprintf("{at_least: {%s: %s}}", word, value)); v.Passed != want {
				t.Errorf("%s at least %s: %v %v", word, value, v.Passed, v.Differences)
			}
		}
	}
}

func TestEachStandsForEveryCombination(t *testing.T) {
	f := loadCases(t, `
cases:
  - case: alone
    expect: {refused: true}
  - case: both
    each: {action: [unlock, mfa_reset], subject.unit: [Payroll, "none", none], agent: [{desk: near}]}
    given: {subject: {manager: none}}
    expect: {refused: true}
`)
	var got []string
	for _, c := range f.Cases {
		got = append(got, fmt.Sprintf("%d %s | %s", c.Line, c, specimen.Line(c.Given)))
	}
	want := []string{
		`3 alone | {}`,
		`5 both (action: unlock, subject.unit: Payroll, agent: {desk: near}) | {action: unlock, subject: {unit: Payroll, manager: none}, agent: {desk: near}}`,
		`5 both (action: unlock, subject.unit: none, agent: {desk: near}) | {action: unlock, subject: {unit: "none", manager: none}, agent: {desk: near}}`,
		`5 both (action: unlock, subject.unit: none, agent: {desk: near}) | {action: unlock, subject: {manager: none}, agent: {desk: near}}`,
		`5 both (action: mfa_reset, subject.unit: Payroll, agent: {desk: near}) | {action: mfa_reset, subject: {unit: Payroll, manager: none}, agent: {desk: near}}`,
		`5 both (action: mfa_reset, subject.unit: none, agent: {desk: near}) | {action: mfa_reset, subject: {unit: "none", manager: none}, agent: {desk: near}}`,
		`5 both (action: mfa_reset, subject.unit: none, agent: {desk: near}) | {action: mfa_reset, subject: {manager: none}, agent: {desk: near}}`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestFaults holds what people read when a file of cases is wrong.
func TestFaults(t *testing.T) {
	text := read(t, "testdata/faults.yaml")
	_, err := cases.Load([]byte(text))
	var ps policy.Problems
	if !errors.As(err, &ps) {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(ps.Error(), "policy: ", "") + "\n"
	if d := cmp.Diff(read(t, "testdata/faults.want"), got); d != "" {
		if *update {
			if err := os.WriteFile("testdata/faults.want", []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		t.Error(d)
	}
}

func TestAFileThatSaysNothingIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":               "the text is empty",
		"# only remarks": "the text is empty",
		"cases: []":      "1:8: cases: the list is empty",
		"cases:":         "expected a list",
		"{}":             "the field `cases` is missing",
		"cases: [{case: a, expect: {because: []}}]":  "cases[0].expect.because: the list is empty",
		"cases: [{case: a, expect: {refused: []}}]":  "cases[0].expect.refused: the list is empty",
		"cases: [{case: a, expect: {at_least: {}}}]": "cases[0].expect.at_least: nothing is said here",
		"[]": "expected fields (cases)",
		"cases: [{case: a, expect: {refused: true}, each: {action: [" + strings.Repeat("unlock,", 101) + "], agent.desk: [" + strings.Repeat("d,", 101) + "]}}]": "more than 10000 combinations",
		"cases:\n" + strings.Repeat(" - {case: a, expect: {refused: true}}\n", 2):                                                                                "2 stands",
	} {
		want = strings.ReplaceAll(want, "2 stands", "3:11: cases[1].case: this sentence stands here twice (first on line 2)")
		if _, err := cases.Load([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

func TestCoverageNamesWhatNoCaseReaches(t *testing.T) {
	run := func(given string) cases.Coverage {
		f := loadCases(t, "cases:\n  - {case: a, given: "+given+", expect: {tier: low}}\n")
		return cases.Run(loadPolicy(t, small), f).Coverage
	}
	names := func(us []cases.Unreached) string {
		var out []string
		for _, u := range us {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s:%d %s", u.Name, u.Line, u.Part)))
		}
		return strings.Join(out, ", ")
	}
	c := run("{subject: {unit: a}, agent: {desk: near}}")
	if got := names(c.Rules); got != "admins:14, payroll:15, no-chat:16" {
		t.Error(got)
	}
	if names(c.Classes) != "privileged:7" || names(c.Desks) != "far:11" || len(c.Proofs) != 0 {
		t.Errorf("%+v", c)
	}
	// At tier high a code by mail no longer counts, so that way is in no plan.
	if c := run("{action: mfa_reset, subject: {unit: Payroll}}"); names(c.Proofs) != "everybody:13 email_code && recovery_code, everybody:13 totp" {
		t.Errorf("%+v", c)
	}
	if c := run("{subject: {admin: true}}"); names(c.Proofs) != "everybody:13 email_code && recovery_code" || names(c.Rules) != "payroll:15, no-chat:16" {
		t.Errorf("%+v", c)
	}
	// The rule refuses because it could not be evaluated; that is not what it is for.
	if c := run("{action: mfa_reset}"); !strings.Contains(names(c.Rules), "payroll:15") {
		t.Errorf("%+v", c)
	}
	if c := run("{request: {channel: chat}}"); strings.Contains(names(c.Rules), "no-chat") || c.Whole() {
		t.Errorf("%+v", c)
	}
}

func TestCoverageNamesTheAlternativesThatHeldInNoCase(t *testing.T) {
	const text = `apiVersion: countersign/v1
name: alternatives
risk_analysis: docs/risk.md
classes:
  - {class: privileged, when: 'subject.admin || subject.service'}
  - {class: standard, when: "true"}
desks:
  - {desk: near, reach: 'action in ["unlock", "mfa_reset"]'}
conditions:
  shared: request.channel == "phone" || request.channel == "chat"
rules:
  - {rule: all, when: "true", demand: {proofs: totp}}
  - {rule: one, when: 'shared && (subject.locked || subject.unit == "a")', demand: {wait: 1h}}
  - {rule: two, when: '!shared || subject.locked', demand: {wait: 1h}}
  - {rule: never, when: 'subject.fenced && (subject.locked || subject.service)', demand: {wait: 1h}}
`
	p := loadPolicy(t, text)
	run := func(given ...string) []string {
		var file strings.Builder
		file.WriteString("cases:\n")
		for i, g := range given {
			fmt.Fprintf(&file, "  - {case: c%d, given: %s, expect: {at_least: {wait: none}}}\n", i, g)
		}
		out := []string{}
		for _, u := range cases.Run(p, loadCases(t, file.String())).Coverage.Alternatives {
			out = append(out, fmt.Sprintf("%d:%d %s %s: %s", u.Line, u.Column, u.Kind, u.Name, u.Part))
		}
		return out
	}
	const service, locked = `{subject: {service: true, unit: b}}`, `{subject: {locked: true}, request: {channel: chat}, agent: {desk: near}, action: unlock}`
	want := []string{
		"5:32 class privileged: subject.admin", `10:11 condition shared: request.channel == "phone"`,
		`10:41 condition shared: request.channel == "chat"`, "14:35 rule two: subject.locked",
	}
	if got := run(service); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	// What held in one case and what held in another are added up; what stands in
	// a condition that never held is told of as a whole.
	want = []string{
		"5:32 class privileged: subject.admin", `8:26 desk near: action == "mfa_reset"`,
		`10:11 condition shared: request.channel == "phone"`, `13:53 rule one: subject.unit == "a"`,
	}
	if got := run(service, locked); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	want = []string{"5:32 class privileged: subject.admin"}
	if got := run(service, locked, `{action: mfa_reset, agent: {desk: near}, request: {channel: phone}, subject: {unit: a}}`); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

// The words that a case can expect are those that a policy can demand.
func TestTheWordsAreThePolicys(t *testing.T) {
	for demand, field := range map[string]string{"delivery": "delivery: [zzzz]", "notify": "notify: [zzzz]", "follow_up": "follow_up: [zzzz]", "approvals": "approvals: [{role: zzzz, count: 1}]"} {
		_, ofPolicy := policy.Load([]byte(strings.Replace(small, "notify: [manager]", field, 1)))
		_, ofCases := cases.Load([]byte("cases: [{case: a, expect: {" + field + "}}]"))
		if ofPolicy == nil || ofCases == nil {
			t.Fatal(ofPolicy, ofCases)
		}
		_, a, _ := strings.Cut(ofPolicy.Error(), "unknown word")
		_, b, _ := strings.Cut(ofCases.Error(), "unknown word")
		if a, _, _ = strings.Cut(a, "\n"); a == "" || a != b {
			t.Errorf("%s: a policy says %q, a case %q", demand, a, b)
		}
	}
}

// whole expects all of a plan.
func whole(p policy.Plan) string {
	secs := func(n int64) string {
		if n == 0 {
			return "none"
		}
		return fmt.Sprintf("%ds", n)
	}
	var needs []string
	for _, n := range p.Approvals {
		needs = append(needs, fmt.Sprintf("{role: %s, count: %d}", n.Role, n.Count))
	}
	list := func(l []string) string { return "[" + strings.Join(l, ", ") + "]" }
	return fmt.Sprintf("class: %s, tier: %s, proofs: %s, approvals: %s, wait: %s, expires: %s, review: %s, cool_off: %s, probation: %s, delivery: %s, notify: %s, follow_up: %s",
		p.Class, p.Tier, p.Proofs, list(needs), secs(p.Wait), secs(p.Expires), secs(p.Review), secs(p.CoolOff), secs(p.Probation), list(p.Delivery), list(p.Notify), list(p.FollowUp))
}

// A plan is what it is, and at least what it is; and a case that expects it of
// another request passes only if that has the same plan.
func TestEveryPlanMeetsItsOwnDescriptionAndNoOther(t *testing.T) {
	p := loadPolicy(t, read(t, policies+"/starter.yaml"))
	facts := rapid.Custom(func(t *rapid.T) policy.Facts {
		f := specimen.Ordinary()
		f.Action = rapid.SampledFrom([]identity.Action{"password_reset", "unlock", "session_revocation"}).Draw(t, "action")
		f.Subject.Unit = rapid.SampledFrom([]string{"", "Payroll"}).Draw(t, "unit")
		f.Subject.Groups = rapid.SampledFrom([][]string{{}, {"Board"}, {"Domain Admins"}}).Draw(t, "groups")
		if rapid.Bool().Draw(t, "signal") {
			f.Signals = []policy.Signal{{Kind: "k", At: f.At.Add(-time.Hour)}}
		}
		return f
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := facts.Draw(t, "a"), facts.Draw(t, "b")
		planA, planB := p.Plan(a), p.Plan(b)
		if planA.Denied() || planB.Denied() {
			t.Fatalf("refused: %v %v", planA.Deny, planB.Deny)
		}
		run := func(given policy.Facts, expect string) bool {
			f, err := cases.Load([]byte("cases: [{case: a, given: " + specimen.Line(given) + ", expect: {" + expect + "}}]"))
			if err != nil {
				t.Fatal(err)
			}
			return cases.Run(p, f).Failed == 0
		}
		if !run(a, whole(planA)) || !run(a, "at_least: {"+whole(planA)+"}") {
			t.Fatalf("the plan is not what it is: %s", whole(planA))
		}
		if run(b, whole(planA)) != (whole(planA) == whole(planB)) {
			t.Fatalf("%s was taken for %s", whole(planB), whole(planA))
		}
		if run(b, "at_least: {"+whole(planA)+"}") != policy.AtLeast(planB, planA) {
			t.Fatalf("at least is not the policy's: %s and %s", whole(planB), whole(planA))
		}
	})
}

func TestTheReportIsStableAndHasNoNulls(t *testing.T) {
	p, f := loadPolicy(t, small), loadCases(t, read(t, policies+"/starter.test.yaml"))
	a, err := json.Marshal(cases.Run(p, f))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(cases.Run(p, f))
	if !bytes.Equal(a, b) || bytes.Contains(a, []byte("null")) {
		t.Errorf("%s\n%s", a, b)
	}
}

func FuzzLoad(f *testing.F) {
	for _, file := range []string{policies + "/starter.test.yaml", "testdata/faults.yaml"} {
		f.Add([]byte(read(f, file)))
	}
	f.Add([]byte("cases: [{case: a, each: {subject.unit.x: [b]}, given: {subject: {unit: a}}, expect: {refused: [{}, {by: x}]}}]"))
	f.Add([]byte("cases: [{case: a, each: {'': [b], a..b: [[{}]], .: [x]}, expect: {proofs: \"totp ||\"}}]"))
	p := loadPolicy(f, small)
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := cases.Load(text)
		if err != nil {
			var ps policy.Problems
			if !errors.As(err, &ps) || len(ps) == 0 || !slices.IsSortedFunc(ps[:min(len(ps), 100)], func(a, b policy.Problem) int { return a.Line - b.Line }) {
				t.Fatalf("%v is not a list of problems", err)
			}
			return
		}
		if r := cases.Run(p, file); r.Passed+r.Failed != len(file.Cases) || len(file.Cases) == 0 {
			t.Fatalf("%d passed and %d failed of %d", r.Passed, r.Failed, len(file.Cases))
		}
	})
}
