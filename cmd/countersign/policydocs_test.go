package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/policy"
	"countersign/internal/policy/prove"
	"countersign/internal/policy/specimen"
)

func manual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "policy.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheManualHasASectionAndExitCodesForEveryPolicyCommand(t *testing.T) {
	text := manual(t)
	verbs := reflect.TypeFor[policyVerb]()
	for i := range verbs.NumField() {
		name := "policy " + strings.ToLower(verbs.Field(i).Name)
		for _, want := range []string{"\n## `" + name + "`\n", "\n| `" + name + "` | ", "$ countersign " + name + " "} {
			if !strings.Contains(text, want) {
				t.Errorf("docs/policy.md has no %q", strings.TrimSpace(want))
			}
		}
	}
}

func TestTheManualNamesEveryStandardStatementAsItReads(t *testing.T) {
	text := manual(t)
	_, rest, _ := strings.Cut(text, "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	p, err := policy.Load([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range prove.NewProver(p).Standard() {
		if row := "| `" + r.Name + "` | " + string(r.Kind) + ": " + r.Text + " |\n"; !strings.Contains(text, row) {
			t.Errorf("docs/policy.md has no row: %s", row)
		}
	}
}

var specimenRow = regexp.MustCompile("(?m)^\\| [^|]+ \\| `([{][^|`]+[}])` \\|$")

// The table of specimens shows what can be written, and each fact differs from
// the ordinary.
func TestTheSpecimensOfTheManualAreSpecimens(t *testing.T) {
	_, section, _ := strings.Cut(manual(t), "\n### Specimens\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := specimenRow.FindAllStringSubmatch(section, -1)
	if len(rows) < 9 {
		t.Errorf("only %d specimens were found", len(rows))
	}
	for _, row := range rows {
		f, err := specimen.Parse([]byte(row[1]))
		if err != nil {
			t.Errorf("%s: %v", row[1], err)
		} else if specimen.Line(f) == "{}" {
			t.Errorf("%s is an ordinary request", row[1])
		}
	}
}
