package gate_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/roster"
	"countersign/policies"
)

func history(h *gatetest.House, before uint64, limit int) gate.RosterHistory {
	h.T.Helper()
	out, err := h.Gate.RosterHistory(h.T.Context(), gatetest.Staff(gatetest.Finch), before, limit)
	h.Must(err)
	return out
}

func rosterOf(h *gatetest.House, p identity.PersonID) gate.RosterView {
	h.T.Helper()
	v, err := h.Gate.Roster(h.T.Context(), gatetest.Staff(p))
	h.Must(err)
	return v
}

func propose(h *gatetest.House, by identity.PersonID, p roster.Proposed) string {
	h.T.Helper()
	id, err := h.Gate.ProposeChange(h.T.Context(), gatetest.Staff(by), p)
	h.Must(err)
	return id
}

func TestTheRostersHistoryTellsWhatCameOfEachChange(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Pass(time.Hour)
	first := propose(h, gatetest.Olive, roster.Proposed{Kind: roster.SetRoles, Person: gatetest.Sorrel, Roles: []identity.Role{identity.Security}})
	h.Countersign(gatetest.Olive, first)
	h.Pass(time.Hour)
	lapsing := propose(h, gatetest.Olive, roster.Proposed{Kind: roster.RemoveMember, Person: gatetest.Finch})
	h.Pass(8 * 24 * time.Hour)
	stricter := strings.Replace(gatetest.Policy, "rules:\n", "rules:\n  - rule: slower\n    when: \"true\"\n    demand: {wait: 3h}\n", 1)
	dropped := propose(h, gatetest.Olive, roster.Proposed{Kind: roster.PublishPolicy, PolicyText: stricter + "# a\n"})
	chosen := propose(h, gatetest.Olive, roster.Proposed{Kind: roster.PublishPolicy, PolicyText: stricter})
	h.Countersign(gatetest.Olive, chosen)
	got := map[string]gate.RosterEntry{}
	all := history(h, 0, 100).Entries
	for _, e := range all {
		got[e.Proposal] = e
	}
	for id, want := range map[string]string{first: gate.RosterInEffect, lapsing: gate.RosterLapsed, dropped: gate.RosterSuperseded, chosen: gate.RosterInEffect} {
		if e := got[id]; e.Outcome != want || e.Settled == nil || e.By != string(gatetest.Olive) {
			t.Errorf("want %s: %+v", want, e)
		}
	}
	if e := got[first]; e.Name != "Sorrel Ash" || len(e.Signers) != 1 || e.Signers[0] != gatetest.Olive || !e.Settled.Equal(e.At) {
		t.Errorf("of Sorrel: %+v", e)
	}
	if f := all[len(all)-1]; f.Kind != gate.Founding || f.Name != "Olive Park" || f.Proposal != "" {
		t.Errorf("the first entry: %+v", f)
	}
	if e := got[chosen]; !strings.HasPrefix(e.Effect, "asks more of") {
		t.Errorf("the policy: %+v", e)
	}
}

