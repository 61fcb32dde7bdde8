package lint_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/lint"
	"countersign/internal/policy/specimen"
	"countersign/internal/proof"
)

// Parts of policies, good and bad. Clocks and calendars are not among them:
// finding a moment that fits them takes long.
var (
	someConditions = []string{
		`true`, `subject.admin`, `subject.unit == "a"`, `has(subject.unit) && subject.unit in words`, `subject.class == "sensitive"`,
		`subject.class in ["privileged", "unknown"]`, `action == "mfa_reset"`, `action in ["unlock", "password_reset"]`, `action.startsWith("pass")`,
		`size(subject.groups) > 3`, `subject.groups.exists(g, g in words)`, `subject.groups.all(g, g != "a")`, `history.exists_one(h, h.desk == "a")`,
		`history.filter(h, now - h.at < duration("24h")).size() >= 3`, `signals.exists(s, contacts.exists(c, c.first_seen > s.at))`, `contacts.exists(c, has(c.sim_changed) && now - c.sim_changed < duration("72h"))`,
		`has(device.managed) && device.managed`, `!device.compliant`, `location.country in ["JP", "DE"]`, `location.network.contains("x")`,
		`has(request.hour)`, `emergency.active`, `delegation.active && delegation.until > now`,
		`agent.vendor`, `agent.desk == "one"`, `requester.person == subject.manager`, `subject.locked ? subject.admin : has(subject.manager)`,
		`subject.name.matches("^a+$")`, `size(subject.name) > size(subject.login)`, `words.exists(w, w == subject.login)`, `early`,
	}
	someFormulas = []string{"totp", "email_code", "sms_code || callback", "sms_code && voice_code", "in_person || passkey", "vouch", "recovery_code && totp",
		"passkey || (recovery_code && (totp || recovery_contact)) || in_person", "device && oidc", "idv"}
	someDemands = []string{"tier: high", "tier: critical", "approvals: [{role: manager, count: 2}]", "approvals: [{role: security, count: 1}]", "wait: 1h", "review: 1d",
		"probation: 3d", "expires: 1h", "cool_off: 7d", "delivery: [vault]", "delivery: [session, in_person]", "notify: [manager, owner_all]", "follow_up: [revoke_sessions]"}
	someClasses = []string{"standard", "sensitive", "executive", "external", "privileged", "service", "break_glass", "unknown"}
)

func drawCondition(t *rapid.T) string {
	c := rapid.SampledFrom(someConditions).Draw(t, "condition")
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		return "!(" + c + ")"
	case 1:
		return "(" + c + ") " + rapid.SampledFrom([]string{"&&", "||"}).Draw(t, "op") + " (" + rapid.SampledFrom(someConditions).Draw(t, "other") + ")"
	}
	return c
}

func drawPolicy(t *rapid.T) string {
	var b strings.Builder
	line := func(parts ...string) { b.WriteString(strings.Join(parts, "") + "\n") }
	quoted := func(c string) string { return "'" + c + "'" }
	line("apiVersion: countersign/v1\nname: drawn\nrisk_analysis: pending")
	if rapid.Bool().Draw(t, "accepts") {
		line("accepted: [{finding: ", rapid.SampledFrom(append(lint.Codes(), "none-such")).Draw(t, "code"), ", because: so it is}]")
	}
	line("lists: {words: [a, b], spare: [c]}\nconditions: {early: subject.service}\nclasses:")
	for range rapid.IntRange(1, 4).Draw(t, "classes") {
		c := drawCondition(t)
		if strings.Contains(c, "subject.class") {
			c = "true"
		}
		line("  - class: ", rapid.SampledFrom(someClasses).Draw(t, "class"), "\n    when: ", quoted(c))
	}
	line("vendors: [{vendor: v, tier_cap: ", rapid.SampledFrom([]string{"low", "high"}).Draw(t, "cap"), "}]\ndesks:")
	line("  - desk: one\n    vendor: v\n    reach: ", quoted(drawCondition(t)))
	line("  - desk: a\n    reach: ", quoted(drawCondition(t)), "\nrules:")
	for i := range rapid.IntRange(1, 5).Draw(t, "rules") {
		line("  - rule: r", string(rune('a'+i)), "\n    when: ", quoted(drawCondition(t)))
		if rapid.IntRange(0, 5).Draw(t, "deny") == 0 {
			line("    deny: ask somebody else")
			continue
		}
		line("    demand:\n      proofs: ", rapid.SampledFrom(someFormulas).Draw(t, "formula"))
		said := map[string]bool{}
		for range rapid.IntRange(0, 4).Draw(t, "demands") {
			d := rapid.SampledFrom(someDemands).Draw(t, "demand")
			if name, _, _ := strings.Cut(d, ":"); !said[name] {
				said[name] = true
				line("      ", d)
			}
		}
	}
	return b.String()
}

