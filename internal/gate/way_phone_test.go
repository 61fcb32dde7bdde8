package gate_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/evidence"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// holds brings a proved request to its order, and asks the auditor.
func holds(h *gatetest.House, request string) {
	h.T.Helper()
	if s := h.Authorise(request); s.Status() != reset.OrderedUp {
		h.T.Fatalf("the request stands at %s", s.Status())
	}
	if r := audited(h, request); r.Verdict != evidence.Allowed {
		h.T.Fatalf("the evidence does not hold: %+v", r.Steps)
	}
}

func audited(h *gatetest.House, request string) evidence.Report {
	h.T.Helper()
	b, err := h.Gate.Evidence(h.T.Context(), request)
	h.Must(err)
	roots, err := h.Roots()
	h.Must(err)
	return evidence.Verify(b, roots, h.Now())
}

// mailedIn opens a request that came in by mail.
func mailedIn(h *gatetest.House, login string, a identity.Action) gate.View {
	h.T.Helper()
	v, err := h.Gate.Open(h.T.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: login, Action: a, Channel: identity.Email, Ticket: "INC-2"})
	h.Must(err)
	return v
}

func larks(t *testing.T, proofs string) (*gatetest.House, gate.View, string) {
	t.Helper()
	h := gatetest.New(t, letIn(proofs))
	h.AddLark()
	v := mailedIn(h, gatetest.Lark, identity.PasswordReset)
	return h, v, h.Claim(v.Case)
}

func asked(h *gatetest.House, token string, m proof.Method) gate.Prompt {
	h.T.Helper()
	p, err := h.Gate.Challenge(h.T.Context(), token, m)
	h.Must(err)
	return p
}

func reply(h *gatetest.House, token string, p gate.Prompt, typed string) error {
	_, err := h.Gate.Answer(h.T.Context(), token, p.Challenge, gate.Reply{Text: typed})
	return err
}

func reasons(h *gatetest.House, request string, m proof.Method) []reset.Code {
	var out []reset.Code
	for _, w := range h.State(request).Withheld {
		if w.Method == m {
			out = append(out, w.Reason)
		}
	}
	return out
}

func TestACodeByTelephoneProvesAndTheAuditorCanTell(t *testing.T) {
	for m, port := range map[proof.Method]func(*gatetest.House) *gatetest.Phone{
		proof.SMSCode:   func(h *gatetest.House) *gatetest.Phone { return h.SMS },
		proof.VoiceCode: func(h *gatetest.House) *gatetest.Phone { return h.Voice },
	} {
		t.Run(string(m), func(t *testing.T) {
			h, v, token := larks(t, string(m)+" || totp")
			p := asked(h, token, m)
			typed := h.Texted(port(h), v.ID, gatetest.LarksPhone)
			text := port(h).Messages(gatetest.LarksPhone)[0]
			if strings.Contains(text, "http") == (m == proof.VoiceCode) {
				t.Errorf("a message has the link, and a call has none:\n%s", text)
			}
			h.Must(reply(h, token, p, typed))
			holds(h, v.ID)
			if !slices.Contains(h.State(v.ID).Facts.Subject.Enrolled, string(m)) {
				t.Error("the policy is not told that Lark has a telephone")
			}
			h.NoSecret(typed, gatetest.LarksPhone)
		})
	}
}

// A13.
func TestANumberWhoseSIMHasJustChangedIsNotBelieved(t *testing.T) {
	for _, m := range []proof.Method{proof.SMSCode, proof.VoiceCode, proof.Callback} {
		h := gatetest.New(t, letIn(string(m)+" || email_code || totp"))
		h.AddLark()
		h.Voice.SIM(gatetest.LarksPhone, h.Now().Add(-2*time.Hour)) // it knows, whichever way is used
		v, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Lark, Action: identity.PasswordReset, Channel: identity.WalkIn})
		h.Must(err)
		if got := reasons(h, v.ID, m); !slices.Equal(got, []reset.Code{reset.ChannelSuspect}) {
			t.Errorf("%s: why it is not offered: %v", m, got)
		}
		token := h.Claim(v.Case)
		if _, err := h.Gate.Challenge(t.Context(), token, m); code(err) != reset.MethodNotWanted {
			t.Errorf("%s: asked for: %v", m, err)
		}
		if h.Letters(v.ID, ""); len(h.Voice.Messages(gatetest.LarksPhone))+len(h.SMS.Messages(gatetest.LarksPhone)) != 0 {
			t.Errorf("%s: a code went out", m)
		}
		c, err := h.Gate.Case(t.Context(), token)
		h.Must(err)
		if len(c.Paths) != 1 || c.Paths[0][0] != proof.EmailCode {
			t.Errorf("%s: the paths that are left: %v", m, c.Paths)
		}
	}
}

