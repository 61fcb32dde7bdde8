package gate_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/directory/local"
	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// onTrial puts everybody on probation for a day after a reset.
var onTrial = strings.Replace(gatetest.Policy, `      approvals: [{role: manager, count: 1}]
      follow_up`, `      probation: 24h
      follow_up`, 1)

var opener = gate.Caller{Token: "itsm", Scopes: []gate.Scope{gate.ScopeOpen}}

// staffAccount gives somebody of the roster an account and an authenticator.
func staffAccount(h *gatetest.House, login string, p identity.PersonID) gatetest.Seed {
	h.T.Helper()
	_, err := h.Directory.Add(h.T.Context(), local.NewAccount{Login: login, Name: login, Person: p, Password: gatetest.FirstPassword})
	h.Must(err)
	seed, _ := h.Enrol(login, proof.TOTP)
	return seed
}

// recover resets the account's password from beginning to end.
func recover(h *gatetest.House, login string, seed gatetest.Seed) string {
	h.T.Helper()
	v, err := h.Gate.Open(h.T.Context(), opener, gate.Wish{Login: login, Action: identity.PasswordReset, Channel: identity.SelfService})
	h.Must(err)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	h.Pass(time.Second)
	h.Authorise(v.ID)
	h.Must(h.Do("dispatch", v.ID))
	if s := h.State(v.ID); s.Status() != reset.Done {
		h.T.Fatalf("%s stands at %s", v.ID, s.Status())
	}
	return v.ID
}

// refusedUntil wants the refusal that names the end.
func refusedUntil(t *testing.T, what string, end time.Time, err error) {
	t.Helper()
	if code(err) != "on_probation" || !strings.Contains(err.Error(), end.Format(time.RFC3339)) {
		t.Errorf("%s: %v; want a refusal until %s", what, err, end.Format(time.RFC3339))
	}
}

func TestARecoveredAgentOpensNothingForOthersUntilTheProbationEnds(t *testing.T) {
	h := gatetest.New(t, onTrial)
	seed := staffAccount(h, "finch", gatetest.Finch)
	recover(h, "finch", seed)
	end := h.Now().Add(24 * time.Hour)
	wish := gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone}
	for range 2 {
		_, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), wish)
		refusedUntil(t, "an agent on probation", end, err)
		h.Pass(time.Hour)
	}
	h.Pass(22 * time.Hour)
	if _, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), wish); err != nil {
		t.Errorf("after it has ended: %v", err)
	}
}

func TestARecoveredSignerSignsNothingButCanStillDeny(t *testing.T) {
	h := gatetest.New(t, strings.Replace(onTrial, "probation: 24h", "probation: 24h\n      approvals: [{role: security, count: 1}]", 1))
	wren, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	sorrel := staffAccount(h, "sorrel", gatetest.Sorrel)
	h.Invite("staff:heron", "Heron Fox", "", identity.Security)
	v, err := h.Gate.Open(t.Context(), opener, gate.Wish{Login: "sorrel", Action: identity.PasswordReset, Channel: identity.SelfService})
	h.Must(err)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(sorrel)))
	h.Must(h.Vote("staff:heron", v.ID, reset.Approve))
	h.Pass(time.Second)
	h.Authorise(v.ID)
	h.Must(h.Do("dispatch", v.ID))
	end := h.Now().Add(24 * time.Hour)

	next := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(next.Case), proof.TOTP, h.Code(wren)))
	refusedUntil(t, "an approval", end, h.Vote(gatetest.Sorrel, next.ID, reset.Approve))
	_, err = h.Gate.Statement(t.Context(), gatetest.Staff(gatetest.Sorrel), next.ID, reset.InOrder)
	refusedUntil(t, "a review", end, err)
	h.Must(h.Vote(gatetest.Sorrel, next.ID, reset.Deny))
	if s := h.State(next.ID).Status(); s != reset.Denied {
		t.Errorf("after the denial it stands at %s", s)
	}
}

