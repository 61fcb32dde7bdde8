package prove

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/policy/specimen"
	"countersign/internal/proof"
)

// writer makes policies and requests up. Its words are few, so that what is
// made up meets.
type writer struct {
	*rand.Rand
	class bool // a class condition, which cannot read subject.class
	depth int
	named []string
	sure  []string // of the last policy: what is never so
}

func newWriter(seed uint64) *writer { return &writer{Rand: rand.New(rand.NewPCG(seed, 1))} }

func one[T any](w *writer, of ...T) T { return of[w.IntN(len(of))] }

var (
	someUnits    = []string{"Payroll", "Kitchen", "Finance"}
	someGroups   = []string{"Admins", "Board", "Everybody", "svc-a"}
	someDesks    = []string{"near", "far", "night"}
	someVendors  = []string{"acme", "beta"}
	somePersons  = []string{"p1", "p2", "p3"}
	someWeekdays = []string{"monday", "saturday", "sunday"}
	someSpans    = []string{"1h", "24h", "72h", "720h"}
	someSignals  = []string{"sim_swap", "travel"}
)

func (w *writer) condition() string {
	w.depth++
	defer func() { w.depth-- }()
	if w.depth < 4 && w.IntN(3) > 0 {
		switch w.IntN(6) {
		case 0, 1:
			return "(" + w.condition() + " && " + w.condition() + ")"
		case 2, 3:
			return "(" + w.condition() + " || " + w.condition() + ")"
		case 4:
			return "!(" + w.condition() + ")"
		}
		return "(" + w.condition() + " ? " + w.condition() + " : " + w.condition() + ")"
	}
	return w.atom()
}

func quoteAll(words []string) string { return `["` + strings.Join(words, `", "`) + `"]` }

