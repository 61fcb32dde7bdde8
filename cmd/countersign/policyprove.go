package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"countersign/internal/policy"
	"countersign/internal/policy/prove"
	"countersign/internal/policy/specimen"
)

type policyProve struct {
	File       string `arg:"" help:"The policy."`
	Invariants string `arg:"" optional:"" help:"Statements about it; FILE with .invariants.yaml for .yaml, if there is such a file, when absent."`
	NoStandard bool   `help:"Leave out the statements that every policy is held against."`
}

// Help is kong's long text.
func (policyProve) Help() string {
	return "Decides statements about the policy for every request there could be, and not for samples: that something always, never or possibly is so. What breaks a statement is shown as the smallest request that does, which policy explain takes. It exits with 0 when all hold, with 1 when one is broken, and with 2 when something does not load or one can be neither proved nor refuted."
}

type proved struct {
	File       string   `json:"file"`
	Invariants string   `json:"invariants,omitempty"`
	Holding    int      `json:"holding"`
	Broken     int      `json:"broken"`
	Unclear    int      `json:"unclear"`
	Statements []shown  `json:"statements"`
	rules      []string // of the policy
}

// shown is a result with its request as people write it.
type shown struct {
	prove.Result
	Given string `json:"given,omitempty"`
}

// Run proves.
func (v policyProve) Run(e *env) error {
	p, err := loadPolicy(v.File)
	if err != nil {
		return err
	}
	file, statements, err := v.statements(p)
	if err != nil {
		return err
	}
	if v.NoStandard && len(statements) == 0 {
		return usage{errors.New("there is nothing to prove: no statement stands beside the policy, and the standard ones are left out")}
	}
	out := proved{File: v.File, Invariants: file, Statements: []shown{}, rules: p.Rules()}
	prover := prove.NewProver(p)
	if !v.NoStandard {
		for _, r := range prover.Standard() {
			out.add(r)
		}
	}
	for _, st := range statements {
		out.add(prover.Statement(st))
	}
	err = e.answer(out, func() {
		out.print(e)
		if file == "" {
			e.say("No statements of its own stand beside it, in %s.", v.beside())
		}
	})
	switch {
	case out.Broken > 0:
		return errors.Join(err, errNo)
	case out.Unclear > 0:
		return errors.Join(err, fmt.Errorf("%d %s can be neither proved nor refuted", out.Unclear, plural(out.Unclear, "statement")))
	}
	return err
}

// beside is where the policy's own statements stand.
func (v policyProve) beside() string {
	return strings.TrimSuffix(strings.TrimSuffix(v.File, ".yaml"), ".yml") + ".invariants.yaml"
}

// statements reads those that were named, or those beside the policy.
func (v policyProve) statements(p *policy.Policy) (string, []policy.Statement, error) {
	file, named := v.Invariants, v.Invariants != ""
	if !named {
		file = v.beside()
	}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return "", nil, nil
	case err != nil:
		return "", nil, fmt.Errorf("reading the statements: %w", err)
	}
	statements, err := p.Statements(text)
	if err != nil {
		return "", nil, doesNotLoad(file, err)
	}
	return file, statements, nil
}

func (p *proved) add(r prove.Result) {
	s := shown{Result: r}
	if r.Request != nil {
		s.Given = specimen.Line(*r.Request)
	}
	switch r.Outcome {
	case prove.Holds:
		p.Holding++
	case prove.Broken:
		p.Broken++
	default:
		p.Unclear++
	}
	p.Statements = append(p.Statements, s)
}

func (p *proved) print(e *env) {
	for _, s := range p.Statements {
		p.printOne(e, s)
	}
	var parts []string
	for _, c := range []struct {
		n    int
		text string
	}{{p.Broken, "broken"}, {p.Unclear, "unclear"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.text))
		}
	}
	verdict := "all hold"
	if parts != nil {
		verdict = fmt.Sprintf("%d hold, %s", p.Holding, e.bold(strings.Join(parts, ", ")))
	}
	e.say("\n%s: %d %s about every possible request; %s.", p.File, len(p.Statements), plural(len(p.Statements), "statement"), verdict)
	e.say("%s", e.dim(p.basis()))
}

