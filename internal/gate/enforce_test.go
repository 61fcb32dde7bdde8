package gate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
	"countersign/internal/roster"
	"countersign/internal/sealing"
	"countersign/internal/store"
)

// clocked is the house's policy with a zone of its own and one of the desk.
var clocked = strings.NewReplacer("name: house\n", "name: house\nzone: America/New_York\n",
	"  - desk: helpdesk\n", "  - desk: helpdesk\n    zone: Asia/Tokyo\n").Replace(gatetest.Policy)

func TestTheFactsHoldTheTimeOnTheDesksClock(t *testing.T) {
	h := gatetest.New(t, clocked+`  - rule: working-hours
    when: request.hour < 8 || request.hour >= 19
    deny: "the desk is closed"
`)
	f := h.State(h.Open(gatetest.Wren, identity.Unlock).ID).Facts.Request // 09:00 UTC
	if f.Zone != "Asia/Tokyo" || f.Offset == nil || *f.Offset != 9*3600 {
		t.Errorf("at a desk in Tokyo: %q %v", f.Zone, f.Offset)
	}
	h.Pass(time.Hour)
	if _, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone}); code(err) != "not_available" {
		t.Errorf("at 19:00 in Tokyo: %v", err)
	}
	h.Pass(3 * time.Hour) // 08:00 in New York, before its clocks change
	v, err := h.Gate.Open(t.Context(), opener, gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.SelfService})
	h.Must(err)
	if f := h.State(v.ID).Facts.Request; f.Zone != "America/New_York" || *f.Offset != -5*3600 {
		t.Errorf("at no desk: %q %v", f.Zone, f.Offset)
	}
}

func TestWithoutAZoneTheTimeOfDayIsAbsentAndARuleThatReadsItDeniesAndIsCountedOnce(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	if f := factsNow(h).Request; f.Zone != "" || f.Offset != nil {
		t.Errorf("a zone from nowhere: %q %v", f.Zone, f.Offset)
	}
	h.Publish(gatetest.Policy + "  - rule: night\n    when: request.hour < 6\n    demand: {approvals: [{role: security, count: 1}]}\n")
	if _, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone}); code(err) != "not_available" {
		t.Fatalf("a missing fact: %v", err)
	}
	page, _, err := h.Gate.List(t.Context(), gatetest.Staff(gatetest.Sorrel), gate.Filter{Statuses: []string{"refused"}})
	h.Must(err)
	for range 3 { // reading decides nothing
		_, err := h.Gate.Request(t.Context(), gatetest.Staff(gatetest.Sorrel), page[0].ID)
		h.Must(err)
	}
	if fmt.Sprint(h.Faulted) != "[night]" {
		t.Errorf("counted: %v", h.Faulted)
	}
	line := ""
	for l := range strings.Lines(h.Log.String()) {
		if strings.Contains(l, "could not be evaluated") {
			line += l
		}
	}
	if strings.Count(line, "\n") != 1 || !strings.Contains(line, "rule=night") || !strings.Contains(line, "missing") || strings.Contains(line, gatetest.Wren) {
		t.Errorf("logged: %s", line)
	}
}

func TestARuleThatFailsInTheMiddleOfARequestIsCountedOnceAndARefusalIsNoFault(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy+"  - rule: never-by-chat\n    when: request.channel == \"chat\"\n    deny: \"not by chat\"\n")
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	_, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Chat})
	if code(err) != "not_available" || len(h.Faulted) != 0 {
		t.Errorf("a rule that says no: %v, counted %v", err, h.Faulted)
	}
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	h.Publish(gatetest.Policy + "  - rule: place\n    when: location.country != \"JP\"\n    deny: \"only from here\"\n")
	for range 2 {
		_, _ = h.Gate.Authorise(t.Context(), v.ID)
	}
	if s := h.State(v.ID).Status(); s != reset.RefusedEnd || fmt.Sprint(h.Faulted) != "[place]" {
		t.Errorf("it stands at %s, counted %v", s, h.Faulted)
	}
}

// nowhere loads, but names a zone that no machine knows.
var nowhere = strings.Replace(clocked, "Asia/Tokyo", "Mars/Olympus_Mons", 1)

func TestAPolicyThatCannotBeEnforcedNeverReplacesTheOneInForce(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	if _, err := policy.Load([]byte(nowhere)); err != nil {
		t.Fatalf("the policy has another fault: %v", err)
	}
	before, err := h.Gate.Chain(t.Context())
	h.Must(err)
	for name, text := range map[string]string{"of an unknown zone": nowhere, "that does not load": "rules: []", "that is empty": "", "of a typo": strings.Replace(gatetest.Policy, "subject.unit", "subject.unti", 1)} {
		_, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{Kind: roster.PublishPolicy, PolicyText: text})
		if code(err) != "invalid" {
			t.Errorf("a policy %s: %v", name, err)
		}
		if _, err := h.Gate.InviteFounder(t.Context(), gate.Invitee{Person: "x", Name: "X", Roles: []identity.Role{identity.Officer}}, []byte(text)); err == nil {
			t.Errorf("a policy %s founds a roster", name)
		}
	}
	after, err := h.Gate.Chain(t.Context())
	if err != nil || after.Version != before.Version || after.Policy != before.Policy {
		t.Errorf("the roster moved to %d, %v", after.Version, err)
	}
	h.Open(gatetest.Wren, identity.Unlock)
}

