package policy

import (
	"os"
	"strings"
	"testing"
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

func TestTheDocumentationNamesEveryFactDemandAndFloor(t *testing.T) {
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for typ, facts := range factsOf {
		for _, f := range facts {
			if !strings.Contains(string(doc), f.name+"`") {
				t.Errorf("%s.%s is not described", strings.TrimPrefix(typ, "countersign."), f.name)
			}
		}
	}
	for _, w := range append([]string{"tier", "proofs", "approvals", "wait", "cool_off", "expires", "review", "delivery", "notify", "follow_up",
		byFacts, byLifecycle, byFence, byDesk, byProofs, byDelivery}, append(deliveryWords, append(notifyWords, followUpWords...)...)...) {
		if !strings.Contains(string(doc), "`"+w+"`") {
			t.Errorf("%s is not described", w)
		}
	}
}
