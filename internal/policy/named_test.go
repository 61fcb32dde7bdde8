package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFaultsOfNamedConditionsHaveTheirPlaceAndTheWayOut(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"not a condition", "conditions: {night: 'subject.unit'}\n" + oneRule, "4:22: conditions.night: the condition gives string"},
		{"a misspelt fact", "conditions: {night: 'request.our < 7'}\n" + oneRule, "4:30: conditions.night: unknown field `request.our`; did you mean `hour`?"},
		{"a fault reported once", "conditions: {night: 'subject.unit', late: night}\n" + oneRule, "conditions.night: the condition gives string"},
		{"one further down", "conditions: {a: 'b || true', b: 'true'}\n" + oneRule, "4:18: conditions.a: the condition `b` does not stand above this one"},
		{"itself", "conditions: {a: '!a'}\n" + oneRule, "4:19: conditions.a: the condition `a` does not stand above this one"},
		{"a list's name", "lists: {a: [x]}\nconditions: {a: 'true'}\n" + oneRule, "5:14: conditions: `a` is a list already"},
		{"a fact's name", "conditions: {device: 'true'}\n" + oneRule, "4:14: conditions: `device` cannot name a condition"},
		{"a word of conditions", "conditions: {in: 'true'}\n" + oneRule, "`in` cannot name a condition"},
		{"a capital letter", "conditions: {Night: 'true'}\n" + oneRule, "`Night` cannot name a condition"},
		{"a list of conditions", "conditions: [a]\n" + oneRule, "4:13: conditions: expected names with a condition each, found a list"},
		{"class in a class", "conditions: {top: 'subject.class == \"privileged\"'}\nclasses: [{class: standard, when: '!top'}]\n" + oneRule, "5:37: classes[0].when: the condition `top` reads subject.class"},
		{"class in a class, two steps away", "conditions: {top: 'subject.class == \"privileged\"', all: top || subject.locked}\nclasses: [{class: standard, when: all}]\n" + oneRule, "the condition `all` reads subject.class"},
		{"class by another name", "conditions: {top: '[subject].exists(s, s.class == \"privileged\")'}\nclasses: [{class: standard, when: top}]\n" + oneRule, "the condition `top` reads subject.class"},
		{"not a bool", "conditions: {night: 'true'}\nrules: [{rule: a, when: night == \"x\", deny: z}]", "5:31: rules[0].when: these types cannot be combined"},
		{"a slip in a name", "conditions: {night: 'true'}\nrules: [{rule: a, when: nigt, deny: z}]", "unknown name `nigt`; did you mean `night`?"},
		{"an element called like it", "conditions: {night: 'true'}\nrules: [{rule: a, when: 'history.exists(night, night.at < now)', deny: z}]", "`night` already means something"},
		{"an element that it would read", "conditions: {night: 'request.channel == \"phone\"'}\nrules: [{rule: a, when: 'history.exists(request, night)', deny: z}]", "`request` already means something"},
		{"too many", "conditions:\n" + strings.Repeat("  a: 'true'\n", maxConditions+1) + oneRule, "501 named conditions; at most 500"},
		{"too long written out", "conditions:\n  a0: '" + strings.Repeat("subject.locked || ", 50) + "true'\n" + doubling(12) + oneRule, "more than 4096 parts"},
		{"too long all together", "conditions: {a: '" + strings.Repeat("subject.locked || ", 220) + "true'}\n" + manyRules(100, "a || a || a || a || a"), "more than 250000 parts in all"},
		{"too costly in a loop", "conditions: {a: 'history.exists(h, h.action == action)'}\nrules: [{rule: a, when: 'history.exists(h, a)', deny: z}]", "could take too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ps := problemsOf(t, head+c.src)
			if len(ps) != 1 && !strings.HasPrefix(c.name, "too ") || !strings.Contains(ps.Error(), c.want) {
				t.Errorf("got %v\nwant %s", ps, c.want)
			}
		})
	}
}

// doubling names conditions each of which names the one above twice.
func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  a%d: a%d || a%d\n", i+1, i, i)
	}
	return b.String()
}

func manyRules(n int, when string) string {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {rule: r%d, when: '%s', deny: z}\n", i, when)
	}
	return b.String()
}