// slip puts a proposal on the ledger past the door, as an earlier version of
// the program may have done, for which the text was good.
func slip(h *gatetest.House, text string) string {
	h.T.Helper()
	chain, err := h.Gate.Chain(h.T.Context())
	h.Must(err)
	p := roster.Proposed{Proposal: "chg_slipped", Kind: roster.PublishPolicy, Policy: roster.HashPolicy(text), PolicyText: text, Until: h.Now().Add(time.Hour)}
	write(h, p, string(gatetest.Olive), chain.Version)
	return p.Proposal
}

func write(h *gatetest.House, e roster.Event, actor string, version uint64) {
	h.T.Helper()
	open, private, err := ledger.Seal(e, func() [32]byte { return [32]byte{7} })
	h.Must(err)
	_, err = h.Store.Commit(h.T.Context(), store.Commit{Stream: roster.Stream, Expect: version, Actor: actor, At: h.Now(),
		Events: []store.Draft{{Type: e.Type(), Open: open, Private: private}}})
	h.Must(err)
}

func TestAProposalThatNoLongerLoadsIsNotCountersignedIntoForce(t *testing.T) {
	for _, text := range []string{nowhere, "not a policy\n"} {
		h := gatetest.New(t, gatetest.Policy)
		id := slip(h, text)
		paper, err := h.Gate.ProposalPaper(t.Context(), gatetest.Staff(gatetest.Olive), id)
		h.Must(err)
		_, err = h.Gate.Countersign(t.Context(), gatetest.Staff(gatetest.Olive), id, h.Sign(gatetest.Olive, paper.Options.Challenge))
		if code(err) != "roster_refused" || !strings.Contains(err.Error(), "stays") {
			t.Errorf("it came into force: %v", err)
		}
		if c, err := h.Gate.Chain(t.Context()); err != nil || c.Policy != roster.HashPolicy(gatetest.Policy) {
			t.Errorf("in force: %s, %v", c.Policy, err)
		}
		h.Open(gatetest.Wren, identity.Unlock)
	}
}

// doctored is a store whose roster has been tampered with.
type doctored struct {
	store.Store
	with func([]store.Record)
}

func (d doctored) After(ctx context.Context, stream string, version uint64) ([]store.Record, error) {
	records, err := d.Store.After(ctx, stream, version)
	if stream == roster.Stream {
		d.with(records)
	}
	return records, err
}

// start opens a door on the house's store, as a restarted server does.
func start(h *gatetest.House, s store.Store) (*gate.Gate, error) {
	h.T.Helper()
	box, err := sealing.LoadBox(h.T.TempDir() + "/box.key")
	h.Must(err)
	return gate.New(h.T.Context(), gate.Config{Organisation: "Aviary", BaseURL: gatetest.Origin, LogKey: h.LogKey,
		RelyingParty: passkey.RelyingParty{ID: "localhost", Origins: []string{gatetest.Origin}}},
		gate.Parts{Store: s, Box: box, Now: h.Now, Log: h.Logger()})
}

func TestAServerDoesNotStartOnAStoredPolicyThatIsDamagedOrDoesNotLoad(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	if _, err := start(h, h.Store); err != nil {
		t.Fatalf("the whole store: %v", err)
	}
	for name, spoil := range map[string]func([]store.Record){
		"a changed text": func(rs []store.Record) {
			for i, r := range rs {
				for k, v := range r.Private {
					v.Value = []byte(strings.Replace(string(v.Value), "totp", "in_person", 1))
					rs[i].Private[k] = v
				}
			}
		},
		"an erased text": func(rs []store.Record) { rs[0].Private = nil },
		"a changed entry": func(rs []store.Record) {
			rs[0].Body = []byte(strings.Replace(string(rs[0].Body), "sha256:", "sha256:x", 1))
		},
		"a missing entry":  func(rs []store.Record) { copy(rs, rs[1:]) },
		"another's entry":  func(rs []store.Record) { rs[1].Type = "opened" },
		"an unsigned term": func(rs []store.Record) { rs[2].Body = []byte(`{}`) },
	} {
		if _, err := start(h, doctored{h.Store, spoil}); err == nil || !strings.Contains(err.Error(), "does not verify") {
			t.Errorf("%s: %v", name, err)
		}
	}
	id := slip(h, nowhere)
	paper, err := h.Gate.ProposalPaper(t.Context(), gatetest.Staff(gatetest.Olive), id)
	h.Must(err)
	write(h, roster.Countersigned{Proposal: id, Person: gatetest.Olive, Assertion: h.Sign(gatetest.Olive, paper.Options.Challenge)}, "past the door", paper.Version)
	if _, err := start(h, h.Store); !errors.Is(err, gate.ErrPolicy) {
		t.Errorf("a policy in force that cannot be enforced here: %v", err)
	}
	// And the server that was running decides nothing by the old one.
	if _, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone}); !errors.Is(err, gate.ErrPolicy) {
		t.Errorf("a request under it: %v", err)
	}
}

