package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/store"
)

// lately is a simulation of everything since the house was built.
func lately(h *gatetest.House, text string) (gate.Simulation, error) {
	return h.Gate.Simulate(h.T.Context(), gatetest.Staff(gatetest.Sorrel), text, h.Now().Add(-365*24*time.Hour), h.Now().Add(time.Hour))
}

func group(t *testing.T, in []gate.Group, name string) gate.Tally {
	t.Helper()
	i := slices.IndexFunc(in, func(g gate.Group) bool { return g.Name == name })
	if i < 0 {
		t.Fatalf("no group %q in %+v", name, in)
	}
	return in[i].Tally
}

func TestASimulationSaysWhatAnotherPolicyWouldHaveMadeOfEachRequest(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Open(gatetest.Wren, identity.PasswordReset)
	h.Pass(3 * time.Hour)
	unlock := h.Open(gatetest.Wren, identity.Unlock)
	_, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: "admin", Action: identity.Unlock, Channel: identity.Phone})
	if code(err) != "not_available" {
		t.Fatal(err)
	}
	version := h.State(unlock.ID).Version
	for name, try := range map[string]struct {
		text string
		want gate.Tally
	}{
		"the same":     {gatetest.Policy, gate.Tally{Requests: 3, Unchanged: 3}},
		"no signature": {strings.Replace(gatetest.Policy, "      approvals: [{role: manager, count: 1}]\n", "", 1), gate.Tally{Requests: 3, Eased: 2, Unchanged: 1}},
		"another signature": {strings.Replace(gatetest.Policy, "role: manager, count: 1", "role: security, count: 1", 1),
			gate.Tally{Requests: 3, Eased: 2, Tightened: 2, Unchanged: 1}},
		"a wait": {strings.Replace(gatetest.Policy, "      follow_up", "      wait: 1h\n      follow_up", 1), gate.Tally{Requests: 3, Tightened: 2, Delayed: 2, Unchanged: 1}},
		"no unlocks": {gatetest.Policy + "  - rule: no-unlock\n    when: action == \"unlock\"\n    deny: \"not here\"\n",
			gate.Tally{Requests: 3, Refused: 1, Unchanged: 2}},
		"a longer reach": {strings.Replace(gatetest.Policy, `reach: subject.class != "privileged"`, `reach: "true"`, 1), gate.Tally{Requests: 3, Allowed: 1, Unchanged: 2}},
	} {
		s, err := lately(h, try.text)
		if err != nil || s.Total != try.want || s.Erased != 0 {
			t.Errorf("%s: %+v, %v; want %+v", name, s.Total, err, try.want)
		}
	}
	s, err := lately(h, gatetest.Policy+"  - rule: no-unlock\n    when: action == \"unlock\"\n    deny: \"not here\"\n")
	h.Must(err)
	if !slices.Equal(s.Examples.Refused, []string{unlock.ID}) || len(s.Examples.Eased) != 0 {
		t.Errorf("examples: %+v", s.Examples)
	}
	if g := group(t, s.Classes, "standard"); g.Requests != 2 || g.Refused != 1 {
		t.Errorf("by class: %+v", s.Classes)
	}
	if g := group(t, s.Classes, "privileged"); g.Requests != 1 || g.Unchanged != 1 {
		t.Errorf("by class: %+v", s.Classes)
	}
	if g := group(t, s.Desks, "helpdesk"); g.Requests != 3 {
		t.Errorf("by desk: %+v", s.Desks)
	}
	if a, b := group(t, s.Hours, "09"), group(t, s.Hours, "12"); a.Unchanged != 1 || b.Refused != 1 {
		t.Errorf("by hour: %+v", s.Hours)
	}
	raw, err := json.Marshal(s)
	h.Must(err)
	for _, word := range []string{"wren", "Wren", "person", "totp", "INC-1"} {
		if strings.Contains(string(raw), word) {
			t.Errorf("it tells %q: %s", word, raw)
		}
	}
	if h.State(unlock.ID).Version != version || len(h.Faulted) != 0 {
		t.Error("a simulation left a trace")
	}
}

func TestTheHourIsThatOfTheDesksClockAndARuleReadsItInTheZoneOfItsOwnPolicy(t *testing.T) {
	h := gatetest.New(t, clocked)
	h.Open(gatetest.Wren, identity.Unlock) // 09:00 UTC, 18:00 in Tokyo
	closed := "  - rule: closed\n    when: request.hour >= 17\n    deny: \"the desk is closed\"\n"
	s, err := lately(h, clocked+closed)
	if err != nil || s.Total.Refused != 1 || group(t, s.Hours, "18").Refused != 1 {
		t.Errorf("in Tokyo: %+v, %v", s, err)
	}
	s, err = lately(h, strings.Replace(clocked, "Asia/Tokyo", "Europe/Berlin", 1)+closed)
	if err != nil || s.Total.Refused != 0 || s.Total.Unchanged != 1 {
		t.Errorf("in Berlin: %+v, %v", s, err)
	}
}

