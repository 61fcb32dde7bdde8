package reset_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/policy"
	"countersign/internal/proof"
	"countersign/internal/proof/passkey"
	"countersign/internal/reset"
)

var update = flag.Bool("update", false, "rewrite golden files")

var assertion = passkey.Assertion{CredentialID: []byte("id"), AuthenticatorData: []byte("data"), ClientDataJSON: []byte("{}"), Signature: []byte("sig")}

// samples has one event of every type.
func samples() []reset.Event {
	s := begin(panics{}, plan("totp", time.Hour))
	return []reset.Event{
		opened(plan("totp", time.Hour, oneSecurity)),
		reset.Refused{Reasons: []policy.Denial{{Rule: "night", Reason: "chat is no intake channel"}}},
		reset.Claimed{Session: "ses_1", Recipient: "age1x"},
		challenged("chl_1", "ses_1", proof.TOTP, t0),
		reset.AnswerRefused{Challenge: "chl_1"},
		reset.Proved{Challenge: "chl_1", Until: t0.Add(time.Hour)},
		reset.Lapsed{Challenges: []string{"chl_1"}},
		reset.Voted{Person: security, Roles: []identity.Role{identity.Security}, Statement: "stmt", Until: t0.Add(time.Hour), Note: "rang back", Assertion: assertion},
		reset.Voided{Persons: []identity.PersonID{security}},
		s.replanned(plan("totp", 0)),
		reset.WaitStarted{},
		reset.Ordered{Order: "ord_1", Attempt: 1, Action: identity.PasswordReset, Subject: account, MustChange: true, Recipient: "age1x"},
		reset.Withdrawn{Order: "ord_1", Reason: "gone"},
		reset.Dispatched{Order: "ord_1"},
		reset.Received{Order: "ord_1", Outcome: reset.Applied, OldDead: "unknown", Notes: []string{"confirmed"}},
		reset.Revealed{Session: "ses_1"},
		reset.FollowedUp{Kind: "revoke_sessions", Outcome: "not_supported", Note: "no sessions"},
		reset.Notified{Notice: "opened", Contact: "con_1", Outcome: "sent"},
		reset.Cancelled{By: "agent"},
		reset.Expired{},
		reset.Repudiated{Contact: "con_1"},
		reset.Reviewed{Person: officer, Verdict: "in_order", Note: "spoke to her", Assertion: assertion},
		reset.Withheld{Method: proof.SMSCode, Enrolment: "con_1", Reason: reset.DestinationTooNew},
		reset.Challenged{Challenge: "chl_2", Session: "ses_1", Method: proof.Passkey, Enrolment: "enr_1", Since: t0, Until: t0.Add(time.Minute),
			Also: []reset.Choice{{Enrolment: "enr_2", Since: t0}}, SetBy: "token:onboarding"},
		reset.Proved{Challenge: "chl_2", Until: t0.Add(time.Hour), Enrolment: "enr_2", Assertion: &assertion},
		reset.Proved{Challenge: "chl_3", Until: t0.Add(time.Hour), By: officer, Document: "passport", Assertion: &assertion, Key: "enr_3"},
		reset.Proved{Challenge: "chl_4", Until: t0.Add(time.Hour), Signature: []byte("sig")},
		reset.Proved{Challenge: "chl_5", Until: t0.Add(time.Hour), Result: "signed by a provider"},
	}
}

func fixedSalt() (s [32]byte) { copy(s[:], bytes.Repeat([]byte{7}, 32)); return s }

// stored is a golden line: an event as it stands on the ledger, and beside it.
type stored struct {
	Type    string          `json:"type"`
	Open    json.RawMessage `json:"open"`
	Private ledger.Private  `json:"private,omitempty"`
}

// TestStoredEventsLoadForEver compares with a golden file that must never
// change for events that exist; new types are added at its end.
func TestStoredEventsLoadForEver(t *testing.T) {
	const path = "testdata/events.golden"
	var got bytes.Buffer
	for _, e := range samples() {
		open, private, err := ledger.Seal(e, fixedSalt)
		if err != nil {
			t.Fatalf("%s: %v", e.Type(), err)
		}
		line, err := json.Marshal(stored{e.Type(), open, private})
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(line, '\n'))
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the stored form changed; got:\n%s", got.Bytes())
	}
	for line := range strings.Lines(string(want)) {
		var s stored
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		e, erased, err := reset.Decode(s.Type, s.Open, s.Private)
		if err != nil || len(erased) > 0 {
			t.Errorf("%s does not load: %v, erased %v", s.Type, err, erased)
			continue
		}
		if open, _, err := ledger.Seal(e, fixedSalt); err != nil || !bytes.Equal(open, s.Open) {
			t.Errorf("%s comes back as %s (%v), was %s", s.Type, open, err, s.Open)
		}
	}
}

func TestAnErasedValueIsNamedAndTheRestStillLoads(t *testing.T) {
	open, _, err := ledger.Seal(opened(plan("totp", 0)), fixedSalt)
	if err != nil {
		t.Fatal(err)
	}
	e, erased, err := reset.Decode("opened", open, nil)
	if err != nil || len(erased) != 1 || erased[0] != "facts" {
		t.Fatalf("erased %v, %v", erased, err)
	}
	if e.(reset.Opened).Subject != account {
		t.Error("the open part was lost with the erased one")
	}
}

func TestNothingPersonalStandsInTheOpenForm(t *testing.T) {
	for _, e := range samples() {
		open, _, err := ledger.Seal(e, fixedSalt)
		if err != nil {
			t.Fatal(err)
		}
		for _, personal := range []string{"m.ito", "M Ito", "rang back", "spoke to her"} {
			if bytes.Contains(open, []byte(personal)) {
				t.Errorf("%s shows %q", e.Type(), personal)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range samples() {
		open, _, err := ledger.Seal(e, fixedSalt)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.Type(), []byte(open))
	}
	f.Fuzz(func(t *testing.T, kind string, open []byte) {
		e, _, err := reset.Decode(kind, open, nil)
		if err != nil {
			return
		}
		if _, err := reset.Evolve(reset.State{}, e, t0); err == nil && kind != "opened" {
			t.Fatalf("%s began a request", kind)
		}
	})
}
