package servers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory/directorytest/certs"
)

// Samba is a running Active Directory domain controller.
type Samba struct {
	Addr        string // 127.0.0.N; LDAP on 389 and LDAPS on 636, because Samba's ports are fixed
	URL         string // ldaps://
	StartTLSURL string // ldap://, to be upgraded
	CAFile      string // PEM
	CAs         *x509.CertPool
	BaseDN      string // of the domain
	StaffDN     string // the unit the service account has rights over
	// BindDN and BindPassword are the least-privilege service account.
	BindDN, BindPassword string
	// AdminDN and AdminPassword are the built-in administrator.
	AdminDN, AdminPassword string
	// LockAfter is how many wrong passwords lock an account.
	LockAfter int
}

const (
	sambaBase     = "DC=corp,DC=example,DC=test"
	sambaAdmin    = "CN=Administrator,CN=Users," + sambaBase
	sambaAdminPw  = "Adm1n-Passw0rd-for-tests"
	sambaStaff    = "OU=Staff," + sambaBase
	sambaServices = "OU=Services," + sambaBase
	sambaSvc      = "CN=svc-countersign," + sambaServices
	sambaPackages = "samba (apt-get install samba samba-ad-dc samba-ad-provision samba-common-bin samba-dsdb-modules samba-vfs-modules winbind attr acl krb5-user ldap-utils)"
)

// SambaOption changes how the domain controller is started.
type SambaOption func(*sambaSettings)

type sambaSettings struct{ oldPassword int }

// OldPasswordAllowed keeps a replaced password working for so many minutes, as
// an untouched domain does (60). The harness's default is 0.
func OldPasswordAllowed(minutes int) SambaOption {
	return func(s *sambaSettings) { s.oldPassword = minutes }
}

// StartSamba starts a domain controller of its own for the test: about a second
// once the domain has been provisioned (half a minute, kept in the user's cache
// directory).
func StartSamba(t testing.TB, opts ...SambaOption) *Samba {
	t.Helper()
	settings := sambaSettings{}
	for _, o := range opts {
		o(&settings)
	}
	if find("samba") == "" || find("samba-tool") == "" {
		missing(t, sambaPackages)
	}
	if os.Geteuid() != 0 {
		missing(t, "root: Samba writes ownership and access lists of its system volume")
	}
	image, err := sambaImage(t)
	if err != nil {
		t.Fatalf("preparing the Samba domain: %v", err)
	}
	root := t.TempDir()
	if err := run("tar", "-xf", image, "-C", root); err != nil {
		t.Fatal(err)
	}
	s, p, err := bootSamba(t, root, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return s
}

// bootSamba starts the domain that lies in root, at an address nobody else has.
func bootSamba(t testing.TB, root string, settings sambaSettings) (*Samba, *process, error) {
	addr, err := takeAddress(t)
	if err != nil {
		return nil, nil, err
	}
	set := certs.New(t, addr, "dc1.corp.example.test")
	conf, err := sambaConf(root, addr, set, settings)
	if err != nil {
		return nil, nil, err
	}
	p, err := start(find("samba"), "-s", conf, "--foreground", "--no-process-group", "-M", "prefork", "--option=prefork children=1")
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := p.ready(ctx, addr+":636", addr+":389"); err != nil {
		p.stop()
		return nil, nil, err
	}
	return &Samba{
		Addr: addr, URL: "ldaps://" + addr, StartTLSURL: "ldap://" + addr, CAFile: set.CAFile, CAs: set.Pool,
		BaseDN: sambaBase, StaffDN: sambaStaff, BindDN: sambaSvc, BindPassword: ServicePassword,
		AdminDN: sambaAdmin, AdminPassword: sambaAdminPw, LockAfter: 3,
	}, p, nil
}

// takeAddress reserves one of twenty loopback addresses until the test ends.
func takeAddress(t testing.TB) (string, error) {
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	deadline := time.Now().Add(3 * time.Minute)
	for time.Now().Before(deadline) {
		for n := 21; n <= 40; n++ {
			addr := fmt.Sprintf("127.0.0.%d", n)
			unlock, ok, err := lock(filepath.Join(dir, addr+".lock"), false)
			if err != nil {
				return "", err
			}
			if ok {
				t.Cleanup(unlock)
				return addr, nil
			}
		}
		time.Sleep(time.Second)
	}
	return "", fmt.Errorf("no address from 127.0.0.21 to 127.0.0.40 is free")
}

func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "countersign-test")
	return dir, os.MkdirAll(dir, 0o700)
}

