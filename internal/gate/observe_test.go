package gate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

func TestWhatProvesNothingIsRefusedAndNoted(t *testing.T) {
	h := gatetest.New(t, plenty)
	h.Enrol(gatetest.Wren, proof.TOTP)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	poor := h.Open(gatetest.Moss, identity.Unlock)
	before := h.State(v.ID)
	for i, kind := range gate.Observations {
		err := h.Gate.Observe(t.Context(), gatetest.Staff(gatetest.Finch), v.ID, gate.Observation{Kind: kind})
		if code(err) != "not_a_proof" {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		// What is on record, and what the policy wants, is not for the desk.
		other := h.Gate.Observe(t.Context(), gatetest.Staff(gatetest.Finch), poor.ID, gate.Observation{Kind: kind})
		if err.Error() != other.Error() {
			t.Errorf("%s: the refusals differ:\n%v\n%v", kind, err, other)
		}
		if n := noted(h, "observed"); n != 2*(i+1) {
			t.Errorf("%s: %d notes", kind, n)
		}
	}
	if after := h.State(v.ID); after.Status() != reset.Proving || len(after.Proofs) != 0 || after.Version != before.Version {
		t.Errorf("the request moved: %s, %+v", after.Status(), after.Proofs)
	}
	if n := signals(h, h.Person(gatetest.Wren), gate.SignalNotProof); n != 1 {
		t.Errorf("%d signals within an hour", n)
	}
	if s, err := h.Gate.Authorise(t.Context(), v.ID); code(err) != reset.ProofMissing {
		t.Errorf("it went on to %s, %v", s.Status(), err)
	}
}

func TestWhoMayNotSeeARequestObservesNothing(t *testing.T) {
	h := gatetest.New(t, plenty)
	h.Invite("staff:dipper", "Dipper Lake", "nightline", identity.Agent)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	dipper := gatetest.Staff("staff:dipper")
	theirs := h.Gate.Observe(t.Context(), dipper, v.ID, gate.Observation{Kind: "knowledge"})
	nobodys := h.Gate.Observe(t.Context(), dipper, "req_00000000-0000-7000-8000-000000000000", gate.Observation{Kind: "knowledge"})
	if code(theirs) != "not_found" || theirs.Error() != nobodys.Error() {
		t.Errorf("%v\n%v", theirs, nobodys)
	}
	if err := h.Gate.Observe(t.Context(), gatetest.Staff(gatetest.Finch), v.ID, gate.Observation{Kind: "astrology"}); code(err) != "invalid" {
		t.Errorf("a kind that there is not: %v", err)
	}
	if n := noted(h, "observed"); n != 0 {
		t.Errorf("%d notes", n)
	}
}

// Reconnaissance: somebody rings to learn what they would need.
func TestTheDeskLearnsNothingOfWhatIsOnRecord(t *testing.T) {
	h := gatetest.New(t, plenty)
	h.Enrol(gatetest.Wren, proof.TOTP)
	finch := gatetest.Staff(gatetest.Finch)
	for range 8 { // the only look-up there is leaves a trace each time
		_, err := h.Gate.Open(t.Context(), finch, gate.Wish{Login: "wren.ito", Action: identity.PasswordReset, Channel: identity.Phone})
		if code(err) != "not_available" {
			t.Fatal(err)
		}
	}
	if n := noted(h, "missed"); n != 8 {
		t.Errorf("%d of 8 look-ups were noted", n)
	}
	rich, poor := h.Open(gatetest.Wren, identity.PasswordReset), h.Open(gatetest.Moss, identity.PasswordReset)
	var seen []string
	for _, id := range []string{rich.ID, poor.ID} {
		v, err := h.Gate.Request(t.Context(), finch, id)
		h.Must(err)
		v.ID, v.Case, v.Words, v.Subject, v.Version = "", "", "", gate.SubjectView{}, 0
		raw, err := json.Marshal(v)
		h.Must(err)
		seen = append(seen, string(raw))
	}
	if seen[0] != seen[1] {
		t.Errorf("the desk can tell who has what:\n%s\n%s", seen[0], seen[1])
	}
}

// From the sixth look-up on that finds nobody, security hears of who does it:
// once an hour for each caller. The caller sees no difference.
func TestLookingForAccountsIsHeardOf(t *testing.T) {
	h := gatetest.New(t, plenty)
	h.Invite("staff:heron", "Heron Fox", "helpdesk", identity.Agent)
	callers := []gate.Caller{gatetest.Staff(gatetest.Finch), gatetest.Staff("staff:heron"), {Token: "ticketing", Scopes: []gate.Scope{gate.ScopeOpen}}}
	heard := func() int {
		items, err := h.Store.Items(t.Context(), "letter", "", h.Now())
		h.Must(err)
		return len(items)
	}
	look := func(c gate.Caller, times, letters int) {
		t.Helper()
		for i := range times {
			_, err := h.Gate.Open(t.Context(), c, gate.Wish{Login: fmt.Sprintf("guest%d", i), Action: identity.PasswordReset, Channel: identity.Phone})
			if !errors.Is(err, gate.ErrNotAvailable) {
				t.Fatalf("look-up %d: %v", i, err)
			}
		}
		if n := heard(); n != letters {
			t.Errorf("%d letters about look-ups, want %d", n, letters)
		}
	}
	look(callers[0], 5, 0)
	look(callers[1], 5, 0) // others' are not added up with theirs
	look(callers[0], 1, 1)
	look(callers[0], 9, 1)
	look(callers[1], 1, 2)
	look(callers[2], 6, 3)
	h.Pass(time.Hour)
	look(callers[0], 5, 3)
	look(callers[0], 1, 4)
	if n := noted(h, "missed"); n != 33 {
		t.Errorf("%d of 33 look-ups were noted", n)
	}
	for _, text := range h.Letters("", soc) {
		if strings.Contains(text, "guest") {
			t.Errorf("a letter names what was looked for:\n%s", text)
		}
	}
}

// Look-ups at the same moment are all counted, and all answered alike.
func TestLookUpsAtOnceAreAnsweredAlike(t *testing.T) {
	h := gatetest.New(t, plenty)
	var wg sync.WaitGroup
	var busy atomic.Int32
	for range 6 {
		wg.Go(func() {
			_, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: "nobody", Action: identity.Unlock, Channel: identity.Phone})
			if !errors.Is(err, gate.ErrNotAvailable) {
				busy.Add(1)
			}
		})
	}
	wg.Wait()
	if n := busy.Load(); n > 0 {
		t.Errorf("%d were answered otherwise", n)
	}
	if n := noted(h, "missed"); n != 6 {
		t.Errorf("%d notes", n)
	}
}
