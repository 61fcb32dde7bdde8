package gate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// steps is the checklist as a caller sees it, a line each.
func steps(h *gatetest.House, c gate.Caller, id string) string {
	h.T.Helper()
	v, err := h.Gate.Request(h.T.Context(), c, id)
	h.Must(err)
	lines := make([]string, len(v.Progress))
	for i, s := range v.Progress {
		lines[i] = s.String()
	}
	return strings.Join(lines, "\n")
}

func sees(h *gatetest.House, id, when string, want ...string) {
	h.T.Helper()
	for _, c := range []gate.Caller{finch, gatetest.Staff(gatetest.Sorrel), gatetest.Staff(h.Person(gatetest.Moss)), {Token: "itsm", Scopes: []gate.Scope{gate.ScopeRead}}} {
		if got := steps(h, c, id); got != strings.Join(want, "\n") {
			h.T.Errorf("%s, %v sees:\n%s\nwant:\n%s", when, c, got, strings.Join(want, "\n"))
		}
	}
}

func TestTheChecklistFollowsARequestToItsEnd(t *testing.T) {
	h := gatetest.New(t, strings.Replace(gatetest.Policy, "follow_up: [revoke_sessions]", "follow_up: [revoke_sessions]\n      wait: 1h\n      review: 24h", 1))
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	rest := []string{"order: pending", "secret: pending", "follow_up revoke_sessions: pending", "notice: pending", "review: pending"}
	sees(h, v.ID, "when opened", append([]string{"proof: current", "approval of manager: 0 of 1, pending", "wait: pending"}, rest...)...)
	token := h.Claim(v.Case)
	h.Must(h.Answer(token, proof.TOTP, h.Code(seed)))
	sees(h, v.ID, "when proved", append([]string{"proof: done", "approval of manager: 0 of 1, current", "wait: pending"}, rest...)...)
	h.Must(h.Vote(h.Person(gatetest.Moss), v.ID, reset.Approve))
	sees(h, v.ID, "when signed", append([]string{"proof: done", "approval of manager: 1 of 1, done", "wait: current"}, rest...)...)
	if got := shown(h, v.ID); got.WaitUntil == nil || !got.Progress[2].Until.Equal(*got.WaitUntil) || got.Progress[2].Seconds != 3600 {
		t.Errorf("the wait: %+v", got.Progress[2])
	}
	h.Pass(time.Hour)
	h.Authorise(v.ID)
	sees(h, v.ID, "when ordered", append([]string{"proof: done", "approval of manager: 1 of 1, done", "wait: done", "order: current"}, rest[1:]...)...)
	h.Must(h.Do(gate.JobDispatch, v.ID))
	sees(h, v.ID, "when done", "proof: done", "approval of manager: 1 of 1, done", "wait: done", "order: done", "secret: current", "follow_up revoke_sessions: current", "notice: current", "review: current")
	h.Must(h.Do(gate.JobFollowUp, v.ID))
	_, err := h.Gate.Reveal(t.Context(), token)
	h.Must(err)
	h.Must(h.Gate.Notice(t.Context(), v.ID, "done"))
	h.Letters(v.ID, gatetest.WrensMail)
	paper, err := h.Gate.Statement(t.Context(), gatetest.Staff(gatetest.Sorrel), v.ID, reset.InOrder)
	h.Must(err)
	_, err = h.Gate.Review(t.Context(), gatetest.Staff(gatetest.Sorrel), v.ID, reset.InOrder, paper.ID, "", h.Sign(gatetest.Sorrel, paper.Options.Challenge))
	h.Must(err)
	sees(h, v.ID, "at the end", "proof: done", "approval of manager: 1 of 1, done", "wait: done", "order: done", "secret: done", "follow_up revoke_sessions: done", "notice: done", "review: done")
	for _, s := range shown(h, v.ID).Progress {
		if s.At == nil {
			t.Errorf("%s has no time", s)
		}
	}
}

func shown(h *gatetest.House, id string) gate.View {
	h.T.Helper()
	v, err := h.Gate.Request(h.T.Context(), finch, id)
	h.Must(err)
	return v
}

func TestTheChecklistSaysWhereARequestEnded(t *testing.T) {
	for name, end := range map[string]struct {
		do   func(h *gatetest.House, id string)
		want string
	}{
		"cancelled before the proof": {func(h *gatetest.House, id string) {
			_, err := h.Gate.Cancel(h.T.Context(), finch, id)
			h.Must(err)
		}, "proof: refused\napproval of manager: 0 of 1, off\norder: off\nsecret: off\nfollow_up revoke_sessions: off\nnotice: current"},
		"denied before the proof": {func(h *gatetest.House, id string) {
			h.Must(h.Vote(h.Person(gatetest.Moss), id, reset.Deny))
		}, "proof: off\napproval of manager: 0 of 1, refused\norder: off\nsecret: off\nfollow_up revoke_sessions: off\nnotice: current"},
		"run out": {func(h *gatetest.House, id string) {
			h.Pass(25 * time.Hour)
			h.Must(h.Gate.Expire(h.T.Context(), id))
		}, "proof: refused\napproval of manager: 0 of 1, off\norder: off\nsecret: off\nfollow_up revoke_sessions: off\nnotice: current"},
	} {
		t.Run(name, func(t *testing.T) {
			h := gatetest.New(t, gatetest.Policy)
			v := h.Open(gatetest.Wren, identity.PasswordReset)
			h.Pass(time.Minute)
			end.do(h, v.ID)
			if got := steps(h, finch, v.ID); got != end.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, end.want)
			}
			for _, s := range shown(h, v.ID).Progress {
				if s.State == gate.StepRefused && (s.At == nil || !s.At.After(v.OpenedAt)) {
					t.Errorf("%s at %v", s, s.At)
				}
			}
		})
	}
}

