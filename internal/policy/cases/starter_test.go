package cases_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/policy"
	"countersign/internal/policy/cases"
)

const policies = "../../../policies"

// Every policy that is handed out comes with cases, which hold and reach all
// of its rules; those of the starter, from which people learn, every alternative.
func TestTheReadyPoliciesKeepTheirPromises(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(policies, "*.test.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		p := loadPolicy(t, read(t, strings.TrimSuffix(file, ".test.yaml")+".yaml"))
		report := cases.Run(p, loadCases(t, read(t, file)))
		for _, v := range report.Verdicts {
			if !v.Passed {
				t.Errorf("%s:%d: %s (%s): %+v", file, v.Line, v.Case, v.With, v.Differences)
			}
		}
		left := report.Coverage
		if filepath.Base(file) != "starter.test.yaml" {
			left.Alternatives = nil
		}
		if !left.Whole() {
			t.Errorf("%s leaves out %+v", file, left)
		}
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func loadPolicy(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func loadCases(t testing.TB, text string) cases.File {
	t.Helper()
	f, err := cases.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Whoever loosens the starter policy hears of it from its cases.
func TestTheStartersCasesSeeWhatIsLoosened(t *testing.T) {
	text := read(t, filepath.Join(policies, "starter.yaml"))
	file := loadCases(t, read(t, filepath.Join(policies, "starter.test.yaml")))
	for name, change := range map[string]struct{ old, new, seenBy string }{
		"an unlock without proof of anything else": {"proofs: totp || email_code || recovery_code", "proofs: totp || email_code || recovery_code || device", "any one proof"},
		"mail alone resets a password":             {"proofs: totp || (recovery_code && email_code)", "proofs: totp || email_code", "a forgotten password"},
		"no manager for a lost factor":             {`action in ["mfa_reset", "recovery_change"]`, `action == "recovery_change"`, "a lost second factor"},
		"no wait for a lost factor":                {"      wait: 1h\n", "", "a lost second factor"},
		"one signature for an administrator":       {"when: administrative\n    demand:\n      approvals: [{role: security, count: 1}]\n", "when: administrative\n    demand:\n", "both factors, two signatures"},
		"either factor for an administrator":       {"proofs: recovery_code && totp", "proofs: recovery_code || totp", "both factors"},
		"the unknown left out":                     {`"break_glass", "unknown"]`, `"break_glass"]`, ""},
		"services left out":                        {`["privileged", "service",`, `["privileged",`, "a service account"},
		"helpdesk staff are nobody special":        {" || size(subject.staff) > 0", "", "whoever works with Countersign"},
		"a group fewer":                            {"Enterprise Admins, ", "", "found by their groups"},
		"payroll like any other":                   {"[Payroll, Finance,", "[Finance,", "payroll"},
		"the vendor reaches everybody":             {`subject.class == "standard" && action in`, `action in`, "touches nobody else"},
		"the vendor is no vendor":                  {"    vendor: true\n", "", "takes no chat"},
		"the vendor's cap raised":                  {"tier_cap: elevated", "tier_cap: high", "touches nobody else"},
		"two steps in a day":                       {`duration("72h"))` + "\n  too_often", `duration("9h"))` + "\n  too_often", "soon after a new password"},
		"four requests":                            {".size() >= 3", ".size() >= 4", "after three requests"},
		"signals unheard":                          {"signals.exists(s, now - s.at <", "signals.exists(s, now - s.at >", "a recent signal"},
		"nothing is refused here":                  {`"access_pass", `, "", "not done over the helpdesk"},
		"a longer life":                            {"expires: 24h", "expires: 48h", "a forgotten password"},
		"a younger address":                        {"cool_off: 3d", "cool_off: 1d", "a forgotten password"},
		"the thief keeps the session":              {"follow_up: [revoke_sessions]", "follow_up: [revoke_tokens]", "any one proof"},
	} {
		if !strings.Contains(text, change.old) {
			t.Errorf("%s: the starter policy has no %q", name, change.old)
			continue
		}
		report := cases.Run(loadPolicy(t, strings.Replace(text, change.old, change.new, 1)), file)
		// What is said of privileged accounts holds for unknown ones anyway.
		seen := change.seenBy == "" && report.Failed == 0
		for _, v := range report.Verdicts {
			seen = seen || !v.Passed && strings.Contains(v.Case, change.seenBy) && change.seenBy != ""
		}
		if !seen {
			t.Errorf("%s: nobody noticed (%d cases failed)", name, report.Failed)
		}
	}
}