func TestOfTwoPoliciesPublishedAtOnceOneTakesEffectWholeForEveryRequest(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	names := []string{"left", "right"}
	var papers []gate.Paper
	var ids []string
	for _, n := range names {
		id, err := h.Gate.ProposeChange(t.Context(), gatetest.Staff(gatetest.Olive), roster.Proposed{Kind: roster.PublishPolicy,
			PolicyText: strings.NewReplacer("name: house", "name: "+n, "- rule: everyone", "- rule: "+n).Replace(gatetest.Policy)})
		h.Must(err)
		p, err := h.Gate.ProposalPaper(t.Context(), gatetest.Staff(gatetest.Olive), id)
		h.Must(err)
		ids, papers = append(ids, id), append(papers, p)
	}
	signatures := []passkey.Assertion{h.Sign(gatetest.Olive, papers[0].Options.Challenge), h.Sign(gatetest.Olive, papers[1].Options.Challenge)}
	opened := make([]string, 8)
	errs := together(10, func(i int) error {
		if i < 2 {
			for {
				_, err := h.Gate.Countersign(t.Context(), gatetest.Staff(gatetest.Olive), ids[i], signatures[i])
				if code(err) != "conflict" {
					return err
				}
			}
		}
		v, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.Unlock, Channel: identity.Phone})
		opened[i-2] = v.ID
		return err
	})
	won := 0
	for i, err := range errs {
		switch {
		case i < 2 && err == nil:
			won++
		case i < 2 && code(err) != "roster_refused":
			t.Errorf("the policy that came late: %v", err)
		case i >= 2 && err != nil:
			t.Errorf("a request meanwhile: %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of two policies took effect; the second was to replace one that is gone", won)
	}
	chain, err := h.Gate.Chain(t.Context())
	h.Must(err)
	for _, id := range opened {
		s := h.State(id)
		p, err := policy.Load([]byte(gatetest.Policy))
		h.Must(err)
		if s.Policy == chain.Policy {
			p, err = policy.Load([]byte(chain.PolicyText))
			h.Must(err)
		}
		if s.Policy != p.Hash() || !policy.AtLeast(s.Plan, p.Plan(s.Facts)) || s.Plan.Reasons[len(s.Plan.Reasons)-1] != p.Plan(s.Facts).Reasons[len(s.Plan.Reasons)-1] {
			t.Errorf("%s was planned by halves: policy %s, reasons %v", id, s.Policy, s.Plan.Reasons)
		}
	}
}

func TestARequestUnderWayKeepsTheStricterOfEveryPolicyItHasLivedUnder(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	laxer := strings.Replace(gatetest.Policy, "      approvals: [{role: manager, count: 1}]\n", "", 1)
	stricter := strings.Replace(laxer, "      follow_up", "      wait: 2h\n      probation: 24h\n      approvals: [{role: security, count: 1}]\n      follow_up", 1)
	lived := []string{gatetest.Policy}
	for i, text := range []string{laxer, stricter, laxer} {
		lived = append(lived, text)
		h.Publish(text)
		h.Pass(time.Minute)
		s, err := h.Gate.Authorise(t.Context(), v.ID)
		if s.Order != nil || code(err) != reset.ApprovalMissing {
			t.Fatalf("after policy %d: %v, %s", i, err, s.Status())
		}
		for j, under := range lived {
			p, err := policy.Load([]byte(under))
			h.Must(err)
			if !policy.AtLeast(s.Plan, p.Plan(s.Facts)) {
				t.Errorf("after policy %d the plan demands less than policy %d: %+v", i, j, s.Plan)
			}
		}
	}
	h.Must(h.Vote(h.Person(gatetest.Moss), v.ID, reset.Approve))
	h.Must(h.Vote(gatetest.Sorrel, v.ID, reset.Approve))
	h.Pass(2*time.Hour - time.Minute)
	if _, err := h.Gate.Authorise(t.Context(), v.ID); code(err) != reset.CoolingOff {
		t.Errorf("the wait of a policy that is gone again: %v", err)
	}
	h.Pass(time.Minute)
	if s := h.Authorise(v.ID); s.Status() != reset.OrderedUp || s.Plan.Probation != 24*3600 {
		t.Errorf("it stands at %s, probation %d", s.Status(), s.Plan.Probation)
	}
	b, err := h.Gate.Evidence(t.Context(), v.ID)
	h.Must(err)
	roots, err := h.Roots()
	h.Must(err)
	if r := evidence.Verify(b, roots, h.Now()); r.Verdict != evidence.Allowed {
		t.Errorf("the auditor says %q: %+v", r.Verdict, r.Steps)
	}
}
