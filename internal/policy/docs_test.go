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
