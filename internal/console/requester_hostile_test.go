package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/directory/local"
	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/proof"
	"countersign/internal/reset"
)

// nasty is text that people type into fields which others see.
var nasty = []string{
	hostile, "\u202egnp.exe\u2066", "a\u200bb\u2060c\ufeff", "one\r\ntwo\n\nthree", strings.Repeat("W", 10<<10), "</title></textarea><script>alert(1)</script>",
	"%s %d %!", "{{.Case}}", "javascript:alert(1)", "\x00\x1b[31mred", "=cmd|' /C calc'!A0",
}

// armed is a tag that does something by itself or leads into a script.
var armed = regexp.MustCompile(`(?i)<[a-z0-9]+(?:\s+[a-z-]+(?:="[^"]*")?)*\s+(?:on[a-z]+\s*=|style\s*=|(?:href|src|action)\s*=\s*"?\s*javascript:)`)

// tame reports whether a page took such text as text.
func (p seen) tame(what string) {
	p.t.Helper()
	if p.status >= http.StatusInternalServerError {
		p.t.Errorf("%.40q: %s answered %d", what, p.path, p.status)
	}
	if armed.MatchString(p.body) || strings.Contains(p.body, "<img src=x") || strings.Contains(p.body, "alert(1)</script>") || strings.Contains(p.body, "%!") && !strings.Contains(what, "%!") {
		p.t.Errorf("%.40q is more than text on %s: %s", what, p.path, p.text())
	}
	if strings.ContainsAny(p.text(), "\x00\x1b") {
		p.t.Errorf("%.40q: %s has control characters", what, p.path)
	}
	if over := len(p.body); over > 64<<10 {
		p.t.Errorf("%.40q makes %s %d bytes long", what, p.path, over)
	}
}

func TestWhateverIsTypedOnThePublicPagesIsText(t *testing.T) {
	s := newSite(t)
	_, _ = s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	for _, x := range nasty {
		b := s.visitor()
		b.post("/case", "code", x).tame(x)
		b.post("/check", "code", x).tame(x)
		b.post("/check/report", "code", x, "note", x, "login", x).tame(x)
		b.post("/help", "login", x, "action", x, "directory", x).tame(x)
		b.post("/help", "login", x, "action", "unlock").tame(x)
		b.post("/preferences", "language", x, "theme", x).tame(x)
		b.get("/vouch/" + url.PathEscape(x)).tame(x)
		b.post("/not-me/" + url.PathEscape(x)).tame(x)
		b.post("/not-mine/" + url.PathEscape(x)).tame(x)
		b.get("/sign-in?next=" + url.QueryEscape(x)).tame(x)
		s.Pass(time.Hour) // the bounds forget
	}
	b := s.visitor()
	b.post("/case", "code", v.Case)
	ask := b.post("/case/challenge", "method", "totp")
	for _, x := range nasty[:3] {
		b.post("/case/answer", "challenge", ask.hidden("challenge"), "answer", x).tame(x)
		b.post("/case/challenge", "method", x).tame(x)
		b.get("/case/answer?challenge=" + url.QueryEscape(x)).tame(x)
	}
}

func TestHostileNamesStayNamesOnEverybodysPages(t *testing.T) {
	for _, name := range []string{hostile, strings.Repeat("W", 200), "%s %d {{.}}"} { // the directory refuses worse
		s := openSite(t, gatetest.New(t, asking("vouch || totp")), nil)
		moss, err := s.Directory.Find(t.Context(), gatetest.Moss)
		s.Must(err)
		_, err = s.Directory.Add(t.Context(), local.NewAccount{Login: "rook", Name: name, Manager: moss.ID, Password: gatetest.FirstPassword,
			Contacts: []directory.Contact{{Kind: directory.ContactEmail, Address: `"<b>x</b>"@private.example`, FirstSeen: s.Now().AddDate(-1, 0, 0)}}})
		s.Must(err)
		_, _ = s.Enrol("rook", proof.TOTP)
		s.ownKey("rook", "key")
		v, err := s.Gate.Open(t.Context(), gatetest.Staff(gatetest.Finch), gate.Wish{Login: "rook", Action: identity.PasswordReset, Channel: identity.Phone, Ticket: "INC-1"})
		s.Must(err)
		b := s.visitor()
		b.post("/case", "code", v.Case).is(http.StatusOK).tame(name)
		b.post("/check", "code", v.Case).is(http.StatusOK).tame(name)
		s.owner("rook").get("/security").is(http.StatusOK).says("My security").tame(name)
	}
}