func TestARecoveredOfficerChangesNeitherTheRosterNorTheTokens(t *testing.T) {
	h := gatetest.New(t, onTrial)
	seed := staffAccount(h, "olive", gatetest.Olive)
	h.Token("old", time.Hour*24*30, gate.ScopeRead)
	let, err := h.Gate.TokenPaper(t.Context(), gatetest.Staff(gatetest.Olive), "mine", gate.Scopes, time.Hour)
	h.Must(err)
	id, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), removal(gatetest.Sorrel))
	h.Must(err)
	paper, err := h.Gate.ProposalPaper(t.Context(), gatetest.Staff(gatetest.Olive), id)
	h.Must(err)
	recover(h, "olive", seed)
	end, olive := h.Now().Add(24*time.Hour), gatetest.Staff(gatetest.Olive)
	before, err := h.Gate.Chain(t.Context())
	h.Must(err)
	for what, try := range map[string]func() error{
		"propose": func() error { _, err := h.Gate.ProposeChange(t.Context(), olive, removal(gatetest.Finch)); return err },
		"publish": func() error {
			_, err := h.Gate.ProposeChange(t.Context(), olive, roster.Proposed{Kind: roster.PublishPolicy, PolicyText: gatetest.Policy})
			return err
		},
		"invite": func() error {
			_, err := h.Gate.Invite(t.Context(), olive, gate.Invitee{Person: "staff:x", Name: "X", Roles: []identity.Role{identity.Officer}})
			return err
		},
		"read what they would sign": func() error { _, err := h.Gate.ProposalPaper(t.Context(), olive, id); return err },
		"countersign": func() error {
			_, err := h.Gate.Countersign(t.Context(), olive, id, h.Sign(gatetest.Olive, paper.Options.Challenge))
			return err
		},
		"read what a token would sign": func() error {
			_, err := h.Gate.TokenPaper(t.Context(), olive, "other", gate.Scopes, time.Hour)
			return err
		},
		"make a token": func() error {
			_, err := h.Gate.CreateToken(t.Context(), olive, let.ID, h.Sign(gatetest.Olive, let.Options.Challenge))
			return err
		},
	} {
		refusedUntil(t, what, end, try())
	}
	if after, err := h.Gate.Chain(t.Context()); err != nil || after.Version != before.Version {
		t.Errorf("the roster moved from %d to %d, %v", before.Version, after.Version, err)
	}
	h.Must(h.Gate.RevokeToken(t.Context(), olive, "old")) // which only takes away
}

func TestAPersonOnProbationMayStillAskForThemselvesAndThePolicyKnows(t *testing.T) {
	strict := onTrial + `  - rule: again
    when: subject.on_probation
    demand: {approvals: [{role: security, count: 1}]}
`
	h := gatetest.New(t, strict)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	first := recover(h, gatetest.Wren, seed)
	if v, err := h.Gate.Request(t.Context(), gatetest.Staff(gatetest.Sorrel), first); err != nil || v.Probation == nil || !v.Probation.Equal(h.Now().Add(24*time.Hour)) {
		t.Errorf("the request shows %v, %v", v.Probation, err)
	}
	if s := h.State(first); s.Facts.Subject.OnProbation || len(s.Plan.Approvals) != 0 {
		t.Errorf("the first request was planned as if on probation: %+v", s.Plan)
	}
	again := h.Open(gatetest.Wren, identity.PasswordReset)
	if s := h.State(again.ID); !s.Facts.Subject.OnProbation || len(s.Plan.Approvals) != 1 {
		t.Errorf("the second request was planned without the probation: %+v", s.Plan)
	}
	h.Pass(25 * time.Hour)
	if s := h.State(h.Open(gatetest.Wren, identity.Unlock).ID); s.Facts.Subject.OnProbation {
		t.Error("the probation never ended")
	}
	b, err := h.Gate.Evidence(t.Context(), first)
	h.Must(err)
	roots, err := h.Roots()
	h.Must(err)
	if r := evidence.Verify(b, roots, h.Now()); r.Verdict != evidence.Allowed || r.State.Probation == nil {
		t.Errorf("the auditor says %q: %+v", r.Verdict, r.Steps)
	}
}

func TestTheHandsPlanWithTheProbationThatTheGateSaw(t *testing.T) {
	h := gatetest.New(t, onTrial+`  - rule: not-twice
    when: "!subject.on_probation && size(history) > 0"
    deny: "only while on probation"
`)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	recover(h, gatetest.Wren, seed)
	h.Pass(time.Minute)
	recover(h, gatetest.Wren, seed)
}

func TestAProbationSurvivesARestartAndIsRebuiltFromTheLedger(t *testing.T) {
	dir := t.TempDir()
	h := gatetest.Keep(t, dir, onTrial, func(s store.Store) store.Store { return s })
	seed := staffAccount(h, "finch", gatetest.Finch)
	id := recover(h, "finch", seed)
	end := h.Now().Add(24 * time.Hour)
	row, err := h.Store.Row(t.Context(), id)
	h.Must(err)
	records, err := h.Store.Stream(t.Context(), id)
	h.Must(err)
	rebuilt, err := gate.FoldRow(id, records)
	h.Must(err)
	if string(rebuilt.State) != string(row.State) || !strings.Contains(string(row.State), `"probation_until"`) {
		t.Errorf("the row is\n%s\nand the ledger says\n%s", row.State, rebuilt.State)
	}
	at := h.Now()
	h.Must(h.Store.Close())

	back := gatetest.Reopen(t, dir)
	back.Pass(at.Sub(back.Now()))
	_, err = back.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone})
	refusedUntil(t, "after a restart", end, err)
}
