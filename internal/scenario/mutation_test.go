package scenario_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"countersign/internal/scenario"
)

// Every control that a script claims is switched off once, and then a script
// has to go wrong for a reason of its own. A control that nobody misses is
// untested.
func TestEveryControlIsMissedWhenItIsSwitchedOff(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a second server")
	}
	scripts, err := scenario.Load(scripts)
	if err != nil {
		t.Fatal(err)
	}
	all, err := scenario.ReadMutations("testdata/mutations.txt")
	if err != nil {
		t.Fatal(err)
	}
	relevant := claimed(t, scripts, all)
	if raced {
		for _, s := range scripts {
			relevant = append(relevant, s.File)
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	binary, err := scenario.BuildMutants(t.Context(), root, t.TempDir(), all)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d mutations, built in %s", len(all), time.Since(began).Round(time.Second))
	if wrong, said, err := scenario.PlayMutant(t.Context(), binary, "", relevant); err != nil || len(wrong) > 0 {
		t.Fatalf("with nothing switched off, %q go wrong (%v):\n%s", wrong, err, said)
	}
	for _, m := range all {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			wrong, said, err := scenario.PlayMutant(t.Context(), binary, m.Name, slices.Clone(m.MissedBy))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range m.MissedBy {
				if !slices.Contains(wrong, s) {
					t.Errorf("%s (%s) is switched off, and %s does not miss it:\n%s", m.Name, m.Control, s, said)
				}
			}
		})
	}
}

// claimed holds the table against the scripts, and returns the scripts that
// the mutations name.
func claimed(t *testing.T, scripts []scenario.Script, all []scenario.Mutation) (relevant []string) {
	t.Helper()
	controls := map[string][]string{}
	for _, s := range scripts {
		controls[s.File] = s.Controls
	}
	missed := map[string]bool{}
	for _, m := range all {
		for _, s := range m.MissedBy {
			missed[m.Control] = true
			relevant = append(relevant, s)
			if !slices.Contains(controls[s], m.Control) {
				t.Errorf("%s is said to miss %s, but does not claim %s", s, m.Name, m.Control)
			}
		}
	}
	for _, s := range scripts {
		for _, c := range s.Controls {
			if !missed[c] {
				t.Errorf("%s claims %s, which no mutation switches off", s.File, c)
			}
		}
	}
	return relevant
}

func TestAMutationThatFitsNowhereIsAnError(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "m.txt")
	for _, bad := range []string{"control C01\n", "mutation x\n", "mutation x\ncontrol C01\nin a.go\n- a\n+ b\nfrobs\n"} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := scenario.ReadMutations(file); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	twice := []scenario.Mutation{{Name: "x", Edits: []scenario.Edit{{File: "a.go", Old: "a\n", New: "b\n"}}}}
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte("package a\na\na\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := scenario.BuildMutants(t.Context(), dir, dir, twice); err == nil {
		t.Error("a text that stands there twice was changed")
	}
}