func TestASimulationIsForOversightAndWithinBounds(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	since, until := h.Now().Add(-time.Hour), h.Now()
	for name, c := range map[string]gate.Caller{
		"an agent": gatetest.Staff(gatetest.Finch), "a manager": gatetest.Staff(h.Person(gatetest.Moss)), "nobody": {}, "a stranger": gatetest.Staff("x"),
		"a token that reads": {Token: "t", Scopes: []gate.Scope{gate.ScopeRead, gate.ScopeReport, gate.ScopeOpen, gate.ScopeEnrol}},
	} {
		if _, err := h.Gate.Simulate(t.Context(), c, gatetest.Policy, since, until); code(err) != "forbidden" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]gate.Caller{"an officer": gatetest.Staff(gatetest.Olive), "an auditing token": {Token: "t", Scopes: []gate.Scope{gate.ScopeAudit}}} {
		if _, err := h.Gate.Simulate(t.Context(), c, gatetest.Policy, since, until); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, try := range map[string]struct {
		text         string
		since, until time.Time
	}{
		"a policy that does not load": {"rules: []", since, until},
		"a zone that nobody knows":    {nowhere, since, until},
		"no time at all":              {gatetest.Policy, until, until},
		"time that runs backwards":    {gatetest.Policy, until, since},
		"two years":                   {gatetest.Policy, until.AddDate(-2, 0, 0), until},
	} {
		if _, err := h.Gate.Simulate(t.Context(), gatetest.Staff(gatetest.Olive), try.text, try.since, try.until); code(err) != "invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASimulationKeepsToItsSpanAndToTwentyExamples(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Open(gatetest.Wren, identity.Unlock)
	h.Pass(time.Hour)
	since := h.Now()
	var want []string
	for range 25 {
		want = append(want, h.Open(gatetest.Wren, identity.Unlock).ID)
		h.Pass(time.Minute)
	}
	until := h.Now()
	h.Open(gatetest.Wren, identity.Unlock)
	slices.Reverse(want)
	none := strings.Replace(gatetest.Policy, "      approvals: [{role: manager, count: 1}]\n", "", 1)
	s, err := h.Gate.Simulate(t.Context(), gatetest.Staff(gatetest.Olive), none, since, until)
	if err != nil || s.Total.Eased != 25 || !slices.Equal(s.Examples.Eased, want[:20]) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRequestsWhoseFactsWereErasedAreSaidNotGuessed(t *testing.T) {
	h := gatetest.Keep(t, t.TempDir(), gatetest.Policy, func(s store.Store) store.Store { return forgetful{s} })
	h.Open(gatetest.Wren, identity.Unlock)
	h.Open(gatetest.Wren, identity.PasswordReset)
	s, err := lately(h, gatetest.Policy)
	if err != nil || s.Erased != 2 || s.Total != (gate.Tally{}) || len(s.Classes) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// forgetful is a store in which the private parts of requests were erased.
type forgetful struct{ store.Store }

func (f forgetful) Stream(ctx context.Context, stream string) ([]store.Record, error) {
	records, err := f.Store.Stream(ctx, stream)
	for i := range records {
		if strings.HasPrefix(stream, "req_") {
			records[i].Private = nil
		}
	}
	return records, err
}

func TestASimulationStopsWithItsCallerAndOnlyOneRunsAtATime(t *testing.T) {
	reading, reached := make(chan struct{}), make(chan struct{})
	h := gatetest.Keep(t, t.TempDir(), gatetest.Policy, func(s store.Store) store.Store { return &slow{Store: s, reached: reached, goOn: reading} })
	for range 3 {
		h.Open(gatetest.Wren, identity.Unlock)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := h.Gate.Simulate(ctx, gatetest.Staff(gatetest.Olive), gatetest.Policy, h.Now().Add(-time.Hour), h.Now().Add(time.Hour))
		ended <- err
	}()
	<-reached
	if _, err := lately(h, gatetest.Policy); code(err) != "conflict" {
		t.Errorf("a second one meanwhile: %v", err)
	}
	cancel()
	close(reading)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("after its caller went away: %v", err)
	}
	if s, err := lately(h, gatetest.Policy); err != nil || s.Total.Requests != 3 {
		t.Errorf("the next one: %s, %v", fmt.Sprint(s.Total), err)
	}
}

// slow stands still at the first read of a request's events, once.
type slow struct {
	store.Store
	reached, goOn chan struct{}
	rows          bool
}

func (s *slow) Rows(ctx context.Context, q store.RowQuery) ([]store.Row, error) {
	rows, err := s.Store.Rows(ctx, q)
	if !q.Since.IsZero() && !s.rows {
		s.rows = true
		close(s.reached)
		<-s.goOn
	}
	return rows, err
}
