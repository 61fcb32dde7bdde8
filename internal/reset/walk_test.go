package reset_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/approval"
	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// happened is an event with its time: what the judge below looks at.
type happened struct {
	reset.Event
	at time.Time
}

// judge decides from the bare history whether an order at its end is allowed.
// It shares nothing with the state machine: it reads the events from scratch,
// with loops a reader can check by eye.
func judge(history []happened) string {
	last := history[len(history)-1]
	var plan policy.Plan
	proved := map[proof.Method]string{} // method → session
	asked := map[string]reset.Challenged{}
	signed := map[identity.PersonID][]identity.Role{}
	quiet := time.Time{} // since when nothing changed but the waiting
	var planned time.Time
	clear := func(at time.Time) { signed, quiet = map[identity.PersonID][]identity.Role{}, at }
	for _, h := range history[:len(history)-1] {
		switch e := h.Event.(type) {
		case reset.Opened:
			plan, planned = e.Plan, h.at
		case reset.Replanned:
			if !same(plan, e.Plan) {
				clear(h.at)
			}
			plan, planned = e.Plan, h.at
		case reset.Challenged:
			asked[e.Challenge] = e
		case reset.Proved:
			c := asked[e.Challenge]
			for _, other := range proved {
				if other != c.Session {
					return "two sessions proved together"
				}
			}
			proved[c.Method] = c.Session
			clear(h.at)
		case reset.Lapsed:
			for _, id := range e.Challenges {
				delete(proved, asked[id].Method)
			}
			clear(h.at)
		case reset.Voided:
			for _, p := range e.Persons {
				delete(signed, p)
			}
			quiet = h.at
		case reset.Voted:
			if e.Deny {
				return "ordered after a denial"
			}
			if !filled(plan.Approvals, signed) { // one signature more than needed starts nothing anew
				quiet = h.at
			}
			signed[e.Person] = e.Roles
		case reset.Cancelled, reset.Expired, reset.Repudiated, reset.Refused:
			return "ordered after the end"
		}
	}
	var have []proof.Method
	for m := range proved {
		have = append(have, m)
	}
	if !plan.Proofs.Satisfied(have) {
		return "ordered without proof"
	}
	if !filled(plan.Approvals, signed) {
		return fmt.Sprintf("ordered without signatures: %v for %v", signed, plan.Approvals)
	}
	for p := range signed {
		if p == subject || p == agent {
			return "signed by somebody who takes part"
		}
	}
	if last.at.Sub(quiet) < time.Duration(plan.Wait)*time.Second {
		return "ordered before the cooling-off was over"
	}
	if !planned.Equal(last.at) {
		return "ordered on a stale plan"
	}
	return ""
}

func same(a, b policy.Plan) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// filled tries every way of giving each place to a person of its own.
func filled(needs []approval.Need, signed map[identity.PersonID][]identity.Role) bool {
	for i, n := range needs {
		if n.Count == 0 {
			continue
		}
		rest := slices.Clone(needs)
		rest[i].Count--
		for p, roles := range signed {
			if !slices.Contains(roles, n.Role) {
				continue
			}
			others := map[identity.PersonID][]identity.Role{}
			for q, r := range signed {
				if q != p {
					others[q] = r
				}
			}
			if filled(rest, others) {
				return true
			}
		}
		return false
	}
	return true
}

// moves are the events an adversary may try in a state, legal or not.
func moves(s reset.State, plans []policy.Plan, at time.Time) []reset.Event {
	st := &story{t: panics{}, state: s, at: at}
	out := []reset.Event{
		reset.Cancelled{By: "agent"}, reset.Repudiated{Contact: "con"}, reset.Expired{}, reset.WaitStarted{},
		st.order(), reset.Dispatched{Order: "ord_1"}, reset.Received{Order: "ord_1", Outcome: reset.Applied},
		reset.Received{Order: "ord_1", Outcome: reset.NotApplied}, reset.Withdrawn{Order: "ord_1", Reason: "r"},
		reset.Voided{Persons: []identity.PersonID{manager}},
	}
	for _, p := range plans {
		out = append(out, st.replanned(policy.Join(s.Plan, p)))
	}
	for _, session := range []string{"a", "b"} {
		out = append(out, reset.Claimed{Session: session, Recipient: "age1" + session})
		for _, m := range []proof.Method{proof.TOTP, proof.RecoveryCode} {
			out = append(out, challenged("chl_"+session+string(m), session, m, at))
		}
	}
	for _, c := range s.Challenges {
		out = append(out, reset.Proved{Challenge: c.ID, Until: at.Add(2 * time.Hour)}, reset.AnswerRefused{Challenge: c.ID})
	}
	for _, p := range s.Proofs {
		out = append(out, reset.Lapsed{Challenges: []string{p.Challenge}})
	}
	for p, roles := range map[identity.PersonID][]identity.Role{
		manager: {identity.Manager, identity.Security}, security: {identity.Security}, officer: {identity.Security},
		agent: {identity.Security}, subject: {identity.Security, identity.Manager},
	} {
		out = append(out, st.vote(p, false, roles...))
		if p == security {
			out = append(out, st.vote(p, true, roles...))
		}
	}
	return out
}

type panics struct{}

