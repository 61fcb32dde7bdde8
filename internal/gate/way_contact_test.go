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
	"countersign/internal/proof"
	"countersign/internal/reset"
	"countersign/internal/store"
)

const kin = "kin@family.example"

// named registers an address of Wren's, or of somebody Wren trusts.
func named(h *gatetest.House, m proof.Method, address string) gate.Added {
	h.T.Helper()
	o := wrens(h)
	b, err := h.Gate.AddAddress(h.T.Context(), o, m, address, "")
	h.Must(err)
	digits := ""
	if m == proof.SMSCode {
		h.Letters("", "")
		text := h.SMS.Messages(address)[0]
		digits = text[strings.Index(text, ": ")+2:][:9]
	} else {
		digits = h.MailedCode("", address)
	}
	added, err := h.Gate.Confirm(h.T.Context(), o, b.Enrolment, digits)
	h.Must(err)
	return added
}

func TestARecoveryContactGivesTheOwnerTheCode(t *testing.T) {
	h := gatetest.New(t, letIn("recovery_contact"))
	first := named(h, proof.RecoveryContact, kin)
	h.Pass(time.Hour)
	named(h, proof.RecoveryContact, "friend@elsewhere.example")
	h.Pass(proof.CoolOff)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	token := h.Claim(v.Case)
	p := asked(h, token, proof.RecoveryContact)
	if life := p.Until.Sub(h.Now()); life != 24*time.Hour {
		t.Errorf("it may be answered for %s", life)
	}
	typed := h.MailedCode(v.ID, kin)
	text := h.Mail.Messages(kin)
	if last := text[len(text)-1].Text; !strings.Contains(last, "Wren Ito") || !strings.Contains(last, "Give it to the owner of the account alone") {
		t.Errorf("the contact reads:\n%s", last)
	}
	h.Pass(23 * time.Hour)
	h.Must(reply(h, token, p, typed))
	holds(h, v.ID)
	if used := h.State(v.ID).Proofs[0].Enrolment; used != first.Enrolment {
		t.Error("the contact that was named later was written to")
	}
	h.NoSecret(typed, kin)
}

// A22.
func TestARecoveryContactOfTodayGetsNoCode(t *testing.T) {
	h := gatetest.New(t, letIn("recovery_contact || totp"))
	named(h, proof.RecoveryContact, kin)
	h.Pass(6 * time.Hour)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.RecoveryContact); code(err) != reset.MethodNotWanted {
		t.Error(err)
	}
	if got := reasons(h, v.ID, proof.RecoveryContact); !slices.Equal(got, []reset.Code{reset.DestinationTooNew}) {
		t.Errorf("why: %v", got)
	}
	if got := strings.Join(h.Letters(v.ID, kin), "\n"); strings.Contains(got, v.Case) {
		t.Errorf("the contact got\n%s", got)
	}
}

func TestTheAccountsOwnMailboxIsNoRecoveryContact(t *testing.T) {
	h := gatetest.New(t, letIn("recovery_contact || totp"))
	named(h, proof.RecoveryContact, "WREN@Corp.example")
	h.Pass(proof.CoolOff)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.RecoveryContact); code(err) != reset.MethodNotWanted {
		t.Error(err)
	}
	if got := reasons(h, v.ID, proof.RecoveryContact); !slices.Equal(got, []reset.Code{reset.ChannelNotIndependent}) {
		t.Errorf("why: %v", got)
	}
}

func TestWhatTheAgentPutOnRecordIsNotOfferedInTheirRequest(t *testing.T) {
	for _, m := range []proof.Method{proof.RecoveryContact, proof.SMSCode} {
		h := gatetest.New(t, letIn(string(m)+" || totp"))
		address := kin
		if m == proof.SMSCode {
			address = "+15550177"
		}
		added := named(h, m, address)
		item, err := h.Store.Item(t.Context(), "enrolment", added.Enrolment, h.Now())
		h.Must(err)
		var e map[string]any
		h.Must(json.Unmarshal(item.Value, &e))
		e["set_by"] = gatetest.Finch
		expect := item.Version
		item.Value, err = json.Marshal(e)
		h.Must(err)
		h.Must(h.Store.Change(t.Context(), store.ItemChange{Item: item, Expect: expect}))
		h.Pass(proof.CoolOff)
		v, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.PasswordReset, Channel: identity.WalkIn})
		h.Must(err)
		_, err = h.Gate.Challenge(t.Context(), h.Claim(v.Case), m)
		if got := reasons(h, v.ID, m); code(err) != reset.MethodNotWanted || !slices.Equal(got, []reset.Code{reset.SeparationOfDuties}) {
			t.Errorf("%s: %v, because %v", m, err, got)
		}
	}
}

func TestARegisteredTelephoneServesForMessagesAndCalls(t *testing.T) {
	for _, m := range []proof.Method{proof.SMSCode, proof.VoiceCode} {
		h := gatetest.New(t, letIn(string(m)+" || totp"))
		added := named(h, proof.SMSCode, "+15550177")
		h.Pass(proof.CoolOff)
		v := mailedIn(h, gatetest.Wren, identity.PasswordReset)
		token := h.Claim(v.Case)
		p := asked(h, token, m)
		port := h.SMS
		if m == proof.VoiceCode {
			port = h.Voice
		}
		h.Must(reply(h, token, p, h.Texted(port, v.ID, "+15550177")))
		holds(h, v.ID)
		if used := h.State(v.ID).Proofs[0].Enrolment; used != added.Enrolment {
			t.Errorf("%s: %s answered", m, used)
		}
	}
}

func TestARegisteredMailboxIsADestinationAndHears(t *testing.T) {
	h := gatetest.New(t, letIn("email_code || totp"))
	added := named(h, proof.EmailCode, "wren@second.example")
	named(h, proof.EmailCode, "Wren@PRIVATE.example") // on record already
	named(h, proof.EmailCode, "WREN@corp.example")    // opened by the account
	h.Pass(proof.CoolOff)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	var sources []string
	for _, c := range h.State(v.ID).Facts.Contacts {
		sources = append(sources, c.Source)
		if c.ID == added.Enrolment && c.Own {
			t.Error("a mailbox elsewhere is taken for the account's own")
		}
	}
	slices.Sort(sources)
	if !slices.Equal(sources, []string{"corp", "corp", "enrolment"}) {
		t.Errorf("the destinations come from %v", sources)
	}
	h.Must(h.Gate.Notice(t.Context(), v.ID, "opened"))
	before := len(h.Mail.Messages("wren@second.example"))
	if after := len(h.Letters(v.ID, "wren@second.example")); after != before+1 {
		t.Errorf("it has got %d letters more", after-before)
	}
	token := h.Claim(v.Case)
	p := asked(h, token, proof.EmailCode)
	h.Must(reply(h, token, p, h.MailedCode(v.ID, gatetest.WrensMail))) // the one longest on record
	holds(h, v.ID)
}
