package reset_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// marked is a request with the plan whose order the hands have taken.
func marked(t *testing.T, p policy.Plan) *story {
	t.Helper()
	s := begin(t, p)
	s.claim("a")
	s.prove("a", proof.TOTP)
	s.at = s.at.Add(time.Minute)
	s.must(s.replanned(s.state.Plan), s.order())
	if s.state.OnProbation(s.at) {
		t.Fatal("on probation before anything was touched")
	}
	s.must(reset.Dispatched{Order: "ord_1"})
	return s
}

func withProbation(d time.Duration) policy.Plan {
	p := plan("totp", 0)
	p.Probation = int64(d.Seconds())
	return p
}

func TestAProbationBeginsWithTheMarkerAndRunsFromTheReceipt(t *testing.T) {
	s := marked(t, withProbation(24*time.Hour))
	if !s.state.OnProbation(s.at) {
		t.Error("the credential may have changed, and the person acts for others")
	}
	s.at = s.at.Add(time.Hour)
	s.must(reset.Received{Order: "ord_1", Outcome: reset.NotKnown})
	if !s.state.OnProbation(s.at) {
		t.Error("an outcome that nobody knows lifted the probation")
	}
	s.at = s.at.Add(time.Hour)
	s.must(reset.Received{Order: "ord_1", Outcome: reset.Applied, Reconciled: true})
	end := s.at.Add(24 * time.Hour)
	s.at = s.at.Add(time.Minute)
	s.must(reset.Revealed{Session: "a"}, reset.FollowedUp{Kind: "revoke_sessions", Outcome: "confirmed"})
	if !s.state.Probation.Equal(end) || !s.state.OnProbation(end.Add(-time.Millisecond)) || s.state.OnProbation(end) {
		t.Errorf("it ends at %s, want %s", s.state.Probation, end)
	}
}

func TestWhatWasNotAppliedLeavesNoProbation(t *testing.T) {
	s := marked(t, withProbation(24*time.Hour))
	s.must(reset.Received{Order: "ord_1", Outcome: reset.NotApplied})
	if s.state.OnProbation(s.at) {
		t.Error("nothing was changed, and the person is on probation")
	}
}

func TestARequestWithoutProbationKeepsItsStoredBytesAndItsStatement(t *testing.T) {
	s := marked(t, plan("totp", 0))
	s.must(reset.Received{Order: "ord_1", Outcome: reset.Applied})
	raw, err := json.Marshal(s.state)
	if err != nil {
		t.Fatal(err)
	}
	if s.state.OnProbation(s.at) || bytes.Contains(raw, []byte("probation")) {
		t.Errorf("the state speaks of a probation: %s", raw)
	}
	one, _ := begin(t, plan("totp", 0)).state.Statement(reset.Approve)
	two, _ := begin(t, withProbation(time.Hour)).state.Statement(reset.Approve)
	if one == two {
		t.Error("who signs cannot tell a plan with a probation from one without")
	}
}