// A name stands for exactly what it says: with every name written out by hand
// a policy plans the same.
func TestANamedConditionIsWhatItSays(t *testing.T) {
	named := mustRead(t, `lists: {pay: [Payroll]}
conditions:
  phoned: request.channel == "phone"
  paid: has(subject.unit) && subject.unit in pay
  both: phoned && paid
  owned: subject.admin
  often: history.exists(h, h.action == action && phoned)
classes:
  - {class: privileged, when: owned}
  - {class: sensitive, when: paid}
  - {class: standard, when: "true"}
desks: [{desk: near, reach: '!both'}, {desk: far, reach: phoned}]
rules:
  - {rule: all, when: "true", demand: {proofs: totp}}
  - {rule: a, when: both || owned, demand: {wait: 1h}}
  - {rule: b, when: often && !paid, demand: {wait: 2h}}
  - {rule: c, when: 'history.exists(h, phoned || h.at > now)', demand: {review: 1d}}
  - {rule: d, when: 'paid ? owned : phoned', demand: {tier: high}}
`)
	plain := mustRead(t, `lists: {pay: [Payroll]}
classes:
  - {class: privileged, when: subject.admin}
  - {class: sensitive, when: has(subject.unit) && subject.unit in pay}
  - {class: standard, when: "true"}
desks:
  - {desk: near, reach: '!(request.channel == "phone" && (has(subject.unit) && subject.unit in pay))'}
  - {desk: far, reach: request.channel == "phone"}
rules:
  - {rule: all, when: "true", demand: {proofs: totp}}
  - {rule: a, when: request.channel == "phone" && (has(subject.unit) && subject.unit in pay) || subject.admin, demand: {wait: 1h}}
  - {rule: b, when: 'history.exists(h, h.action == action && request.channel == "phone") && !(has(subject.unit) && subject.unit in pay)', demand: {wait: 2h}}
  - {rule: c, when: 'history.exists(h, request.channel == "phone" || h.at > now)', demand: {review: 1d}}
  - {rule: d, when: '(has(subject.unit) && subject.unit in pay) ? subject.admin : request.channel == "phone"', demand: {tier: high}}
`)
	rapid.Check(t, func(t *rapid.T) {
		f := someFacts.Draw(t, "facts")
		samePlan(t, "written out", named.Plan(f), plain.Plan(f))
	})
}

func TestEveryNameKnowsWhereItIsUsed(t *testing.T) {
	p := mustRead(t, `lists: {pay: [Payroll], idle: [x]}
conditions:
  paid: subject.unit in pay
  again: paid || paid
vendors: [{vendor: nightcorp, tier_cap: low}, {vendor: dayline, tier_cap: low}]
desks: [{desk: d, vendor: dayline, reach: again}]
rules: [{rule: a, when: paid, demand: {proofs: totp}}]
`)
	want := []Name{
		{"list", "pay", 4, []string{"conditions.paid"}},
		{"list", "idle", 4, nil},
		{"condition", "paid", 6, []string{"conditions.again", "rules[0].when"}},
		{"condition", "again", 7, []string{"desks[0].reach"}},
		{"vendor", "nightcorp", 8, nil},
		{"vendor", "dayline", 8, []string{"desks[0].vendor"}},
	}
	if diff := cmp.Diff(want, p.Names()); diff != "" {
		t.Error(diff)
	}
	p.Names()[0].Used[0] = "x"
	if diff := cmp.Diff(want, p.Names()); diff != "" {
		t.Error("the names can be changed from outside", diff)
	}
}

// A list of an earlier text may have the name of a fact that came later.
func TestAListHidesTheCircumstanceOfItsName(t *testing.T) {
	p := mustRead(t, "lists: {device: [Kitchen], location: [x]}\nrules: [{rule: a, when: 'subject.unit in device && !(subject.unit in location)', demand: {proofs: totp}}]")
	f := ordinary()
	f.Device = &Device{ID: "laptop", At: noon}
	if plan := p.Plan(f); plan.Denied() {
		t.Errorf("%v", plan.Deny)
	}
}

func TestNumbersAndWordsThatAFactCanNeverBeAreRefused(t *testing.T) {
	for when, want := range map[string]string{
		`request.hour >= 24`:                                 "`request.hour` is a number from 0 to 23",
		`request.hour in [22, 23, 24]`:                       "`request.hour` is a number from 0 to 23",
		`-1 < request.minute`:                                "`request.minute` is a number from 0 to 59",
		`request.weekday == "Monday"`:                        "`request.weekday` is never `Monday`; did you mean `monday`?",
		`location.country == "de"`:                           "`de` is no country; write the two capital letters",
		`!(location.country in ["JP", "Germany"])`:           "`Germany` is no country",
		`agent.company == "nightcorp"`:                       "`agent.company` is never `nightcorp`; there is none",
		`history.exists(h, h.at > now && request.hour > 99)`: "`request.hour` is a number from 0 to 23",
	} {
		if ps := problemsOf(t, head+"rules: [{rule: a, deny: z, when: '"+when+"'}]"); !strings.Contains(ps.Error(), want) {
			t.Errorf("%s: %v", when, ps)
		}
	}
	mustRead(t, "rules: [{rule: a, deny: z, when: 'request.hour >= 0 && request.minute in [0, 59] && request.weekday == \"sunday\" && location.country == \"JP\"'}]")
}

func TestAllConditionsTogetherAreBounded(t *testing.T) {
	p := mustRead(t, `classes: [{class: standard, when: "size(signals) >= 0"}]
vendors: [{vendor: a, tier_cap: low}, {vendor: b, reach: 'signals.exists(s, s.at < now)'}]
desks:
  - {desk: quick, reach: 'true'}
  - {desk: slow, vendor: b, reach: 'history.exists(h, h.at < now)'}
rules: [{rule: r, when: 'contacts.exists(c, c.own)', deny: z}]
`)
	want := p.classes[0].when.cost + 2*(p.rules[0].when.cost+p.desks["slow"].reach.cost+p.vendors[1].reach.cost)
	if p.worst() != want || want == 0 {
		t.Errorf("the worst is %d, not %d", p.worst(), want)
	}
	costly := strings.Repeat("history.exists(h, h.request == h.outcome) || ", 8) + "true"
	if ps := problemsOf(t, head+manyRules(400, costly)); len(ps) != 1 || !strings.Contains(ps[0].Msg, "the conditions together could take too long") {
		t.Error(ps)
	}
	mustRead(t, manyRules(40, costly))
}
