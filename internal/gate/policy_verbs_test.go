package gate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/roster"
	"countersign/internal/store"
)

// policyVerbs are all that look at policies, each asked in an ordinary way.
func policyVerbs(h *gatetest.House) map[string]func(gate.Caller) error {
	ctx := h.T.Context()
	return map[string]func(gate.Caller) error{
		"read":    func(c gate.Caller) error { _, err := h.Gate.Policy(ctx, c, ""); return err },
		"check":   func(c gate.Caller) error { _, err := h.Gate.CheckPolicy(ctx, c, gatetest.Policy); return err },
		"explain": func(c gate.Caller) error { _, err := h.Gate.ExplainPolicy(ctx, c, gate.PolicyAsk{}); return err },
		"test":    func(c gate.Caller) error { _, err := h.Gate.TestPolicy(ctx, c, "", oneCase); return err },
		"diff":    func(c gate.Caller) error { _, err := h.Gate.DiffPolicies(ctx, c, "", slower); return err },
		"prove":   func(c gate.Caller) error { _, err := h.Gate.ProvePolicy(ctx, c, "", ""); return err },
	}
}

const oneCase = "cases:\n  - {case: it asks for the manager, given: {agent: {desk: helpdesk}}, expect: {approvals: [{role: manager, count: 1}]}}\n"

var slower = strings.Replace(gatetest.Policy, "rules:\n", "rules:\n  - rule: slower\n    when: \"true\"\n    demand: {wait: 3h}\n", 1)

func TestPoliciesAreLookedAtByOversightAndNeverByADesk(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	for verb, do := range policyVerbs(h) {
		for name, c := range map[string]gate.Caller{
			"an agent": gatetest.Staff(gatetest.Finch), "a manager": gatetest.Staff(h.Person(gatetest.Moss)), "nobody": {}, "a stranger": gatetest.Staff("x"),
			"a token that reads": {Token: "t", Scopes: []gate.Scope{gate.ScopeRead, gate.ScopeReport, gate.ScopeOpen, gate.ScopeEnrol}},
		} {
			if err := do(c); code(err) != "forbidden" {
				t.Errorf("%s by %s: %v", verb, name, err)
			}
		}
		for name, c := range map[string]gate.Caller{"an officer": gatetest.Staff(gatetest.Olive), "security": gatetest.Staff(gatetest.Sorrel),
			"an auditing token": {Token: "t", Scopes: []gate.Scope{gate.ScopeAudit}}} {
			if err := do(c); err != nil {
				t.Errorf("%s by %s: %v", verb, name, err)
			}
		}
	}
}

func TestThePolicyInForceIsShownLaidOpenWithWhoSignedItAndWhatWasThereBefore(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	founded, err := h.Gate.Policy(t.Context(), gatetest.Staff(gatetest.Sorrel), "")
	h.Must(err)
	if founded.Text != gatetest.Policy || founded.Name != "house" || founded.Policy != roster.HashPolicy(gatetest.Policy) || founded.Until != nil ||
		len(founded.Signers) != 1 || founded.Signers[0] != (gate.PolicySigner{Person: gatetest.Olive, Name: "Olive Park"}) || founded.Proposal != "" {
		t.Errorf("the founding policy: %+v", founded.PolicyEdition)
	}
	if len(founded.Rules) != 2 || founded.Rules[1].Rule != "payroll" || founded.Rules[1].When != `subject.class == "sensitive"` || founded.Rules[1].Line != 22 ||
		fmt.Sprint(founded.Rules[1].Demands) != "[{approvals 1 security} {review 1d}]" {
		t.Errorf("rules: %+v", founded.Rules)
	}
	if len(founded.Classes) != 3 || founded.Classes[0].When != "subject.admin" || len(founded.Desks) != 1 || founded.Desks[0].Reach != `subject.class != "privileged"` {
		t.Errorf("classes: %+v, desks: %+v", founded.Classes, founded.Desks)
	}
	h.Pass(time.Hour)
	h.Publish(slower)
	now, err := h.Gate.Policy(t.Context(), gatetest.Staff(gatetest.Sorrel), "")
	h.Must(err)
	if len(now.Editions) != 2 || now.Editions[0].Policy != now.Policy || now.Editions[1].Policy != founded.Policy || !now.Since.Equal(h.Now()) ||
		!now.Editions[1].Until.Equal(h.Now()) || now.Proposal == "" || !strings.Contains(now.Effect, "asks more") {
		t.Errorf("editions: %+v", now.Editions)
	}
	old, err := h.Gate.Policy(t.Context(), gatetest.Staff(gatetest.Sorrel), founded.Policy)
	if err != nil || old.Text != gatetest.Policy || old.Until == nil {
		t.Errorf("the earlier one: %+v, %v", old.PolicyEdition, err)
	}
	if _, err := h.Gate.Policy(t.Context(), gatetest.Staff(gatetest.Sorrel), "sha256:none"); code(err) != "not_found" {
		t.Errorf("one that never was: %v", err)
	}
}

