package scenario_test

import (
	"slices"
	"testing"

	"countersign/internal/scenario"
)

const (
	scripts  = "../../testdata/scenarios"
	policies = "../../policies"
	special  = "../../testdata/scenarios/policies" // of scripts that no ready-made one fits
)

// few are played under the race detector. The others are then played by the
// program of the mutations, which is built without it.
var few = []string{"a16-brute-force-with-reissue", "a12-self-service-in-somebodys-name", "l07-broken-phone-laptop-fine"}

// Every script is played as it stands; an honest recovery also with each of its
// proofs left out.
func TestScenarios(t *testing.T) {
	all, err := scenario.Load(scripts)
	if err != nil {
		t.Fatal(err)
	}
	stage := scenario.NewStage(policies, special)
	for _, s := range all {
		if raced && !slices.Contains(few, s.File) {
			continue
		}
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