func TestASIMOfLongAgoCountsFromItsChange(t *testing.T) {
	h := gatetest.New(t, letIn("sms_code || totp"))
	h.AddLark()
	changed := h.Now().Add(-30 * 24 * time.Hour)
	h.SMS.SIM(gatetest.LarksPhone, changed)
	v := mailedIn(h, gatetest.Lark, identity.PasswordReset)
	token := h.Claim(v.Case)
	p := asked(h, token, proof.SMSCode)
	h.Must(reply(h, token, p, h.Texted(h.SMS, v.ID, gatetest.LarksPhone)))
	holds(h, v.ID)
	s := h.State(v.ID)
	if !s.Proofs[0].Since.Equal(changed) {
		t.Errorf("on record since %s", s.Proofs[0].Since)
	}
	for _, c := range s.Facts.Contacts {
		if (c.Kind == "phone") != (c.SIMChanged != nil && c.SIMChanged.Equal(changed)) {
			t.Errorf("the policy is told %+v", c)
		}
	}
}

func TestAGatewayThatDoesNotTellClosesTheTelephoneAndNothingElse(t *testing.T) {
	h := gatetest.New(t, letIn("sms_code || email_code || totp"))
	h.AddLark()
	h.Voice.Fail(nil, errors.New("status 500"))
	v, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Lark, Action: identity.PasswordReset, Channel: identity.WalkIn})
	h.Must(err)
	if got := reasons(h, v.ID, proof.SMSCode); !slices.Equal(got, []reset.Code{reset.ChannelSuspect}) {
		t.Errorf("why it is not offered: %v", got)
	}
	for _, c := range h.State(v.ID).Facts.Contacts {
		if c.SIMChanged != nil {
			t.Errorf("a fact that nobody told: %+v", c)
		}
	}
	before := h.Voice.Asked()
	token := h.Claim(v.Case)
	h.Must(reply(h, token, asked(h, token, proof.EmailCode), h.MailedCode(v.ID, gatetest.LarksMail)))
	if h.Voice.Asked() != before {
		t.Error("a gateway that failed is asked again at once")
	}
	h.Voice.Fail(nil, nil)
	h.Pass(2 * time.Minute)
	again := mailedIn(h, gatetest.Lark, identity.PasswordReset)
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(again.Case), proof.SMSCode); err != nil {
		t.Errorf("when it tells again: %v", err)
	}
}

func TestNobodyAsksAGatewayForAPolicyWithoutTelephones(t *testing.T) {
	h, _, token := larks(t, "email_code || totp")
	h.SMS.Fail(nil, errors.New("status 500"))
	if _, err := h.Gate.Challenge(t.Context(), token, proof.SMSCode); code(err) != reset.MethodNotWanted {
		t.Error(err)
	}
	if n := h.SMS.Asked() + h.Voice.Asked(); n != 0 {
		t.Errorf("it was asked %d times", n)
	}
}

func TestATelephoneThatProvesNothingIsNotOffered(t *testing.T) {
	for name, c := range map[string]struct {
		contact directory.Contact
		want    []reset.Code
	}{
		"the account's own number": {directory.Contact{Kind: directory.ContactPhone, Address: "+15550143", Own: true}, []reset.Code{reset.ChannelNotIndependent}},
		"a number without country": {directory.Contact{Kind: directory.ContactPhone, Address: "0555 0143"}, nil},
		"a number of today":        {directory.Contact{Kind: directory.ContactPhone, Address: "+15550143"}, []reset.Code{reset.DestinationTooNew}},
	} {
		h := gatetest.New(t, letIn("sms_code || totp"))
		if name != "a number of today" {
			c.contact.FirstSeen = h.Now().AddDate(-1, 0, 0)
		} else {
			c.contact.FirstSeen = h.Now()
		}
		_, err := h.Directory.Add(t.Context(), local.NewAccount{Login: "heron", Name: "Heron Gray", Contacts: []directory.Contact{c.contact}})
		h.Must(err)
		v := mailedIn(h, "heron", identity.PasswordReset)
		if _, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.SMSCode); code(err) != reset.MethodNotWanted {
			t.Errorf("%s: %v", name, err)
		}
		if got := reasons(h, v.ID, proof.SMSCode); !slices.Equal(got, c.want) {
			t.Errorf("%s: why: %v", name, got)
		}
	}
}

