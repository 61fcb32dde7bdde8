package policy

import (
	"fmt"
	"maps"
	"slices"
	"testing"

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
