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

func TestAnEmployeeChecksTheDesk(t *testing.T) {
	h := gatetest.New(t, plenty)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	c, err := h.Gate.DeskCheck(t.Context(), strings.ToLower(strings.ReplaceAll(v.Case, "-", " ")))
	h.Must(err)
	if c.Card.Agent != "Finch Day" || c.Card.Desk != "helpdesk" || c.Card.Login != gatetest.Wren || c.Card.Action != identity.PasswordReset ||
		c.Card.Words != proof.Words(v.ID) || c.Status != "waiting for the owner's proof" {
		t.Errorf("they see %+v", c)
	}
	_, err = h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: "admin", Action: identity.PasswordReset, Channel: identity.Phone})
	if code(err) != "not_available" {
		t.Fatal(err)
	}
	refused := requests(h, h.Person("admin"))
	for name, code := range map[string]string{"an unknown one": "2222-2222", "nonsense": "'; drop table", "nothing": "", "one that was refused": refused[0].Case} {
		if _, err := h.Gate.DeskCheck(t.Context(), code); err != gate.ErrNoRequest { //nolint:errorlint // the very same answer
			t.Errorf("%s: %v", name, err)
		}
	}
	h.Pass(48 * time.Hour)
	if _, err := h.Gate.DeskCheck(t.Context(), v.Case); err != gate.ErrNoRequest { //nolint:errorlint // the very same answer
		t.Errorf("a day after its end: %v", err)
	}
	if strings.Contains(h.Log.String(), v.Case) {
		t.Error("the case code was logged")
	}
}

func reports(h *gatetest.House, r gate.CallerReport) {
	h.T.Helper()
	h.Must(h.Gate.ReportCaller(h.T.Context(), r))
	errands(h)
}

func lastAlarm(h *gatetest.House, request string) string {
	all := h.Letters(request, soc)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

func TestAReportedCallerLosesTheRequest(t *testing.T) {
	h := gatetest.New(t, plenty)
	seed, _ := h.Enrol(gatetest.Wren, proof.TOTP)
	wren := h.Person(gatetest.Wren)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	before := size(h)
	h.Must(h.Gate.ReportCaller(t.Context(), gate.CallerReport{Case: v.Case, Note: "he said he was Finch"}))
	if size(h) != before {
		t.Error("something was done before the answer")
	}
	errands(h)
	if s := h.State(v.ID); s.Status() != reset.CancelledBy || s.Repudiated || s.Fences() {
		t.Errorf("it stands at %s, fenced: %v", s.Status(), s.Fences())
	}
	if signals(h, wren, gate.SignalReported) != 1 {
		t.Error("no signal tells of it")
	}
	for _, want := range []string{"he said he was Finch", "hearsay", "The request was ended", v.Case} {
		if text := lastAlarm(h, v.ID); !strings.Contains(text, want) {
			t.Errorf("security's letter lacks %q:\n%s", want, text)
		}
	}
	if _, err := h.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: gatetest.Wren, Action: identity.PasswordReset, Channel: identity.Phone}); err != nil {
		t.Errorf("the person is fenced: %v", err)
	}

	// What the hands have is not stopped by hearsay.
	later := h.Open(gatetest.Wren, identity.PasswordReset)
	h.Must(h.Answer(h.Claim(later.Case), proof.TOTP, h.Code(seed)))
	h.Pass(time.Second)
	h.Authorise(later.ID)
	h.Must(h.Do(gate.JobDispatch, later.ID))
	id, s := later.ID, h.State(later.ID)
	reports(h, gate.CallerReport{Case: s.Case})
	if now := h.State(id).Status(); now != reset.Done {
		t.Errorf("a request that was done stands at %s", now)
	}
}

func TestAReportMayBeWrongInEveryPart(t *testing.T) {
	h := gatetest.New(t, plenty)
	v := h.Open(gatetest.Wren, identity.PasswordReset)
	for _, r := range []gate.CallerReport{
		{}, {Case: "2222-2222"}, {Login: "nobody"}, {Note: "no code at all"}, {Case: "x", Login: "y", Note: "z"}, {Login: gatetest.Wren},
	} {
		reports(h, r)
	}
	if s := h.State(v.ID); s.Status() != reset.Proving {
		t.Errorf("a request that nobody named stands at %s", s.Status())
	}
	if signals(h, h.Person(gatetest.Wren), gate.SignalReported) != 1 {
		t.Error("the person whom the call was about has no signal")
	}
	for name, r := range map[string]gate.CallerReport{
		"two lines": {Note: "a\nb"}, "a long note": {Note: strings.Repeat("a", 301)}, "a long code": {Case: strings.Repeat("2", 41)}, "a turned text": {Login: "wren\u202e"},
	} {
		if err := h.Gate.ReportCaller(t.Context(), r); code(err) != "invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManyReportsDoNotBuryOne(t *testing.T) {
	h := gatetest.New(t, plenty)
	for i := range 40 {
		reports(h, gate.CallerReport{Note: strings.Repeat("x", i+1)})
	}
	h.Letters("", soc)
	if n := len(h.Mail.Messages(soc)); n != 20 {
		t.Errorf("security got %d letters in an hour", n)
	}
}