func sambaConf(root, addr string, set *certs.Set, settings sambaSettings) (string, error) {
	for _, d := range []string{"cache", "lock", "run", "ncalrpc", "winbindd", "ntp", "state", "private", "bind-dns"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return "", err
		}
	}
	text := strings.NewReplacer("ROOT", root, "ADDR", addr, "KEY", set.KeyFile, "CERT", set.CertFile, "AUTHORITY", set.CAFile, "PERIOD", fmt.Sprint(settings.oldPassword)).Replace(`[global]
netbios name = DC1
realm = CORP.EXAMPLE.TEST
workgroup = CORP
server role = active directory domain controller
server services = ldap, cldap
interfaces = ADDR/8
bind interfaces only = yes
private dir = ROOT/private
state directory = ROOT/state
cache directory = ROOT/cache
lock directory = ROOT/lock
pid directory = ROOT/run
ncalrpc dir = ROOT/ncalrpc
winbindd socket directory = ROOT/winbindd
ntp signd socket directory = ROOT/ntp
binddns dir = ROOT/bind-dns
log file = ROOT/samba.log
tls enabled = yes
tls keyfile = KEY
tls certfile = CERT
tls cafile = AUTHORITY
old password allowed period = PERIOD
`)
	conf := filepath.Join(root, "smb.conf")
	return conf, os.WriteFile(conf, []byte(text), 0o600)
}

// As opens a connection signed in as somebody; the caller closes it.
func (s *Samba) As(name, password string) (*ldap.Conn, error) {
	return dial(s.URL, s.CAs, name, password)
}

func dial(url string, cas *x509.CertPool, name, password string) (*ldap.Conn, error) {
	host := strings.TrimPrefix(url, "ldaps://")
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	c, err := ldap.DialURL(url, ldap.DialWithTLSConfig(&tls.Config{RootCAs: cas, ServerName: host, MinVersion: tls.VersionTLS12}))
	if err != nil {
		return nil, err
	}
	if err := c.Bind(name, password); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Bind signs in as a user does, by login; nil when it worked.
func (s *Samba) Bind(login, password string) error {
	c, err := s.As(login+"@corp.example.test", password)
	if err == nil {
		_ = c.Close()
	}
	return err
}

// Admin runs do with a connection of the built-in administrator.
func (s *Samba) Admin(t testing.TB, do func(*ldap.Conn) error) {
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

// Entry reads a user's entry as the administrator sees it.
func (s *Samba) Entry(t testing.TB, login string) *ldap.Entry {
	t.Helper()
	var e *ldap.Entry
	s.Admin(t, func(c *ldap.Conn) error {
		r, err := c.Search(ldap.NewSearchRequest(s.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
			"(sAMAccountName="+ldap.EscapeFilter(login)+")", []string{"*", "msDS-User-Account-Control-Computed"}, nil))
		if err != nil {
			return err
		}
		if len(r.Entries) != 1 {
			return fmt.Errorf("%d entries named %s", len(r.Entries), login)
		}
		e = r.Entries[0]
		return nil
	})
	return e
}

// SetPassword gives a user a password, as the administrator.
func (s *Samba) SetPassword(t testing.TB, login, password string) {
	t.Helper()
	s.Modify(t, login, "unicodePwd", quoted(password))
}

// Modify replaces an attribute of a user, as the administrator.
func (s *Samba) Modify(t testing.TB, login, attr string, values ...string) {
	t.Helper()
	m := ldap.NewModifyRequest(s.Entry(t, login).DN, nil)
	m.Replace(attr, values)
	s.Admin(t, func(c *ldap.Conn) error { return c.Modify(m) })
}

// LockOut tries wrong passwords until the user is locked out.
func (s *Samba) LockOut(t testing.TB, login string) {
	t.Helper()
	for range s.LockAfter + 1 {
		_ = s.Bind(login, "not the password")
	}
	if v := s.Entry(t, login).GetAttributeValue("lockoutTime"); v == "" || v == "0" {
		t.Fatalf("%s is not locked out after %d wrong passwords", login, s.LockAfter+1)
	}
}

// MustChange reports whether the user has to choose a new password.
func (s *Samba) MustChange(t testing.TB, login string) bool {
	t.Helper()
	return s.Entry(t, login).GetAttributeValue("pwdLastSet") == "0"
}

// ID is the user's objectGUID as Microsoft's tools print it.
func (s *Samba) ID(t testing.TB, login string) string {
	t.Helper()
	b := s.Entry(t, login).GetRawAttributeValue("objectGUID")
	if len(b) != 16 {
		t.Fatalf("%s has no objectGUID", login)
	}
	le := binary.LittleEndian
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:])
}
