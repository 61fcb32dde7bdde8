package app_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/client"
	"countersign/internal/directory/directorytest/servers"
	"countersign/internal/evidence"
	"countersign/internal/identity"
	"countersign/internal/notify/notifytest"
	"countersign/internal/proof"
)

// private is a mailbox that the accounts of servers.Second's owner do not open.
const private = "home@example.test"

func activeDirectory(s *servers.Samba) string {
	return `{name: corp, kind: activedirectory, url: "` + s.URL + `", ca_file: ` + s.CAFile + `, bind_dn: "` + s.BindDN + `", password_file: corp.password, base_dn: "` + s.BaseDN +
		`", attributes: {person: employeeID}, old_password_period: 0s, contacts: [{attribute: mail, kind: email, own: true}, {attribute: otherMailbox, kind: email}]}`
}

func openLDAP(s *servers.Slapd) string {
	return `{name: tree, kind: ldap, url: "` + s.URL + `", ca_file: ` + s.CAFile + `, bind_dn: "` + s.BindDN + `", password_file: corp.password, base_dn: "` + s.PeopleDN +
		`", group_base_dn: "` + s.BaseDN + `", admin_groups: ["` + s.AdminGroupDN + `"], attributes: {person: employeeNumber}, contacts: [{attribute: mail, kind: email, own: true}, {attribute: homePostalAddress, kind: email}]}`
}

func TestAnAccountOfARealDomainIsResetUnlockedAndProved(t *testing.T) {
	t.Parallel()
	d := servers.StartSamba(t)
	d.Modify(t, servers.Plain, "department", "Payroll")
	d.Modify(t, servers.Second, "otherMailbox", private)
	story(t, d, activeDirectory(d))
}

func TestAnAccountOfARealLDAPServerIsResetUnlockedAndProved(t *testing.T) {
	t.Parallel()
	d := servers.StartSlapd(t)
	d.Modify(t, servers.Plain, "departmentNumber", "Payroll")
	d.Modify(t, servers.Second, "homePostalAddress", private)
	story(t, d, openLDAP(d))
}

// story is a week at a helpdesk. servers.Plain works in payroll, so a manager
// has to sign; servers.Second is another account of the same person.
func story(t *testing.T, d company, directory string) {
	s := serve(t, directory, -proof.CoolOff-time.Hour)
	s.enrol(servers.Plain, servers.Plain, servers.Second)
	s.letters("plain@example.test", 2) // asked for, and cancelled

	s.set(-10 * time.Minute)
	s.signIn(olive, finch, sorrel, boss)
	secret := resetPassword(s, d)
	s.set(-5 * time.Minute)
	unlockByApp(s, d)
	s.set(0)
	code := unlockByMail(s, d)
	repudiate(s)
	s.quiet(secret, code)
}

func resetPassword(s *site, d company) (secret string) {
	t := s.t
	_, admin := s.ask(servers.Nested, identity.PasswordReset)
	_, nobody := s.ask("nobody-here", identity.PasswordReset)
	if client.CodeOf(admin) != "not_available" || client.CodeOf(nobody) != "not_available" || admin.Error() != nobody.Error() {
		t.Errorf("asking for an administrator by nested groups = %v; for nobody = %v; want the same", admin, nobody)
	}
	r := s.open(servers.Plain, identity.PasswordReset)
	if r.Class != identity.Sensitive || r.Tier != identity.High || r.Status != "proving" {
		t.Errorf("the request is %s, %s, %s", r.Class, r.Tier, r.Status)
	}
	requester := s.claim(r)
	if after := s.proveTOTP(requester, servers.Plain); !after.Mine || after.Status != "approving" {
		t.Errorf("after the proof: %+v", after)
	}
	s.sign(boss, r.ID, "approval")
	done := s.wait(r.ID, "done")
	if done.Receipt == nil || done.Receipt.Outcome != "applied" || done.Receipt.OldCredential != "dead" || done.Receipt.Reconciled {
		t.Errorf("the receipt: %+v", done.Receipt)
	}
	shown, err := requester.Secret(t.Context())
	s.must(err)
	if again, err := requester.Secret(t.Context()); err == nil {
		t.Errorf("the secret is shown twice: %+v", again)
	}
	if err := d.Bind(servers.Plain, servers.UserPassword); err == nil {
		t.Error("the old password still signs in")
	}
	if err := mustChange(d.Bind(servers.Plain, shown.Password)); err != nil || !d.MustChange(t, servers.Plain) {
		t.Errorf("the new password: %v, must change: %v", err, d.MustChange(t, servers.Plain))
	}
	if v := s.proves(r.ID); v.Verdict != evidence.Allowed {
		t.Errorf("the bundle: %s", v.Text(evidence.Style{}))
	}
	// Requested and carried out: both are told to the owner and, of a sensitive
	// account, to the manager.
	s.letters("plain@example.test", 4)
	for _, m := range s.letters("boss@example.test", 2) {
		if !m.TLS || m.User != "desk" || !notMe.MatchString(m.Text) || strings.Contains(m.Text, shown.Password) {
			t.Errorf("the manager got %+v", m)
		}
	}
	return shown.Password
}

