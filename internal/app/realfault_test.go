package app_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/client"
	"countersign/internal/directory/directorytest/servers"
	"countersign/internal/evidence"
	"countersign/internal/identity"
	"countersign/internal/proof"
)

// wired is a site whose directory stands behind a wire. The reader is somebody
// without rights; only the hands have the service account.
type wired struct {
	*site
	*wire
	company
	hands string // whom they sign in as
}

func throughWire(t *testing.T, d company, w *wire, hands, directory string) *wired {
	s := &wired{serve(t, directory, -proof.CoolOff-time.Hour), w, d, hands}
	s.enrol(servers.Plain, servers.Plain)
	s.letters("plain@example.test", 2)
	s.later(-20 * time.Minute)
	return s
}

func wiredDomain(t *testing.T) (*wired, *servers.Samba) {
	d := servers.StartSamba(t)
	d.Modify(t, servers.Plain, "department", "Payroll")
	w := startWire(t, d.URL, d.CAs)
	return throughWire(t, d, w, d.BindDN, `{name: corp, kind: activedirectory, url: "`+w.URL+`", ca_file: `+w.CAFile+
		`, bind_dn: robot@corp.example.test, password_file: reader.password, hands: {bind_dn: "`+d.BindDN+`", password_file: corp.password}, base_dn: "`+d.BaseDN+
		`", attributes: {person: employeeID}, old_password_period: 0s}`), d
}

func wiredTree(t *testing.T) *wired {
	d := servers.StartSlapd(t)
	d.Modify(t, servers.Plain, "departmentNumber", "Payroll")
	w := startWire(t, d.URL, d.CAs)
	return throughWire(t, d, w, d.BindDN, `{name: tree, kind: ldap, url: "`+w.URL+`", ca_file: `+w.CAFile+
		`, bind_dn: "`+d.AdminDN+`", password_file: corp.password, hands: {bind_dn: "`+d.BindDN+`", password_file: corp.password}, base_dn: "`+d.PeopleDN+
		`", group_base_dn: "`+d.BaseDN+`", admin_groups: ["`+d.AdminGroupDN+`"], attributes: {person: employeeNumber}}`)
}

// in makes the site stop a subtest, not the test around it.
func (s *wired) in(t *testing.T) func() {
	outer := s.t
	s.t = t
	return func() { s.t = outer }
}

// later moves the clock, and everybody signs in again.
func (s *wired) later(off time.Duration) {
	s.t.Helper()
	s.set(off)
	s.signIn(olive, finch, sorrel, boss)
}

// proved is a request for servers.Plain that waits for the manager.
func (s *wired) proved() (client.Request, client.Client) {
	s.t.Helper()
	r := s.open(servers.Plain, identity.PasswordReset)
	requester := s.claim(r)
	s.proveTOTP(requester, servers.Plain)
	return r, requester
}

// untouched makes sure that nothing reached the account.
func (s *wired) untouched() {
	s.t.Helper()
	if n := s.Passwords(); n != 0 {
		s.t.Errorf("%d password changes reached the directory", n)
	}
	if err := s.Bind(servers.Plain, servers.UserPassword); err != nil {
		s.t.Errorf("the password that nobody reset: %v", err)
	}
}

// events is what happened to a request. Who was told stands aside: letters go
// out at any time.
func (s *wired) events(id string) string {
	s.t.Helper()
	all, err := s.staff[olive].Timeline(context.WithoutCancel(s.t.Context()), id)
	if err != nil {
		s.t.Error(err)
	}
	var words []string
	for _, m := range all {
		if m.Type != "notified" {
			words = append(words, m.Type)
		}
	}
	return strings.Join(words, " ")
}

// promote puts servers.Plain among the domain's administrators, or takes them
// out again.
func promote(t *testing.T, d *servers.Samba, in bool) {
	c, err := d.As(d.AdminDN, d.AdminPassword)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	m := ldap.NewModifyRequest("CN=Domain Admins,CN=Users,"+d.BaseDN, nil)
	who := []string{"CN=User " + servers.Plain + "," + d.StaffDN}
	if in {
		m.Add("member", who)
	} else {
		m.Delete("member", who)
	}
	if err := c.Modify(m); err != nil {
		t.Error(err)
	}
}

func TestAnAccountThatBecomesAnAdministratorMeanwhileIsNotReset(t *testing.T) {
	t.Parallel()
	s, d := wiredDomain(t)
	t.Run("between the signature and the order", func(t *testing.T) {
		defer s.in(t)()
		r, _ := s.proved()
		paper, err := s.staff[boss].Statement(t.Context(), r.ID, "approval")
		s.must(err)
		// The order cannot be decided on before its reader has come by here.
		var once sync.Once
		s.Rule(func(m message) fate {
			if m.Bind && strings.Contains(s.events(r.ID), "voted") {
				once.Do(func() { promote(t, d, true) })
			}
			return pass
		})
		_, err = s.staff[boss].Decide(t.Context(), r.ID, paper, "", s.keys[boss])
		s.must(err)
		after := s.wait(r.ID, "proving")
		if after.Class != identity.Privileged || strings.Contains(s.events(r.ID), "ordered") || !strings.Contains(s.events(r.ID), "voted replanned") {
			t.Errorf("the request is %s, after %s", after.Class, s.events(r.ID))
		}
		s.untouched()
		s.Rule(nil)
		promote(t, d, false)
		_, err = s.staff[finch].Cancel(t.Context(), r.ID)
		s.must(err)
	})
	s.later(-10 * time.Minute)
	t.Run("between the order and its dispatch", func(t *testing.T) {
		defer s.in(t)()
		r, requester := s.proved()
		var once sync.Once
		s.Rule(func(m message) fate {
			if m.Bind && m.As == s.hands {
				once.Do(func() { promote(t, d, true) })
			}
			return pass
		})
		s.sign(boss, r.ID, "approval")
		after := s.wait(r.ID, "refused")
		if got := s.events(r.ID); !strings.Contains(got, "ordered withdrawn") {
			t.Errorf("what happened: %s; it says %+v", got, after)
		}
		if _, err := requester.Secret(t.Context()); err == nil {
			t.Error("there is a secret to show")
		}
		s.untouched()
	})
}

