package diff

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/change"
	"countersign/internal/policy/specimen"
)

// ready loads a ready policy with texts replaced, each of which has to stand
// there.
func ready(t testing.TB, name string, edits ...string) *policy.Policy {
	t.Helper()
	text, err := os.ReadFile("../../../policies/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(string(text), edits[i]) {
			t.Fatalf("%q does not stand in %s", edits[i], name)
		}
		text = []byte(strings.Replace(string(text), edits[i], edits[i+1], 1))
	}
	p, err := policy.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// told lists the kinds of request of which a report says it of a demand.
func told(r Report, d change.Direction, demand string) (kinds []string) {
	for _, f := range r.Findings {
		if f.Direction == d && f.Demand == demand {
			kinds = append(kinds, f.Kind.String())
		}
	}
	return kinds
}

// between compares two policies once for all tests.
func between(before, after *policy.Policy) Report {
	key := [2]string{before.Hash(), after.Hash()}
	if _, known := compared[key]; !known {
		compared[key] = Policies(before, after)
	}
	return compared[key]
}

var compared = map[[2]string]Report{}

func TestAnotherWayOutIsToldAndAsksNeitherLessNorMore(t *testing.T) {
	const line = "name: starter\n"
	none, one, two := ready(t, "starter", theWayOut(t), ""), ready(t, "starter", theWayOut(t), "escalation: Come to the gate\n"), ready(t, "starter", theWayOut(t), "escalation: Call +1 900 555\n")
	for _, c := range []struct {
		before, after *policy.Policy
		want          string
	}{
		{one, two, "Whoever is refused, or has no path left, is told something else:\n\n  - Come to the gate\n  + Call +1 900 555\n"},
		{none, one, "  - (nothing)\n  + Come to the gate\n"},
		{two, none, "  - Call +1 900 555\n  + (nothing)\n"},
	} {
		r := between(c.before, c.after)
		if !strings.Contains(r.Text(), c.want) || !r.Same() || r.Eased() || r.Effect() != "every request is treated as before" {
			t.Errorf("%s\n%s", r.Effect(), r.Text())
		}
	}
	renamed := between(one, ready(t, "starter", theWayOut(t), "escalation: Come to the gate\n", line, "name: other\n"))
	if renamed.Escalation != nil || strings.Contains(renamed.Text(), "told") {
		t.Errorf("%s", renamed.Text())
	}
}

// theWayOut is the starter's line about it.
func theWayOut(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(string(ready(t, "starter").Source())) {
		if strings.HasPrefix(line, "escalation: ") {
			return line
		}
	}
	t.Fatal("the starter names no way out")
	return ""
}

func TestAPolicyIsAsItWas(t *testing.T) {
	p := ready(t, "starter")
	if r := Policies(p, ready(t, "starter", "A policy for a small company", "For a company that is small")); !r.Same() || r.Eased() {
		t.Errorf("another comment changes %v", r.Findings)
	}
	if r := Policies(p, p); !r.Same() {
		t.Errorf("nothing changes %v", r.Findings)
	}
}

func TestAChangeIsToldWithItsKindsAndAWitness(t *testing.T) {
	before := ready(t, "starter")
	for _, c := range []struct {
		name      string
		edit      []string
		direction change.Direction
		demand    string
		change    string
		kind      string
		not       string
	}{
		{"a shorter wait", []string{"      wait: 2h\n", "      wait: 1h\n"}, change.Less, "wait", "wait: 2h → 1h", "privileged/unlock", "standard/unlock"},
		{"a longer wait", []string{"      wait: 2h\n", "      wait: 3h\n"}, change.More, "wait", "wait: 2h → 3h", "unknown/unlock", "standard/unlock"},
		{"a longer life", []string{"\nexpires: 24h", "\nexpires: 48h"}, change.Less, "expires", "expires: 1d → 2d", "standard/unlock", "standard/access_pass"},
		{"weaker proofs", []string{"totp || (recovery_code && email_code)", "totp || recovery_code"}, change.Less, "proofs",
			"proofs: (email_code && recovery_code) || in_person || totp → in_person || recovery_code || totp", "standard/password_reset", "standard/unlock"},
		{"other proofs", []string{"totp || email_code || recovery_code", "totp || email_code"}, change.More, "proofs",
			"proofs: email_code || in_person || recovery_code || totp → email_code || in_person || totp", "standard/unlock", "standard/password_reset"},
		{"a class less", []string{"  - class: break_glass\n    when: '\"Break Glass\" in subject.groups'\n", ""}, change.Less, "tier",
			"tier: critical → low", "standard/unlock (was break_glass)", "standard/unlock"},
	} {
		r := Policies(before, ready(t, "starter", c.edit...))
		kinds := told(r, c.direction, c.demand)
		if !slices.Contains(kinds, c.kind) || slices.Contains(kinds, c.not) || len(r.Unclear) > 0 {
			t.Errorf("%s: found for %v %v:\n%s", c.name, kinds, r.Unclear, r.Text())
		}
		if !strings.Contains(r.Text(), c.change) || r.Eased() != c.direction.Eases() {
			t.Errorf("%s: eased %v, told as\n%s", c.name, r.Eased(), r.Text())
		}
	}
}

// A witness is not only reasoned out: the two policies themselves treat it so.
func TestEveryWitnessIsTreatedAsTold(t *testing.T) {
	before, after := ready(t, "starter"), ready(t, "finance")
	r := between(before, after)
	if len(r.Findings) < 20 || len(r.Unclear) > 0 {
		t.Fatalf("%d findings, unclear %v", len(r.Findings), r.Unclear)
	}
	for _, f := range r.Findings {
		facts, err := specimen.Parse([]byte(f.Given))
		if err != nil {
			t.Fatalf("%s: %v", f.Given, err)
		}
		if !slices.Contains(change.Compare(before.Plan(facts), after.Plan(facts)), f.Change) || after.Plan(facts).Class != f.Class || facts.Action != f.Action {
			t.Errorf("%s of %s is not so: %v", f.Change, f.Given, change.Compare(before.Plan(facts), after.Plan(facts)))
		}
	}
}

