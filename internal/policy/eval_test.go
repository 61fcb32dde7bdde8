package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/identity"
	"countersign/internal/policy/expr"
)

// bothWays evaluates a condition as CEL does and by its code.
func bothWays(t interface{ Fatalf(string, ...any) }, src string, c *condition, p *Policy, f Facts, class identity.Class) {
	v := newView(&f, p.listVals, p.desks[f.Agent.Desk])
	v.subjectFacts.class = class
	want, wantErr := c.holds(v)
	d, e := decision{policy: p}, p.over(&f)
	e.setClass(class)
	for range 2 { // the second time from what was kept
		got, err := d.holds(&e, c)
		if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("%s\nis %v, %v; CEL says %v, %v\n%+v", src, got, err, want, wantErr, f)
		}
	}
}

func wildPolicy() *Policy {
	return &Policy{lists: wildLists, listVals: listValues(wildLists), expires: 100, coolOff: 10,
		vendors: []*vendor{{name: "northern"}},
		desks:   map[string]*desk{"near": {}, "far": {vendor: true, company: "northern"}}}
}

// A difference between the two would be a hole: the plan that is acted on is
// not the one that the language means.
func TestAConditionMeansWhatCELSays(t *testing.T) {
	p, env := wildPolicy(), wildEnvironment(t, false)
	outcomes := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := &wild{T: t}
		src := w.truth(rapid.IntRange(0, 4).Draw(t, "depth"))
		c := asCondition(t, env, src, nil, nil)
		if c == nil {
			outcomes["refused"]++
			return
		}
		k := &coder{seen: map[string]int{}, slots: map[string]uint16{}}
		k.note(c.tree)
		k.note(c.tree) // so that all that can be kept is
		if c.code = k.compile(c.tree); c.code == nil {
			t.Fatalf("%s: left to CEL as %s", src, c.tree)
		}
		for range 4 {
			f := wildFacts.Draw(t, "facts")
			bothWays(t, src, c, p, f, rapid.SampledFrom(identity.Classes).Draw(t, "class"))
			e := p.over(&f)
			holds, err := e.truth(c.code)
			outcomes[fmt.Sprint(holds, " ", err)]++
		}
	})
	if outcomes["true <nil>"] == 0 || outcomes["false <nil>"] == 0 || len(outcomes) < 6 {
		t.Errorf("too little came out of it: %v", outcomes)
	}
}

