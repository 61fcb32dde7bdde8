package policies_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/policies"
)

func TestEveryPolicyOfTheFolderIsInTheProgram(t *testing.T) {
	files, err := filepath.Glob("*.test.yaml") // each policy has its cases beside it
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".test.yaml")
		r, ok := policies.Find(name)
		want, err := os.ReadFile(name + ".yaml")
		if !ok || err != nil || r.Text() != string(want) {
			t.Errorf("%s: in the program %v, %v", name, ok, err)
		}
	}
	if len(files) != len(policies.All) {
		t.Errorf("the program carries %d policies, the folder %d", len(policies.All), len(files))
	}
	if _, ok := policies.Find("none"); ok {
		t.Error("it finds what there is not")
	}
}

func TestEachIsTheOneItSays(t *testing.T) {
	for _, r := range policies.All {
		if !strings.Contains(r.Text(), "\nname: "+r.Name+"\n") {
			t.Errorf("%s does not name itself so", r.Name)
		}
	}
}
