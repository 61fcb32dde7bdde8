package lint_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"countersign/internal/policy/lint"
)

var update = flag.Bool("update", false, "write docs/policy-findings.md")

const page = "../../../docs/policy-findings.md"

const heading = `# Findings of policy check

` + "`countersign policy check FILE`" + ` says what is wrong with a policy, each time with line, column, the norm's section where one rules,
the way out and, where the finding is about requests, a request that shows it. What is said of requests is decided over every
possible request, not over samples. A request in an example is one that ` + "`policy explain`" + ` takes.

An error ends the command with 1, a warning does so with ` + "`--strict`" + `, a note never. With ` + "`--config FILE`" + ` the policy is also held
against what that server offers.

Where the organisation has decided to live with a finding, the policy says so, and the finding is printed with its reason and
not counted. ` + "`at`" + ` names the rule, class, desk, list, condition or vendor; without it every finding of that code is accepted.

` + "```yaml" + `
accepted:
  - finding: critical-evidence
    at: administrators
    because: no method that resists phishing is rolled out yet; two people sign
` + "```" + `

What does not load cannot be accepted.

| code | severity | section | what it means | what to do |
|---|---|---|---|---|
`

// table is the page as the kinds have it.
func table() string {
	var b strings.Builder
	b.WriteString(heading)
	for _, k := range lint.Kinds() {
		section := k.Section
		if section == "" {
			section = "–"
		}
		cells := []string{"`" + k.Code + "`", string(k.Severity), section, k.Means, k.Way}
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}

func TestThePageOfFindingsListsEveryCode(t *testing.T) {
	if *update {
		if err := os.WriteFile(page, []byte(table()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != table() {
		t.Errorf("docs/policy-findings.md is not what the kinds say; write it anew with: go test ./internal/policy/lint -update")
	}
}

func TestKindsSayWhatTheyAre(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range lint.Kinds() {
		if seen[k.Code] {
			t.Errorf("%s stands there twice", k.Code)
		}
		seen[k.Code] = true
		if strings.Trim(k.Code, "abcdefghijklmnopqrstuvwxyz-") != "" || len(k.Code) > 64 {
			t.Errorf("%q cannot be accepted by that name", k.Code)
		}
		if k.Means == "" || k.Way == "" || !strings.HasSuffix(k.Means, ".") || strings.HasSuffix(k.Way, ".") {
			t.Errorf("%s: %q; %q", k.Code, k.Means, k.Way)
		}
	}
}