func (w *writer) atom() string {
	cmp := func() string { return one(w, "==", "!=", "<", "<=", ">", ">=") }
	eq := func() string { return one(w, "==", "!=") }
	span := func() string { return `duration("` + one(w, someSpans...) + `")` }
	switch w.IntN(39) {
	case 0:
		return fmt.Sprintf("action %s %q", eq(), one(w, identity.Actions...))
	case 1:
		return "action in " + quoteAll([]string{string(one(w, identity.Actions...)), string(one(w, identity.Actions...))})
	case 2:
		return "subject.admin"
	case 3:
		return one(w, "has(subject.admin)", "has(subject.unit)", "has(subject.manager)", "has(agent.company)", "has(request.ticket)", "has(device.managed)")
	case 4:
		return fmt.Sprintf("subject.unit %s %q", eq(), one(w, someUnits...))
	case 5:
		return "has(subject.unit) && subject.unit in " + one(w, "units", quoteAll(someUnits[:2]))
	case 6:
		return one(w, "subject.service", "subject.locked", "subject.on_probation", "subject.fenced")
	case 7:
		return fmt.Sprintf("%q in subject.groups", one(w, someGroups...))
	case 8:
		return "subject.groups." + one(w, "exists", "all", "exists_one") + "(g, " + one(w, "g in groups", `g == "Admins"`, `g != "Board"`, `g.startsWith("svc-")`, `g == subject.unit`) + ")"
	case 9:
		return fmt.Sprintf("size(subject.%s) %s %d", one(w, "groups", "staff", "enrolled"), cmp(), w.IntN(4))
	case 10:
		return fmt.Sprintf("%q in subject.enrolled", one(w, "totp", "passkey"))
	case 11:
		return fmt.Sprintf("now - subject.created %s %s", cmp(), span())
	case 12:
		return fmt.Sprintf("now %s timestamp(%q)", cmp(), one(w, "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"))
	case 13:
		return fmt.Sprintf("now.%s(%s) %s %d", one(w, "getHours", "getDayOfWeek", "getMinutes"), one(w, "", `"+09:00"`), cmp(), w.IntN(8))
	case 14:
		return fmt.Sprintf("request.hour %s %d", cmp(), one(w, 7, 19, 22))
	case 15:
		return fmt.Sprintf("request.weekday in %s", quoteAll(someWeekdays[:1+w.IntN(2)]))
	case 16:
		return fmt.Sprintf("request.channel %s %q", eq(), one(w, identity.IntakeChannels...))
	case 17:
		return "agent.vendor"
	case 18:
		return fmt.Sprintf("agent.desk %s %q", eq(), one(w, someDesks...))
	case 19:
		return fmt.Sprintf("agent.company %s %q", eq(), one(w, someVendors...))
	case 20:
		return "subject.person " + eq() + " " + one(w, "requester.person", "subject.manager", "agent.person")
	case 21:
		return fmt.Sprintf("history.%s(h, %s)", one(w, "exists", "all", "exists_one"), w.past())
	case 22:
		return fmt.Sprintf("size(history.filter(h, %s)) %s %d", w.past(), cmp(), w.IntN(4))
	case 23:
		return fmt.Sprintf("signals.exists(s, s.kind == %q && now - s.at < %s)", one(w, someSignals...), span())
	case 24:
		return fmt.Sprintf("contacts.all(c, now - c.first_seen %s %s || c.kind == %q)", cmp(), span(), one(w, "email", "phone"))
	case 25:
		return fmt.Sprintf("request.ticket.%s(%q)", one(w, "startsWith", "endsWith", "contains"), one(w, "INC", "REQ", "1"))
	case 26:
		return fmt.Sprintf("subject.login.matches(%q)", one(w, "^svc-[a-z]+$", "^[a-z]+$"))
	case 27:
		return one(w, "emergency.active", "delegation.active", "device.managed", "device.compliant")
	case 28:
		return fmt.Sprintf("location.country %s %q", eq(), one(w, "JP", "DE"))
	case 29:
		return fmt.Sprintf("now - device.at %s %s", cmp(), span())
	case 30:
		return "contacts.exists(c, contacts.exists(d, c.own && c.first_seen < d.first_seen))"
	case 31:
		return one(w, `subject.groups.map(g, g + "x").exists(g, g == "Adminsx")`, `subject.groups[0] == "Admins"`, `size(subject.login) % 2 == 0`)
	case 34:
		return one(w, `subject.unit < "L"`, `(subject.locked ? subject.unit : subject.login) == "Payroll"`, `size(subject.unit) > 7`, `size(subject.login) <= 4`,
			`(subject.admin ? "a" : "b") == (subject.locked ? "a" : "b")`, `(subject.locked ? subject.unit : "Kitchen") in units`, `subject.unit in subject.groups`,
			`!(subject.manager in ["p1", "p2"])`, `subject.unit.startsWith("Pay") && subject.unit.endsWith("roll")`, `subject.unit.contains("i") == subject.locked`)
	case 35:
		return one(w, `now - duration("24h") < subject.created`, `subject.created + duration("72h") > now`, `history.exists(h, h.at < subject.created)`,
			`history.all(h, h.at > device.at)`, `(subject.locked ? now : subject.created) < timestamp("2026-03-01T00:00:00Z")`, `subject.created == now`,
			`device.at - subject.created > duration("1h")`, `contacts.exists(c, c.first_seen == subject.created)`, `now - subject.created + duration("1h") >= duration("25h")`,
			`emergency.until - emergency.declared > duration("2h")`, `history.exists(h, h.at.getHours() == 12)`, `subject.created.getDayOfWeek() in [0, 6]`,
			`subject.starts > now`, `has(subject.starts) && now - subject.starts < duration("24h")`, `subject.starts - duration("24h") > now`, `subject.starts == subject.created`)
	case 36:
		return one(w, `(subject.locked ? 1 : 2) * size(history) >= 2`, `-size(history) < -1`, `size(history) + size(signals) == 2`, `size(contacts) - size(signals) > 0`,
			`2 * size(subject.groups) == 4`, `request.hour * 60 + request.minute < 500`, `request.hour == request.minute`, `size(subject.login) / 2 == 1`,
			`(subject.admin ? size(contacts) : size(history)) > 1`, `subject.admin == subject.locked`, `subject.locked < subject.service`, `1 / size(signals) == 1`)
	case 37:
		return one(w, `history.filter(h, h.action == "unlock").exists_one(h, now - h.at < duration("72h"))`, `contacts.filter(c, c.own).all(c, c.kind == "email")`,
			`size(history.filter(h, h.desk == "near").filter(h, now - h.at < duration("72h"))) == 1`, `history.exists(h, h.desk in subject.groups)`,
			`history.all(h, has(h.desk) ? h.desk == agent.desk : h.outcome == "done")`, `subject.groups.all(g, g in subject.staff || g.startsWith("s"))`,
			`subject.groups.filter(g, g != "Board").exists(g, size(g) > 5)`, `"near" in history.filter(h, has(h.desk)).map(h, h.desk)`, `subject.unit in []`,
			`history.exists(h, signals.exists(s, s.at > h.at))`, `signals.exists(s, size(history) > 1 && s.kind == "travel")`, `contacts.exists_one(c, has(subject.unit) && c.own)`,
			`contacts.exists(c, c.kind == "phone" && has(c.sim_changed) && now - c.sim_changed < duration("72h"))`, `contacts.all(c, c.sim_changed < c.first_seen)`,
			`contacts.exists_one(c, has(c.sim_changed))`, `size(contacts.filter(c, !has(c.sim_changed))) > 1`, `contacts.exists(c, c.sim_changed == subject.starts)`,
			`subject.enrolled.exists(m, m in ["totp", "passkey"]) || subject.staff.exists_one(m, m == "agent")`, `subject.staff.all(r, r == "security") && size(subject.staff) == 2`)
	case 33:
		return one(w, "groups.exists(x, x in subject.groups)", "groups.all(x, x in subject.groups)", `["Admins", "x"].exists(x, subject.groups.exists(g, g == x && subject.locked))`,
			`subject.groups.exists(g, ["Admins", "x"].exists(x, x == g))`, `subject.groups.exists(g, g == (subject.locked ? "Admins" : "x"))`,
			"subject.groups.exists(g, history.exists(h, h.desk == g))", "subject.groups.exists(g, g == agent.company || g == subject.login)",
			"subject.staff.exists(g, subject.groups.exists(h, h == g))", "subject.groups.filter(g, g in groups).size() > 1")
	case 32:
		if len(w.named) > 0 {
			return one(w, w.named...)
		}
		return "emergency.active"
	}
	if w.class {
		return "subject.service"
	}
	return fmt.Sprintf("subject.class %s %q", eq(), one(w, identity.Classes...))
}

