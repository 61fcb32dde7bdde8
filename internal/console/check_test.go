package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/reset"
)

// errands does what waits to be done for people whom nobody knows.
func (s *site) errands() {
	s.T.Helper()
	for kind, do := range map[string]func(string) error{
		gate.JobSelf:   func(key string) error { return s.Gate.SelfServe(s.T.Context(), key) },
		gate.JobReport: func(key string) error { return s.Gate.CallerReported(s.T.Context(), key) },
	} {
		items, err := s.Store.Items(s.T.Context(), "errand", kind, s.Now())
		s.Must(err)
		for _, i := range items {
			s.Must(do(i.Key))
		}
	}
}

func TestTheEmployeeSeesWhoHasTheCase(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.get("/").says("Check the desk")
	b.get("/check").is(http.StatusOK).says("Is it really the desk?", "open it from your bookmark", "Report this caller")
	p := b.post("/check", "code", strings.ToLower(v.Case)).is(http.StatusOK).
		says("There is such a request", "Finch Day", "helpdesk", "New password", "wren", v.Words, "may have heard the code from somebody else", "Report this caller").
		never("Wren Ito", gatetest.WrensMail, v.ID)
	if p.hidden("code") != v.Case {
		t.Errorf("a report would be about %q", p.hidden("code"))
	}
	if n := len(s.State(v.ID).Sessions); n != 0 {
		t.Error("checking came forward with the case")
	}
}

func TestACodeThatThereIsNotMeansHangUp(t *testing.T) {
	s := newSite(t)
	b := s.visitor()
	for _, code := range []string{"ABCD-2345", "", "<script>alert(1)</script>", `"><b>`, strings.Repeat("A", 5000), "\x00\n"} {
		b.post("/check", "code", code).is(http.StatusNotFound).says("There is no such request", "lying or mistaken: hang up.", "Report this caller").
			never("<script>alert", "<b>\"")
		s.Pass(time.Minute)
	}
}

func TestARequestThatEndedIsStillSaidToHaveBeenOne(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	_, err := s.Gate.Cancel(t.Context(), gatetest.Staff(gatetest.Finch), v.ID)
	s.Must(err)
	s.visitor().post("/check", "code", v.Case).says("There is such a request", "cancelled")
}

func TestEveryReportIsThankedAlike(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	first := s.visitor().post("/check/report", "code", v.Case, "note", "he was in a hurry").is(http.StatusOK).says("Thank you", "Hang up")
	for _, form := range [][]string{{}, {"code", "ABCD-2345"}, {"code", v.Case}, {"note", strings.Repeat("a", 9000)}, {"code", "\x00\n<script>", "note", "one\ntwo\x1b[31m", "login", hostile}} {
		if p := s.visitor().post("/check/report", form...).is(http.StatusOK); p.body != first.body {
			t.Errorf("%q: the page differs: %s", form, p.text())
		}
	}
	if !s.State(v.ID).IsOpen() {
		t.Error("something was done before the answer")
	}
	s.errands()
	if st := s.State(v.ID).Status(); st != reset.CancelledBy {
		t.Errorf("the request stands at %s", st)
	}
	if letters := strings.Join(s.Letters(v.ID, "soc@corp.example"), "\n"); !strings.Contains(letters, "he was in a hurry") {
		t.Errorf("security has:\n%s", letters)
	}
}

func TestChecksAndReportsAreCountedBySource(t *testing.T) {
	s := newSite(t)
	b := s.visitor()
	for range 10 {
		b.post("/check", "code", "ABCD-2345").is(http.StatusNotFound)
	}
	b.post("/check", "code", "ABCD-2345").is(http.StatusTooManyRequests).says("Too many attempts", "Is it really the desk?")
	b.post("/check/report").is(http.StatusTooManyRequests)
}

func TestWhoeverHasTheCaseOpenSaysThatItIsNotThem(t *testing.T) {
	s := newSite(t)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case).says("This wasn’t me")
	b.post("/case/not-me").is(http.StatusOK).says("Thank you", "Hang up")
	b.post("/case/not-me").is(http.StatusUnauthorized).says("Enter your case code again")
	b.get("/").never(v.Case)
	s.errands()
	if st := s.State(v.ID).Status(); st != reset.CancelledBy {
		t.Errorf("the request stands at %s", st)
	}
	s.visitor().post("/case/not-me").is(http.StatusUnauthorized)
	s.visitor().get("/case/not-me").is(http.StatusNotFound)
}