// Whatever loads can be looked over, and again with the same outcome; every place
// is in the text, and every example is a request.
func TestAnyPolicyThatLoadsCanBeLookedOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawPolicy(t)
		p, err := policy.Load([]byte(text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		site := lint.Site{}
		if rapid.Bool().Draw(t, "site") {
			site = lint.Site{Zone: func(string) bool { return false }, Methods: []proof.Method{proof.TOTP}, Delivery: []string{"session"}, FollowUps: []string{}}
		}
		found := lint.Policy(p, site)
		lines := strings.Split(text, "\n")
		for _, f := range found {
			if f.Line < 1 || f.Line > len(lines) || f.Column < 1 || f.Column > len([]rune(lines[f.Line-1])) {
				t.Errorf("%s stands at %d:%d", f.Code, f.Line, f.Column)
			}
			if !slices.Contains(lint.Codes(), f.Code) || f.Message == "" {
				t.Errorf("%+v", f)
			}
			if _, err := specimen.Parse([]byte(f.Example)); err != nil {
				t.Errorf("%s: the example %s: %v", f.Code, f.Example, err)
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "again") > 0 {
			return
		}
		again, _ := policy.Load([]byte(text))
		if diff := cmp.Diff(found, lint.Policy(again, site)); diff != "" {
			t.Errorf("a second look differs:\n%s\n%s", diff, text)
		}
	})
}

// What is said of rules that never apply or never add anything is held against
// requests: taking such a rule out changes no plan.
func TestWhatAddsNothingCanBeTakenOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawPolicy(t)
		p, err := policy.Load([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var idle []string
		for _, f := range lint.Policy(p, lint.Site{}) {
			if f.Code == "rule-never" || f.Code == "rule-adds-nothing" {
				idle = append(idle, f.At)
			}
		}
		if len(idle) == 0 || len(idle) == len(p.Rules()) {
			return
		}
		without, err := policy.Load([]byte(withoutRules(text, idle)))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			facts := drawFacts(t)
			if diff := cmp.Diff(demands(p.Plan(facts)), demands(without.Plan(facts))); diff != "" {
				t.Fatalf("without %v the plan of %s differs:\n%s\n%s", idle, specimen.Line(facts), diff, text)
			}
		}
	})
}

func withoutRules(text string, names []string) string {
	head, rest, _ := strings.Cut(text, "\nrules:\n")
	var kept []string
	for _, r := range strings.SplitAfter("\n"+rest, "\n  - rule: ")[1:] {
		name, _, _ := strings.Cut(r, "\n")
		if !slices.Contains(names, name) {
			kept = append(kept, "  - rule: "+strings.TrimSuffix(r, "\n  - rule: "))
		}
	}
	return head + "\nrules:\n" + strings.Join(kept, "\n")
}

// demands is what of a plan somebody would notice.
func demands(p policy.Plan) policy.Plan {
	if p.Denied() {
		return policy.Plan{Deny: []policy.Denial{{}}}
	}
	p.Reasons = nil
	return p
}

func drawFacts(t *rapid.T) policy.Facts {
	f := specimen.Ordinary()
	word := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, what) }
	yes := func(what string) bool { return rapid.Bool().Draw(t, what) }
	f.Action = rapid.SampledFrom(identity.Actions).Draw(t, "action")
	f.Subject.Unit, f.Subject.Name, f.Subject.Manager = word("unit", "", "a", "b"), word("name", "aa", "bb"), identity.PersonID(word("manager", "", "p1", "p2"))
	f.Subject.Groups = slices.Repeat([]string{word("group", "a", "c")}, rapid.IntRange(0, 4).Draw(t, "groups"))
	f.Subject.Locked = yes("locked")
	if yes("cannot tell") {
		f.Subject.Admin = nil
	} else if yes("admin") {
		f.Subject.Admin = new(true)
	}
	f.Agent.Desk = word("desk", "", "one", "a")
	if hours := rapid.IntRange(-1, 23).Draw(t, "hour"); hours >= 0 {
		f.Request.Zone, f.Request.Offset = "UTC", new((hours-12)*3600)
	}
	for range rapid.IntRange(0, 4).Draw(t, "history") {
		f.History = append(f.History, policy.Past{Action: identity.PasswordReset, Desk: word("earlier desk", "", "a"), At: f.At.Add(-time.Hour)})
	}
	if yes("signal") {
		f.Signals = []policy.Signal{{Kind: "x", At: f.At.AddDate(-2, 0, 0)}}
	}
	if yes("device") {
		f.Device = &policy.Device{Managed: new(yes("managed")), Compliant: new(yes("compliant"))}
	}
	if yes("location") {
		f.Location = &policy.Location{Country: word("country", "JP", "FR"), Network: word("network", "x", "y")}
	}
	if yes("delegation") {
		f.Delegation = &policy.Delegation{Person: "p3", Since: f.At.Add(-time.Hour), Until: f.At.Add(time.Hour)}
	}
	return f
}
