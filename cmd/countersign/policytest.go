package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"countersign/internal/policy"
	"countersign/internal/policy/cases"
)

type policyTest struct {
	File     string `arg:"" help:"The policy."`
	Cases    string `arg:"" optional:"" help:"Its cases; when absent, the policy's name ending in .test.yaml."`
	Coverage bool   `help:"Fail also when no case makes some rule apply."`
}

// Help is kong's long text.
func (policyTest) Help() string {
	return "Asks the policy about every case and says which of them fail, what was expected and what was found; then what no case reaches. It exits with 0 when every case passes, with 1 when one fails, and with 2 when a file is missing or does not load."
}

type tested struct {
	Policy    string `json:"policy"`
	CasesFile string `json:"cases_file"`
	cases.Report
}

// Run tests.
func (v policyTest) Run(e *env) error {
	if v.Cases == "" {
		v.Cases = strings.TrimSuffix(v.File, filepath.Ext(v.File)) + ".test.yaml"
	}
	p, f, err := v.load()
	if err != nil {
		return err
	}
	t := tested{v.File, v.Cases, cases.Run(p, f)}
	var no error
	if t.Failed > 0 || v.Coverage && len(t.Coverage.Rules) > 0 {
		no = errNo
	}
	return errors.Join(e.answer(t, func() { v.print(e, t) }), no)
}

func (v policyTest) load() (*policy.Policy, cases.File, error) {
	p, err := loadPolicy(v.File)
	if err != nil {
		return nil, cases.File{}, err
	}
	text, err := os.ReadFile(v.Cases)
	if err != nil {
		return nil, cases.File{}, hinted(fmt.Errorf("reading the cases: %w", err), "name their file: countersign policy test "+v.File+" CASES")
	}
	f, err := cases.Load(text)
	return p, f, doesNotLoad(v.Cases, err)
}

// doesNotLoad names the file beside each of its faults.
func doesNotLoad(file string, err error) error {
	var faults policy.Problems
	if !errors.As(err, &faults) {
		return err
	}
	lines := make([]string, len(faults))
	for i, f := range faults {
		lines[i] = "  " + file + ":" + f.String()
	}
	return fmt.Errorf("%s does not load:\n%s", file, strings.Join(lines, "\n"))
}

func (v policyTest) print(e *env, t tested) {
	for _, c := range t.Verdicts {
		if !c.Passed {
			v.printCase(e, c)
		}
	}
	v.printCoverage(e, t.Coverage)
	verdict := "all pass"
	switch t.Failed {
	case 0:
	case 1:
		verdict = e.bold("1 of them fails")
	default:
		verdict = e.bold(strconv.Itoa(t.Failed) + " of them fail")
	}
	total := t.Passed + t.Failed
	e.say("%s: %d %s, %s.", t.CasesFile, total, plural(total, "case"), verdict)
}

func (v policyTest) printCase(e *env, c cases.Verdict) {
	sentence := c.Case
	if c.With != "" {
		sentence += " (" + c.With + ")"
	}
	e.say("%s:%d: %s", v.Cases, c.Line, e.bold(safe(sentence)))
	e.say("  %s     %s", e.dim("given"), safe(c.Given))
	for _, d := range c.Differences {
		e.say("  %s  %s", e.dim("expected"), safe(d.Expected))
		e.say("  %s     %s", e.dim("found"), safe(d.Found))
	}
	e.say("")
}

func (v policyTest) printCoverage(e *env, c cases.Coverage) {
	tell := func(unreached []cases.Unreached, format string) {
		for _, u := range unreached {
			e.say("%s:%d: %s", v.File, u.Line, fmt.Sprintf(format, safe(u.Name)))
		}
	}
	tell(c.Rules, "no case makes the rule %s apply")
	for _, u := range c.Proofs {
		e.say("%s:%d: no case leaves the way %s of the rule %s open", v.File, u.Line, safe(u.Part), safe(u.Name))
	}
	for _, u := range c.Alternatives {
		e.say("%s:%d:%d: %s %s: in no case does %s hold", v.File, u.Line, u.Column, u.Kind, safe(u.Name), safe(u.Part))
	}
	tell(c.Classes, "no case has an account of class %s")
	tell(c.Desks, "no case has an agent at the desk %s")
	if !c.Whole() {
		e.say("")
	}
}
