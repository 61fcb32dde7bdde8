package gate_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

func TestAPromptIsToldAgainToItsOwnSessionAlone(t *testing.T) {
	h, v, token, p := inPerson(t)
	again, err := h.Gate.Prompted(t.Context(), token, p.Challenge)
	h.Must(err)
	if !reflect.DeepEqual(again, p) {
		t.Errorf("told %+v and then %+v", p, again)
	}
	if _, err := h.Gate.Prompted(t.Context(), h.Claim(v.Case), p.Challenge); code(err) != reset.ChallengeUnknown {
		t.Errorf("another session of the case: %v", err)
	}
	for _, id := range []string{"", "chl_none", p.Challenge + "x"} {
		if _, err := h.Gate.Prompted(t.Context(), token, id); code(err) != reset.ChallengeUnknown {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := h.Gate.Prompted(t.Context(), "AGE-SECRET-KEY-1NONE", p.Challenge); code(err) != "session_unknown" {
		t.Error(err)
	}
}

func TestWhatIsKeptOfAPromptIsReadableToNobodyElse(t *testing.T) {
	h, v, _, p := inPerson(t)
	items, err := h.Store.Items(t.Context(), "prompt", v.ID, h.Now())
	h.Must(err)
	if len(items) != 1 {
		t.Fatalf("%d prompts are kept", len(items))
	}
	for _, secret := range []string{p.Code, strings.ReplaceAll(p.Code, " ", ""), p.Card.Words} {
		if bytes.Contains(items[0].Value, []byte(secret)) {
			t.Errorf("%q stands in the store", secret)
		}
	}
	if _, err := h.Box.Open(items[0].Value); err == nil {
		t.Error("the server opens it by itself")
	}
	h.NoSecret(p.Code)
}

func TestAPromptThatCannotBeAnsweredIsNotToldAgain(t *testing.T) {
	h, v, token, p := inPerson(t)
	for range 5 {
		_, _ = h.Gate.ProofingPaper(t.Context(), gatetest.Staff(rowan), v.Case, "0000 0000", "passport")
	}
	if _, err := h.Gate.Prompted(t.Context(), token, p.Challenge); code(err) != reset.MethodLocked {
		t.Errorf("after five wrong codes: %v", err)
	}
	h, _, token, p = inPerson(t)
	h.Pass(p.Until.Sub(h.Now()))
	if _, err := h.Gate.Prompted(t.Context(), token, p.Challenge); err == nil {
		t.Error("after its time")
	}
	h, v, token, p = inPerson(t)
	paper, err := h.Gate.ProofingPaper(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "passport")
	h.Must(err)
	h.Must(h.Gate.Attest(t.Context(), gatetest.Staff(rowan), v.Case, p.Code, "passport", h.Sign(rowan, paper.Options.Challenge)))
	if _, err := h.Gate.Prompted(t.Context(), token, p.Challenge); err == nil {
		t.Error("after it was answered")
	}
}

func TestACaseBearsTheCardAndTheWayOut(t *testing.T) {
	h := gatetest.New(t, strings.Replace(letIn("totp"), "risk_analysis", "escalation: Ring the duty officer at the gate.\nrisk_analysis", 1))
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	c, err := h.Gate.Case(t.Context(), h.Claim(v.Case))
	h.Must(err)
	if c.Card.Words != proof.Words(v.ID) || v.Words != c.Card.Words || c.Card.Agent != "Finch Day" || c.Card.Desk != "helpdesk" || c.Card.Login != gatetest.Wren || !c.Card.OpenedAt.Equal(h.Now().Truncate(time.Millisecond)) {
		t.Errorf("%+v", c.Card)
	}
	if c.Escalation != "Ring the duty officer at the gate." {
		t.Errorf("%q", c.Escalation)
	}
}

// What cannot be read is told in words that name no package.
func TestARefusalOfWhatWasTypedNamesNoPackage(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	_, saved := h.Enrol(gatetest.Wren, proof.RecoveryCode)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	wrong := strings.Replace(saved, saved[:1], "*", 1)
	_, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: "magic", Channel: identity.Phone})
	for want, err := range map[string]error{
		"a recovery code is five groups of four letters and digits": h.Answer(token, proof.RecoveryCode, saved[:10]),
		"a character is wrong, or two have changed places":          h.Answer(token, proof.RecoveryCode, wrong),
		`"magic" is not a known action`:                             err,
	} {
		var f *gate.Fault
		if !errors.As(err, &f) || f.Code != "invalid" || !strings.HasPrefix(f.Msg, want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}
