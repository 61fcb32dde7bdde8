package activedirectory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/activedirectory"
	"countersign/internal/directory/directorytest"
	"countersign/internal/directory/directorytest/servers"
)

func connect(t *testing.T, s *servers.Samba, change ...func(*activedirectory.Config)) *activedirectory.Directory {
	t.Helper()
	cfg := activedirectory.Config{
		Name: "corp", URL: s.URL, RootCAs: s.CAs, BindDN: s.BindDN, Password: s.BindPassword,
		BaseDN: s.BaseDN, PersonAttribute: "employeeID", StartAttribute: "info",
	}
	for _, c := range change {
		c(&cfg)
	}
	d, err := activedirectory.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// mustChangeWorks takes "right but must be changed" for a sign-in that works.
func mustChangeWorks(err error) error {
	if err != nil && strings.Contains(err.Error(), "data 773") {
		return nil
	}
	return err
}

func fixture(t *testing.T, s *servers.Samba, d *activedirectory.Directory) directorytest.Fixture {
	s.Modify(t, servers.Second, "info", "134123904000000000")
	return directorytest.Fixture{
		Directory: d, Starter: servers.Second, Starts: time.Unix(134123904000000000/1e7-11644473600, 0),
		Plain: servers.Plain, Password: servers.UserPassword, Group: "Letters", Manager: servers.Boss, Second: servers.Second,
		Nested: servers.Nested, Groups: []string{"Domain Admins", "Administrators", "Inner Circle", "Outer Circle", "Domain Users"},
		Disabled: servers.Disabled, Robot: servers.Robot, Good: servers.GoodPassword, Weak: servers.WeakPassword,
		Lock:   func(t *testing.T, login string) { s.LockOut(t, login) },
		SignIn: func(login, password string) error { return mustChangeWorks(s.Bind(login, password)) },
		SetPassword: func(t *testing.T, login, password string) {
			s.SetPassword(t, login, password)
			s.Modify(t, login, "lockoutTime", "0")
		},
		MustChange: func(t *testing.T, login string) bool { return s.MustChange(t, login) },
		Unreachable: connect(t, s, func(c *activedirectory.Config) {
			c.URL = "ldaps://127.0.0.1:1"
		}),
	}
}

func TestActiveDirectoryKeepsThePromises(t *testing.T) {
	s := servers.StartSamba(t)
	t.Run("by LDAPS", func(t *testing.T) { directorytest.Run(t, fixture(t, s, connect(t, s))) })
	t.Run("by StartTLS", func(t *testing.T) {
		d := connect(t, s, func(c *activedirectory.Config) { c.URL = s.StartTLSURL })
		directorytest.Run(t, fixture(t, s, d))
	})
}

func TestTheLeastPrivilegeAccountCanDoNoMore(t *testing.T) {
	s := servers.StartSamba(t)
	d := connect(t, s)
	plain := find(t, d, servers.Plain)
	for _, outside := range []string{"Administrator", "svc-countersign"} {
		id := find(t, d, outside).ID
		if _, err := d.ResetPassword(t.Context(), id, servers.GoodPassword, true); !errors.Is(err, directory.ErrRefused) {
			t.Errorf("resetting %s = %v; want ErrRefused", outside, err)
		}
		if _, err := d.Unlock(t.Context(), id); !errors.Is(err, directory.ErrRefused) {
			t.Errorf("unlocking %s = %v; want ErrRefused", outside, err)
		}
	}
	if c, err := s.As(s.AdminDN, s.AdminPassword); err != nil {
		t.Errorf("the administrator's password was changed: %v", err)
	} else {
		_ = c.Close()
	}
	c, err := s.As(s.BindDN, s.BindPassword)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for attr, value := range map[string]string{"userAccountControl": "514", "mail": "else@example.test", "sAMAccountName": "else", "servicePrincipalName": "http/x"} {
		m := ldap.NewModifyRequest(s.Entry(t, servers.Plain).DN, nil)
		m.Replace(attr, []string{value})
		if err := c.Modify(m); !ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights) {
			t.Errorf("the service account changes %s of a user: %v", attr, err)
		}
	}
	m := ldap.NewModifyRequest("CN=Domain Admins,CN=Users,"+s.BaseDN, nil)
	m.Add("member", []string{s.BindDN})
	if err := c.Modify(m); !ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights) {
		t.Errorf("the service account makes itself an administrator: %v", err)
	}
	if out, err := d.ResetPassword(t.Context(), plain.ID, servers.GoodPassword, true); err != nil || !out.Applied {
		t.Errorf("the service account resets a user = %+v, %v", out, err)
	}
}