// No request can be found by chance that is treated otherwise and not told.
func TestNoRequestIsTreatedOtherwiseUntold(t *testing.T) {
	pairs := [][2]*policy.Policy{
		{ready(t, "starter"), ready(t, "starter", "      wait: 12h\n", "      wait: 11h\n")},
		{ready(t, "finance"), ready(t, "finance", "  - rule: wary\n", "  - rule: warier\n    when: signals.exists(s, s.kind == \"sim_change\")\n    demand: {probation: 9d}\n  - rule: wary\n")},
		{ready(t, "starter"), ready(t, "finance")},
	}
	for _, p := range pairs {
		r := between(p[0], p[1])
		if len(r.Unclear) > 0 || r.Same() {
			t.Fatalf("%s to %s: %v", p[0].Name(), p[1].Name(), r.Unclear)
		}
		rapid.Check(t, func(t *rapid.T) {
			f := requests.Draw(t, "request")
			old, renewed := p[0].Plan(f), p[1].Plan(f)
			for _, c := range change.Compare(old, renewed) {
				if !slices.ContainsFunc(r.Findings, func(g Finding) bool {
					return g.Demand == c.Demand && g.Class == renewed.Class && g.Action == f.Action && (g.Was == old.Class || g.Was == "" && old.Class == renewed.Class) &&
						(g.Direction == c.Direction || g.Direction == change.Else || c.Direction == change.Else)
				}) {
					t.Fatalf("%s to %s: %s of %s/%s (was %s) is not told; it is so of %s", p[0].Name(), p[1].Name(), c, renewed.Class, f.Action, old.Class, specimen.Line(f))
				}
			}
		})
	}
}

// requests generates requests that the ready policies tell apart.
var requests = rapid.Custom(func(t *rapid.T) policy.Facts {
	f := specimen.Ordinary()
	one := func(label string, words ...string) string { return rapid.SampledFrom(words).Draw(t, label) }
	odd := func(label string) bool { return rapid.IntRange(0, 4).Draw(t, label) == 0 }
	f.Action = rapid.SampledFrom(identity.Actions).Draw(t, "action")
	f.Request.Channel = rapid.SampledFrom(identity.IntakeChannels).Draw(t, "channel")
	f.Subject.Unit = one("unit", "", "", "Payroll", "Treasury", "Legal", "Ward")
	for range rapid.IntRange(0, 2).Draw(t, "groups") {
		f.Subject.Groups = append(f.Subject.Groups, one("group", "Domain Admins", "Executives", "Board", "Contractors", "Break Glass", "Partners", "Clinicians"))
	}
	switch rapid.IntRange(0, 5).Draw(t, "admin") {
	case 0:
		f.Subject.Admin = nil
	case 1:
		yes := true
		f.Subject.Admin = &yes
	}
	f.Subject.Service = odd("service")
	if odd("manager") {
		f.Subject.Manager = ""
	}
	if odd("staff") {
		f.Subject.Staff = []string{string(rapid.SampledFrom(identity.Roles).Draw(t, "role"))}
	}
	if odd("desk") {
		f.Agent = policy.Agent{Person: "p9", Desk: one("which", "helpdesk", "nightline", "nowhere")}
	}
	ago := func(label string) time.Time {
		return f.At.Add(-time.Duration(rapid.IntRange(1, 200).Draw(t, label)) * time.Hour)
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "history") {
		f.History = append(f.History, policy.Past{Request: fmt.Sprintf("req_%d", i), Action: rapid.SampledFrom(identity.Actions).Draw(t, "past"),
			Outcome: one("outcome", "done", "refused"), Desk: one("at", "", "helpdesk", "nightline"), At: ago("when")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "signals") {
		f.Signals = append(f.Signals, policy.Signal{Kind: one("kind", "sim_change", "new_device"), At: ago("seen")})
	}
	return f
})

func TestAskingLessIsAcknowledgedForThisChangeOnly(t *testing.T) {
	before := ready(t, "starter")
	edit := []string{"      wait: 2h\n", "      wait: 1h\n"}
	eases := func(since, what string) []string {
		return append(slices.Clone(edit), "\nlists:\n", fmt.Sprintf("\neases:\n  since: %s\n  because: the wait kept a ward waiting\n  what: [%s]\nlists:\n", since, what))
	}
	for name, c := range map[string]struct {
		edits []string
		eased bool
	}{
		"nothing said":     {edit, true},
		"all of it":        {eases(before.Hash(), `"*/*"`), false},
		"only some of it":  {eases(before.Hash(), "privileged/unlock"), true},
		"of other classes": {eases(before.Hash(), `"standard/*"`), true},
		"of an older one":  {eases(ready(t, "finance").Hash(), `"*/*"`), true},
	} {
		r := Policies(before, ready(t, "starter", c.edits...))
		if r.Eased() != c.eased || c.eased != (r.Because == "" || name == "only some of it" || name == "of other classes") {
			t.Errorf("%s: eased %v because %q", name, r.Eased(), r.Because)
		}
		if !strings.Contains(r.Acknowledgement(), "since: "+before.Hash()) {
			t.Errorf("%s would be acknowledged by\n%s", name, r.Acknowledgement())
		}
	}
	if r := Policies(before, ready(t, "starter", edit...)); !strings.HasPrefix(r.Effect(), "asks less of ") || strings.Contains(r.Effect(), "\n") {
		t.Errorf("in one line: %s", r.Effect())
	}
}
