package house_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/cases"
	"countersign/internal/policy/lint"
	"countersign/internal/policy/prove"
	"countersign/internal/policy/specimen"
	"countersign/internal/proof"
)

// ready are the policies that are handed out, by their names.
func ready(t *testing.T) map[string]*policy.Policy {
	t.Helper()
	files, err := filepath.Glob("policies/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*policy.Policy{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if strings.HasSuffix(name, ".test") || strings.HasSuffix(name, ".invariants") {
			continue
		}
		p, err := policy.Load(readFile(t, file))
		if err != nil {
			t.Fatalf("%s:\n%v", file, err)
		}
		if p.Name() != name {
			t.Errorf("%s calls itself %s", file, p.Name())
		}
		all[name] = p
	}
	if len(all) < 5 {
		t.Fatalf("only %d ready policies were found", len(all))
	}
	return all
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// anywhere is a site of which nothing is known but that time zones can be
// looked up.
var anywhere = lint.Site{Zone: func(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil
}}

// One warning stays on purpose: whoever copies a ready policy has to be told
// that its risk analysis is not theirs.
func TestAReadyPolicyWarnsOfNothingButTheMissingRiskAnalysis(t *testing.T) {
	for name, p := range ready(t) {
		warned := false
		for _, f := range lint.Policy(p, anywhere) {
			switch {
			case f.Code == "risk-analysis-placeholder" && f.Accepted == "":
				warned = true
			case f.Counts(lint.Error) || f.Counts(lint.Warning):
				t.Errorf("policies/%s.yaml:%d: %s", name, f.Line, f.Text())
			}
		}
		if !warned {
			t.Errorf("policies/%s.yaml: nobody is told to write a risk analysis", name)
		}
	}
}

func TestAReadyPolicyPassesItsCasesAndTheyReachAllOfIt(t *testing.T) {
	for name, p := range ready(t) {
		file := "policies/" + name + ".test.yaml"
		f, err := cases.Load(readFile(t, file))
		if err != nil {
			t.Errorf("%s:\n%v", file, err)
			continue
		}
		r := cases.Run(p, f)
		for _, v := range r.Verdicts {
			if !v.Passed {
				t.Errorf("%s:%d: %s: %+v", file, v.Line, v.Case, v.Differences)
			}
		}
		if !r.Coverage.Whole() {
			t.Errorf("%s leaves out %+v", file, r.Coverage)
		}
	}
}

func TestAReadyPolicyIsProvedToKeepItsInvariants(t *testing.T) {
	for name, p := range ready(t) {
		file := "policies/" + name + ".invariants.yaml"
		own, err := p.Statements(readFile(t, file))
		if err != nil {
			t.Errorf("%s:\n%v", file, err)
			continue
		}
		if len(own) < 5 {
			t.Errorf("%s says only %d things of its own", file, len(own))
		}
		v := prove.NewProver(p)
		for _, r := range append(v.Standard(), statements(v, own)...) {
			if r.Outcome != prove.Holds {
				t.Errorf("%s:%d: %s: %s %s %v", file, r.Line, r.Name, r.Outcome, r.Why, r.RestsOn)
			}
		}
	}
}

func statements(v *prove.Prover, all []policy.Statement) []prove.Result {
	var out []prove.Result
	for _, s := range all {
		out = append(out, v.Statement(s))
	}
	return out
}

var oneRule = regexp.MustCompile(`(?m)^  - rule: (\S+)\n(?:    .*\n|\n)+`)

