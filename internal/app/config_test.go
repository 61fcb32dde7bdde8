package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// written puts files into a folder of their own; the first is the configuration.
func written(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

const small = `organisation: Example
base_url: https://countersign.example.org
data: data
policy: policy.yaml
directories:
  - {name: people, kind: local}
`

func TestTheTenLinesOfTheManualLoad(t *testing.T) {
	raw, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(raw), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	if n := strings.Count(text, "\n"); n > 10 {
		t.Errorf("the ten lines are %d", n)
	}
	ca, err := os.ReadFile("testdata/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	path := written(t, "countersign.yaml", text, "ad.password", "s3cret\n", "mail.password", "s3cret\n", "corp-ca.pem", string(ca))
	c, warnings, err := LoadConfig(path, nil)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v %q", err, warnings)
	}
	d := c.Directories[0]
	if d.password != "s3cret" || time.Duration(d.Timeout) != 10*time.Second || c.Ledger.Origin != "countersign.example.org" || c.Mail.TLS != "starttls" {
		t.Errorf("%+v", c)
	}
	if c.Data != "/var/lib/countersign" || c.Policy != filepath.Join(filepath.Dir(path), "policy.yaml") {
		t.Errorf("data %s, policy %s", c.Data, c.Policy)
	}
}

func TestTheEnvironmentReplacesSingleValues(t *testing.T) {
	c, warnings, err := LoadConfig(written(t, "c.yaml", small), []string{
		"COUNTERSIGN_LISTEN=127.0.0.1:9", "COUNTERSIGN_SIGNIN_SOFTWARE_PASSKEYS=true", "COUNTERSIGN_LOG_FORMAT=json",
		"COUNTERSIGN_SERVICE_HOST=10.0.0.1", "COUNTERSIGN_TOKEN=cst_x", "PATH=/bin",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:9" || !c.Signin.SoftwarePasskeys || c.Log.Format != "json" || c.Log.Level != "info" {
		t.Errorf("%+v", c)
	}
	if all := strings.Join(warnings, "\n"); !strings.Contains(all, "COUNTERSIGN_SERVICE_HOST means nothing") || strings.Contains(all, "TOKEN") {
		t.Errorf("warnings: %s", all)
	}
}

func TestASecretComesFromAFileOrTheEnvironment(t *testing.T) {
	with := func(extra string) string {
		return strings.Replace(small, "{name: people, kind: local}", "{name: corp-1, kind: ldap, url: ldaps://x.example, bind_dn: cn=x, base_dn: dc=x, admin_groups: [cn=a]"+extra+"}", 1)
	}
	env := "COUNTERSIGN_DIRECTORY_CORP_1_PASSWORD=from-env"
	c, _, err := LoadConfig(written(t, "c.yaml", with("")), []string{env})
	if err != nil || c.Directories[0].password != "from-env" {
		t.Errorf("from the environment: %v", err)
	}
	c, _, err = LoadConfig(written(t, "c.yaml", with(", password_file: pw"), "pw", "from-file\r\n"), nil)
	if err != nil || c.Directories[0].password != "from-file" || c.Directories[0].acting().password != "from-file" {
		t.Errorf("from a file: %v", err)
	}
	_, _, err = LoadConfig(written(t, "c.yaml", with(", password_file: pw"), "pw", "from-file"), []string{env})
	if err == nil || !strings.Contains(err.Error(), "remove one") || strings.Contains(err.Error(), "from-") {
		t.Errorf("from both: %v", err)
	}
	c, _, err = LoadConfig(written(t, "c.yaml", with(", password_file: pw, hands: {bind_dn: cn=hands, password_file: hands}"), "pw", "reads", "hands", "acts"), nil)
	if err != nil || c.Directories[0].acting().password != "acts" || c.Directories[0].acting().BindDN != "cn=hands" {
		t.Errorf("with hands of its own: %v", err)
	}
}

func TestAFaultIsNamedAtItsPlace(t *testing.T) {
	change := func(old, now string) string { return strings.Replace(small, old, now, 1) }
	for _, c := range []struct{ text, want string }{
		{"organisation: [a", "c.yaml: this is not YAML"},
		{"- a\n", "c.yaml:1:1: fields are expected here"},
		{small + "---\na: b\n", "there is more than one document"},
		{change("organisation", "organization"), "c.yaml:1:1: organization: there is no such key; did you mean organisation?"},
		{small + "organisation: Again\n", "c.yaml:7:1: organisation: this key stands here twice"},
		{small + "listen: true\n", "c.yaml:7:9: listen: text is expected here; put quotes around true"},
		{small + "behind_proxy: yes please\n", "c.yaml:7:15: behind_proxy: true or false is expected here"},
		{small + "tls: {cert_file: a.pem}\n", "c.yaml:7:6: tls: cert_file and key_file go together"},
		{small + "listen: 0.0.0.0:1\n", "c.yaml:7:9: listen: 0.0.0.0 is not a loopback address"},
		{small + "listen: nowhere\n", "c.yaml:7:9: listen: this is not of the form HOST:PORT"},
		{change("https://countersign.example.org", "https://countersign.example.org/path"), "c.yaml:2:11: base_url: this is not of the form"},
		{change("https://countersign.example.org", "http://countersign.example.org"), `c.yaml:2:11: base_url: origin "http://countersign.example.org" is not https`},
		{change("kind: local", "kind: lokal"), `c.yaml:6:26: directories[0].kind: "lokal" is not one of activedirectory, ldap, local; did you mean local?`},
		{change("kind: local", "kind: local, url: x"), "c.yaml:6:38: directories[0].url: this key says nothing to a directory of kind local"},
		{change("kind: local", "kind: local, timeout: soon"), "directories[0].timeout: a length of time such as 10s is expected here"},
		{change("{name: people, kind: local}", "{name: people, kind: local}\n  - {name: people, kind: local}"), `directories[1].name: two directories are named "people"`},
		{change("name: people", "name: a/b"), "directories[0].name: a directory needs a name of one word"},
		{change("kind: local", "kind: ldap, url: ldaps://x, bind_dn: cn=x, base_dn: dc=x, admin_groups: [cn=a]"), "COUNTERSIGN_DIRECTORY_PEOPLE_PASSWORD in the environment"},
		{change("kind: local", "kind: activedirectory, url: ldaps://x, bind_dn: x, base_dn: dc=x, attributes: {login: y}"), "directories[0].attributes.login: a directory of kind activedirectory always has this"},
		{small + "mail: {host: m, from: nobody, password: x}\n", "c.yaml:7:31: mail.password: a secret never stands in this file"},
		{small + "mail: {host: m, from: a@b.example, tls: none}\n", "mail: TLS mode none is for a server on this machine"},
		{small + "security_mail: \"A <a@b.example>\"\n", "c.yaml:7:16: security_mail: the address"},
		{small + "trusted_proxies: [10.0.0.0/8, proxy]\n", "c.yaml:7:18: trusted_proxies: entry 2 is not an address"},
		{small + "log: &l {level: info}\nledger: *l\n", "anchors and aliases are not read here"},
		{"", "c.yaml: organisation: this key is missing"},
	} {
		_, _, err := LoadConfig(written(t, "c.yaml", c.text), nil)
		var problems Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q:\n%v\nwant %s", c.text, err, c.want)
		}
	}
}

// Whatever stands in the file, reading it ends in a configuration or in
// problems of this file, and never repeats a secret's file.
func TestNoFileBreaksTheReader(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	lines := strings.Split(small, "\n")
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for range rapid.IntRange(0, 8).Draw(t, "lines") {
			if rapid.Bool().Draw(t, "ours") {
				text.WriteString(rapid.SampledFrom(lines).Draw(t, "line") + "\n")
			} else {
				text.WriteString(rapid.StringN(0, 30, 60).Draw(t, "noise") + "\n")
			}
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := LoadConfig(path, nil)
		var problems Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("%q: %v", text.String(), err)
		}
		for _, p := range problems {
			if p.File != "c.yaml" || p.Line < 0 || p.Msg == "" {
				t.Fatalf("%q: %+v", text.String(), p)
			}
		}
	})
}