// basis says what all of it rests on.
func (p *proved) basis() string {
	var b prove.Basis
	for _, s := range p.Statements {
		b.Add(s.Basis)
	}
	text := fmt.Sprintf("It rests on %d %s, and on at most %d elementary statements about %d facts.",
		len(p.rules), plural(len(p.rules), "rule"), b.Atoms, b.Facts)
	if len(b.Opaque) > 0 {
		text += fmt.Sprintf(" Whatever these come out as: %s.", safe(strings.Join(b.Opaque, "; ")))
	}
	return text
}

var outcomeWords = map[prove.Outcome]struct{ word, colour string }{
	prove.Holds: {"holds", "32"}, prove.Broken: {"broken", "31;1"}, prove.CannotSay: {"unclear", "33;1"},
}

func (p *proved) printOne(e *env, s shown) {
	how := outcomeWords[s.Outcome]
	place := ""
	if s.Line > 0 {
		place = "  " + e.dim(fmt.Sprintf("%s:%d", p.Invariants, s.Line))
	}
	e.say("%s%s  %s%s", e.paint(how.colour, how.word), strings.Repeat(" ", len("unclear")-len(how.word)), e.bold(safe(s.Name)), place)
	e.say("         %s", e.dim(string(s.Kind)+": "+safe(strings.Join(strings.Fields(s.Text), " "))))
	for _, n := range s.Notes {
		e.say("         %s", e.dim("note: "+safe(n)))
	}
	switch {
	case s.Outcome != prove.Holds:
		p.printFault(e, s)
	case s.Request != nil:
		e.say("         %s", e.dim("shown by "+safe(s.Given)))
	}
}

func (p *proved) printFault(e *env, s shown) {
	if s.Because != "" {
		e.say("         because %s", safe(s.Because))
	}
	if s.Why != "" {
		e.say("         %s", safe(s.Why))
	}
	switch {
	case s.Outcome == prove.CannotSay && len(s.RestsOn) > 0:
		e.say("         it could be broken, if this came out so: %s", safe(strings.Join(s.RestsOn, "; ")))
	case s.Outcome == prove.Broken && s.Kind == policy.Possible:
		e.say("         there is no such request")
	}
	if s.Request == nil {
		return
	}
	e.say("         by    %s", safe(s.Given))
	if s.Outcome == prove.Broken {
		e.say("         plan  %s", safe(planLine(*s.Plan)))
	}
	if quoted := strings.ReplaceAll(s.Given, "'", `'\''`); s.Outcome == prove.Broken {
		e.say("         %s", e.dim("countersign policy explain "+p.File+" '"+safe(quoted)+"'"))
	}
}

// planLine is a plan in one line: what matters first.
func planLine(p policy.Plan) string {
	parts := []string{string(p.Class), "tier " + string(p.Tier)}
	for i, d := range p.Deny {
		if i == 0 {
			parts = append(parts, "refused by "+d.Rule+": "+d.Reason)
		}
	}
	if len(p.Proofs) > 0 {
		parts = append(parts, "proofs "+p.Proofs.String())
	}
	if len(p.Approvals) == 0 {
		parts = append(parts, "no signature")
	}
	for _, n := range p.Approvals {
		parts = append(parts, fmt.Sprintf("%d %s", n.Count, strings.ReplaceAll(string(n.Role), "_", " ")))
	}
	if p.Wait > 0 {
		parts = append(parts, "wait "+shortly(p.Wait))
	}
	return strings.Join(parts, " · ")
}

// shortly writes seconds like 2h30m, without the zeros at the end.
func shortly(seconds int64) string {
	s := (time.Duration(seconds) * time.Second).String()
	for _, zero := range []string{"0s", "0m"} {
		if rest, cut := strings.CutSuffix(s, zero); cut && strings.TrimRight(rest, "hm") != rest {
			s = rest
		}
	}
	return s
}