func TestTheEditionsAreReadFromTheChainAgainAfterARestart(t *testing.T) {
	dir := t.TempDir()
	h := gatetest.Keep(t, dir, gatetest.Policy, func(s store.Store) store.Store { return s })
	h.Publish(slower)
	before, err := h.Gate.Policy(t.Context(), gatetest.Staff(gatetest.Sorrel), "")
	h.Must(err)
	h.Must(h.Store.Close())
	after, err := gatetest.Reopen(t, dir).Gate.Policy(t.Context(), gatetest.Staff(gatetest.Sorrel), "")
	if err != nil || fmt.Sprint(after.Editions) == "" || len(after.Editions) != 2 || after.Editions[0].Proposal != before.Editions[0].Proposal ||
		fmt.Sprint(after.Signers) != fmt.Sprint(before.Signers) {
		t.Errorf("%+v, %v", after.Editions, err)
	}
}

func TestACheckNamesEachFaultWithItsPlaceAndKnowsTheSite(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	wrong := strings.Replace(gatetest.Policy, "subject.admin", "subject.admn", 1)
	c, err := h.Gate.CheckPolicy(t.Context(), gatetest.Staff(gatetest.Olive), wrong)
	h.Must(err)
	if c.Loads || c.Errors != 1 || c.Findings[0].Line != 6 || c.Findings[0].Column != 19 || !strings.Contains(c.Findings[0].Message, "admin") {
		t.Errorf("%+v", c)
	}
	c, err = h.Gate.CheckPolicy(t.Context(), gatetest.Staff(gatetest.Olive), strings.Replace(gatetest.Policy, "role: manager, count: 1", "role: security, count: 5", 1))
	h.Must(err)
	if !c.Loads || c.Policy == "" || c.InForce != roster.HashPolicy(gatetest.Policy) || !strings.Contains(fmt.Sprint(c.Findings), "the roster has 1") {
		t.Errorf("nobody could give five signatures of security here: %+v", c)
	}
}

func TestAnExplanationNamesTheRuleOfEachDemandAndTheWaysThatAreLeft(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	a, err := h.Gate.ExplainPolicy(t.Context(), gatetest.Staff(gatetest.Olive), gate.PolicyAsk{Given: "{subject: {unit: Payroll}, agent: {desk: helpdesk}}", Less: true})
	h.Must(err)
	if a.Class.Class != "sensitive" || len(a.Refused) != 0 || fmt.Sprint(a.Ways) != "[[totp]]" || len(a.Rules) != 2 || len(a.Less) == 0 || !strings.Contains(a.Given, "Payroll") {
		t.Errorf("%+v", a)
	}
	if !strings.Contains(fmt.Sprint(a.Demands), "{approvals 1 manager, 1 security [everyone payroll]}") {
		t.Errorf("demands: %+v", a.Demands)
	}
	a, err = h.Gate.ExplainPolicy(t.Context(), gatetest.Staff(gatetest.Olive), gate.PolicyAsk{Given: "{subject: {admin: true}, agent: {desk: helpdesk}}"})
	if err != nil || len(a.Refused) != 1 || len(a.Demands) != 0 || len(a.Less) != 0 {
		t.Errorf("a desk beyond its reach: %+v, %v", a, err)
	}
	if _, err := h.Gate.ExplainPolicy(t.Context(), gatetest.Staff(gatetest.Olive), gate.PolicyAsk{Given: "{subjct: {}}"}); code(err) != "invalid" || !strings.Contains(err.Error(), "subject") {
		t.Errorf("a slip: %v", err)
	}
}