func find(t *testing.T, d *activedirectory.Directory, login string) directory.Account {
	t.Helper()
	a, err := d.Find(t.Context(), login)
	if err != nil {
		t.Fatalf("Find(%q): %v", login, err)
	}
	return a
}

func TestTheOldPasswordIsReportedHonestly(t *testing.T) {
	hour, none := time.Hour, time.Duration(0)
	for name, c := range map[string]struct {
		server int
		told   *time.Duration
		want   string
		works  bool
	}{
		"an untouched domain, as an operator who knows says": {60, &hour, "alive", true},
		"an untouched domain, of which nothing is known":     {60, nil, "unknown", true},
		"a domain that forgets at once":                      {0, &none, "dead", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := servers.StartSamba(t, servers.OldPasswordAllowed(c.server))
			d := connect(t, s, func(cfg *activedirectory.Config) { cfg.OldPasswordPeriod = c.told })
			out, err := d.ResetPassword(t.Context(), find(t, d, servers.Plain).ID, servers.GoodPassword, false)
			if err != nil || out.OldDead != c.want {
				t.Fatalf("ResetPassword = %+v, %v; want OldDead %q", out, err, c.want)
			}
			if c.want != "dead" && !strings.Contains(strings.Join(out.Notes, "\n"), "old password allowed period") {
				t.Errorf("the notes do not say why: %q", out.Notes)
			}
			if works := s.Bind(servers.Plain, servers.UserPassword) == nil; works != c.works {
				t.Errorf("the old password works: %v; want %v", works, c.works)
			}
		})
	}
}

func TestRightsAreReadFromMembershipAndNotFromAdminCount(t *testing.T) {
	s := servers.StartSamba(t)
	d := connect(t, s)
	s.Modify(t, servers.Plain, "adminCount", "1")
	if find(t, d, servers.Plain).Admin {
		t.Error("adminCount makes an administrator")
	}
	if s.Entry(t, servers.Nested).GetAttributeValue("adminCount") == "1" {
		t.Error("the nested administrator has adminCount, so the test proves nothing")
	}
	if !find(t, d, "Administrator").Admin {
		t.Error("the built-in administrator is not one")
	}
	for _, named := range []string{"Letters", "letters", "CN=Letters," + s.StaffDN} {
		d := connect(t, s, func(c *activedirectory.Config) { c.AdminGroups = []string{named} })
		if err := d.Ping(t.Context()); err != nil {
			t.Errorf("Ping with administrative group %q: %v", named, err)
		}
		if !find(t, d, servers.Plain).Admin {
			t.Errorf("a member of the configured administrative group %q is not one", named)
		}
	}
	misspelt := connect(t, s, func(c *activedirectory.Config) { c.AdminGroups = []string{"Leters"} })
	if err := misspelt.Ping(t.Context()); !errors.Is(err, directory.ErrUnreachable) {
		t.Errorf("Ping with a misspelt administrative group = %v; want ErrUnreachable", err)
	}
}

func TestMembershipByPrimaryGroupCounts(t *testing.T) {
	s := servers.StartSamba(t)
	d := connect(t, s)
	m := ldap.NewModifyRequest("CN=Domain Admins,CN=Users,"+s.BaseDN, nil)
	m.Add("member", []string{s.Entry(t, servers.Plain).DN})
	s.Admin(t, func(c *ldap.Conn) error { return c.Modify(m) })
	s.Modify(t, servers.Plain, "primaryGroupID", "512") // now in no member attribute
	if a := find(t, d, servers.Plain); !a.Admin || !slices.Contains(a.Groups, "Administrators") {
		t.Errorf("an administrator by primary group is %v with %q", a.Admin, a.Groups)
	}
}

