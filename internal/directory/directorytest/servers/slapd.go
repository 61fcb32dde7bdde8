package servers

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory/directorytest/certs"
)

// Slapd is a running OpenLDAP server with the ppolicy and memberof overlays.
type Slapd struct {
	URL         string // ldaps://
	StartTLSURL string // ldap://, to be upgraded
	CAFile      string // PEM
	CAs         *x509.CertPool
	BaseDN      string
	PeopleDN    string
	// BindDN and BindPassword are the service account.
	BindDN, BindPassword string
	// AdminDN and AdminPassword are the database's manager.
	AdminDN, AdminPassword string
	// AdminGroupDN is the group whose members, by any nesting, administer.
	AdminGroupDN string
	// LockAfter is how many wrong passwords lock an account.
	LockAfter int
}

const (
	slapdBase     = "dc=example,dc=test"
	slapdPeople   = "ou=people," + slapdBase
	slapdGroups   = "ou=groups," + slapdBase
	slapdManager  = "cn=manager," + slapdBase
	slapdSvc      = "cn=countersign,ou=services," + slapdBase
	slapdPackages = "slapd (apt-get install slapd)"
)

// StartSlapd starts an OpenLDAP server of its own for the test.
func StartSlapd(t testing.TB) *Slapd {
	t.Helper()
	slapd, slapadd := find("slapd"), find("slapadd")
	modules, schema := firstDir("/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap"), firstDir("/etc/ldap/schema", "/etc/openldap/schema")
	if slapd == "" || slapadd == "" || modules == "" || schema == "" {
		missing(t, slapdPackages)
	}
	root := t.TempDir()
	set := certs.New(t, "127.0.0.1")
	conf := filepath.Join(root, "slapd.conf")
	text := strings.NewReplacer("ROOT", root, "SCHEMA", schema, "MODULES", modules, "KEY", set.KeyFile, "CERT", set.CertFile, "AUTHORITY", set.CAFile,
		"BASE", slapdBase, "PEOPLE", slapdPeople, "GROUPS", slapdGroups, "MANAGER", slapdManager, "SVC", slapdSvc, "SECRET", ServicePassword).Replace(slapdConf)
	ldif := filepath.Join(root, "start.ldif")
	err := errors.Join(
		os.Mkdir(filepath.Join(root, "data"), 0o700),
		os.WriteFile(conf, []byte(text), 0o600),
		os.WriteFile(ldif, []byte(slapdTree()), 0o600),
		run(slapadd, "-f", conf, "-l", ldif),
	)
	if err != nil {
		t.Fatal(err)
	}
	s, p, err := bootSlapd(slapd, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	s.CAFile, s.CAs = set.CAFile, set.Pool
	return s
}

// bootSlapd finds two free ports. Somebody else can take them in between, so it
// tries again.
func bootSlapd(slapd, conf string) (s *Slapd, p *process, err error) {
	for range 5 {
		var plain, sealed string
		if plain, err = freeAddress(); err != nil {
			return nil, nil, err
		}
		if sealed, err = freeAddress(); err != nil {
			return nil, nil, err
		}
		if p, err = start(slapd, "-f", conf, "-h", "ldap://"+plain+" ldaps://"+sealed, "-d", "0"); err != nil {
			return nil, nil, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		err = p.ready(ctx, plain, sealed)
		cancel()
		if err == nil {
			return &Slapd{
				URL: "ldaps://" + sealed, StartTLSURL: "ldap://" + plain, BaseDN: slapdBase, PeopleDN: slapdPeople,
				BindDN: slapdSvc, BindPassword: ServicePassword, AdminDN: slapdManager, AdminPassword: ServicePassword,
				AdminGroupDN: "cn=admins," + slapdGroups, LockAfter: 3,
			}, p, nil
		}
		p.stop()
	}
	return nil, nil, err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func firstDir(dirs ...string) string {
	for _, d := range dirs {
		if info, err := os.Stat(d); err == nil && info.IsDir() {
			return d
		}
	}
	return ""
}

// As opens a connection signed in as somebody; the caller closes it.
func (s *Slapd) As(dn, password string) (*ldap.Conn, error) {
	return dial(s.URL, s.CAs, dn, password)
}

// DN is the entry of a login.
func (s *Slapd) DN(login string) string { return "uid=" + login + "," + s.PeopleDN }

// Bind signs in as a user does; nil when it worked.
func (s *Slapd) Bind(login, password string) error {
	c, err := s.As(s.DN(login), password)
	if err == nil {
		_ = c.Close()
	}
	return err
}

// Admin runs do with a connection of the database's manager.
func (s *Slapd) Admin(t testing.TB, do func(*ldap.Conn) error) {
	t.Helper()
	c, err := s.As(s.AdminDN, s.AdminPassword)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := do(c); err != nil {
		t.Fatal(err)
	}
}

// Entry reads a user's entry with its operational attributes.
func (s *Slapd) Entry(t testing.TB, login string) *ldap.Entry {
	t.Helper()
	var e *ldap.Entry
	s.Admin(t, func(c *ldap.Conn) error {
		r, err := c.Search(ldap.NewSearchRequest(s.DN(login), ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"*", "+"}, nil))
		if err == nil && len(r.Entries) != 1 {
			err = fmt.Errorf("no entry of %s", login)
		}
		if err == nil {
			e = r.Entries[0]
		}
		return err
	})
	return e
}

// Modify replaces an attribute of a user, as the manager; no value deletes it.
func (s *Slapd) Modify(t testing.TB, login, attr string, values ...string) {
	t.Helper()
	m := ldap.NewModifyRequest(s.DN(login), nil)
	m.Replace(attr, values)
	s.Admin(t, func(c *ldap.Conn) error { return c.Modify(m) })
}

// SetPassword gives a user a password, unlocked and without a must-change mark.
func (s *Slapd) SetPassword(t testing.TB, login, password string) {
	t.Helper()
	s.Admin(t, func(c *ldap.Conn) error {
		_, err := c.PasswordModify(ldap.NewPasswordModifyRequest(s.DN(login), "", password))
		return err
	})
	s.Modify(t, login, "pwdReset")
	s.Modify(t, login, "pwdAccountLockedTime")
}

// LockOut tries wrong passwords until the user is locked out.
func (s *Slapd) LockOut(t testing.TB, login string) {
	t.Helper()
	for range s.LockAfter + 1 {
		_ = s.Bind(login, "not the password")
	}
	if s.Entry(t, login).GetAttributeValue("pwdAccountLockedTime") == "" {
		t.Fatalf("%s is not locked out after %d wrong passwords", login, s.LockAfter+1)
	}
}

// MustChange reports whether the user has to choose a new password.
func (s *Slapd) MustChange(t testing.TB, login string) bool {
	t.Helper()
	return s.Entry(t, login).GetAttributeValue("pwdReset") == "TRUE"
}

// ID is the user's entryUUID.
func (s *Slapd) ID(t testing.TB, login string) string {
	t.Helper()
	return s.Entry(t, login).GetAttributeValue("entryUUID")
}