func TestARecordedRequestIsExplainedWithoutRepeatingWhoItIsAbout(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	v := h.Open(gatetest.Wren, identity.Unlock)
	a, err := h.Gate.ExplainPolicy(t.Context(), gatetest.Staff(gatetest.Sorrel), gate.PolicyAsk{Request: v.ID, Text: slower})
	if err != nil || a.Request != v.ID || a.Given != "" || !strings.Contains(fmt.Sprint(a.Demands), "{wait 3h [slower]}") {
		t.Errorf("%+v, %v", a, err)
	}
	if strings.Contains(fmt.Sprintf("%+v", a), "ren") && strings.Contains(fmt.Sprintf("%+v", a), "Wren") {
		t.Errorf("it names the owner: %+v", a)
	}
	if _, err := h.Gate.ExplainPolicy(t.Context(), gatetest.Staff(gatetest.Sorrel), gate.PolicyAsk{Request: "req_none"}); code(err) != "not_found" {
		t.Errorf("one that is not: %v", err)
	}
	if _, err := h.Gate.ExplainPolicy(t.Context(), gatetest.Staff(gatetest.Sorrel), gate.PolicyAsk{Request: v.ID, Given: "{}"}); code(err) != "invalid" {
		t.Errorf("both: %v", err)
	}
	erased := gatetest.Keep(t, t.TempDir(), gatetest.Policy, func(s store.Store) store.Store { return forgetful{s} })
	v = erased.Open(gatetest.Wren, identity.Unlock)
	if _, err := erased.Gate.ExplainPolicy(t.Context(), gatetest.Staff(gatetest.Sorrel), gate.PolicyAsk{Request: v.ID}); code(err) != "not_found" || !strings.Contains(err.Error(), "erased") {
		t.Errorf("one whose facts were erased: %v", err)
	}
}

func TestTheClockOfADescribedRequestIsTheDesks(t *testing.T) {
	h := gatetest.New(t, clocked+"  - rule: closed\n    when: request.hour >= 17\n    deny: \"the desk is closed\"\n")
	a, err := h.Gate.ExplainPolicy(t.Context(), gatetest.Staff(gatetest.Olive), gate.PolicyAsk{Given: "{agent: {desk: helpdesk}}"})
	if err != nil || len(a.Refused) != 1 || a.Refused[0].Reason != "the desk is closed" {
		t.Errorf("noon in UTC is evening in Tokyo: %+v, %v", a, err)
	}
}