func TestASessionThatEndsInMidFormSaysWhatToDo(t *testing.T) {
	s := newSite(t)
	seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
	v := s.Open(gatetest.Wren, identity.PasswordReset)
	b := s.visitor()
	b.post("/case", "code", v.Case)
	ask := b.post("/case/challenge", "method", "totp")
	b.post("/case/leave") // in another tab
	p := b.post("/case/answer", "challenge", ask.hidden("challenge"), "answer", s.Code(seed)).is(http.StatusUnauthorized).
		says("Enter your case code again", "the case code brings you back").never(s.Code(seed))
	if p.header.Get("Cache-Control") != "no-store" {
		t.Error("it may be kept")
	}
	b.post("/case", "code", v.Case).at("/case")

	o := s.owner(gatetest.Wren)
	o.get("/security").is(http.StatusOK)
	s.Pass(24 * time.Hour)
	o.post("/security/address", "method", "email_code", "address", "me@private.example").is(http.StatusUnauthorized).
		says("Nothing was changed", "type it again").never("me@private.example")
	o.get("/security").is(http.StatusOK).never("what you had typed is not kept")
}

func TestAReportThatCannotBeTakenKeepsItsWords(t *testing.T) {
	s := newSite(t)
	b := s.visitor()
	note, code := "They wanted a code, & at once", "ABCD-2345"
	for range 200 {
		p := b.post("/check/report", "code", code, "note", note)
		if p.status == http.StatusTooManyRequests {
			p.says("Too many attempts", "You can try again in")
			if !strings.Contains(p.body, `value="They wanted a code, &amp; at once"`) || !strings.Contains(p.body, `value="ABCD-2345"`) {
				t.Errorf("what was typed is lost: %s", p.body)
			}
			return
		}
		p.is(http.StatusOK)
	}
	t.Fatal("nothing was ever too much")
}

// What one writes and others read: reasons, notes, names of people who are
// invited and of integrations, what the policy says.
func TestWhatOnePersonWritesIsTextToAllOthers(t *testing.T) {
	for _, x := range []string{hostile, "</title></textarea><script>alert(1)</script>", "%s %d {{.}}", "javascript:alert(1)", strings.Repeat("W", 90)} {
		text, err := jsonText(x)
		if err != nil {
			t.Fatal(err)
		}
		s := openSite(t, gatetest.New(t, strings.Replace(gatetest.Policy, "risk_analysis: none, this is a test", "risk_analysis: "+text+"\nescalation: "+text, 1)), nil)
		seed, _ := s.Enrol(gatetest.Wren, proof.TOTP)
		moss := s.Person(gatetest.Moss)

		reported := s.Open(gatetest.Wren, identity.Unlock)
		s.Must(s.Gate.ReportCaller(t.Context(), gate.CallerReport{Case: reported.Case, Note: x}))
		denied := s.Open(gatetest.Wren, identity.PasswordReset)
		s.Must(s.Answer(s.Claim(denied.Case), proof.TOTP, s.Code(seed)))
		paper, err := s.Gate.Statement(t.Context(), gatetest.Staff(moss), denied.ID, reset.Deny)
		s.Must(err)
		_, err = s.Gate.Vote(t.Context(), gatetest.Staff(moss), denied.ID, reset.Deny, paper.ID, x, s.Sign(moss, paper.Options.Challenge))
		s.Must(err)
		_, err = s.Gate.Invite(t.Context(), gatetest.Staff(gatetest.Olive), gate.Invitee{Person: "employee:1", Name: x, Roles: []identity.Role{identity.Officer}})
		s.Must(err)
		if _, err := s.Gate.TokenPaper(t.Context(), gatetest.Staff(gatetest.Olive), x, []gate.Scope{gate.ScopeOpen}, 24*time.Hour); err == nil { // some names it refuses
			s.Token(x, 24*time.Hour, gate.ScopeOpen)
		}
		_, err = s.signin.EndSessionsOf(t.Context(), gatetest.Staff(gatetest.Olive), gatetest.Finch, x)
		s.Must(err)

		for _, who := range []identity.PersonID{gatetest.Olive, gatetest.Sorrel, gatetest.Finch, moss} {
			v := s.staff(who)
			for _, path := range []string{"/requests", "/requests/" + reported.ID, "/requests/" + denied.ID, "/desk", "/approvals", "/roster", "/roster/history", "/reports", "/ledger", "/sessions", "/policy", "/policy/explain", "/parts", "/setup"} {
				v.get(path).tame(x)
			}
		}
		s.staff(moss).get("/requests/" + denied.ID).says(x) // and it is there, as text
		s.staff(gatetest.Olive).get("/roster").says(x)
		s.staff(gatetest.Finch).get("/sessions").says(x)
		s.owner(gatetest.Wren).get("/security").is(http.StatusOK).tame(x)
		s.visitor().post("/case", "code", denied.Case).tame(x)
	}
}
