package house_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"countersign/internal/policy"
	"countersign/internal/policy/cases"
	"countersign/internal/policy/diff"
	"countersign/internal/policy/lint"
	"countersign/internal/policy/prove"
)

// mistakes are what somebody in a hurry, or with somebody important on the
// telephone, makes of the starter policy.
var mistakes = []struct{ what, was, is string }{
	{"a slip of the pen in a fact", "size(subject.staff) > 0", "size(subject.staf) > 0"},
	{"mail alone for a forgotten password", "proofs: totp || (recovery_code && email_code)", "proofs: totp || email_code"},
	{"an exception for the chief", "    when: administrative\n    demand:\n", "    when: administrative && subject.login != \"chief\"\n    demand:\n"},
	{"security need not sign for administrators", "      approvals: [{role: security, count: 1}]\n      wait: 2h\n", "      wait: 2h\n"},
	{"the vendor reaches everybody", `reach: subject.class == "standard" && action in ["password_reset", "unlock"]`, `reach: "true"`},
	{"the lost authenticator vouches for its replacement", "proofs: recovery_code && email_code", "proofs: totp"},
	{"whoever is an administrator by right is not seen as one", "subject.admin || subject.groups", "subject.groups"},
	{"the unknown counts as ordinary", `  - class: standard
    when: "true"
`, `  - class: standard
    when: has(subject.unit)
`},
	{"what was registered this morning counts", "cool_off: 3d", "cool_off: 1h"},
	{"where there is no manager nobody signs instead", "when: somebody_signs && !has(subject.manager)", "when: administrative && !has(subject.manager)"},
	{"two steps are seen only within the hour", `now - h.at < duration("72h"))`, `now - h.at < duration("1h"))`},
	{"a rule that contradicts itself", "history.filter(h, now - h.at < duration(\"24h\")).size() >= 3", `subject.class == "standard" && at_stake`},
}

// The page that teaches to write a policy shows these mistakes and who tells of
// them. None passes all the tools.
func TestThePageOfMistakesSaysWhoTellsOfThem(t *testing.T) {
	const page, begin, end = "docs/writing-a-policy.md", "<!-- mistakes -->\n", "<!-- end of mistakes -->\n"
	starter := ready(t)["starter"]
	source, table := string(starter.Source()), "| mistake | `check` | `test` | `prove` | `diff` |\n|---|---|---|---|---|\n"
	for _, m := range mistakes {
		if n := strings.Count(source, m.was); n != 1 {
			t.Errorf("%s: the starter policy has %d times %q", m.what, n, m.was)
			continue
		}
		told := tell(t, starter, strings.Replace(source, m.was, m.is, 1))
		if told == (tellings{}) {
			t.Errorf("%s: nobody tells", m.what)
		}
		table += fmt.Sprintf("| %s | %s | %s | %s | %s |\n", m.what, orDash(told.check), orDash(told.test), orDash(told.prove), orDash(told.diff))
	}
	text := string(readFile(t, page))
	head, rest, ok := strings.Cut(text, begin)
	shown, tail, closed := strings.Cut(rest, end)
	switch {
	case !ok || !closed:
		t.Errorf("%s has no table of mistakes", page)
	case shown == table:
	case *update:
		if err := os.WriteFile(page, []byte(head+begin+table+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s: the tools say\n%s\nwrite it with go test . -run PageOfMistakes -update", page, table)
	}
}

func orDash(cell string) string { return cmp.Or(cell, "–") }

// tellings is what each tool has to say of a policy, as a cell of the page.
type tellings struct{ check, test, prove, diff string }

func tell(t *testing.T, before *policy.Policy, source string) (told tellings) {
	t.Helper()
	p, err := policy.Load([]byte(source))
	if faults, is := errors.AsType[policy.Problems](err); is {
		return tellings{check: "`" + lint.Problems(faults)[0].Code + "`"}
	}
	if err != nil {
		t.Fatal(err)
	}
	told.check = newFindings(before, p)
	f, err := cases.Load(readFile(t, "policies/starter.test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if failed := cases.Run(p, f).Failed; failed > 0 {
		told.test = fmt.Sprintf("%d of %d fail", failed, len(f.Cases))
	}
	told.prove = firstBroken(t, p)
	for _, d := range diff.Policies(before, p).Findings {
		if d.Direction.Eases() {
			told.diff = fmt.Sprintf("%s: `%s`", d.Demand, d.Given)
			break
		}
	}
	return told
}

// newFindings are errors and warnings that the policy before did not have.
func newFindings(before, after *policy.Policy) string {
	standing := func(p *policy.Policy) (codes []string) {
		for _, f := range lint.Policy(p, anywhere) {
			if f.Counts(lint.Error) || f.Counts(lint.Warning) {
				codes = append(codes, "`"+f.Code+"`")
			}
		}
		slices.Sort(codes)
		return slices.Compact(codes)
	}
	old := standing(before)
	return strings.Join(slices.DeleteFunc(standing(after), func(code string) bool { return slices.Contains(old, code) }), " ")
}

func firstBroken(t *testing.T, p *policy.Policy) string {
	t.Helper()
	own, err := p.Statements(readFile(t, "policies/starter.invariants.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	v := prove.NewProver(p)
	for _, r := range append(v.Standard(), statements(v, own)...) {
		if r.Outcome == prove.Broken {
			return r.Name
		}
	}
	return ""
}
