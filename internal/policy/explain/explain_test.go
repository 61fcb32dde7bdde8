package explain_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"countersign/internal/policy"
	"countersign/internal/policy/change"
	"countersign/internal/policy/explain"
	"countersign/internal/policy/specimen"
)

const small = `apiVersion: countersign/v1
name: small
risk_analysis: docs/risk.md
conditions:
  busy: size(history) >= 2
classes:
  - class: privileged
    when: subject.admin
  - class: standard
    when: "true"
desks:
  - {desk: day, reach: 'subject.class == "standard"'}
rules:
  - rule: everybody
    when: "true"
    demand: {proofs: passkey || (totp && recovery_code), notify: [manager]}
  - rule: admins
    when: subject.class in ["privileged", "unknown"]
    demand: {proofs: passkey, approvals: [{role: security, count: 1}], wait: 2h}
  - rule: often
    when: busy && !subject.service
    demand: {approvals: [{role: security, count: 2}]}
  - rule: far-away
    when: has(location.country) && location.country != "JP"
    deny: not from abroad
`

func of(t *testing.T, given string) explain.Explanation {
	t.Helper()
	p, err := policy.Load([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	f, err := specimen.Parse([]byte(given))
	if err != nil {
		t.Fatal(err)
	}
	return explain.WithLess(p, f)
}

// told writes an explanation on a few lines.
func told(x explain.Explanation) string {
	var b strings.Builder
	atoms := func(as []explain.Atom) string {
		var texts []string
		for _, a := range as {
			texts = append(texts, fmt.Sprintf("%s@%d%s", a.Text, a.Line, a.Condition))
		}
		return strings.Join(texts, "; ")
	}
	fmt.Fprintf(&b, "class %s@%d [%s]%s\n", x.Class.Class, x.Class.Line, atoms(x.Class.True), x.Class.Error)
	for _, r := range x.Refused {
		fmt.Fprintf(&b, "refused by %s@%d: %s %v\n", r.Rule, r.Line, r.Reason, r.Fault)
	}
	for _, d := range x.Demands {
		if d.Value != "none" {
			fmt.Fprintf(&b, "%s %s from %s\n", d.Demand, d.Value, strings.Join(d.By, ","))
		}
	}
	for _, r := range x.Rules {
		fmt.Fprintf(&b, "rule %s@%d [%s]%s\n", r.Name, r.Line, atoms(r.True), r.Error)
	}
	for _, l := range x.Less {
		fmt.Fprintf(&b, "less %s if [%s] never %v%s\n", l.Change, strings.Join(l.If, "; "), l.Never, l.Unclear)
	}
	return b.String()
}

func TestEachDemandIsTracedToItsRulesAndStatements(t *testing.T) {
	got := told(of(t, "{subject: {admin: true}, history: [{ago: 1h}, {ago: 2h}]}"))
	for _, want := range []string{
		"class privileged@7 [subject.admin@8]\n",
		"proofs passkey from admins,everybody\n",
		"approvals 2 security from admins,often\n",
		"wait 2h from admins\n",
		"rule everybody@14 []\n",
		`rule admins@17 [subject.class in ["privileged", "unknown"]@18]` + "\n",
		"rule often@20 [size(history) >= 2@5busy]\n",
		"less wait: 2h → none if [subject.admin: false] never false\n",
		"less proofs: passkey → passkey || (recovery_code && totp) if [subject.admin: false] never false\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told in\n%s", want, got)
		}
	}
	if strings.Contains(got, "far-away") {
		t.Errorf("a rule that does not apply is told in\n%s", got)
	}
}

func TestARefusalIsTracedAndItsWayOutFound(t *testing.T) {
	got := told(of(t, "{location: {country: DE, ago: 1h}, agent: {desk: day}}"))
	for _, want := range []string{
		"refused by far-away@23: not from abroad false\n",
		`rule far-away@23 [has(location.country)@24; location.country != "JP"@24]` + "\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told in\n%s", want, got)
		}
	}
	if !strings.Contains(got, "less request: refused → allowed if [location.country: ") {
		t.Errorf("the way out is not told in\n%s", got)
	}
}

func TestAFaultIsToldFromARefusal(t *testing.T) {
	got := told(of(t, "{subject: {admin: unknown}}"))
	if !strings.Contains(got, "class unknown@7 []the fact subject.admin is missing\n") || !strings.Contains(got, "less wait: 2h → none if [subject.admin: false]") {
		t.Errorf("the class's fault is not told in\n%s", got)
	}
	if x := of(t, "{subject: {status: disabled}}"); !x.Plan.Denied() || len(x.Refused) != 1 || x.Refused[0].Line != 0 || x.Refused[0].Fault {
		t.Errorf("a floor's refusal is told as\n%s", told(x))
	}
}

func TestWhereNothingAsksForLessThatIsSaid(t *testing.T) {
	x := of(t, "{}")
	i := slices.IndexFunc(x.Less, func(l explain.Less) bool { return l.Demand == "proofs" })
	if i < 0 || !x.Less[i].Never {
		t.Errorf("told as\n%s", told(x))
	}
}

// What is said to be asked for less is, by the policy itself.
func TestWhatWouldHaveToDifferDoesAskForLess(t *testing.T) {
	text, err := os.ReadFile("../../../policies/finance.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, given := range []string{
		"{}", "{action: mfa_reset}", "{subject: {admin: true}}", "{subject: {unit: Payroll}, signals: [{kind: sim_change, ago: 1h}]}",
		"{subject: {groups: [Board], manager: none}}", "{agent: {desk: helpdesk}, request: {channel: phone}, action: unlock}",
	} {
		f, err := specimen.Parse([]byte(given))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range explain.WithLess(p, f).Less {
			if l.Unclear != "" {
				t.Errorf("%s: %s: %s", given, l.Demand, l.Unclear)
			}
			if l.Never {
				continue
			}
			found++
			if len(l.If) == 0 || !l.Direction.Eases() || !slices.Contains(change.Compare(p.Plan(f), p.Plan(l.Facts)), l.Change) || l.Facts.Action != f.Action {
				t.Errorf("%s: %+v", given, l)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d ways to be asked for less were found", found)
	}
}
