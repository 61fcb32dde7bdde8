package scenario_test

import (
	"testing"

	"countersign/internal/scenario"
)

const (
	scripts  = "../../testdata/scenarios"
	policies = "../../policies"
)

// Every script is played as it stands; an honest recovery also with each of its
// proofs left out.
func TestScenarios(t *testing.T) {
	all, err := scenario.Load(scripts)
	if err != nil {
		t.Fatal(err)
	}
	stage := scenario.NewStage(policies)
	for _, s := range all {
		t.Run(s.File, func(t *testing.T) {
			t.Parallel()
			if err := stage.Play(t, s); err != nil {
				t.Errorf("SCENARIO %v", err)
			}
			for _, i := range s.Proofs() {
				t.Run("without "+s.Lines[i].Text, func(t *testing.T) {
					if err := stage.PlayWithout(t, s, i); err != nil {
						t.Errorf("SCENARIO %v", err)
					}
				})
			}
		})
	}
}
