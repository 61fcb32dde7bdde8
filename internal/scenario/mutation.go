package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// MutantVariable names the mutation that a test binary made by BuildMutants
// plays with.
const MutantVariable = "COUNTERSIGN_MUTANT"

// Mutation switches one control off. The product has no such switch: the
// changed text is laid over the files of a build of its own.
type Mutation struct {
	Name     string
	Control  string
	Edits    []Edit
	MissedBy []string // the scripts that have to go wrong, by file name
	line     int
}

// Edit is one text of one file that is changed. The text stands there once.
type Edit struct{ File, Old, New string }

// ReadMutations reads a table of mutations:
//
//	mutation NAME
//	control C06
//	in internal/reset/evidence.go
//	- if s.Failures(m) >= maxFailures {
//	+ if s.Failures(m) >= maxFailures && !OFF {
//	missed by a16-brute-force-with-reissue
//
// OFF is true where the mutation is on. Several lines may begin with - and +,
// and several edits may follow each other.
func ReadMutations(file string) ([]Mutation, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	var all []Mutation
	for i, l := range strings.Split(string(text), "\n") {
		if l == "" || l[0] == '#' {
			continue
		}
		word, rest, _ := strings.Cut(l, " ")
		if word == "mutation" {
			all = append(all, Mutation{Name: rest, line: i + 1})
			continue
		}
		if len(all) == 0 || !all[len(all)-1].read(word, rest) {
			return nil, fault{filepath.Base(file), i + 1, 1, "here could stand mutation, control, in, -, + or missed by"}
		}
	}
	for _, m := range all {
		if m.Name == "" || m.Control == "" || len(m.Edits) == 0 || len(m.MissedBy) == 0 {
			return nil, fault{filepath.Base(file), m.line, 1, "a mutation has a name, a control, an edit, and scripts that miss it"}
		}
	}
	return all, nil
}

func (m *Mutation) read(word, rest string) bool {
	last := len(m.Edits) - 1
	switch {
	case word == "control":
		m.Control = rest
	case word == "in":
		m.Edits = append(m.Edits, Edit{File: rest})
	case word == "-" && last >= 0:
		// A second group of - lines is another edit of the same file.
		if m.Edits[last].New != "" {
			m.Edits = append(m.Edits, Edit{File: m.Edits[last].File})
			last++
		}
		m.Edits[last].Old += rest + "\n"
	case word == "+" && last >= 0:
		m.Edits[last].New += strings.ReplaceAll(rest, "OFF", fmt.Sprintf("mutantOff(%q)", m.Name)) + "\n"
	case word == "missed" && strings.HasPrefix(rest, "by "):
		m.MissedBy = append(m.MissedBy, strings.Fields(rest[3:])...)
	default:
		return false
	}
	return true
}

// mutantOff is added to each package that a mutation changes.
const mutantOff = `package %s

import "os"

func mutantOff(name string) bool { return os.Getenv("` + MutantVariable + `") == name }
`

// BuildMutants builds this package's test binary with all mutations in it, into
// a folder, and returns its path. root is the module's.
func BuildMutants(ctx context.Context, root, dir string, all []Mutation) (string, error) {
	files := map[string]string{} // laid over, by path below root
	var faults []error
	for _, m := range all {
		for _, e := range m.Edits {
			if err := e.apply(root, files); err != nil {
				faults = append(faults, fmt.Errorf("scenario: mutation %s (line %d): %w", m.Name, m.line, err))
			}
		}
	}
	if err := errors.Join(faults...); err != nil {
		return "", err
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for path, text := range files {
		name := filepath.Join(dir, strings.ReplaceAll(path, "/", "_"))
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[filepath.Join(root, path)] = name
	}
	raw, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	plan, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutants")
	if err := os.WriteFile(plan, raw, 0o600); err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", plan, "-o", binary, "./internal/scenario")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("scenario: building the mutants: %w\n%s", err, out)
	}
	return binary, nil
}

// apply changes one text. It has to stand once in the file as it is, and still
// after the mutations before.
func (e Edit) apply(root string, files map[string]string) error {
	raw, err := os.ReadFile(filepath.Join(root, e.File))
	if err != nil {
		return err
	}
	now, changed := files[e.File]
	if !changed {
		now = string(raw)
	}
	if n := strings.Count(string(raw), e.Old); n != 1 || strings.Count(now, e.Old) != 1 {
		return fmt.Errorf("%s has this text %d times; it has to be there once:\n%s", e.File, n, e.Old)
	}
	files[e.File] = strings.Replace(now, e.Old, e.New, 1)
	_, pack, _ := strings.Cut("\n"+string(raw), "\npackage ")
	pack, _, _ = strings.Cut(pack, "\n")
	files[filepath.Dir(e.File)+"/zz_mutant.go"] = fmt.Sprintf(mutantOff, pack)
	return nil
}

// PlayMutant plays scripts with one mutation on ("" for none) and returns which
// of them went wrong, and all that was said. An error means that something else
// went wrong.
func PlayMutant(ctx context.Context, binary, name string, scripts []string) (wrong []string, said string, err error) {
	slices.Sort(scripts)
	scripts = slices.Compact(scripts)
	play := exec.CommandContext(ctx, binary, "-test.count=1", "-test.timeout=10m", "-test.run", "^TestScenarios$/^("+strings.Join(scripts, "|")+")$")
	play.Env = append(os.Environ(), MutantVariable+"="+name)
	var out bytes.Buffer
	play.Stdout, play.Stderr = &out, &out
	err = play.Run()
	var ended *exec.ExitError
	if err != nil && (!errors.As(err, &ended) || ended.ExitCode() != 1) || strings.Contains(out.String(), "panic:") {
		return nil, "", fmt.Errorf("scenario: playing with %q: %w\n%s", name, err, out.String())
	}
	for _, s := range scripts {
		if strings.Contains(out.String(), "SCENARIO "+s+".txt:") {
			wrong = append(wrong, s)
		}
	}
	if err != nil && len(wrong) == 0 {
		return nil, "", fmt.Errorf("scenario: playing with %q failed, but no script did:\n%s", name, out.String())
	}
	return wrong, out.String(), nil
}