// When several facts are missing, the plan names the one that CEL comes upon.
func TestTheMissingFactThatIsNamedIsTheOneThatCELNames(t *testing.T) {
	p, env := wildPolicy(), wildEnvironment(t, false)
	f := ordinary()
	f.Subject.Unit, f.Subject.Admin = "", nil
	f.History = []Past{{Action: identity.Unlock, At: noon}, {Action: identity.MFAReset, At: noon, Desk: "near"}, {Action: identity.Reactivation, At: noon}}
	mixed := `h.action == "unlock" ? subject.unit == "a" : request.ticket == "b"`
	for src, want := range map[string]string{
		`subject.unit == "a" && request.ticket == "b"`:                                                                "subject.unit",
		`request.ticket == "b" || subject.unit == "a"`:                                                                "request.ticket",
		`history.exists(h, ` + mixed + `)`:                                                                            "subject.unit",
		`history.all(h, ` + mixed + `)`:                                                                               "subject.unit",
		`history.exists_one(h, ` + mixed + `)`:                                                                        "request.ticket",
		`size(history.filter(h, ` + mixed + `)) == 1`:                                                                 "request.ticket",
		`history.exists_one(h, !(` + mixed + `) || h.desk == "near")`:                                                 "request.ticket",
		`size(history.filter(h, h.desk == "x" ? true : ` + mixed + `)) == 1`:                                          "history.desk",
		`history.filter(h, h.action == "mfa_reset" ? subject.admin : request.ticket == "b").exists(h, h.desk == "x")`: "request.ticket",
		`history.exists_one(h, h.action == "mfa_reset" ? subject.admin : h.desk == "b")`:                              "history.desk",
		`history.exists(h, h.action == "mfa_reset" ? subject.admin : h.desk == "b")`:                                  "history.desk",
		`history.all(h, h.action == "unlock" ? subject.admin : subject.unit == "b")`:                                  "subject.admin",
		`now - (location.at - device.at) > subject.created`:                                                           "location.at",
		`(device.at - location.at) + subject.created < now`:                                                           "device.at",
		`(now - now) + subject.created < device.at`:                                                                   "subject.created",
		`request.hour * 2 + request.minute == 3`:                                                                      "request.hour",
	} {
		c := asCondition(t, env, src, nil, nil)
		if c.code = (&coder{}).compile(c.tree); c.code == nil {
			t.Fatalf("%s has no code", src)
		}
		bothWays(t, src, c, p, f, identity.Standard)
		e := p.over(&f)
		if _, err := e.truth(c.code); fmt.Sprint(err) != "the fact "+want+" is missing" {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
}

// Numbers and times end where CEL's end.
func TestArithmeticEndsWhereCELEnds(t *testing.T) {
	p, env := wildPolicy(), wildEnvironment(t, false)
	first, last := `timestamp("0001-01-01T00:00:00Z")`, `timestamp("9999-12-31T23:59:59.999999999Z")`
	for src, fails := range map[string]bool{
		first + ` - duration("1ns") < now`:     true,
		first + ` + duration("1ns") < now`:     false,
		last + ` + duration("1ns") > now`:      true,
		last + ` - duration("1ns") > now`:      false,
		last + ` - now > duration("0s")`:       true,
		`now - ` + first + ` > duration("0s")`: true,
		`timestamp("2262-04-11T23:47:16.854775807Z") - timestamp("1970-01-01T00:00:00Z") > duration("0s")`: false,
		`timestamp("2262-04-11T23:47:16.854775808Z") - timestamp("1970-01-01T00:00:00Z") > duration("0s")`: true,
		`now.getHours("24:00") == 1`:                          true,
		`now.getHours("-23:59") == 1`:                         false,
		`now.getHours("00:60") == 1`:                          true,
		`size(history) + 9223372036854775807 > 0`:             false,
		`size(contacts) + 9223372036854775807 > 0`:            true,
		`-9223372036854775808 - size(contacts) < 0`:           true,
		`-(size(history) - 9223372036854775807 - 1) > 0`:      true,
		`(size(history) - 4611686018427387904) * 2 < 0`:       false,
		`(size(contacts) + 4611686018427387903) * 2 > 0`:      true,
		`1 / size(history) == 1`:                              true,
		`1 % size(history) == 1`:                              true,
		`(size(history) - 9223372036854775807 - 1) / -1 == 1`: true,
		`(size(history) - 9223372036854775807 - 1) % -1 == 1`: true,
	} {
		c := asCondition(t, env, src, nil, nil)
		if c.code = (&coder{}).compile(c.tree); c.code == nil {
			t.Fatalf("%s has no code", src)
		}
		bothWays(t, src, c, p, ordinary(), identity.Standard)
		f := ordinary()
		e := p.over(&f)
		if _, err := e.truth(c.code); (err != nil) != fails {
			t.Errorf("%s: %v", src, err)
		}
	}
}

// Whatever is asked, nothing is in an empty list, not even an absent fact.
func TestNothingIsInAnEmptyList(t *testing.T) {
	p, env := wildPolicy(), wildEnvironment(t, false)
	for _, src := range []string{`subject.unit in []`, `request.hour in []`, `!(subject.unit in [])`, `subject.groups.exists(g, g in [])`} {
		c := asCondition(t, env, src, nil, nil)
		if c.code = (&coder{}).compile(c.tree); c.code == nil {
			t.Fatalf("%s has no code", src)
		}
		f := ordinary()
		f.Subject.Unit = ""
		bothWays(t, src, c, p, f, identity.Standard)
	}
}

// What has no code at all is asked of CEL whole.
func TestAConditionPartlyLeftToCELMeansTheSame(t *testing.T) {
	p, env := wildPolicy(), wildEnvironment(t, false)
	left := 0
	rapid.Check(t, func(t *rapid.T) {
		w := &wild{T: t, opaque: true}
		src := w.truth(rapid.IntRange(2, 4).Draw(t, "depth"))
		c := asCondition(t, env, src, nil, nil)
		if c == nil {
			return
		}
		if c.code = (&coder{}).compile(c.tree); c.code == nil {
			left++
		}
		bothWays(t, src, c, p, wildFacts.Draw(t, "facts"), rapid.SampledFrom(identity.Classes).Draw(t, "class"))
	})
	if left == 0 {
		t.Error("nothing was left to CEL")
	}
}

func TestEveryFactHasCode(t *testing.T) {
	var all []string
	for _, v := range variables {
		facts := factsOf["countersign."+v.name]
		if facts == nil || slices.Contains([]string{"contacts", "history", "signals"}, v.name) {
			all = append(all, v.name)
		}
		for _, f := range facts {
			all = append(all, v.name+"."+f.name)
			if got := sourceOf[v.name+"."+f.name]; got.optional != f.optional || got.typ != typeOf(f.typ) {
				t.Errorf("%s.%s is %+v", v.name, f.name, got)
			}
		}
	}
	slices.Sort(all)
	if got := slices.Sorted(maps.Keys(sourceOf)); !slices.Equal(got, all) {
		t.Errorf("have code: %q\nare facts: %q", got, all)
	}
}

func TestNothingThatIsUnderstoodIsLeftToCEL(t *testing.T) {
	for _, path := range everyPolicy(t) {
		for _, c := range mustLoad(t, path).all() {
			opaque := c.tree.Any(func(n *expr.Node) bool { return n.Op == expr.Opaque })
			if (c.code == nil) != opaque {
				t.Errorf("%s: %s: has code: %v", path, c.tree, c.code != nil)
			}
		}
	}
}

// largest are facts of every size that a policy can be asked about, none of
// which is like another.
func largest() Facts {
	f := ordinary()
	long := func(i int) string { return fmt.Sprintf("%s%04d", strings.Repeat("é", maxText-4), i) }
	for i := range maxGroups {
		f.Subject.Groups = append(f.Subject.Groups[:i:i], long(i))
	}
	f.Subject.Login, f.Subject.Name, f.Subject.Unit, f.Request.Ticket = long(1), long(2), long(3), long(4)
	f.Subject.Staff, f.Subject.Enrolled = slices.Clone(f.Subject.Groups[:maxContacts]), slices.Clone(f.Subject.Groups[:maxContacts])
	for i := range maxContacts {
		f.Contacts = append(f.Contacts[:i:i], Contact{ID: long(i), Kind: long(i), Source: long(i), FirstSeen: noon})
	}
	for i := range maxHistory {
		f.History = append(f.History, Past{Request: long(i), Action: identity.Action(long(i)), Outcome: long(i), Desk: long(i), At: noon})
		f.Signals = append(f.Signals, Signal{Kind: long(i), At: noon})
	}
	return f
}

// Load refuses what could take too long over the largest facts, and Plan
// refuses larger ones. So CEL never reaches the limit that code does not have.
func TestNoConditionThatLoadsIsTooCostly(t *testing.T) {
	p, env, f := wildPolicy(), wildEnvironment(t, false), largest()
	v := newView(&f, p.listVals, nil)
	tried := 0
	rapid.Check(t, func(t *rapid.T) {
		w := &wild{T: t}
		list, of := w.list(1)
		src := w.loop(w.pick("exists", "all", "exists_one"), list, of, rapid.IntRange(0, 2).Draw(t, "depth"))
		c := asCondition(t, env, src, nil, nil)
		if c == nil {
			return
		}
		tried++
		want, wantErr := c.holds(v)
		c.code = (&coder{}).compile(c.tree)
		e := p.over(&f)
		if got, err := e.truth(c.code); got != want || err != wantErr || err == errTooCostly {
			t.Fatalf("%s\nis %v, %v; CEL says %v, %v", src, got, err, want, wantErr)
		}
	})
	if tried < 10 {
		t.Errorf("only %d conditions were tried", tried)
	}
}

// FuzzConditions holds any text that is a condition to CEL's meaning, over any
// facts that the seed brings.
func FuzzConditions(f *testing.F) {
	p, env := wildPolicy(), wildEnvironment(f, false)
	for _, path := range everyPolicy(f) {
		for i, c := range mustLoad(f, path).all() {
			whole := spelt(c.tree)
			whole.Walk(func(n *expr.Node) bool {
				if n.Op == expr.Lit {
					n.Name = "" // the list is the policy's own
				}
				return true
			})
			f.Add(whole.String(), i)
		}
	}
	f.Fuzz(func(t *testing.T, src string, seed int) {
		if _, issues := env.cel.Compile(src); len(src) > maxWhen || issues.Err() != nil {
			return
		}
		c := asCondition(t, env, src, nil, nil)
		if c == nil {
			return
		}
		k := &coder{seen: map[string]int{}, slots: map[string]uint16{}}
		k.note(c.tree)
		k.note(c.tree)
		c.code = k.compile(c.tree)
		bothWays(t, src, c, p, wildFacts.Example(seed), identity.Classes[uint(seed)%uint(len(identity.Classes))])
		r := &rule{name: "r", when: c, deny: "no"}
		p := *p
		p.rules, p.index = []*rule{r}, newIndex([]*rule{r}, 1)
		facts := wildFacts.Example(seed)
		if a, b := p.Plan(facts), p.planByCEL(facts); !cmp.Equal(a, b) {
			t.Fatalf("%s\n%+v\nby CEL\n%+v", src, a, b)
		}
	})
}