func (panics) Helper()                   {}
func (panics) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// TestNoPathLeadsToAnOrderWithoutEveryDemand walks every state that can be
// reached within small bounds, by every event in every order, and asks the
// judge about each order that the state machine lets through.
func TestNoPathLeadsToAnOrderWithoutEveryDemand(t *testing.T) {
	manager1, security1 := approval.Need{Role: identity.Manager, Count: 1}, approval.Need{Role: identity.Security, Count: 1}
	for name, w := range map[string]struct {
		first  policy.Plan
		fresh  []policy.Plan
		times  []time.Time
		depth  int
		orders int // at least so many must be reached, or the walk proves nothing
	}{
		"one proof":                {plan("totp", 0), []policy.Plan{plan("totp", 0)}, []time.Time{t0, t0.Add(2 * time.Hour)}, 7, 1},
		"two proofs":               {plan("totp && recovery_code", 0), []policy.Plan{plan("totp", 0)}, []time.Time{t0}, 8, 1},
		"manager and security":     {plan("totp", 0, manager1, security1), []policy.Plan{plan("totp", 0)}, []time.Time{t0}, 8, 1},
		"signature and cooling":    {plan("totp", time.Hour, security1), []policy.Plan{plan("totp", 0)}, []time.Time{t0, t0.Add(time.Hour)}, 8, 1},
		"a plan that gets tighter": {plan("totp", 0), []policy.Plan{plan("totp", 0), plan("recovery_code", 0, security1)}, []time.Time{t0}, 8, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			states, orders := walk(t, w.first, w.fresh, w.times, w.depth)
			t.Logf("%d states, %d orders", states, orders)
			if orders < w.orders {
				t.Errorf("the walk reached %d orders in %d states", orders, states)
			}
		})
	}
}

type node struct {
	state   reset.State
	history []happened
}

func walk(t *testing.T, first policy.Plan, fresh []policy.Plan, times []time.Time, depth int) (states, orders int) {
	s, err := reset.Evolve(reset.State{ID: "req_1"}, opened(first), t0)
	if err != nil {
		t.Fatal(err)
	}
	level := []node{{s, []happened{{opened(first), t0}}}}
	seen := map[string]bool{}
	for range depth {
		var next []node
		for _, n := range level {
			for _, at := range times {
				if at.Before(n.state.ChangedAt) {
					continue
				}
				for _, e := range moves(n.state, fresh, at) {
					after, err := reset.Evolve(n.state, e, at)
					if err != nil {
						continue
					}
					history := append(slices.Clone(n.history), happened{e, at})
					if _, isOrder := e.(reset.Ordered); isOrder {
						orders++
						if wrong := judge(history); wrong != "" {
							t.Fatalf("%s:\n%s", wrong, tell(history))
						}
					}
					if key := essence(after); !seen[key] {
						seen[key] = true
						next = append(next, node{after, history})
					}
				}
			}
		}
		level = next
		states += len(level)
	}
	return states, orders
}

// essence is a state without its count of events, so that paths that lead to
// the same place meet.
func essence(s reset.State) string {
	s.Version = 0
	for i := range s.Challenges {
		if i == 0 {
			s.Challenges = slices.Clone(s.Challenges)
		}
		s.Challenges[i].Refused = min(s.Challenges[i].Refused, 1)
	}
	slices.SortFunc(s.Challenges, func(a, b reset.Challenge) int { return compare(a.ID, b.ID) })
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func tell(history []happened) string {
	var out string
	for _, h := range history {
		b, _ := json.Marshal(h.Event)
		out += fmt.Sprintf("%s %s %s\n", h.at.Format("15:04"), h.Type(), b)
	}
	return out
}

// TestRandomLivesAreJudgedAlike goes further than the walk: long random lives
// with many plans. Every order must satisfy the judge, and evolving must never
// change the state it started from.
func TestRandomLivesAreJudgedAlike(t *testing.T) {
	formulas := []string{"totp", "totp && recovery_code", "totp || recovery_code"}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) policy.Plan {
			var needs []approval.Need
			for _, r := range []identity.Role{identity.Manager, identity.Security} {
				if k := rapid.IntRange(0, 2).Draw(t, label+string(r)); k > 0 && !(r == identity.Manager && k > 1) {
					needs = append(needs, approval.Need{Role: r, Count: k})
				}
			}
			wait := time.Duration(rapid.SampledFrom([]int{0, 0, 30}).Draw(t, label+"wait")) * time.Minute
			return plan(rapid.SampledFrom(formulas).Draw(t, label+"formula"), wait, needs...)
		}
		first, fresh := draw("first"), []policy.Plan{draw("fresh"), draw("other")}
		s, err := reset.Evolve(reset.State{ID: "req_1"}, opened(first), t0)
		if err != nil {
			t.Fatal(err)
		}
		at, history := t0, []happened{{opened(first), t0}}
		for range rapid.IntRange(5, 60).Draw(t, "length") {
			at = at.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 20, 40}).Draw(t, "minutes")) * time.Minute)
			ms := moves(s, append(fresh, first), at)
			e := ms[rapid.IntRange(0, len(ms)-1).Draw(t, "move")]
			before, _ := json.Marshal(s)
			next, err := reset.Evolve(s, e, at)
			if after, _ := json.Marshal(s); string(after) != string(before) {
				t.Fatalf("%s changed the state it was given", e.Type())
			}
			if err != nil {
				continue
			}
			s, history = next, append(history, happened{e, at})
			if _, isOrder := e.(reset.Ordered); isOrder {
				if wrong := judge(history); wrong != "" {
					t.Fatalf("%s:\n%s", wrong, tell(history))
				}
			}
		}
	})
}
