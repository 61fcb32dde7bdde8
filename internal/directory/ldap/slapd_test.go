package ldap_test

import (
	"errors"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
	"countersign/internal/directory/directorytest"
	"countersign/internal/directory/directorytest/servers"
	"countersign/internal/directory/ldap"
)

func connect(t *testing.T, s *servers.Slapd, change ...func(*ldap.Config)) *ldap.Directory {
	t.Helper()
	cfg := ldap.Config{
		Name: "tree", URL: s.URL, RootCAs: s.CAs, BindDN: s.BindDN, Password: s.BindPassword, BaseDN: s.BaseDN,
		Attributes: ldap.Attributes{Person: "employeeNumber", Start: "businessCategory"}, ServiceMarker: "employeeType=service", AdminGroups: []string{s.AdminGroupDN},
	}
	for _, c := range change {
		c(&cfg)
	}
	d, err := ldap.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func fixture(t *testing.T, s *servers.Slapd, d *ldap.Directory) directorytest.Fixture {
	s.Modify(t, servers.Second, "businessCategory", "20270104070000+0200")
	return directorytest.Fixture{
		Directory: d, Starter: servers.Second, Starts: time.Date(2027, 1, 4, 5, 0, 0, 0, time.UTC),
		Plain: servers.Plain, Password: servers.UserPassword, Group: "letters", Manager: servers.Boss, Second: servers.Second,
		Nested: servers.Nested, Groups: []string{"admins", "inner", "outer"},
		Disabled: servers.Disabled, Robot: servers.Robot, Good: servers.GoodPassword, Weak: servers.WeakPassword,
		Lock:        func(t *testing.T, login string) { s.LockOut(t, login) },
		SignIn:      s.Bind,
		SetPassword: func(t *testing.T, login, password string) { s.SetPassword(t, login, password) },
		MustChange:  func(t *testing.T, login string) bool { return s.MustChange(t, login) },
		Unreachable: connect(t, s, func(c *ldap.Config) { c.URL = "ldap://127.0.0.1:1" }),
	}
}

func TestOpenLDAPKeepsThePromises(t *testing.T) {
	s := servers.StartSlapd(t)
	t.Run("by LDAPS", func(t *testing.T) { directorytest.Run(t, fixture(t, s, connect(t, s))) })
	t.Run("by StartTLS", func(t *testing.T) {
		d := connect(t, s, func(c *ldap.Config) { c.URL = s.StartTLSURL })
		directorytest.Run(t, fixture(t, s, d))
	})
}

func find(t *testing.T, d *ldap.Directory, login string) directory.Account {
	t.Helper()
	a, err := d.Find(t.Context(), login)
	if err != nil {
		t.Fatalf("Find(%q): %v", login, err)
	}
	return a
}

func TestAClosedAccountStaysClosed(t *testing.T) {
	s := servers.StartSlapd(t)
	d := connect(t, s)
	id := find(t, d, servers.Disabled).ID
	if out, err := d.ResetPassword(t.Context(), id, servers.GoodPassword, true); !errors.Is(err, directory.ErrRefused) || out.Applied {
		t.Errorf("a reset of a closed account = %+v, %v; want ErrRefused", out, err)
	}
	if out, err := d.Unlock(t.Context(), id); !errors.Is(err, directory.ErrRefused) || out.Applied {
		t.Errorf("an unlock of a closed account = %+v, %v; want ErrRefused", out, err)
	}
	if a := find(t, d, servers.Disabled); a.Status != directory.Disabled {
		t.Errorf("the account is %q", a.Status)
	}
}

func TestTheServiceAccountCanDoNoMore(t *testing.T) {
	s := servers.StartSlapd(t)
	c, err := s.As(s.BindDN, s.BindPassword)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for attr, value := range map[string]string{"mail": "else@example.test", "employeeNumber": "E9", "uid": "else", "manager": s.BindDN} {
		m := goldap.NewModifyRequest(s.DN(servers.Plain), nil)
		m.Replace(attr, []string{value})
		if err := c.Modify(m); !goldap.IsErrorWithCode(err, goldap.LDAPResultInsufficientAccessRights) {
			t.Errorf("the service account changes %s of a user: %v", attr, err)
		}
	}
	m := goldap.NewModifyRequest(s.AdminGroupDN, nil)
	m.Add("member", []string{s.BindDN})
	if err := c.Modify(m); !goldap.IsErrorWithCode(err, goldap.LDAPResultInsufficientAccessRights) {
		t.Errorf("the service account makes itself an administrator: %v", err)
	}
	r, err := c.Search(goldap.NewSearchRequest(s.DN(servers.Plain), goldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", []string{"userPassword"}, nil))
	if err != nil || len(r.Entries) != 1 || r.Entries[0].GetAttributeValue("userPassword") != "" {
		t.Errorf("the service account reads password hashes: %v", err)
	}
}

func TestAMustChangePasswordMarkSurvivesASecondReset(t *testing.T) {
	s := servers.StartSlapd(t)
	d := connect(t, s)
	id := find(t, d, servers.Plain).ID
	for i, password := range []string{servers.GoodPassword, servers.GoodPassword + "2"} {
		if out, err := d.ResetPassword(t.Context(), id, password, true); err != nil || out.OldDead != "dead" {
			t.Fatalf("reset %d = %+v, %v", i+1, out, err)
		}
		if !s.MustChange(t, servers.Plain) {
			t.Errorf("after reset %d the owner need not change the password", i+1)
		}
	}
	if out, err := d.ResetPassword(t.Context(), id, servers.GoodPassword, false); err != nil || s.MustChange(t, servers.Plain) {
		t.Errorf("a reset without the mark = %+v, %v, must change %v", out, err, s.MustChange(t, servers.Plain))
	}
}

func TestStandingsOfAnEntry(t *testing.T) {
	s := servers.StartSlapd(t)
	d := connect(t, s, func(c *ldap.Config) { c.DisabledMarker = "employeeType=left" })
	s.Modify(t, servers.Plain, "employeeType", "Left")
	if a := find(t, d, servers.Plain); a.Status != directory.Disabled {
		t.Errorf("a marked entry is %q", a.Status)
	}
	s.Modify(t, servers.Second, "pwdEndTime", "20200101000000Z")
	if a := find(t, d, servers.Second); a.Status != directory.Expired {
		t.Errorf("an entry past its end is %q", a.Status)
	}
}

func TestAdministrativeGroupsHaveToExist(t *testing.T) {
	s := servers.StartSlapd(t)
	d := connect(t, s, func(c *ldap.Config) { c.AdminGroups = []string{"cn=admin,ou=groups," + s.BaseDN} })
	if err := d.Ping(t.Context()); !errors.Is(err, directory.ErrUnreachable) {
		t.Errorf("Ping with a misspelt administrative group = %v; want ErrUnreachable", err)
	}
}

func TestARenameKeepsTheID(t *testing.T) {
	s := servers.StartSlapd(t)
	d := connect(t, s)
	before := find(t, d, servers.Second)
	if want := "tree/" + s.ID(t, servers.Second); string(before.ID) != want {
		t.Errorf("the id is %q; want %q", before.ID, want)
	}
	s.Admin(t, func(c *goldap.Conn) error {
		return c.ModifyDN(goldap.NewModifyDNRequest(s.DN(servers.Second), `uid=new\, strange\20`, true, ""))
	})
	after, err := d.Lookup(t.Context(), before.ID)
	if err != nil || after.ID != before.ID || after.Login == before.Login || after.Person != before.Person {
		t.Errorf("after the rename: %+v, %v", after, err)
	}
}
