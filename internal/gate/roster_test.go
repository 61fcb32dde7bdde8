package gate_test

import (
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/roster"
)

func removal(p identity.PersonID) roster.Proposed {
	return roster.Proposed{Kind: roster.RemoveMember, Person: p}
}

func TestAChangeTakesTwoOfficersOnceThereAreTwo(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Invite("staff:rowan", "Rowan Vale", "", identity.Officer)
	h.Invite("staff:ivy", "Ivy Stone", "", identity.Officer) // signed by Olive alone: the second officer is not yet asked
	v, err := h.Gate.Roster(t.Context(), gatetest.Staff(gatetest.Olive))
	h.Must(err)
	if len(v.Proposals) != 1 || v.Proposals[0].Needs != 2 || len(v.Proposals[0].Signers) != 1 {
		t.Fatalf("proposals: %+v", v.Proposals)
	}
	h.Countersign("staff:rowan", v.Proposals[0].ID)
	if _, err := h.Gate.Whoami(t.Context(), gatetest.Staff("staff:ivy")); err != nil {
		t.Errorf("after two signatures: %v", err)
	}
	id, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff("staff:ivy"), removal(gatetest.Olive))
	h.Must(err)
	paper, err := h.Gate.ProposalPaper(t.Context(), gatetest.Staff(gatetest.Olive), id)
	h.Must(err)
	if _, err := h.Gate.Countersign(t.Context(), gatetest.Staff(gatetest.Olive), id, h.Sign(gatetest.Olive, paper.Options.Challenge)); code(err) != "signature_refused" {
		t.Errorf("the person concerned signed: %v", err)
	}
	h.Countersign("staff:ivy", id)
	if _, err := h.Gate.Countersign(t.Context(), gatetest.Staff("staff:ivy"), id, h.Sign("staff:ivy", paper.Options.Challenge)); code(err) != "roster_refused" {
		t.Errorf("one officer signed twice: %v", err)
	}
	h.Countersign("staff:rowan", id)
	if _, err := h.Gate.Whoami(t.Context(), gatetest.Staff(gatetest.Olive)); code(err) != "forbidden" {
		t.Errorf("a removed officer is still known: %v", err)
	}
}

func TestTheRosterIsFoundedOnceAndInvitationsWorkOnce(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	_, err := h.Gate.InviteFounder(t.Context(), gate.Invitee{Person: "x", Name: "X", Roles: []identity.Role{identity.Officer}}, []byte(gatetest.Policy))
	if code(err) != "founded" {
		t.Errorf("a second founding: %v", err)
	}
	token, err := h.Gate.Invite(t.Context(), gatetest.Staff(gatetest.Olive), gate.Invitee{Person: "staff:x", Name: "X", Roles: []identity.Role{identity.Security}})
	h.Must(err)
	if _, err := h.Gate.Join(t.Context(), token+"x"); code(err) != "not_found" {
		t.Errorf("a wrong invitation: %v", err)
	}
	j, err := h.Gate.Join(t.Context(), token)
	h.Must(err)
	response, err := h.Key(gatetest.Finch).Register("localhost", gatetest.Origin, j.Options.Challenge)
	h.Must(err)
	if _, err := h.Gate.Register(t.Context(), token, response); code(err) != "roster_refused" {
		t.Errorf("somebody else's passkey joined: %v", err)
	}
	h.Pass(8 * 24 * time.Hour)
	if _, err := h.Gate.Join(t.Context(), token); code(err) != "not_found" {
		t.Errorf("a lapsed invitation: %v", err)
	}
}

func TestAnAgentHoldsNoSecondKey(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	id, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{
		Kind: roster.SetRoles, Person: gatetest.Finch, Roles: []identity.Role{identity.Agent, identity.Security}, Desk: "helpdesk"})
	if code(err) != "roster_refused" {
		t.Errorf("proposal %q: %v", id, err)
	}
	if _, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Finch), removal(gatetest.Sorrel)); code(err) != "forbidden" {
		t.Errorf("an agent proposed: %v", err)
	}
	if _, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), removal(gatetest.Olive)); code(err) != "roster_refused" {
		t.Errorf("the last officer left: %v", err)
	}
}

func TestAPolicyThatDoesNotLoadIsNotEvenProposed(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	_, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{Kind: roster.PublishPolicy, PolicyText: "rules: []"})
	if code(err) != "invalid" {
		t.Errorf("got %v", err)
	}
}

func TestTokensAreOfficersBusinessAndEndAtOnce(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	if _, err := h.Gate.CreateToken(t.Context(), gatetest.Staff(gatetest.Finch), "itsm", []gate.Scope{gate.ScopeOpen}, time.Hour); code(err) != "forbidden" {
		t.Errorf("an agent made a token: %v", err)
	}
	secret, err := h.Gate.CreateToken(t.Context(), gatetest.Staff(gatetest.Olive), "itsm", []gate.Scope{gate.ScopeOpen}, time.Hour)
	h.Must(err)
	c, err := h.Gate.ByToken(t.Context(), secret)
	h.Must(err)
	if c.Token != "itsm" || c.Person != "" {
		t.Errorf("the token is %+v", c)
	}
	h.Must(h.Gate.RevokeToken(t.Context(), gatetest.Staff(gatetest.Olive), "itsm"))
	if _, err := h.Gate.ByToken(t.Context(), secret); code(err) != "unauthenticated" {
		t.Errorf("a revoked token: %v", err)
	}
	h.NoSecret(secret)
}