func (w *writer) past() string {
	return one(w,
		fmt.Sprintf("h.action == %q", one(w, identity.Actions[:3]...)),
		fmt.Sprintf("now - h.at < duration(%q)", one(w, someSpans...)),
		fmt.Sprintf("h.action == %q && now - h.at < duration(%q)", one(w, identity.Actions[:3]...), one(w, someSpans...)),
		fmt.Sprintf("h.desk == %q", one(w, someDesks...)),
		"h.action == action",
		fmt.Sprintf("has(h.desk) && h.outcome == %q", one(w, "done", "denied")),
		"h.desk == agent.desk",
	)
}

func (w *writer) demand() string {
	var ds []string
	add := func(chance int, d string) {
		if w.IntN(chance) == 0 {
			ds = append(ds, d)
		}
	}
	m := func() string { return string(one(w, allMethods...)) }
	add(2, "proofs: "+one(w, m(), m()+" || "+m(), m()+" && "+m(), m()+" || ("+m()+" && "+m()+")"))
	add(4, "tier: "+string(one(w, identity.Tiers...)))
	add(3, fmt.Sprintf("approvals: [{role: %s, count: %d}]", one(w, "manager", "security", "resource_owner"), 1+w.IntN(2)))
	add(5, "wait: "+one(w, "1h", "2h", "1d"))
	add(5, "expires: "+one(w, "10m", "1h"))
	add(5, "review: "+one(w, "1d", "2d"))
	add(6, "cool_off: "+one(w, "4d", "7d"))
	add(6, "probation: "+one(w, "1d", "7d"))
	add(6, "delivery: "+one(w, "[vault]", "[in_person, vault]", "[session, vault]"))
	add(5, "notify: [security]")
	add(5, "follow_up: [revoke_tokens]")
	if ds == nil {
		return "{tier: elevated}"
	}
	return "{" + strings.Join(ds, ", ") + "}"
}

