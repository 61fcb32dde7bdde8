package console_test

import (
	"encoding/csv"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// aWeekOfWork leaves something in every figure.
func aWeekOfWork(s *site) {
	s.T.Helper()
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	for _, took := range []time.Duration{2 * time.Minute, 4 * time.Minute, 6 * time.Minute, 20 * time.Minute, 3 * time.Hour} {
		id, _ := s.Ordered(gatetest.Wren, identity.PasswordReset, seed)
		s.Pass(took)
		s.Must(s.Do("dispatch", id))
	}
	s.Pass(2 * 24 * time.Hour)
	v := s.Open(gatetest.Wren, identity.Unlock)
	token := s.Claim(v.Case)
	if err := s.Answer(token, proof.TOTP, "000000"); err == nil {
		s.T.Fatal("a guess was right")
	}
	s.Must(s.Answer(token, proof.TOTP, s.Code(seed)))
	s.Must(s.Vote(s.Person(gatetest.Moss), v.ID, reset.Deny))
	for _, login := range []string{"admin", "nobody"} {
		_, err := s.Gate.Open(s.T.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: login, Action: identity.Unlock, Channel: identity.Chat})
		if err == nil {
			s.T.Fatal("it was opened")
		}
	}
}

func TestReportsTellWhatHappenedInSentencesAndNumbers(t *testing.T) {
	s := newSite(t)
	aWeekOfWork(s)
	p := s.staff(gatetest.Sorrel).get("/reports").is(http.StatusOK)
	p.says("Of the requests that ended, 71% were carried out.", "Half of the standard accounts were back within 7 min, and nine in ten within",
		"All refusals had one reason: outside the desk's bounds.", "A request took 1.0 proofs and 1.0 signatures on average.", "UTC.", "There were 2 exceptions", "Finch Day", "helpdesk")
	p.never("wren", "Wren", ">nobody<", "INC-1")
	if n := strings.Count(p.body, "<svg class=\"plot"); n < 6 {
		t.Errorf("%d plots", n)
	}
	if found := inline.FindString(p.body); found != "" {
		t.Errorf("inline: %s", found)
	}
}

func TestReportsOfNothingTeach(t *testing.T) {
	s := newSite(t)
	p := s.staff(gatetest.Sorrel).get("/reports?days=7").is(http.StatusOK)
	p.says("Nothing happened in these days", "Nothing has to be set up").never("NaN", "Inf")
	s.Open(gatetest.Wren, identity.Unlock)
	s.staff(gatetest.Sorrel).get("/reports").is(http.StatusOK).says("None of the requests opened so far has ended", "No request was carried out").never("NaN", "Inf")
}

func TestDaysAreChosenByAddress(t *testing.T) {
	s := newSite(t)
	v := s.staff(gatetest.Sorrel)
	v.get("/reports?since=2026-02-01&until=2026-02-03").is(http.StatusOK).says("1 February 2026 to 3 February 2026")
	v.get("/reports?days=7").is(http.StatusOK).says("24 February 2026 to 2 March 2026")
	s.Open(gatetest.Wren, identity.Unlock)
	for _, query := range []string{"?days=7", "?since=2026-02-01&amp;until=2026-03-02"} {
		page := v.get("/reports" + html.UnescapeString(query)).is(http.StatusOK)
		for _, link := range []string{`href="/reports?days=90"`, `href="/reports/volume.csv` + query + `"`} {
			if !strings.Contains(page.body, link) {
				t.Errorf("%s leads nowhere from %s", link, page.path)
			}
		}
	}
	for _, bad := range []string{"since=2026-02-03&until=2026-02-01", "since=2020-01-01&until=2026-02-01", "since=now&until=then", "since=2026-02-01", "days=-3", "days=0", "days=many", "days=99999999999999999999", "days=367"} {
		v.get("/reports?"+bad).is(http.StatusBadRequest).says("These days cannot be shown", "366 days")
		v.get("/reports/volume.csv?" + bad).is(http.StatusUnprocessableEntity)
	}
}

func TestOnlyOversightSeesReports(t *testing.T) {
	s := newSite(t)
	for _, p := range []identity.PersonID{gatetest.Finch, s.Person(gatetest.Moss)} {
		for _, path := range []string{"/reports", "/reports/agents.csv"} {
			s.staff(p).get(path).is(http.StatusForbidden).says("Your role does not allow this")
		}
	}
	for _, path := range []string{"/reports", "/reports/agents.csv"} {
		if got := s.visitor().get(path); !strings.HasPrefix(got.path, "/sign-in") {
			t.Errorf("a stranger is at %s", got.path)
		}
	}
}

func TestEveryFigureIsAFileToo(t *testing.T) {
	s := newSite(t)
	aWeekOfWork(s)
	v := s.staff(gatetest.Sorrel)
	for name, want := range map[string]string{
		"volume": "day,opened,done,", "outcomes": "by,name,opened,", "recovery": "class,path,within_seconds,requests\r\nstandard,totp,",
		"refusals": "kind,reason,refusals\r\nrule,", "exceptions": "desk,vendor,opened,wrong_answer,", "hours": "weekday,hour_utc,exceptions\r\nMonday,0,0\r\n",
		"agents": "agent,name,desk,wrong_answer,", "friction": "tier,requests,proofs,approvals,wait_seconds\r\n",
	} {
		p := v.get("/reports/" + name + ".csv").is(http.StatusOK)
		if !strings.HasPrefix(p.body, want) || p.header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
			t.Errorf("%s: %s %q", name, p.header.Get("Content-Type"), p.body)
		}
		if d := p.header.Get("Content-Disposition"); !strings.HasPrefix(d, `attachment; filename="countersign-`+name) {
			t.Errorf("%s: %s", name, d)
		}
		lines, err := csv.NewReader(strings.NewReader(p.body)).ReadAll() // each as long as the first
		if err != nil || len(lines) < 2 {
			t.Errorf("%s: %d lines, %v", name, len(lines), err)
		}
	}
	for _, path := range []string{"/reports/volume", "/reports/volume.xlsx", "/reports/everything.csv", "/reports/.csv"} {
		v.get(path).is(http.StatusNotFound)
	}
}

func TestANameIsNoFormulaInASpreadsheet(t *testing.T) {
	s := newSite(t)
	hostile := identity.PersonID(`=HYPERLINK("https://evil.example")`)
	s.Invite(hostile, `@SUM(1+1)*cmd|' /C calc'!A0`, "-desk,\"x\"", identity.Agent)
	_, _ = s.Gate.Open(t.Context(), gatetest.Staff(hostile), gate.Wish{Login: "nobody", Action: identity.Unlock, Channel: identity.Phone})
	p := s.staff(gatetest.Sorrel).get("/reports/agents.csv").is(http.StatusOK)
	lines, err := csv.NewReader(strings.NewReader(p.body)).ReadAll()
	s.Must(err)
	if len(lines) != 2 {
		t.Fatalf("%q", p.body)
	}
	for _, cell := range lines[1][:3] {
		if !strings.HasPrefix(cell, "'") {
			t.Errorf("a spreadsheet would run %q", cell)
		}
	}
	s.staff(gatetest.Sorrel).get("/reports").is(http.StatusOK).never("<https", `=HYPERLINK("`)
}
