package prove

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
)

const small = `apiVersion: countersign/v1
name: small
risk_analysis: docs/risk.md
zone: UTC
classes:
  - {class: privileged, when: subject.admin}
  - {class: standard, when: "true"}
desks:
  - {desk: near, reach: "true"}
rules:
  - {rule: everybody, when: "true", demand: {proofs: totp || email_code && recovery_code}}
`

func statement(t testing.TB, p *policy.Policy, kind policy.StatementKind, text string) policy.Statement {
	t.Helper()
	st, err := p.Statement("s", kind, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return st
}

// Each line is a condition about which nothing is known but the language: some
// request is so, or none can be.
func TestWhatIsPossibleAndWhatIsNot(t *testing.T) {
	p := load(t, small)
	v := NewProver(p)
	for text, want := range map[string]string{
		// Texts and words.
		`subject.unit == "A" && subject.unit == "B"`:                                                                               "no",
		`subject.unit == "A" && has(subject.location)`:                                                                             `{subject: {unit: A, location: other location 1}}`,
		`subject.unit != "A" && subject.unit != "B"`:                                                                               `{subject: {unit: other unit 1}}`,
		`subject.unit == subject.location && subject.unit == "A"`:                                                                  `{subject: {unit: A, location: A}}`,
		`subject.unit == subject.location && subject.unit == "A" && subject.location != "A"`:                                       "no",
		`subject.person == requester.person`:                                                                                       `{}`,
		`subject.person != requester.person`:                                                                                       `{requester: {person: other person 1}}`,
		`subject.person == subject.manager && subject.manager == agent.person && subject.person != agent.person`:                   "no",
		`subject.login.startsWith("svc-") && subject.login.endsWith("-x") && size(subject.login) > 9`:                              "yes",
		`subject.login.startsWith("a") && subject.login.startsWith("b")`:                                                           "no",
		`subject.login.matches("^[0-9]{3}-[a-z]+$") && !subject.login.contains("a")`:                                               "yes",
		`subject.login.startsWith("abc") && !subject.login.contains("bc")`:                                                         "no",
		`subject.login == "abc" && subject.login.matches("z")`:                                                                     "no",
		`request.weekday in ["monday", "tuesday", "wednesday", "thursday", "friday"] || request.weekday in ["saturday", "sunday"]`: "yes",
		`!(request.weekday in ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"])`:                     "no",
		`size(subject.unit) < 1`: "no",
		// Absence.
		`has(subject.unit) && !has(subject.unit)`:            "no",
		`subject.admin || !subject.admin`:                    `{}`,
		`!has(subject.admin) && subject.admin`:               "no",
		`!has(request.hour) && has(request.weekday)`:         "no",
		`emergency.active && !has(emergency.incident)`:       "yes",
		`!emergency.active && has(emergency.incident)`:       "no",
		`device.managed && !device.compliant`:                "yes",
		`location.country == "JP" && !has(location.network)`: "yes",
		// Times.
		`has(subject.created) && now - subject.created < duration("24h") && now - subject.created > duration("48h")`: "no",
		`now - subject.created > duration("24h") && now - subject.created < duration("24h1s")`:                       "yes",
		`subject.created > now - duration("1h") && now - subject.created >= duration("1h")`:                          "no",
		`emergency.declared > now`: "no",
		`emergency.declared < subject.created && subject.created < device.at && device.at < emergency.declared`: "no",
		`emergency.declared < subject.created && subject.created < device.at && device.at < now`:                "yes",
		`now.getHours() == 3 && now.getHours("+09:00") == 12`:                                                   "yes",
		`now.getHours() == 3 && now.getHours("+09:00") == 13`:                                                   "no",
		`now.getDayOfWeek() == 0 && now.getHours() == 23 && now.getDayOfWeek("+09:00") == 1`:                    "yes",
		`now.getDayOfWeek() == 0 && now.getHours() == 3 && now.getDayOfWeek("+09:00") == 1`:                     "no",
		`now.getHours() == 25`: "no",
		`request.hour == 3 && now.getHours() == 20 && request.weekday == "sunday"`: "yes",
		`request.hour < 0`: "no",
		`now < timestamp("2025-01-01T00:00:00Z") && now.getMonth() == 1 && now.getDayOfWeek() == 1`: "yes",
		// Lists.
		`"A" in subject.groups && "B" in subject.groups && size(subject.groups) == 1`: "no",
		`"A" in subject.groups && "B" in subject.groups && size(subject.groups) == 2`: `{subject: {groups: [A, B]}}`,
		`subject.groups.all(g, g in ["A", "B"]) && size(subject.groups) == 3`:         "yes",
		`subject.groups.exists_one(g, g == "A") && size(subject.groups) > 1`:          "yes",
		`size(subject.groups) > 100`: "yes",
		`subject.groups.exists(g, g.startsWith("x")) && subject.groups.all(g, g.endsWith("y"))`:                                     "yes",
		`subject.groups.exists(g, g == subject.unit) && !(subject.unit in subject.groups)`:                                          "no",
		`history.exists(h, h.action == "unlock") && size(history) == 0`:                                                             "no",
		`history.exists(h, h.action == "unlock") && !history.exists(h, h.action == "unlock" && now - h.at < duration("1h"))`:        `{history: [{action: unlock, ago: 30d}]}`,
		`size(history.filter(h, h.desk == "near")) >= 2 && size(history.filter(h, h.outcome == "done")) >= 2 && size(history) == 2`: "yes",
		`size(history.filter(h, has(h.desk))) >= 2 && size(history.filter(h, !has(h.desk))) >= 2 && size(history) == 3`:             "no",
		`history.exists_one(h, h.action == action) && history.all(h, h.action == action) && size(history) == 2`:                     "no",
		`contacts.exists(c, contacts.exists(d, c.kind == d.kind && c.first_seen < d.first_seen))`:                                   "yes",
		`signals.exists(s, s.kind == "a" && s.kind == "b")`:                                                                         "no",
		`["A", "B"].exists(x, x in subject.groups) && !("A" in subject.groups)`:                                                     "yes",
		`["A", "B"].all(x, x in subject.groups) && !("A" in subject.groups)`:                                                        "no",
		// Numbers and branches.
		`(subject.admin ? size(contacts) : 2 * 3) > 5 && !subject.admin`: `{}`,
		`(subject.admin ? 1 : 2) + (subject.service ? 10 : 20) == 12`:    "yes",
		`(subject.admin ? 1 : 2) + (subject.service ? 10 : 20) == 13`:    "no",
		`2 * size(history) == 3`:            "no",
		`size(history) - size(history) > 0`: "no",
		`(subject.service == subject.locked) && subject.service && !subject.locked`: "no",
		// The owner's first day, and SIMs.
		`action == "initial_enrolment" && !plan.denied && has(subject.starts) && subject.starts - now > duration("24h")`:           "no",
		`action == "initial_enrolment" && !plan.denied && subject.starts > now`:                                                    "yes",
		`action == "password_reset" && !plan.denied && subject.starts - now > duration("48h")`:                                     "yes",
		`contacts.exists(c, c.kind == "phone" && has(c.sim_changed) && now - c.sim_changed < duration("72h"))`:                     "yes",
		`contacts.exists(c, has(c.sim_changed)) && !contacts.exists(c, has(c.sim_changed))`:                                        "no",
		`contacts.all(c, !has(c.sim_changed)) && contacts.exists(c, c.sim_changed == now)`:                                         "no",
		`size(contacts) == 2 && contacts.exists_one(c, has(c.sim_changed) && c.sim_changed > c.first_seen) && has(subject.starts)`: "yes",
		// Plans.
		`plan.fewest_proofs == 1 && plan.accepts(["email_code"])`:                                            "no",
		`plan.accepts(["email_code", "recovery_code"])`:                                                      `{}`,
		`action == "mfa_reset" && plan.fewest_proofs == 2`:                                                   `{action: mfa_reset}`,
		`plan.fewest_proofs > 2`:                                                                             "no",
		`plan.tier == "critical" && plan.class == "standard"`:                                                "no",
		`plan.expires == duration("24h") && plan.wait == duration("0s") && plan.cool_off == duration("72h")`: `{}`,
		`plan.expires != duration("24h")`:                                                                    "no",
		`plan.delivery.exists(d, d != "session")`:                                                            "no",
		`"owner_all" in plan.notify && size(plan.delivery) == 1`:                                             `{}`,
		`plan.denied && subject.fenced`:                                                                      `{subject: {fenced: true}}`,
		`!plan.denied && subject.fenced`:                                                                     "no",
		`plan.approvers + plan.managers > 0`:                                                                 "no",
		`subject.class == plan.class`:                                                                        `{}`,
		`subject.class != plan.class`:                                                                        "no",
	} {
		r := v.Statement(statement(t, p, policy.Possible, text))
		got := string(r.Outcome) + " " + r.Why + strings.Join(r.RestsOn, "; ")
		switch r.Outcome {
		case Broken:
			got = "no"
		case Holds:
			if got = "yes"; want != "yes" {
				got = specimen.Line(*r.Request)
			}
		}
		if got != want {
			t.Errorf("%s\n  expected %s\n  found    %s", text, want, got)
		}
	}
}

// What breaks the starter policy is found, with a request that shows it.
func TestBreaksOfTheStarterPolicyAreFound(t *testing.T) {
	src, err := os.ReadFile("../../../policies/starter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range NewProver(load(t, string(src))).Standard() {
		if r.Outcome != Holds {
			t.Errorf("the starter policy itself: %s %s: %s", r.Name, r.Outcome, r.Why)
		}
	}
	rule := func(s string) string { return strings.Replace(string(src), "\nrules:\n", "\nrules:\n"+s, 1) }
	for what, b := range map[string]struct{ text, breaks string }{
		"one signature for services": {strings.Replace(string(src), `subject.class in ["privileged", "service", "break_glass", "unknown"]`, `subject.class in ["privileged", "break_glass", "unknown"]`, -1), "two-signatures"},
		"a vendor for everybody":     {strings.Replace(strings.Replace(string(src), `reach: subject.class == "standard" && action in ["password_reset", "unlock"]`, `reach: "true"`, 1), "    tier_cap: elevated\n", "", 1), "vendors-within-bounds"},
		"nobody gets in":             {rule("  - {rule: shut, when: 'subject.class == \"executive\"', deny: not them}\n"), "nobody-locked-out"},
	} {
		if b.text == string(src) {
			t.Errorf("%s: nothing was changed; the starter policy must have", what)
			continue
		}
		p := load(t, b.text)
		results := NewProver(p).Standard()
		i := slices.IndexFunc(results, func(r Result) bool { return r.Name == b.breaks })
		if r := results[i]; r.Outcome != Broken || r.Request == nil {
			t.Errorf("%s: %s %s", what, r.Name, r.Outcome)
		}
	}
}

func TestStandardStatementsAreBrokenByWhatTheySpeakOf(t *testing.T) {
	with := func(rules string) string { return small + rules }
	for name, text := range map[string]string{
		"two-signatures":        small,
		"no-single-proof":       small,
		"no-relayed-code-alone": with("  - {rule: mail, when: action == \"unlock\", demand: {proofs: email_code, tier: elevated}}\n"),
		"vendors-within-bounds": strings.Replace(small, "- {desk: near, reach: \"true\"}", "- {desk: near, vendor: true, reach: \"true\"}", 1),
		"nobody-locked-out":     with("  - {rule: shut, when: subject.class == \"privileged\", deny: not them}\n"),
	} {
		text = strings.Replace(text, "totp || email_code && recovery_code", "totp || email_code", 1)
		if name == "no-relayed-code-alone" {
			text = strings.Replace(text, "proofs: totp || email_code}", "notify: [security]}", 1)
		}
		p := load(t, text)
		for _, r := range NewProver(p).Standard() {
			if r.Name != name {
				continue
			}
			if r.Outcome != Broken {
				t.Errorf("%s: %s %s", name, r.Outcome, r.Why)
				continue
			}
			if plan := p.Plan(*r.Request); name != "nobody-locked-out" && plan.Denied() {
				t.Errorf("%s: %s is refused", name, specimen.Line(*r.Request))
			}
		}
	}
}

// A statement speaks of requests that are let through, unless it reads
// plan.denied; it is not true where it cannot be evaluated.
func TestWhatStatementsSpeakOf(t *testing.T) {
	p := load(t, small+"  - {rule: not-that, when: action == \"access_pass\", deny: not here}\n")
	v := NewProver(p)
	for _, c := range []struct {
		kind policy.StatementKind
		text string
		want Outcome
	}{
		{policy.Never, `action == "access_pass"`, Holds},
		{policy.Never, `action == "access_pass" && plan.denied`, Broken},
		{policy.Possible, `action == "access_pass"`, Broken},
		{policy.Always, `plan.denied || action != "access_pass"`, Holds},
		{policy.Always, `subject.unit == "A" || subject.unit != "A"`, Broken},
		{policy.Never, `!(subject.unit == "A" || subject.unit != "A")`, Holds},
		{policy.Possible, `subject.unit == "A" || subject.unit != "A"`, Holds},
		{policy.Always, `!has(subject.unit) || subject.unit == "A" || subject.unit != "A"`, Holds},
	} {
		if r := v.Statement(statement(t, p, c.kind, c.text)); r.Outcome != c.want {
			t.Errorf("%s %s: %s %s", c.kind, c.text, r.Outcome, r.Why)
		}
	}
}

// Nothing is claimed that rests on what has no form and cannot be shown.
func TestWhatHasNoFormIsNamed(t *testing.T) {
	p := load(t, small+`  - {rule: odd, when: 'int(subject.name) > 3 && int(subject.login) * int(subject.login) == 1764', demand: {wait: 1h}}
`)
	v := NewProver(p)
	r := v.Statement(statement(t, p, policy.Never, `plan.wait == duration("1h")`))
	if r.Outcome != CannotSay || len(r.RestsOn) == 0 || !strings.Contains(strings.Join(r.RestsOn, " "), "int(subject.name)") {
		t.Errorf("%s %v %s", r.Outcome, r.RestsOn, r.Why)
	}
	// What does not hang on it is decided all the same.
	r = v.Statement(statement(t, p, policy.Never, `plan.wait > duration("1h")`))
	if r.Outcome != Holds {
		t.Errorf("%s %v %s", r.Outcome, r.RestsOn, r.Why)
	}
	r = v.Statement(statement(t, p, policy.Never, `plan.wait > duration("0s") && plan.denied`))
	if r.Outcome == Holds && len(r.Basis.Opaque) == 0 {
		t.Errorf("%+v", r.Basis)
	}
}

func TestRulesInAnotherOrderAndUnderOtherNamesAnswerTheSame(t *testing.T) {
	for seed := range uint64(testScale(12)) {
		w := newWriter(seed + 5e6)
		p, src := madeUp(t, w, 5)
		head, rules, _ := strings.Cut(src, "rules:\n")
		lines := strings.SplitAfter(strings.TrimSuffix(rules, "\n"), "\n")
		w.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		for i, l := range lines {
			lines[i] = strings.Replace(strings.TrimSuffix(l, "\n"), "{rule: ", "{rule: again-", 1) + "\n"
		}
		doubled := strings.Join(lines, "") + strings.ReplaceAll(strings.Join(lines, ""), "{rule: ", "{rule: once-more-")
		other := load(t, head+"rules:\n"+doubled)
		a, b := NewProver(p), NewProver(other)
		for _, text := range []string{`plan.approvers < 2`, `plan.accepts(["totp"])`, `plan.tier == "critical" && plan.wait == duration("0s")`} {
			x, y := a.Statement(statement(t, p, policy.Never, text)), b.Statement(statement(t, other, policy.Never, text))
			// Where something is opaque, one search may find what another misses.
			if x.Outcome != y.Outcome && (x.Outcome != CannotSay && y.Outcome != CannotSay || len(x.RestsOn)+len(y.RestsOn) == 0) {
				t.Errorf("seed %d: %s: %s, then %s\n%s", seed, text, x.Outcome, y.Outcome, src)
			}
		}
	}
}

func TestAnswersAreTheSameEveryTime(t *testing.T) {
	p := starter(t)
	var first string
	for i := range 3 {
		var all strings.Builder
		v := NewProver(p)
		for _, text := range []string{`plan.wait > duration("2h")`, `history.exists(h, h.desk == "helpdesk")`, `plan.approvers == 3`} {
			r := v.Statement(statement(t, p, policy.Never, text))
			fmt.Fprintln(&all, r.Outcome, r.Basis)
			if r.Request != nil {
				fmt.Fprintln(&all, specimen.Line(*r.Request))
			}
		}
		if i == 0 {
			first = all.String()
		} else if all.String() != first {
			t.Fatalf("%s\nthen\n%s", first, all.String())
		}
	}
}
