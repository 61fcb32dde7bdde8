package servers

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"
)

// recipe changes whenever the domain below does, so that nobody tests against
// an image made by an older version of this file.
const recipe = "1"

// LeastPrivilege are the access entries that docs/directories.md tells an
// operator to grant, for the account with the security identifier sid: reset a
// password, write pwdLastSet, write lockoutTime, each for user objects only.
func LeastPrivilege(sid string) []string {
	const user = "bf967aba-0de6-11d0-a285-00aa003049e2"
	return []string{
		"(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;" + user + ";" + sid + ")",
		"(OA;CIIO;WP;bf967a0a-0de6-11d0-a285-00aa003049e2;" + user + ";" + sid + ")",
		"(OA;CIIO;WP;28630ebf-41d5-11d1-a9c1-0000f80367c1;" + user + ";" + sid + ")",
	}
}

// sambaImage returns the archive of a provisioned domain, making it when this
// machine has none yet.
func sambaImage(t testing.TB) (string, error) {
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	version, err := exec.Command(find("samba"), "--version").Output()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(recipe + string(version)))
	image := filepath.Join(dir, "samba-"+hex.EncodeToString(sum[:8])+".tar")
	unlock, _, err := lock(filepath.Join(dir, "samba.lock"), true)
	if err != nil {
		return "", err
	}
	defer unlock()
	if isFile(image) {
		return image, nil
	}
	root, err := os.MkdirTemp("", "countersign-samba")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(root)
	if err := provision(t, root); err != nil {
		return "", err
	}
	part := image + ".part"
	if err := run("tar", "-cf", part, "-C", root, "private", "state"); err != nil {
		return "", err
	}
	return image, os.Rename(part, image)
}

func provision(t testing.TB, root string) error {
	empty := filepath.Join(root, "provision.conf")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		return err
	}
	tool := find("samba-tool")
	err := run(tool, "domain", "provision", "--configfile="+empty, "--targetdir="+root,
		"--realm=CORP.EXAMPLE.TEST", "--domain=CORP", "--server-role=dc", "--dns-backend=NONE",
		"--adminpass="+sambaAdminPw, "--host-name=dc1", "--host-ip=127.0.0.20")
	if err != nil {
		return err
	}
	s, p, err := bootSamba(t, root, sambaSettings{})
	if err != nil {
		return err
	}
	defer p.stop()
	conf := "--configfile=" + filepath.Join(root, "smb.conf")
	// Passwords must not run out with the image's age.
	err = run(tool, "domain", "passwordsettings", "set", conf, "--max-pwd-age=0", "--min-pwd-age=0",
		"--min-pwd-length=12", "--complexity=on", "--account-lockout-threshold=3", "--account-lockout-duration=30")
	if err != nil {
		return err
	}
	c, err := s.As(s.AdminDN, s.AdminPassword)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := populate(c); err != nil {
		return err
	}
	sid, err := readSID(c, sambaSvc)
	if err != nil {
		return err
	}
	for _, ace := range LeastPrivilege(sid) {
		if err := run(tool, "dsacl", "set", conf, "--objectdn="+sambaStaff, "--sddl="+ace); err != nil {
			return err
		}
	}
	return nil
}

func populate(c *ldap.Conn) error {
	add := func(dn, class string, attrs map[string][]string) error {
		r := ldap.NewAddRequest(dn, nil)
		r.Attribute("objectClass", []string{class})
		for k, v := range attrs {
			r.Attribute(k, v)
		}
		if err := c.Add(r); err != nil {
			return fmt.Errorf("adding %s: %w", dn, err)
		}
		return nil
	}
	user := func(login, control string, attrs map[string][]string) error {
		all := map[string][]string{
			"sAMAccountName": {login}, "userPrincipalName": {login + "@corp.example.test"}, "displayName": {"User " + login},
			"unicodePwd": {quoted(UserPassword)}, "userAccountControl": {control},
		}
		for k, v := range attrs {
			all[k] = v
		}
		return add("CN=User "+login+","+sambaStaff, "user", all)
	}
	group := func(name string, members ...string) error {
		return add("CN="+name+","+sambaStaff, "group", map[string][]string{"sAMAccountName": {name}, "member": members})
	}
	boss, nested := "CN=User "+Boss+","+sambaStaff, "CN=User "+Nested+","+sambaStaff
	steps := []error{
		add(sambaStaff, "organizationalUnit", nil),
		add(sambaServices, "organizationalUnit", nil),
		user(Boss, "512", map[string][]string{"employeeID": {"E1000"}, "mail": {"boss@example.test"}}),
		user(Plain, "512", map[string][]string{
			"manager": {boss}, "employeeID": {Employee}, "mail": {"plain@example.test"}, "mobile": {"+46700000001"},
			"department": {"Workshop"}, "l": {"Plant 3"},
		}),
		user(Second, "512", map[string][]string{"employeeID": {Employee}}),
		user(Nested, "512", nil),
		user(Disabled, "514", nil),
		user(Robot, "512", map[string][]string{"servicePrincipalName": {"http/robot.corp.example.test"}}),
		group("Inner Circle", nested),
		group("Outer Circle", "CN=Inner Circle,"+sambaStaff),
		group("Letters", "CN=User "+Plain+","+sambaStaff),
		add(sambaSvc, "user", map[string][]string{
			"sAMAccountName": {"svc-countersign"}, "userPrincipalName": {"svc-countersign@corp.example.test"},
			"unicodePwd": {quoted(ServicePassword)}, "userAccountControl": {"512"},
		}),
	}
	for _, err := range steps {
		if err != nil {
			return err
		}
	}
	m := ldap.NewModifyRequest("CN=Domain Admins,CN=Users,"+sambaBase, nil)
	m.Add("member", []string{"CN=Outer Circle," + sambaStaff})
	return c.Modify(m)
}

func quoted(password string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(`"` + password + `"`)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

func readSID(c *ldap.Conn, dn string) (string, error) {
	r, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{"objectSid"}, nil))
	if err != nil || len(r.Entries) != 1 {
		return "", fmt.Errorf("reading the identifier of %s: %w", dn, err)
	}
	b := r.Entries[0].GetRawAttributeValue("objectSid")
	if len(b) < 8 || len(b) != 8+4*int(b[1]) {
		return "", fmt.Errorf("%s has a malformed identifier", dn)
	}
	sid := fmt.Sprintf("S-%d-%d", b[0], b[7])
	for i := 8; i < len(b); i += 4 {
		sid += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(b[i:]))
	}
	return sid, nil
}