func TestAProofThatHasBecomeTooOldIsAskedForAgain(t *testing.T) {
	h := gatetest.New(t, strings.Replace(gatetest.Policy, "risk_analysis:", "expires: 3d\nrisk_analysis:", 1))
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	h.Pass(25 * time.Hour)
	if got := steps(h, finch, v.ID); !strings.HasPrefix(got, "proof: current\n") {
		t.Errorf("a day later:\n%s", got)
	}
}

// What a policy asks of everybody a desk may read. Where it asks by what is on
// record, the demand would tell of the record, so the desk reads nothing.
func TestADeskReadsTheWaysOnlyWhereTheyTellNothing(t *testing.T) {
	peeking := strings.Replace(gatetest.Policy, "  - rule: payroll", "  - rule: strong\n    when: '\"totp\" in subject.enrolled'\n    demand: {proofs: totp}\n  - rule: payroll", 1)
	for _, c := range []struct{ name, policy, desk, security string }{
		{"by the action alone", gatetest.Policy, "[[totp] [email_code recovery_code]]", "[[totp] [email_code recovery_code]]"},
		{"by what is on record", peeking, "[]", "[[totp]]"},
	} {
		h := gatetest.New(t, c.policy)
		h.Enrol(gatetest.Wren, proof.TOTP)
		v := h.Open(gatetest.Wren, identity.PasswordReset)
		theirs, err := h.Gate.Request(t.Context(), gatetest.Staff(gatetest.Sorrel), v.ID)
		h.Must(err)
		if got := fmt.Sprint(v.Progress[0].Ways); got != c.desk {
			t.Errorf("%s, the desk reads %s", c.name, got)
		}
		if got := fmt.Sprint(theirs.Progress[0].Left); got != c.security {
			t.Errorf("%s, security reads %s", c.name, got)
		}
	}
}

func TestNotesAndWitnessesAreForThoseWhoSign(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(v.Case), proof.TOTP, h.Code(seed)))
	moss := h.Person(gatetest.Moss)
	paper, err := h.Gate.Statement(t.Context(), gatetest.Staff(moss), v.ID, reset.Deny)
	h.Must(err)
	_, err = h.Gate.Vote(t.Context(), gatetest.Staff(moss), v.ID, reset.Deny, paper.ID, "the agent sounded odd", h.Sign(moss, paper.Options.Challenge))
	h.Must(err)
	if a := shown(h, v.ID).Approvals; len(a) != 1 || a[0].Note != "" || a[0].Name != "Moss Lee" {
		t.Errorf("the desk reads %+v", a)
	}
	theirs, err := h.Gate.Request(t.Context(), gatetest.Staff(gatetest.Sorrel), v.ID)
	h.Must(err)
	if a := theirs.Approvals; len(a) != 1 || a[0].Note != "the agent sounded odd" {
		t.Errorf("security reads %+v", a)
	}
}

// The desk was told nothing but no. It must not find in a list what the no was
// about.
func TestADeskDoesNotFindWhatItWasRefusedAtTheDoor(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	_, err := h.Gate.Open(t.Context(), finch, gate.Wish{Login: "admin", Action: identity.PasswordReset, Channel: identity.Phone})
	if code(err) != "not_available" {
		t.Fatal(err)
	}
	theirs, _, err := h.Gate.List(t.Context(), gatetest.Staff(gatetest.Sorrel), gate.Filter{Statuses: []string{"refused"}})
	h.Must(err)
	if len(theirs) != 1 {
		t.Fatalf("oversight sees %+v", theirs)
	}
	mine, _, err := h.Gate.List(t.Context(), finch, gate.Filter{})
	h.Must(err)
	if len(mine) != 0 {
		t.Errorf("the desk sees %+v", mine)
	}
	if byCase, _, err := h.Gate.List(t.Context(), finch, gate.Filter{Case: theirs[0].Case}); err != nil || len(byCase) != 0 {
		t.Errorf("by its case code: %+v, %v", byCase, err)
	}
	if _, err := h.Gate.Request(t.Context(), finch, theirs[0].ID); code(err) != "not_found" {
		t.Errorf("by its id: %v", err)
	}
}
