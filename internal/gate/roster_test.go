package gate_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
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
	if _, err := h.Gate.TokenPaper(t.Context(), gatetest.Staff(gatetest.Finch), "itsm", []gate.Scope{gate.ScopeOpen}, time.Hour); code(err) != "forbidden" {
		t.Errorf("an agent reads what would let an integration in: %v", err)
	}
	secret := h.Token("itsm", time.Hour, gate.ScopeOpen)
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

// A session alone lets no program in: the officer's passkey signs what it is,
// what it may do and until when, and each signature serves once.
func TestALettingInIsSignedAndTheSignatureServesOnce(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Invite("staff:rowan", "Rowan Vale", "", identity.Officer)
	olive, rowan := gatetest.Staff(gatetest.Olive), gatetest.Staff("staff:rowan")
	asked := func(name string) gate.Paper {
		t.Helper()
		p, err := h.Gate.TokenPaper(t.Context(), olive, name, []gate.Scope{gate.ScopeAudit, gate.ScopeOpen, gate.ScopeAudit}, 30*24*time.Hour)
		h.Must(err)
		return p
	}
	refused := func(what string, want reset.Code, c gate.Caller, p gate.Paper, a passkey.Assertion) {
		t.Helper()
		if secret, err := h.Gate.CreateToken(t.Context(), c, p.ID, a); code(err) != want || secret != "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	sign := func(p gate.Paper) passkey.Assertion { return h.Sign(gatetest.Olive, p.Options.Challenge) }

	paper, other := asked("itsm"), asked("itsm")
	for _, line := range []string{"countersign/integration/v1", "name: itsm", "scopes: requests:open ledger:read", "until: " + roster.When(h.Now().Add(30*24*time.Hour))} {
		if !strings.Contains(paper.Statement, line+"\n") {
			t.Errorf("the statement has no line %q:\n%s", line, paper.Statement)
		}
	}
	if paper.ID == other.ID {
		t.Error("two lettings-in have one statement")
	}
	refused("nothing was asked", "not_found", olive, gate.Paper{ID: "nothing"}, sign(paper))
	refused("the signature over another", "signature_refused", olive, paper, sign(other))
	refused("another's signature", "signature_refused", olive, paper, h.Sign("staff:rowan", paper.Options.Challenge))
	refused("another officer's session", "not_found", rowan, paper, h.Sign("staff:rowan", paper.Options.Challenge))
	elsewhere := olive
	elsewhere.Passkey = []byte("of another session")
	refused("a passkey that did not open the session", "signature_refused", elsewhere, paper, sign(paper))

	secret, err := h.Gate.CreateToken(t.Context(), olive, paper.ID, sign(paper))
	h.Must(err)
	if c, err := h.Gate.ByToken(t.Context(), secret); err != nil || !slices.Equal(c.Scopes, []gate.Scope{gate.ScopeOpen, gate.ScopeAudit}) {
		t.Errorf("it may %v, %v", c.Scopes, err)
	}
	refused("a name in use", "invalid", olive, other, sign(other))
	h.Must(h.Gate.RevokeToken(t.Context(), olive, "itsm"))
	refused("the same signature again", "not_found", olive, paper, sign(paper))
	if _, err := h.Gate.TokenPaper(t.Context(), olive, "A\u202eB", []gate.Scope{gate.ScopeOpen}, time.Hour); code(err) != "invalid" {
		t.Errorf("a name that deceives: %v", err)
	}
	h.Pass(16 * time.Minute)
	refused("a statement that has lain for long", "not_found", olive, other, sign(other))

	// Whoever reads the ledger later can check that it was signed, and by whom.
	var event gate.TokenCreated
	records, err := h.Store.Records(t.Context(), 0, 10000)
	h.Must(err)
	for _, r := range records {
		if r.Type == "token_created" {
			h.Must(json.Unmarshal(r.Body, &event))
		}
	}
	chain, err := h.Gate.Chain(t.Context())
	h.Must(err)
	if event.Assertion == nil || event.Name != "itsm" || event.ID == "" {
		t.Fatalf("on the ledger stands %+v", event)
	}
	h.Must(chain.Verify(gatetest.Olive, paper.Options.Challenge, *event.Assertion))
}
