package gate_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
)

func listed(all []gate.Summary) (out []string) {
	for _, s := range all {
		out = append(out, s.ID)
	}
	return out
}

func TestAListIsNarrowedByDeskActionStatusAndCase(t *testing.T) {
	h := gatetest.New(t, strings.Replace(gatetest.Policy, "desks:", "desks:\n  - desk: nightline\n    reach: subject.class != \"privileged\"", 1))
	h.Invite("staff:dipper", "Dipper Lake", "nightline", identity.Agent)
	dipper, sorrel := gatetest.Staff("staff:dipper"), gatetest.Staff(gatetest.Sorrel)
	first := h.Open(gatetest.Wren, identity.PasswordReset)
	second := h.Open(gatetest.Moss, identity.Unlock)
	third, err := h.Gate.Open(t.Context(), dipper, gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Chat})
	h.Must(err)
	_, err = h.Gate.Cancel(t.Context(), dipper, third.ID)
	h.Must(err)
	for name, c := range map[string]struct {
		by   gate.Caller
		f    gate.Filter
		want []string
	}{
		"everything":                {sorrel, gate.Filter{}, []string{third.ID, second.ID, first.ID}},
		"one desk":                  {sorrel, gate.Filter{Desk: "helpdesk"}, []string{second.ID, first.ID}},
		"an action":                 {sorrel, gate.Filter{Action: identity.Unlock}, []string{third.ID, second.ID}},
		"an action at a desk":       {sorrel, gate.Filter{Action: identity.Unlock, Desk: "nightline"}, []string{third.ID}},
		"statuses of a desk":        {sorrel, gate.Filter{Desk: "nightline", Statuses: []string{"proving", "done"}}, nil},
		"a case, as it is typed":    {sorrel, gate.Filter{Case: strings.ToLower(strings.ReplaceAll(first.Case, "-", " "))}, []string{first.ID}},
		"a case of another action":  {sorrel, gate.Filter{Case: first.Case, Action: identity.Unlock}, nil},
		"no such case":              {sorrel, gate.Filter{Case: "2222-2222"}, nil},
		"an agent, everything":      {finch, gate.Filter{}, []string{second.ID, first.ID}},
		"an agent, another desk":    {finch, gate.Filter{Desk: "nightline"}, nil},
		"an agent, another's case":  {finch, gate.Filter{Case: third.Case}, nil},
		"an agent, their own case":  {dipper, gate.Filter{Case: third.Case}, []string{third.ID}},
		"a manager, their people's": {gatetest.Staff(h.Person(gatetest.Moss)), gate.Filter{}, []string{third.ID, first.ID}},
	} {
		got, next, err := h.Gate.List(t.Context(), c.by, c.f)
		h.Must(err)
		if !slices.Equal(listed(got), c.want) || next != "" {
			t.Errorf("%s: %v (then %q), want %v", name, listed(got), next, c.want)
		}
	}
	got, _, err := h.Gate.List(t.Context(), finch, gate.Filter{})
	h.Must(err)
	if s := got[1]; s.Login != gatetest.Wren || s.Name != "Wren Ito" || s.Channel != identity.Phone || len(s.Needs) != 1 || s.Calling {
		t.Errorf("a line: %+v", s)
	}
}

func TestAListIsReadInPages(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	var want []string
	for range 7 {
		want = append([]string{h.Open(gatetest.Wren, identity.PasswordReset).ID}, want...)
	}
	var got []string
	for cursor := ""; ; {
		page, next, err := h.Gate.List(t.Context(), finch, gate.Filter{Desk: "helpdesk", Cursor: cursor, Limit: 3})
		h.Must(err)
		got = append(got, listed(page)...)
		if cursor = next; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
