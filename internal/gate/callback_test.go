package gate_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

const robin = identity.PersonID("staff:robin")

func TestAnAgentTypesTheCodeThatWasReadToThemOverTheCall(t *testing.T) {
	h, v, token := larks(t, "callback || totp")
	finch := gatetest.Staff(gatetest.Finch)
	if v.Callback != nil {
		t.Error("a call is shown before there is one")
	}
	p := asked(h, token, proof.Callback)
	if p.Code != "" {
		t.Error("the claimant sees the code")
	}
	spoken := h.Texted(h.Voice, v.ID, gatetest.LarksPhone)
	if text := h.Voice.Messages(gatetest.LarksPhone)[0]; !strings.Contains(text, "Read this code to the person who is handling the case, Finch Day") {
		t.Errorf("the call says:\n%s", text)
	}
	shown, err := h.Gate.Request(t.Context(), finch, v.ID)
	h.Must(err)
	if shown.Callback == nil || shown.Callback.Number != "…42" || !shown.Callback.Until.Equal(p.Until) {
		t.Errorf("the desk sees %+v", shown.Callback)
	}
	after, err := h.Gate.Callback(t.Context(), finch, v.ID, spoken[:4]+" "+spoken[4:])
	h.Must(err)
	if len(after.Proved) != 1 || after.Callback != nil {
		t.Errorf("the desk sees %+v", after)
	}
	holds(h, v.ID)
	records, err := h.Store.Stream(t.Context(), v.ID)
	h.Must(err)
	for _, r := range records {
		if r.Type == "proved" && r.Actor != string(gatetest.Finch) {
			t.Errorf("recorded as by %s", r.Actor)
		}
	}
	if c, err := h.Gate.Case(t.Context(), token); err != nil || !c.Mine {
		t.Errorf("the claimant's session: %+v, %v", c, err)
	}
	h.NoSecret(spoken, gatetest.LarksPhone)
}

func TestOnlyTheDeskOfTheRequestTakesTheCodeOfACall(t *testing.T) {
	h, v, token := larks(t, "callback || totp")
	h.Invite(robin, "Robin Hale", "nightline", identity.Agent)
	lark := h.Person(gatetest.Lark)
	h.Invite(lark, "Lark Moor", "helpdesk", identity.Agent)
	asked(h, token, proof.Callback)
	spoken := h.Texted(h.Voice, v.ID, gatetest.LarksPhone)
	for who, want := range map[identity.PersonID]reset.Code{
		robin: "not_found", gatetest.Sorrel: "forbidden", gatetest.Olive: "forbidden", "nobody": "forbidden", lark: reset.SeparationOfDuties,
	} {
		if _, err := h.Gate.Callback(t.Context(), gatetest.Staff(who), v.ID, spoken); code(err) != want {
			t.Errorf("%s: %v", who, err)
		}
	}
	if _, err := h.Gate.Callback(t.Context(), gate.Caller{Token: "itsm", Scopes: gate.Scopes}, v.ID, spoken); code(err) != "forbidden" {
		t.Errorf("an integration: %v", err)
	}
	for _, who := range []identity.PersonID{gatetest.Sorrel, gatetest.Olive} {
		if shown, err := h.Gate.Request(t.Context(), gatetest.Staff(who), v.ID); err != nil || shown.Callback != nil {
			t.Errorf("%s sees the call: %+v, %v", who, shown.Callback, err)
		}
	}
	if n := h.State(v.ID).Failures(proof.Callback); n != 0 {
		t.Errorf("who may not answer has used up %d answers", n)
	}
}

func TestTheCodeOfACallCountsForItsRequestAloneAndNotForGuessing(t *testing.T) {
	h, first, one := larks(t, "callback || totp")
	finch := gatetest.Staff(gatetest.Finch)
	asked(h, one, proof.Callback)
	spoken := h.Texted(h.Voice, first.ID, gatetest.LarksPhone)
	second := mailedIn(h, gatetest.Lark, identity.Unlock)
	if _, err := h.Gate.Callback(t.Context(), finch, second.ID, spoken); code(err) != "not_found" {
		t.Errorf("where nobody was called: %v", err)
	}
	two := h.Claim(second.Case)
	p := asked(h, two, proof.Callback)
	if _, err := h.Gate.Callback(t.Context(), finch, second.ID, spoken); code(err) != "answer_refused" {
		t.Errorf("the code of another request's call: %v", err)
	}
	if err := reply(h, two, p, spoken); code(err) != "invalid" {
		t.Errorf("the claimant types it: %v", err)
	}
	for range 4 {
		_, _ = h.Gate.Callback(t.Context(), finch, second.ID, other(spoken))
	}
	right := h.Texted(h.Voice, second.ID, gatetest.LarksPhone)
	if _, err := h.Gate.Callback(t.Context(), finch, second.ID, right); code(err) != reset.MethodLocked {
		t.Errorf("the right code after five wrong ones: %v", err)
	}
}

func TestNobodyIsCalledBackWhoCalled(t *testing.T) {
	h := gatetest.New(t, letIn("callback || totp"))
	h.AddLark()
	v := h.Open(gatetest.Lark, identity.PasswordReset)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.Callback); code(err) != reset.MethodNotWanted {
		t.Error(err)
	}
}

func TestACallIsForgottenWhenItLapses(t *testing.T) {
	h, v, token := larks(t, "callback || totp")
	asked(h, token, proof.Callback)
	spoken := h.Texted(h.Voice, v.ID, gatetest.LarksPhone)
	h.Pass(10 * time.Minute)
	if _, err := h.Gate.Callback(t.Context(), gatetest.Staff(gatetest.Finch), v.ID, spoken); code(err) != "not_found" {
		t.Error(err)
	}
}
