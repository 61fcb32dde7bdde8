// Package decide asks the same question of Countersign's policy, of
// hand-written Go, of OPA and of Cedar: which of these rules apply to this
// request? The rules are written once per engine, in that engine's own words,
// and a test holds the engines to the same answers.
package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
)

// rule is one rule in four spellings.
type rule struct {
	name   string
	demand string // YAML, for Countersign
	cel    string
	rego   string
	cedar  string
	match  func(f *policy.Facts, class identity.Class) bool
}

// rules are n of a kind that a helpdesk of some thousand people has: a few for
// everybody, the rest for units, groups, sites and signals. Beyond forty they are
// for further units, groups, sites and signals that no request has, so that as
// many apply to a request as of forty.
func rules(n int) []rule {
	all := []rule{
		{"everyone", "proofs: passkey || (recovery_code && totp) || in_person", `true`, `true`, `true`,
			func(*policy.Facts, identity.Class) bool { return true }},
		{"admins", "approvals: [{role: security, count: 1}, {role: manager, count: 1}]",
			`subject.class in ["privileged", "unknown"]`,
			`class in {"privileged", "unknown"}`,
			`["privileged", "unknown"].contains(context.class)`,
			func(_ *policy.Facts, c identity.Class) bool { return c == identity.Privileged || c == identity.Unknown }},
		{"reset-then-mfa", "tier: high",
			`action == "mfa_reset" && history.exists(h, h.action == "password_reset" && now - h.at < duration("24h"))`,
			`input.action == "mfa_reset"; some h in input.history; h.action == "password_reset"; input.now - h.at < 86400`,
			`context.action == "mfa_reset" && context.resetWithinDay`,
			resetThenMFA},
		{"vendor-chat", "tier: high",
			`agent.vendor && request.channel == "chat"`,
			`input.agent.vendor; input.request.channel == "chat"`,
			`context.vendor && context.channel == "chat"`,
			func(f *policy.Facts, _ identity.Class) bool {
				return f.Agent.Vendor && f.Request.Channel == identity.Chat
			}},
	}
	rest := n - len(all) // a third each for units and groups, two ninths for sites, one for signals
	for i := range rest / 3 {
		all = append(all, ofUnit(fmt.Sprintf("Unit %d", further(i, 12)), "password_reset"), ofGroup(fmt.Sprintf("Group %d", further(i, 12))))
	}
	for i := range rest * 2 / 9 {
		all = append(all, ofSite(fmt.Sprintf("Site %d", further(i, 8))))
	}
	for i := 0; len(all) < n; i++ {
		if kinds := []string{"sim_change", "new_device", "campaign", "call_forwarding"}; i < len(kinds) {
			all = append(all, ofSignal(kinds[i]))
		} else {
			all = append(all, ofSignal(fmt.Sprintf("kind_%d", i)))
		}
	}
	return all
}

// further numbers what comes after the first so many beyond what requests have.
func further(i, first int) int {
	if i < first {
		return i
	}
	return 1000 + i
}

func resetThenMFA(f *policy.Facts, _ identity.Class) bool {
	return f.Action == identity.MFAReset && resetWithinDay(f)
}

func resetWithinDay(f *policy.Facts) bool {
	return slices.ContainsFunc(f.History, func(h policy.Past) bool {
		return h.Action == identity.PasswordReset && f.At.Sub(h.At) < 24*time.Hour
	})
}

func ofUnit(unit, action string) rule {
	return rule{"unit-" + slug(unit), "wait: 1h",
		fmt.Sprintf(`subject.unit == %q && action == %q`, unit, action),
		fmt.Sprintf(`input.subject.unit == %q; input.action == %q`, unit, action),
		fmt.Sprintf(`context.unit == %q && context.action == %q`, unit, action),
		func(f *policy.Facts, _ identity.Class) bool {
			return f.Subject.Unit == unit && string(f.Action) == action
		}}
}

func ofGroup(group string) rule {
	return rule{"group-" + slug(group), "approvals: [{role: manager, count: 1}]",
		fmt.Sprintf(`%q in subject.groups`, group),
		fmt.Sprintf(`%q in input.subject.groups`, group),
		fmt.Sprintf(`context.groups.contains(%q)`, group),
		func(f *policy.Facts, _ identity.Class) bool { return slices.Contains(f.Subject.Groups, group) }}
}

func ofSite(site string) rule {
	return rule{"site-" + slug(site), "notify: [manager]",
		fmt.Sprintf(`subject.location == %q && subject.class != "privileged"`, site),
		fmt.Sprintf(`input.subject.location == %q; class != "privileged"`, site),
		fmt.Sprintf(`context.location == %q && context.class != "privileged"`, site),
		func(f *policy.Facts, c identity.Class) bool {
			return f.Subject.Location == site && c != identity.Privileged
		}}
}

func ofSignal(kind string) rule {
	return rule{"signal-" + slug(kind), "tier: elevated",
		fmt.Sprintf(`signals.exists(s, s.kind == %q)`, kind),
		fmt.Sprintf(`some s in input.signals; s.kind == %q`, kind),
		fmt.Sprintf(`context.signals.contains(%q)`, kind),
		func(f *policy.Facts, _ identity.Class) bool {
			return slices.ContainsFunc(f.Signals, func(s policy.Signal) bool { return s.Kind == kind })
		}}
}

func slug(s string) string {
	return strings.ToLower(strings.NewReplacer(" ", "-", "_", "-").Replace(s))
}

// requests are what a day brings: mostly people who match a few rules.
func requests() []policy.Facts {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	actions := []identity.Action{identity.PasswordReset, identity.Unlock, identity.MFAReset}
	channels := []identity.Channel{identity.Phone, identity.Chat, identity.SelfService}
	kinds := []string{"sim_change", "new_device", "quiet_hours"}
	all := make([]policy.Facts, 60)
	for i := range all {
		admin := i%20 == 7
		f := policy.Facts{
			At: now, Action: actions[i%3], Requester: policy.Requester{Person: "p"},
			Subject: policy.Subject{
				ID: "corp/1", Person: "p", Directory: "corp", Login: "m.ito", Name: "M. Ito",
				Unit: fmt.Sprintf("Unit %d", i%15), Location: fmt.Sprintf("Site %d", i%10),
				Admin: &admin, Status: "active", Manager: "q", Staff: []string{},
				Enrolled: []string{"passkey", "recovery_code", "totp"},
			},
			Agent:   policy.Agent{Person: "a", Desk: []string{"day", "night"}[i%2], Vendor: i%2 == 1},
			Request: policy.Request{Channel: channels[i%3], Ticket: "INC1"},
		}
		for g := range 1 + i%9 {
			f.Subject.Groups = append(f.Subject.Groups, fmt.Sprintf("Group %d", (i+g*5)%25))
		}
		if i%4 == 0 {
			f.History = append(f.History, policy.Past{Request: "r", Action: identity.PasswordReset, Outcome: "done", At: now.Add(-time.Duration(i) * time.Hour)})
		}
		if i%6 == 1 {
			f.Signals = append(f.Signals, policy.Signal{Kind: kinds[i/6%3], At: now})
		}
		all[i] = f
	}
	return all
}