// policy writes a policy; rules is how many.
func (w *writer) policy(rules int) string {
	var b strings.Builder
	b.WriteString("apiVersion: countersign/v1\nname: made-up\nrisk_analysis: docs/risk.md\nexpires: 2d\nzone: UTC\n")
	b.WriteString("lists: {units: [Payroll, Finance], groups: [Admins, Board]}\nconditions:\n")
	w.class, w.named, w.sure = true, nil, nil
	fmt.Fprintf(&b, "  busy: '%s'\n", w.condition())
	w.named = []string{"busy"}
	b.WriteString("classes:\n")
	for range 1 + w.IntN(4) {
		fmt.Fprintf(&b, "  - {class: %s, when: '%s'}\n", one(w, identity.Classes...), w.condition())
	}
	if w.IntN(3) > 0 {
		b.WriteString("  - {class: standard, when: 'true'}\n")
	}
	w.class = false
	fmt.Fprintf(&b, "vendors:\n  - {vendor: acme, reach: '%s'}\n  - {vendor: beta, tier_cap: %s}\n", w.condition(), one(w, "low", "elevated", "high"))
	b.WriteString("desks:\n  - {desk: near, reach: 'true'}\n")
	fmt.Fprintf(&b, "  - {desk: far, vendor: %s, reach: '%s'}\n", one(w, "true", "acme"), w.condition())
	fmt.Fprintf(&b, "  - {desk: night, vendor: %s, reach: '%s', tier_cap: %s}\n", one(w, "acme", "beta"), w.condition(), one(w, "elevated", "high"))
	b.WriteString("rules:\n")
	if w.IntN(3) > 0 {
		b.WriteString("  - {rule: everybody, when: 'true', demand: {proofs: in_person || passkey || totp}}\n")
	}
	for i := range rules {
		what := "demand: " + w.demand()
		if w.IntN(5) == 0 {
			what = "deny: not here"
		}
		when := w.condition()
		if strings.Contains(what, "role: security, count: 2") {
			w.sure = append(w.sure, "("+when+") && plan.security < 2")
		}
		if strings.Contains(what, "delivery: [vault]") {
			w.sure = append(w.sure, "("+when+`) && ("session" in plan.delivery || plan.delivery.exists(d, d == "in_person"))`)
		}
		if strings.HasPrefix(what, "deny") {
			w.sure = append(w.sure, when)
		}
		fmt.Fprintf(&b, "  - {rule: r%d, when: '%s', %s}\n", i, when, what)
	}
	return b.String()
}

// claim makes up a condition about requests and plans.
func (w *writer) claim() string {
	w.class = false
	about := func() string {
		return one(w,
			fmt.Sprintf("plan.approvers < %d", 1+w.IntN(3)),
			fmt.Sprintf("plan.%s >= %d", one(w, "managers", "security", "resource_owners"), 1+w.IntN(2)),
			fmt.Sprintf("plan.tier in %s", quoteAll(asTexts(identity.Tiers[:1+w.IntN(3)]))),
			fmt.Sprintf("plan.accepts(%s)", quoteAll(append(asTexts(w.methods()), "totp"))),
			fmt.Sprintf("plan.fewest_proofs %s %d", one(w, "<", ">", "=="), 1+w.IntN(2)),
			fmt.Sprintf("plan.%s %s duration(%q)", one(w, "wait", "expires", "review", "cool_off", "probation"), one(w, "<", ">", "=="), one(w, "1h", "24h", "96h")),
			fmt.Sprintf("%q in plan.delivery", one(w, "vault", "session", "in_person")),
			fmt.Sprintf("plan.class == %q", one(w, identity.Classes...)),
			`"security" in plan.notify`, `size(plan.follow_up) > 0`, "plan.denied", "!plan.denied",
		)
	}
	switch w.IntN(4) {
	case 0:
		return about()
	case 1:
		return about() + " && " + about()
	}
	return w.condition() + " && " + about()
}

