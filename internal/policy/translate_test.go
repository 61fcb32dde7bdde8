package policy

import (
	"strings"
	"testing"

	"countersign/internal/policy/expr"
)

// translated compiles one condition outside of any policy.
func translated(t testing.TB, src string) *expr.Node {
	t.Helper()
	lists := map[string][]string{"admin_groups": {"Domain Admins", "Helpdesk"}}
	tree, issues := newEnvironment(lists, false).cel.Compile(src)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", src, issues.Err())
	}
	return translate(tree.NativeRep(), []rune(src), lists, nil)
}

// What can be written back as it was has been understood.
func TestConditionsAreUnderstoodAndWrittenBack(t *testing.T) {
	for _, src := range []string{
		`true`,
		`subject.admin`,
		`!subject.admin`,
		`!(subject.admin || subject.service)`,
		`has(subject.unit) && subject.unit in ["Payroll", "Finance"]`,
		`subject.groups.exists(g, g in admin_groups)`,
		`"Domain Admins" in subject.groups`,
		`admin_groups.all(g, g in subject.groups)`,
		`history.exists(h, h.action == "mfa_reset" && now - h.at < duration("24h"))`,
		`size(history.filter(h, now - h.at < duration("1h30m"))) >= 3`,
		`history.filter(h, has(h.desk)).exists_one(h, h.desk == "day")`,
		`history.exists(h, history.exists(i, i.desk == h.desk && i.at < h.at))`,
		`now.getHours("+01:00") < 7 || now.getDayOfWeek() == 0`,
		`now < timestamp("2026-12-31T00:00:00Z")`,
		`subject.login.startsWith("svc-") && !subject.login.matches("^svc-[a-z]+$")`,
		`(subject.admin ? size(contacts) : 2 * 3) > 1 + size(subject.login) % 4`,
		`subject.person != requester.person`,
		`now - (subject.created + duration("24h")) > duration("0s")`,
		`(subject.admin || subject.service) == subject.locked`,
	} {
		n := translated(t, src)
		if n.Any(func(n *expr.Node) bool { return n.Op == expr.Opaque }) {
			t.Errorf("%s: not understood", src)
		}
		if got := n.String(); got != src {
			t.Errorf("%s\nwas written back as\n%s", src, got)
		}
		if again := translated(t, n.String()); again.Key() != n.Key() {
			t.Errorf("%s means %s, then %s", src, n.Key(), again.Key())
		}
	}
}

func TestWhatIsNotUnderstoodIsOpaqueAndNothingElse(t *testing.T) {
	for src, opaque := range map[string]string{
		`subject.groups.map(g, g + "x").exists(g, g == "ax") || subject.admin`: `subject.groups.map(g, g + "x").exists(g, g == "ax")`,
		`subject.groups[0] == "a"`:            `subject.groups[0]`,
		`int("3") == 3`:                       `int("3")`,
		`history == []`:                       `history == []`,
		`subject.login in [subject.name]`:     `[subject.name]`,
		`history.exists(h, h == h)`:           `h == h`,
		`double(size(history)) > 1.5`:         `double(size(history)) > 1.5`,
		`subject.login.matches(subject.name)`: `subject.login.matches(subject.name)`,
		`subject.login + subject.name == "a"`: `subject.login + subject.name`,
	} {
		n := translated(t, src)
		found := ""
		n.Walk(func(n *expr.Node) bool {
			if n.Op == expr.Opaque {
				found += n.Text
			}
			return n.Op != expr.Opaque
		})
		if found != opaque {
			t.Errorf("%s: opaque is %q, want %q (%s)", src, found, opaque, n)
		}
	}
}

func TestEqualMeaningsHaveEqualKeys(t *testing.T) {
	for _, pair := range [][2]string{
		{`subject.groups.exists(g, g in admin_groups)`, `subject.groups.exists(x, x in ["Domain Admins", "Helpdesk"])`},
		{`subject.admin && (subject.service && subject.locked)`, `(subject.admin && subject.service) && subject.locked`},
		{`now - subject.created < duration("1h")`, `now - subject.created < duration("3600s")`},
		{`size(history) in [1, 2]`, `size(history) == 1 || size(history) == 2`},
	} {
		if a, b := translated(t, pair[0]).Key(), translated(t, pair[1]).Key(); a != b {
			t.Errorf("%s\n%s", a, b)
		}
	}
	if a, b := translated(t, `history.exists(h, h.desk == "a")`).Key(), translated(t, `history.exists(h, h.outcome == "a")`).Key(); a == b {
		t.Error("different meanings share the key", a)
	}
}

func TestNodesKnowTheirPlace(t *testing.T) {
	src := `has(subject.unit) && subject.unit == "é" && history.exists(h, h.desk == "day") && size(history) > 1`
	n := translated(t, src)
	for i, want := range []string{"has(subject.unit)", "subject.unit ==", "history.exists", "size(history)"} {
		if got := string([]rune(src)[n.Args[i].At:]); !strings.HasPrefix(got, want) {
			t.Errorf("operand %d begins at %q, not at %q", i, got, want)
		}
	}
	if body := n.Args[2].Args[1]; !strings.HasPrefix(string([]rune(src)[body.At:]), "h.desk ==") || n.At != 0 {
		t.Errorf("the loop's condition begins at %d, the whole at %d", body.At, n.At)
	}
}