func TestADirectoryThatGoesAwayLosesNothingAndIsChangedOnce(t *testing.T) {
	t.Parallel()
	t.Run("Samba", func(t *testing.T) {
		s, _ := wiredDomain(t)
		s.goneBeforeDispatch(t)
		if r := s.goneBeforeTheAnswer(t); !s.MustChange(t, servers.Plain) || strings.Contains(strings.Join(r.Notes, " "), "mark") {
			t.Errorf("must change: %v, notes %q", s.MustChange(t, servers.Plain), r.Notes)
		}
	})
	t.Run("OpenLDAP", func(t *testing.T) {
		s := wiredTree(t)
		s.goneBeforeDispatch(t)
		// The mark is a write of its own there, and this one was never sent.
		if r := s.goneBeforeTheAnswer(t); s.MustChange(t, servers.Plain) || !strings.Contains(strings.Join(r.Notes, " "), "lacks the mark") {
			t.Errorf("must change: %v, notes %q", s.MustChange(t, servers.Plain), r.Notes)
		}
	})
}

// goneBeforeDispatch: the directory is down when the hands come.
func (s *wired) goneBeforeDispatch(t *testing.T) {
	r, requester := s.proved()
	came := make(chan struct{})
	var once sync.Once
	s.Rule(func(m message) fate {
		if m.Bind && m.As == s.hands {
			once.Do(func() { s.Break(); close(came) })
			return cut
		}
		return pass
	})
	s.sign(boss, r.ID, "approval")
	<-came
	if now := s.wait(r.ID, "ordered"); now.Receipt != nil {
		t.Errorf("while the directory is down: %+v", now)
	}
	s.readyz(t, http.StatusServiceUnavailable, "does not answer")
	if _, err := s.ask(servers.Plain, identity.Unlock); client.CodeOf(err) != "directory_unavailable" {
		t.Errorf("asking while the directory is down = %v", err)
	}
	s.untouched()
	s.Rule(nil)
	s.Mend()
	if done := s.wait(r.ID, "done"); done.Receipt == nil || done.Receipt.Reconciled || s.Passwords() != 1 {
		t.Errorf("%d changes, receipt %+v", s.Passwords(), done.Receipt)
	}
	s.works(t, requester)
	if !s.MustChange(t, servers.Plain) {
		t.Error("the new password does not have to be changed")
	}
}

// goneBeforeTheAnswer: the directory takes the change, and goes away before it
// can say so.
func (s *wired) goneBeforeTheAnswer(t *testing.T) *client.Receipt {
	s.later(-10 * time.Minute)
	before := s.Passwords()
	r, requester := s.proved()
	s.Rule(func(m message) fate {
		if m.Password {
			s.Refuse()
			return mute
		}
		return pass
	})
	s.sign(boss, r.ID, "approval")
	now := s.wait(r.ID, "uncertain")
	if now.Receipt == nil || now.Receipt.Outcome != "not_known" {
		t.Errorf("while nobody knows: %+v", now.Receipt)
	}
	if _, err := requester.Secret(t.Context()); err == nil {
		t.Error("a secret is shown that perhaps does not work")
	}
	s.Mend()
	done := s.wait(r.ID, "done")
	if !done.Receipt.Reconciled || done.Receipt.Outcome != "applied" || s.Passwords() != before+1 {
		t.Errorf("%d changes, receipt %+v", s.Passwords()-before, done.Receipt)
	}
	s.works(t, requester)
	if v := s.proves(r.ID); v.Verdict != evidence.Allowed {
		t.Errorf("the bundle: %s", v.Text(evidence.Style{}))
	}
	return done.Receipt
}

// works shows the secret and signs in with it.
func (s *wired) works(t *testing.T, requester client.Client) {
	shown, err := requester.Secret(t.Context())
	s.must(err)
	if err := mustChange(s.Bind(servers.Plain, shown.Password)); err != nil {
		t.Errorf("the new password: %v", err)
	}
	s.quiet(shown.Password)
}

func (s *wired) readyz(t *testing.T, status int, words string) {
	t.Helper()
	res, err := http.Get(s.client.Server() + "/readyz")
	s.must(err)
	defer res.Body.Close()
	var out struct {
		Checks []struct{ Name, Status, Detail string }
	}
	s.must(json.NewDecoder(res.Body).Decode(&out))
	last := out.Checks[len(out.Checks)-1]
	if res.StatusCode != status || !strings.Contains(last.Detail, words) {
		t.Errorf("/readyz: %d %+v", res.StatusCode, out)
	}
}