// A rule that nobody would miss is dead text, or nobody looks after it.
func TestWhoeverTakesARuleOutOfAReadyPolicyIsTold(t *testing.T) {
	for name, p := range ready(t) {
		source := string(p.Source())
		rules := oneRule.FindAllStringSubmatch(source, -1)
		if len(rules) != len(p.Rules()) {
			t.Errorf("%s: %d rules of %d were found in the text", name, len(rules), len(p.Rules()))
		}
		file, err := cases.Load(readFile(t, "policies/"+name+".test.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range rules {
			less, err := policy.Load([]byte(strings.Replace(source, rule[0], "", 1)))
			if err != nil {
				t.Fatalf("%s without %s: %v", name, rule[1], err)
			}
			if told(t, name, less, file) == "" {
				t.Errorf("%s without the rule %s: no case fails and no invariant breaks", name, rule[1])
			}
		}
	}
}

// told is the first case that fails or invariant that breaks.
func told(t *testing.T, name string, p *policy.Policy, f cases.File) string {
	t.Helper()
	for _, v := range cases.Run(p, f).Verdicts {
		if !v.Passed {
			return v.Case
		}
	}
	own, err := p.Statements(readFile(t, "policies/"+name+".invariants.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range statements(prove.NewProver(p), own) {
		if r.Outcome != prove.Holds {
			return r.Name
		}
	}
	return ""
}

// littleAtHand are the methods that the page of ready policies asks about.
func littleAtHand(t *testing.T) []proof.Method {
	t.Helper()
	for line := range strings.SplitSeq(string(readFile(t, "policies/README.md")), "\n") {
		if strings.HasPrefix(line, "What people can ask for who have") {
			var methods []proof.Method
			for _, word := range quoted(line) {
				methods = append(methods, proof.Method(word))
			}
			return methods
		}
	}
	t.Fatal("policies/README.md does not say what people have at hand")
	return nil
}

var backquoted = regexp.MustCompile("`([a-z_]+)`")

func quoted(cell string) []string {
	words := []string{}
	for _, m := range backquoted.FindAllStringSubmatch(cell, -1) {
		words = append(words, m[1])
	}
	return words
}

// rowsOf are the rows of a page's table with these headings, by the first cell.
func rowsOf(t *testing.T, page, headings string) map[string][]string {
	t.Helper()
	_, table, ok := strings.Cut(string(readFile(t, page)), headings+"\n")
	if !ok {
		t.Fatalf("%s has no table %s", page, headings)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := map[string][]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		rows[cells[0]] = cells[1:]
	}
	delete(rows, "---|---|---")
	return rows
}

func TestThePageOfReadyPoliciesSaysWhatTheyNeed(t *testing.T) {
	const page = "policies/README.md"
	needs := rowsOf(t, page, "| policy | methods it names | who signs |")
	open := rowsOf(t, page, "| policy | for an ordinary account | for an administrator |")
	all := ready(t)
	if len(needs) != len(all) || len(open) != len(all) {
		t.Errorf("%s has %d and %d rows for %d policies", page, len(needs), len(open), len(all))
	}
	for name, p := range all {
		if !strings.Contains(string(readFile(t, page)), "["+name+"]("+name+".yaml)") {
			t.Errorf("%s does not say whom %s is for", page, name)
		}
		n, o := needs[name], open[name]
		if len(n) != 2 || len(o) != 2 {
			t.Errorf("%s has no row for %s in both tables", page, name)
			continue
		}
		agrees(t, name+": methods", quoted(n[0]), texts(p.Methods()))
		agrees(t, name+": who signs", quoted(n[1]), signers(p))
		agrees(t, name+": open to an ordinary account", quoted(o[0]), openWith(t, p, "{}", littleAtHand(t)))
		agrees(t, name+": open to an administrator", quoted(o[1]), openWith(t, p, "subject: {admin: true}", littleAtHand(t)))
	}
}

func agrees(t *testing.T, what string, page, policy []string) {
	t.Helper()
	if !slices.Equal(page, policy) {
		t.Errorf("%s: the page says %v, the policy %v", what, page, policy)
	}
}

func texts[T ~string](words []T) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}

func signers(p *policy.Policy) []string {
	roles := []string{}
	for _, r := range p.Logic().Rules {
		for _, n := range r.Demand.Approvals {
			roles = append(roles, string(n.Role))
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// openWith lists the actions that somebody with these methods alone can have.
func openWith(t *testing.T, p *policy.Policy, whom string, have []proof.Method) []string {
	t.Helper()
	f, err := specimen.Parse([]byte(whom))
	if err != nil {
		t.Fatal(err)
	}
	actions := []string{}
	for _, a := range identity.Actions {
		f.Action = a
		if plan := p.Plan(f); !plan.Denied() && plan.Proofs.Satisfied(have) {
			actions = append(actions, string(a))
		}
	}
	return actions
}