func unlockByApp(s *site, d company) {
	d.LockOut(s.t, servers.Second)
	if err := d.Bind(servers.Second, servers.UserPassword); err == nil {
		s.t.Fatal("a locked account signs in")
	}
	r := s.open(servers.Second, identity.Unlock)
	if after := s.proveTOTP(s.claim(r), servers.Second); len(after.Proved) != 1 {
		s.t.Errorf("after the proof: %+v", after)
	}
	s.wait(r.ID, "done")
	if err := d.Bind(servers.Second, servers.UserPassword); err != nil {
		s.t.Errorf("the unlocked account: %v", err)
	}
	if v := s.proves(r.ID); v.Verdict != evidence.Allowed {
		s.t.Errorf("the bundle: %s", v.Text(evidence.Style{}))
	}
}

// unlockByMail proves by a code that comes to the private mailbox although the
// mail server is ill at first.
func unlockByMail(s *site, d company) (code string) {
	d.LockOut(s.t, servers.Second)
	r := s.open(servers.Second, identity.Unlock)
	before := len(s.letters(private, 5)) // two requests in full, and this one opened
	s.inbox.Fail(notifytest.AtData, 1, 451, "try again later")
	s.inbox.Drop(notifytest.AtMail, 1)
	requester := s.claim(r)
	p, err := requester.Challenge(s.t.Context(), "email_code")
	s.must(err)
	letter := s.letters(private, before+1)[before]
	code = eightDigits.FindString(letter.Text)
	if _, err := requester.Answer(s.t.Context(), p.Challenge, "0000 0000"); client.CodeOf(err) != "answer_refused" {
		s.t.Errorf("a wrong code = %v", err)
	}
	_, err = requester.Answer(s.t.Context(), p.Challenge, code)
	s.must(err)
	s.wait(r.ID, "done")
	if err := d.Bind(servers.Second, servers.UserPassword); err != nil {
		s.t.Errorf("the unlocked account: %v", err)
	}
	return code
}

// repudiate uses the link of a notice, and finds the account fenced until
// security has looked.
func repudiate(s *site) {
	s.letters(private, 7) // the last request is carried out
	r := s.open(servers.Second, identity.Unlock)
	letter := s.letters(private, 8)[7]
	link := notMe.FindStringSubmatch(letter.Text)
	if link == nil {
		s.t.Fatalf("no link in %q", letter.Text)
	}
	s.must(s.client.Repudiate(s.t.Context(), link[1]))
	s.wait(r.ID, "repudiated")
	if m := s.letters(securityMail, 1)[0]; !strings.Contains(m.Subject, "stopped") {
		s.t.Errorf("security got %q", m.Subject)
	}
	if _, err := s.ask(servers.Second, identity.Unlock); client.CodeOf(err) != "not_available" {
		s.t.Errorf("asking for a fenced account = %v", err)
	}
	s.sign(sorrel, r.ID, "review-suspicious")
	if _, err := s.ask(servers.Second, identity.Unlock); err != nil {
		s.t.Errorf("asking after the review = %v", err)
	}
}
