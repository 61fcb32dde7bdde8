package policy

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"

	"countersign/internal/policy/yamltext"
)

func TestTheExampleInTheDocumentationLoads(t *testing.T) {
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	if _, err := Load([]byte(example)); err != nil {
		t.Fatal(err)
	}
}

func TestTheDocumentationNamesEveryDemandAndFloor(t *testing.T) {
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range append([]string{"tier", "proofs", "approvals", "wait", "cool_off", "expires", "review", "probation", "delivery", "notify", "follow_up",
		byFacts, byLifecycle, byFence, byDesk, byProofs, byDelivery}, append(deliveryWords, append(notifyWords, followUpWords...)...)...) {
		if !strings.Contains(string(doc), "`"+w+"`") {
			t.Errorf("%s is not described", w)
		}
	}
}

// The bounds in the manual are the bounds there are.
func TestTheDocumentationNamesEveryBound(t *testing.T) {
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	thousands := func(n int) string {
		s := strconv.Itoa(n)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	}
	list := func(ns ...int) string {
		var out []string
		for _, n := range ns {
			out = append(out, thousands(n))
		}
		return strings.Join(out, ", ")
	}
	for _, row := range []string{
		"| " + strconv.Itoa(maxSource>>10) + " KiB |",
		"| " + list(maxRules, maxClasses, maxDesks, maxLists) + " |",
		"| " + list(maxList) + " |",
		"| " + list(maxConditions, maxVendors, maxAccepted) + " |",
		"| " + strconv.Itoa(maxWhen>>10) + " KiB; " + thousands(maxNodes) + " parts",
		"| " + thousands(maxAllNodes) + " parts |",
		thousands(maxGroups) + " groups, " + thousands(maxContacts) + " contacts, " + thousands(maxContacts) + " methods, " +
			thousands(maxHistory) + " earlier requests, " + thousands(maxSignals) + " signals; " + thousands(maxText) + " characters a text |",
		"| " + thousands(maxCost) + " steps |",
		"| " + thousands(maxDecision) + " steps |",
		"lines over " + thousands(maxLine) + " characters, more than " + thousands(yamltext.MaxBlank) + " spaces in a row, and lists in lists beyond " + thousands(yamltext.MaxDepth),
		"more than " + strconv.Itoa(maxOffset/3600) + " hours from UTC",
	} {
		if !strings.Contains(strings.ReplaceAll(string(doc), "\n", " "), row) {
			t.Errorf("no bound reads: %s", row)
		}
	}
	for _, f := range topLevel {
		if !strings.Contains(string(doc), "| `"+f+"` |") {
			t.Errorf("%s is not described", f)
		}
	}
}

// What a statement can read of a plan is in the manual, with its type.
func TestTheDocumentationNamesAllThatStatementsReadOfAPlan(t *testing.T) {
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(doc)) {
		if strings.HasPrefix(line, "| `plan.") {
			rows++
		}
	}
	if want := len(planFacts) + 1; rows != want {
		t.Errorf("the manual has %d rows, there are %d fields and plan.accepts", rows, want-1)
	}
	for _, f := range planFacts {
		kind := typeWord(f.typ)
		if f.typ.Kind() == types.DurationKind {
			kind = "duration"
		}
		if row := "| `plan." + f.name + "` | " + kind + " |"; !strings.Contains(string(doc), row) {
			t.Errorf("no row begins with: %s", row)
		}
	}
	if !strings.Contains(string(doc), "| `plan."+acceptsCall+"([") {
		t.Errorf("plan.%s is not described", acceptsCall)
	}
}

func TestTheDocumentationNamesEveryKindOfStatement(t *testing.T) {
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []StatementKind{Always, Never, Possible} {
		if !strings.Contains(string(doc), "| `"+string(k)+"` |") {
			t.Errorf("%s is not described", k)
		}
	}
}