func TestTheRostersHistoryComesInPages(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	var seen []gate.RosterEntry
	for before, pages := uint64(0), 0; pages == 0 || before != 0; pages++ {
		page := history(h, before, 2)
		seen, before = append(seen, page.Entries...), page.Before
		if pages > 10 {
			t.Fatal("it does not end")
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d entries, want the founding and three that joined: %+v", len(seen), seen)
	}
	for i := 1; i < len(seen); i++ {
		if seen[i].Version >= seen[i-1].Version {
			t.Errorf("%d comes after %d", seen[i].Version, seen[i-1].Version)
		}
	}
	if _, err := h.Gate.RosterHistory(t.Context(), gatetest.Staff("stranger"), 0, 10); code(err) != "forbidden" {
		t.Errorf("a stranger: %v", err)
	}
}

func TestARestartTellsTheSameHistory(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	propose(h, gatetest.Olive, roster.Proposed{Kind: roster.RemoveMember, Person: gatetest.Finch})
	w := watchedHouse{House: h}
	again := w.secondDoor()
	got, err := again.RosterHistory(t.Context(), gatetest.Staff(gatetest.Finch), 0, 100)
	h.Must(err)
	want := history(h, 0, 100)
	if len(got.Entries) != len(want.Entries) {
		t.Fatalf("%d and %d", len(got.Entries), len(want.Entries))
	}
	for i := range got.Entries {
		if g, w := got.Entries[i], want.Entries[i]; g.Version != w.Version || g.Outcome != w.Outcome || !g.At.Equal(w.At) || len(g.Signers) != len(w.Signers) {
			t.Errorf("%+v\n%+v", g, w)
		}
	}
}

func TestTheRosterSaysWhoMaySignWhat(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Invite("staff:rowan", "Rowan Hill", "", identity.Officer)
	concerning := propose(h, gatetest.Olive, roster.Proposed{Kind: roster.SetRoles, Person: gatetest.Olive, Roles: []identity.Role{identity.Officer, identity.Auditor}})
	find := func(p identity.PersonID) gate.ProposalView {
		t.Helper()
		for _, v := range rosterOf(h, p).Proposals {
			if v.ID == concerning {
				return v
			}
		}
		t.Fatal("it is gone")
		return gate.ProposalView{}
	}
	if v := find(gatetest.Olive); v.MaySign || v.WhyNot != "concerned" {
		t.Errorf("whom it concerns: %+v", v)
	}
	if v := find(gatetest.Finch); v.MaySign || v.WhyNot != "role" {
		t.Errorf("an agent: %+v", v)
	}
	if v := find("staff:rowan"); !v.MaySign || v.WhyNot != "" || v.Name != "Olive Park" || v.Needs != 1 {
		t.Errorf("the other officer: %+v", v)
	}
	wider := propose(h, gatetest.Olive, roster.Proposed{Kind: roster.RemoveMember, Person: gatetest.Finch})
	h.Countersign("staff:rowan", wider)
	for _, v := range rosterOf(h, "staff:rowan").Proposals {
		if v.ID == wider && (v.MaySign || v.WhyNot != "signed" || v.Needs != 2) {
			t.Errorf("who has signed: %+v", v)
		}
	}
	for _, m := range rosterOf(h, gatetest.Finch).Members {
		if m.Since.IsZero() || len(m.Passkeys) != 1 || m.Probation != nil {
			t.Errorf("%+v", m)
		}
	}
}

func TestAnotherPasskeyTakesSignaturesLikeAnyChange(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	ctx := t.Context()
	if _, err := h.Gate.InvitePasskey(ctx, gatetest.Staff(gatetest.Finch), gatetest.Finch); code(err) != "forbidden" {
		t.Errorf("an agent invites themselves: %v", err)
	}
	if _, err := h.Gate.InvitePasskey(ctx, gatetest.Staff(gatetest.Olive), "staff:nobody"); code(err) != "invalid" {
		t.Errorf("somebody who is not on the roster: %v", err)
	}
	token, err := h.Gate.InvitePasskey(ctx, gatetest.Staff(gatetest.Olive), gatetest.Finch)
	h.Must(err)
	j, err := h.Gate.Join(ctx, token)
	h.Must(err)
	if !j.Another || len(j.Options.Exclude) != 1 {
		t.Errorf("the ceremony: %+v", j)
	}
	key := h.NewKey()
	response, err := key.Register("localhost", gatetest.Origin, j.Options.Challenge)
	h.Must(err)
	joined, err := h.Gate.Register(ctx, token, response)
	h.Must(err)
	keys := func() int {
		for _, m := range rosterOf(h, gatetest.Olive).Members {
			if m.Person == gatetest.Finch {
				return len(m.Passkeys)
			}
		}
		return 0
	}
	if keys() != 1 {
		t.Error("it counts before anybody signed")
	}
	if p := rosterOf(h, gatetest.Olive).Proposals; len(p) != 1 || p[0].Kind != roster.AddPasskey || p[0].Passkey != joined.Fingerprint || p[0].Name != "Finch Day" {
		t.Errorf("the proposal: %+v", p)
	}
	h.Countersign(gatetest.Olive, joined.Proposal)
	if keys() != 2 {
		t.Error("it does not count after the signature")
	}
	if _, err := h.Gate.Join(ctx, token); code(err) != "not_found" {
		t.Errorf("the invitation works twice: %v", err)
	}
}

func TestAnInvitationIsListedAndCanBeWithdrawn(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	ctx := t.Context()
	token, err := h.Gate.Invite(ctx, gatetest.Staff(gatetest.Olive), gate.Invitee{Person: "staff:heron", Name: "Heron Fox", Roles: []identity.Role{identity.Officer}})
	h.Must(err)
	list, err := h.Gate.Invitations(ctx, gatetest.Staff(gatetest.Finch))
	h.Must(err)
	if len(list) != 1 || list[0].Name != "Heron Fox" || list[0].By != gatetest.Olive || strings.Contains(list[0].ID, token) || list[0].ID == "" {
		t.Fatalf("%+v", list)
	}
	if _, err := h.Gate.Join(ctx, list[0].ID); code(err) != "not_found" {
		t.Errorf("what is listed redeems: %v", err)
	}
	if err := h.Gate.WithdrawInvitation(ctx, gatetest.Staff(gatetest.Finch), list[0].ID); code(err) != "forbidden" {
		t.Errorf("an agent withdraws it: %v", err)
	}
	h.Must(h.Gate.WithdrawInvitation(ctx, gatetest.Staff(gatetest.Olive), list[0].ID))
	if err := h.Gate.WithdrawInvitation(ctx, gatetest.Staff(gatetest.Olive), list[0].ID); code(err) != "not_found" {
		t.Errorf("a second time: %v", err)
	}
	if _, err := h.Gate.Join(ctx, token); code(err) != "not_found" {
		t.Errorf("it works all the same: %v", err)
	}
	for name, i := range map[string]gate.Invitee{
		"somebody who is on":    {Person: gatetest.Finch, Name: "Finch Day", Roles: []identity.Role{identity.Manager}},
		"an agent who approves": {Person: "x", Name: "X", Desk: "helpdesk", Roles: []identity.Role{identity.Agent, identity.Security}},
		"an agent at no desk":   {Person: "x", Name: "X", Roles: []identity.Role{identity.Agent}},
		"a name that deceives":  {Person: "x", Name: "X\u202eY", Roles: []identity.Role{identity.Manager}},
	} {
		if _, err := h.Gate.Invite(ctx, gatetest.Staff(gatetest.Olive), i); code(err) != "invalid" {
			t.Errorf("%s is invited: %v", name, err)
		}
	}
}

func TestATokenIsListedWithItsLastUse(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	ctx := t.Context()
	secret := h.Token("tickets", time.Hour, gate.ScopeOpen)
	only := func() gate.TokenView {
		t.Helper()
		list, err := h.Gate.Tokens(ctx, gatetest.Staff(gatetest.Finch))
		h.Must(err)
		if len(list) != 1 {
			t.Fatalf("%+v", list)
		}
		return list[0]
	}
	if v := only(); v.Name != "tickets" || v.Used != nil || !v.Until.Equal(h.Now().Add(time.Hour)) {
		t.Errorf("unused: %+v", v)
	}
	h.Pass(time.Minute)
	_, err := h.Gate.ByToken(ctx, secret)
	h.Must(err)
	if v := only(); v.Used == nil || !v.Used.Equal(h.Now()) {
		t.Errorf("used: %+v", v)
	}
	h.Pass(time.Hour)
	if list, err := h.Gate.Tokens(ctx, gatetest.Staff(gatetest.Finch)); err != nil || len(list) != 0 {
		t.Errorf("lapsed: %+v, %v", list, err)
	}
}

func TestTheSetUpIsWorkedOutFromWhatThereIs(t *testing.T) {
	starter, _ := policies.Find("starter")
	h := gatetest.New(t, starter.Text())
	ctx, officer := t.Context(), gatetest.Staff(gatetest.Olive)
	steps := func() (done []gate.SetupStep, v gate.SetupView) {
		t.Helper()
		v, err := h.Gate.Setup(ctx, officer)
		h.Must(err)
		for _, s := range v.Steps {
			if s.Done {
				done = append(done, s.Step)
			}
		}
		return done, v
	}
	done, v := steps()
	if v.Ready != "starter" || v.Officers != 1 || v.Agents != 1 || v.Founder != "Olive Park" || v.LogKey != h.LogKey || len(done) != 3 || v.Done {
		t.Errorf("at first: %v, %+v", done, v)
	}
	if _, err := h.Gate.Invite(ctx, officer, gate.Invitee{Person: "staff:rowan", Name: "Rowan Hill", Roles: []identity.Role{identity.Officer}}); err != nil {
		t.Fatal(err)
	}
	if _, v := steps(); v.Invited != 1 || v.Proposed != 0 {
		t.Errorf("invited: %+v", v)
	}
	_, err := h.Gate.TestDirectory(ctx, officer, "corp", gatetest.Wren)
	h.Must(err)
	_, err = h.Gate.TestMail(ctx, officer, gate.MailSecurity)
	h.Must(err)
	h.Publish(starter.Text() + "# ours\n")
	h.Invite("staff:hazel", "Hazel Moor", "", identity.Officer)
	done, v = steps()
	if len(done) != 7 || v.Ready != "" || v.Done || h.Gate.SetupDone(ctx) {
		t.Errorf("all but the first reset: %v, %+v", done, v)
	}
	for who, c := range map[string]gate.Caller{"an agent": gatetest.Staff(gatetest.Finch), "a stranger": gatetest.Staff("x")} {
		if _, err := h.Gate.Setup(ctx, c); code(err) != "forbidden" {
			t.Errorf("%s: %v", who, err)
		}
	}
}