func TestATelephoneProvesNothingToACaller(t *testing.T) {
	h := gatetest.New(t, letIn("sms_code || totp"))
	h.AddLark()
	v := h.Open(gatetest.Lark, identity.PasswordReset) // by telephone
	if _, err := h.Gate.Challenge(t.Context(), h.Claim(v.Case), proof.SMSCode); code(err) != reset.MethodNotWanted {
		t.Error(err)
	}
	if got := reasons(h, v.ID, proof.SMSCode); !slices.Equal(got, []reset.Code{reset.ChannelNotIndependent}) {
		t.Errorf("why: %v", got)
	}
}

// A16.
func TestAskingAgainGivesNoMoreGuesses(t *testing.T) {
	h, v, token := larks(t, "sms_code || totp")
	for range 2 {
		p := asked(h, token, proof.SMSCode)
		right := h.Texted(h.SMS, v.ID, gatetest.LarksPhone)
		for range 2 {
			if err := reply(h, token, p, other(right)); code(err) != "answer_refused" {
				t.Fatal(err)
			}
		}
	}
	p := asked(h, token, proof.SMSCode)
	right := h.Texted(h.SMS, v.ID, gatetest.LarksPhone)
	_ = reply(h, token, p, other(right))
	if err := reply(h, token, p, right); code(err) != reset.MethodLocked {
		t.Errorf("the right code after five wrong ones: %v", err)
	}
}

// other is a code that is not this one.
func other(digits string) string {
	return string('0'+(digits[0]-'0'+1)%10) + digits[1:]
}

// A17.
func TestACodeByTelephoneCountsForItsRequestAlone(t *testing.T) {
	h, first, one := larks(t, "sms_code || totp")
	asked(h, one, proof.SMSCode)
	typed := h.Texted(h.SMS, first.ID, gatetest.LarksPhone)
	second := mailedIn(h, gatetest.Lark, identity.Unlock)
	two := h.Claim(second.Case)
	p := asked(h, two, proof.SMSCode)
	if err := reply(h, two, p, typed); code(err) != "answer_refused" {
		t.Errorf("the code of another request: %v", err)
	}
	if n := h.State(second.ID).Failures(proof.SMSCode); n != 1 {
		t.Errorf("it counted %d times", n)
	}
}

func TestAMessageThatCannotBeSentIsRecordedAsThat(t *testing.T) {
	h, v, token := larks(t, "sms_code || totp")
	asked(h, token, proof.SMSCode)
	h.SMS.Fail(fmt.Errorf("no such number: %w", notify.ErrPermanent), nil)
	h.Letters(v.ID, "")
	records, err := h.Store.Stream(t.Context(), v.ID)
	h.Must(err)
	last := records[len(records)-1]
	if last.Type != "notified" || !strings.Contains(string(last.Body), `"failed"`) {
		t.Errorf("the ledger ends with %s %s", last.Type, last.Body)
	}
}

func TestTelephonesHearOfARecoveryAndCanStopIt(t *testing.T) {
	h, v, _ := larks(t, "email_code || totp")
	h.Must(h.Gate.Notice(t.Context(), v.ID, "opened"))
	h.Letters(v.ID, "")
	texts := h.SMS.Messages(gatetest.LarksPhone)
	if len(texts) != 1 || len(texts[0]) > 305 || !strings.Contains(texts[0], v.Case) || !strings.Contains(texts[0], `"lark" requested`) {
		t.Fatalf("Lark's telephone got %q", texts)
	}
	if len(h.Voice.Messages(gatetest.LarksPhone)) != 0 {
		t.Error("it was rung for a notice")
	}
	link := regexp.MustCompile(`/not-me/([A-Za-z0-9_-]+)`).FindStringSubmatch(texts[0])
	h.Must(h.Gate.Repudiate(t.Context(), link[1]))
	if s := h.State(v.ID); s.Status() != reset.Vetoed {
		t.Errorf("the request stands at %s", s.Status())
	}
	h.Must(h.Gate.Notice(t.Context(), v.ID, "waiting"))
	h.Must(h.Gate.Notice(t.Context(), v.ID, "repudiated"))
	h.Letters(v.ID, "")
	if texts := h.SMS.Messages(gatetest.LarksPhone); len(texts) != 2 || !strings.Contains(texts[1], "stopped") {
		t.Errorf("Lark's telephone got %q", texts)
	}
}