func TestAPolicyIsTestedComparedAndProvedAsAtTheCommandLine(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	olive := gatetest.Staff(gatetest.Olive)
	r, err := h.Gate.TestPolicy(t.Context(), olive, "", oneCase+"  - {case: it waits, given: {agent: {desk: helpdesk}}, expect: {wait: 3h}}\n")
	if err != nil || r.Passed != 1 || r.Failed != 1 || r.Policy != roster.HashPolicy(gatetest.Policy) || r.Cases[1].Misses[0].Expected != "wait: 3h" {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := h.Gate.TestPolicy(t.Context(), olive, slower, "cases:\n  - {case: it waits, given: {}, expect: {wait: 3h}}\n"); err != nil || r.Failed != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	d, err := h.Gate.DiffPolicies(t.Context(), olive, "", slower)
	if err != nil || d.Eased || !strings.Contains(d.Text, "→ 3h") || d.Acknowledgement != "" || d.Old != roster.HashPolicy(gatetest.Policy) {
		t.Errorf("%+v, %v", d, err)
	}
	h.Publish(slower)
	if d, err = h.Gate.DiffPolicies(t.Context(), olive, "", gatetest.Policy); err != nil || !d.Eased || !strings.Contains(d.Acknowledgement, "since: ") {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err = h.Gate.DiffPolicies(t.Context(), olive, roster.HashPolicy(gatetest.Policy), ""); err != nil || d.Eased || !strings.Contains(d.Effect, "asks more") {
		t.Errorf("an earlier one against the one in force: %+v, %v", d, err)
	}
	p, err := h.Gate.ProvePolicy(t.Context(), olive, gatetest.Policy, "invariants:\n  - {name: waits, always: plan.wait >= duration(\"1h\"), because: it has to}\n")
	if err != nil {
		t.Fatal(err)
	}
	last := p.Statements[len(p.Statements)-1]
	if last.Name != "waits" || last.Outcome != "broken" || last.Given == "" || len(last.Plan) == 0 || p.Holding == 0 || p.Holding+p.Broken+p.Unclear != len(p.Statements) {
		t.Errorf("%+v", p)
	}
	for name, err := range map[string]error{
		"cases":      second(h.Gate.TestPolicy(t.Context(), olive, "", "cases: 7")),
		"invariants": second(h.Gate.ProvePolicy(t.Context(), olive, "", "invariants: 7")),
		"a policy":   second(h.Gate.DiffPolicies(t.Context(), olive, "", "rules: []")),
		"old":        second(h.Gate.DiffPolicies(t.Context(), olive, "sha256:none", slower)),
	} {
		if code(err) != "invalid" {
			t.Errorf("%s that do not read: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// Texts that are made to hurt are refused by name, in a moment.
func TestHostileTextsAreRefusedAndHurtNobody(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	head, _, _ := strings.Cut(gatetest.Policy, "rules:\n")
	loop := "subject.groups.exists(a, subject.groups.exists(b, subject.groups.exists(c, a == b && b == c)))"
	for name, text := range map[string]string{
		"half a megabyte":        gatetest.Policy + strings.Repeat("# nothing\n", 50_000),
		"half a megabyte of one": gatetest.Policy + strings.Repeat("#", 512<<10),
		"a deep nest":            "rules: " + strings.Repeat("[", 100_000),
		"deep maps":              strings.Repeat("{a: ", 50_000),
		"aliases":                "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]\n",
		"a condition that loops": head + "rules:\n  - {rule: r, when: '" + loop + "', deny: x}\n",
		"a long condition":       head + "rules:\n  - {rule: r, when: '" + strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000) + "', deny: x}\n",
		"what turns around":      strings.Replace(gatetest.Policy, "name: house", "name: \"house\u202e\"", 1),
		"no text at all":         "\x00\x01",
		"not UTF-8":              "name: \xff",
	} {
		started := time.Now()
		c, err := h.Gate.CheckPolicy(t.Context(), gatetest.Staff(gatetest.Olive), text)
		if err != nil || c.Loads || c.Errors == 0 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		t.Logf("%s: %s", name, time.Since(started))
		if _, err := h.Gate.DiffPolicies(t.Context(), gatetest.Staff(gatetest.Olive), "", text); code(err) != "invalid" {
			t.Errorf("%s compared: %v", name, err)
		}
	}
}

func TestTwoOfficersMayProposeAtOnceAndOnlyOnePolicyComesOfIt(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	h.Invite("staff:oak", "Oak Hill", "", identity.Officer)
	ids := make([]string, 2)
	var all sync.WaitGroup
	for i, who := range []identity.PersonID{gatetest.Olive, "staff:oak"} {
		all.Go(func() {
			text := strings.Replace(slower, "wait: 3h", fmt.Sprintf("wait: %dh", 3+i), 1)
			for {
				id, err := h.Gate.ProposeChange(context.WithoutCancel(t.Context()), gatetest.Staff(who), roster.Proposed{Kind: roster.PublishPolicy, PolicyText: text})
				if code(err) == "conflict" {
					continue // the other was faster
				}
				if err != nil {
					t.Error(err)
				}
				ids[i] = id
				return
			}
		})
	}
	all.Wait()
	h.Countersign(gatetest.Olive, ids[0])
	h.Countersign("staff:oak", ids[0])
	v, err := h.Gate.Policy(t.Context(), gatetest.Staff(gatetest.Olive), "")
	if err != nil || v.Proposal != ids[0] || len(v.Signers) != 2 {
		t.Errorf("%+v, %v", v.PolicyEdition, err)
	}
	// What the other one replaces is no longer what was compared, and its
	// statement says so: it is signed afresh, or not at all.
	paper, err := h.Gate.ProposalPaper(t.Context(), gatetest.Staff(gatetest.Olive), ids[1])
	if err == nil && !strings.Contains(paper.Statement, "\nreplaces: "+v.Policy+"\n") {
		t.Errorf("the other: %s", paper.Statement)
	}
	if err != nil && !errors.As(err, new(*gate.Fault)) {
		t.Error(err)
	}
}
