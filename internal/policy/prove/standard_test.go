package prove

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"countersign/internal/policy/specimen"
)

func TestReady(t *testing.T) {
	files, _ := filepath.Glob("../../../policies/*.yaml")
	for _, f := range files {
		if filepath.Ext(f[:len(f)-5]) != "" {
			continue
		}
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p := load(t, string(src))
		start := time.Now()
		for _, r := range NewProver(p).Standard() {
			t.Logf("%s %s: %s %s %v %v %+v", filepath.Base(f), r.Name, r.Outcome, r.Why, r.RestsOn, r.Notes, r.Basis)
			if r.Request != nil {
				t.Log(specimen.Line(*r.Request), r.Plan.Proofs, r.Plan.Tier, r.Plan.Approvals)
			}
		}
		t.Log(time.Since(start))
	}
}