func TestDistributionGroupsCountToo(t *testing.T) {
	s := servers.StartSamba(t)
	d := connect(t, s)
	add := ldap.NewAddRequest("CN=Board,"+s.StaffDN, nil)
	add.Attribute("objectClass", []string{"group"})
	add.Attribute("sAMAccountName", []string{"Board"})
	add.Attribute("groupType", []string{"2"}) // global, distribution
	add.Attribute("member", []string{s.Entry(t, servers.Plain).DN})
	s.Admin(t, func(c *ldap.Conn) error { return c.Add(add) })
	if a := find(t, d, servers.Plain); !slices.Contains(a.Groups, "Board") {
		t.Errorf("groups are %q, without the distribution group", a.Groups)
	}
}

func TestStandingsOfAnAccount(t *testing.T) {
	s := servers.StartSamba(t)
	d := connect(t, s)
	s.Modify(t, servers.Second, "accountExpires", "132223104000000000") // 2020
	if a := find(t, d, servers.Second); a.Status != directory.Expired {
		t.Errorf("an expired account is %q", a.Status)
	}
	if err := d.VerifyPassword(t.Context(), find(t, d, servers.Disabled).ID, servers.UserPassword); err == nil || errors.Is(err, directory.ErrBadCredential) {
		t.Errorf("the right password of a disabled account = %v; want neither yes nor no", err)
	}
	s.LockOut(t, servers.Plain)
	if err := d.VerifyPassword(t.Context(), find(t, d, servers.Plain).ID, servers.UserPassword); err == nil || errors.Is(err, directory.ErrBadCredential) {
		t.Errorf("the right password of a locked-out account = %v; want neither yes nor no", err)
	}
	out, err := d.ResetPassword(t.Context(), find(t, d, servers.Disabled).ID, servers.GoodPassword, true)
	if err != nil || !slices.ContainsFunc(out.Notes, func(n string) bool { return strings.Contains(n, "may not sign in") }) {
		t.Errorf("a reset of a disabled account = %+v, %v; want a note that it was not tried", out, err)
	}
	if find(t, d, servers.Disabled).Status != directory.Disabled {
		t.Error("the reset enabled a disabled account")
	}
}

func TestAPrincipalNameIsANameToo(t *testing.T) {
	s := servers.StartSamba(t)
	if a := find(t, connect(t, s), servers.Boss+"@corp.example.test"); a.Login != servers.Boss || string(a.ID) != "corp/"+s.ID(t, servers.Boss) {
		t.Errorf("a principal name finds %q", a.Login)
	}
}

func TestTheBaseIsAFence(t *testing.T) {
	s := servers.StartSamba(t)
	wide := connect(t, s)
	narrow := connect(t, s, func(c *activedirectory.Config) { c.BaseDN = s.StaffDN })
	admin := find(t, wide, "Administrator")
	if _, err := narrow.Find(t.Context(), "Administrator"); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("an account outside the base is found: %v", err)
	}
	if _, err := narrow.ResetPassword(t.Context(), admin.ID, servers.GoodPassword, true); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("an account outside the base is reset: %v", err)
	}
	if a := find(t, narrow, servers.Nested); !a.Admin {
		t.Errorf("groups outside the base do not count: %q", a.Groups)
	}
}

func TestARenameKeepsTheID(t *testing.T) {
	s := servers.StartSamba(t)
	d := connect(t, s)
	before := find(t, d, servers.Plain)
	dn := s.Entry(t, servers.Plain).DN
	s.Modify(t, servers.Plain, "sAMAccountName", "renamed")
	s.Admin(t, func(c *ldap.Conn) error {
		return c.ModifyDN(ldap.NewModifyDNRequest(dn, `CN=A\, strange \"name\" (x)*\\y`, true, "OU=Services,"+s.BaseDN))
	})
	after, err := d.Lookup(t.Context(), before.ID)
	if err != nil || after.ID != before.ID || after.Login != "renamed" || !slices.Contains(after.Groups, "Letters") {
		t.Errorf("after the rename: %+v, %v", after, err)
	}
}