// facts makes up a request.
func (w *writer) facts() policy.Facts {
	f := specimen.Ordinary()
	often := func() bool { return w.IntN(3) > 0 }
	maybe := func() *bool { return one(w, nil, new(bool), ptr(true)) }
	if often() {
		f.At = f.At.Add(time.Duration(w.IntN(7*24*60)) * time.Minute)
	}
	if w.IntN(8) == 0 {
		f.At = time.Date(2025+w.IntN(3), time.Month(1+w.IntN(12)), 1, w.IntN(24), 0, 0, 0, time.UTC)
	}
	ago := func() time.Time {
		return f.At.Add(-one(w, 0, 1, time.Hour-1, time.Hour, 24*time.Hour, 24*time.Hour+1, 72*time.Hour, 73*time.Hour, 720*time.Hour, 5000*time.Hour))
	}
	f.Action = one(w, identity.Actions...)
	f.Subject.Unit = one(w, append(someUnits, "", "Elsewhere")...)
	f.Subject.Admin = maybe()
	f.Subject.Service, f.Subject.Locked, f.Subject.OnProbation = w.IntN(6) == 0, w.IntN(3) == 0, w.IntN(3) == 0
	f.Subject.Fenced = w.IntN(12) == 0
	f.Subject.Status = one(w, "active", "active", "active", "active", "disabled", "odd")
	f.Subject.Manager = identity.PersonID(one(w, append(somePersons, "")...))
	f.Subject.Login = one(w, "user1", "svc-a", "svc-", "abc")
	f.Requester.Person = identity.PersonID(one(w, somePersons...))
	for range w.IntN(4) {
		f.Subject.Groups = append(f.Subject.Groups, one(w, append(someGroups, "Payroll", "x", "y", "svc-z")...))
	}
	for range w.IntN(3) {
		f.Subject.Staff = append(f.Subject.Staff, one(w, "agent", "security"))
	}
	if often() {
		f.Subject.Created = ptr(ago())
	}
	if w.IntN(3) == 0 {
		f.Subject.Starts = ptr(one(w, ago(), f.At.Add(24*time.Hour), f.At.Add(24*time.Hour+1), f.At.Add(72*time.Hour)))
	}
	if w.IntN(2) == 0 {
		f.Agent.Desk, f.Agent.Person = one(w, append(someDesks, "nowhere", "")...), identity.PersonID(one(w, append(somePersons, "")...))
	}
	f.Request.Channel = one(w, identity.IntakeChannels...)
	f.Request.Ticket = one(w, "", "INC1", "REQ7", "1INC")
	if often() {
		f.Request.Offset = ptr(one(w, 0, 9*3600, -5*3600, 5*3600+1800))
	}
	f.Contacts = nil
	for range w.IntN(4) {
		f.Contacts = append(f.Contacts, policy.Contact{ID: "c", Kind: one(w, "email", "phone", "pigeon"), FirstSeen: ago(), Source: "corp", Own: w.IntN(2) == 0})
		if w.IntN(3) == 0 {
			f.Contacts[len(f.Contacts)-1].SIMChanged = ptr(ago())
		}
	}
	for range one(w, 0, 0, 1, 2, 3, 6) {
		f.History = append(f.History, policy.Past{Request: "r", Action: one(w, identity.Actions[:4]...), Outcome: one(w, "done", "denied", "open"),
			Desk: one(w, append(someDesks, "")...), At: ago()})
	}
	for range w.IntN(3) {
		f.Signals = append(f.Signals, policy.Signal{Kind: one(w, append(someSignals, "other")...), At: ago()})
	}
	if w.IntN(3) == 0 {
		f.Location = &policy.Location{Country: one(w, "JP", "DE", "FR", "", "xx"), Source: "x", At: ago()}
	}
	if w.IntN(2) == 0 {
		f.Device = &policy.Device{ID: one(w, "", "d1"), Managed: maybe(), Compliant: maybe(), Source: "x", At: one(w, ago(), time.Time{})}
	}
	if w.IntN(4) == 0 {
		f.Emergency = &policy.Emergency{Incident: one(w, "", "INC9"), Declared: one(w, ago(), time.Time{}), Until: f.At.Add(one(w, time.Hour, 1, 0))}
	}
	if w.IntN(4) == 0 {
		f.Delegation = &policy.Delegation{Person: one[identity.PersonID](w, "", "p2"), Since: ago(), Until: f.At.Add(one(w, time.Hour, 1))}
	}
	if w.IntN(40) == 0 {
		f.Action = "odd"
	}
	if w.IntN(40) == 0 {
		f.Subject.Created = ptr(time.Time{})
	}
	if w.IntN(40) == 0 {
		f.Subject.Starts = ptr(time.Time{})
	}
	if w.IntN(60) == 0 {
		f.Subject.Name = strings.Repeat("x", 1025)
	}
	return f
}

// crossed takes some of a request's facts from another.
func (w *writer) crossed(f, g policy.Facts) policy.Facts {
	swap := func(take func()) {
		if w.IntN(2) == 0 {
			take()
		}
	}
	swap(func() { f.At = g.At })
	swap(func() { f.Action = g.Action })
	swap(func() { f.Subject = g.Subject })
	swap(func() { f.Requester = g.Requester })
	swap(func() { f.Agent = g.Agent })
	swap(func() { f.Request = g.Request })
	swap(func() { f.Contacts = g.Contacts })
	swap(func() { f.History = g.History })
	swap(func() { f.Signals = g.Signals })
	swap(func() { f.Location, f.Device = g.Location, g.Device })
	swap(func() { f.Emergency, f.Delegation = g.Emergency, g.Delegation })
	return f
}

func ptr[T any](v T) *T { return &v }

func (w *writer) methods() []proof.Method {
	var out []proof.Method
	for _, m := range allMethods {
		if w.IntN(3) == 0 {
			out = append(out, m)
		}
	}
	return out
}
