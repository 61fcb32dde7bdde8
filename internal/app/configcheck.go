package app

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"

	"countersign/internal/identity"
	"countersign/internal/notify"
	"countersign/internal/notify/smtp"
	"countersign/internal/proof/passkey"
)

// complete judges the values together, reads the secrets, and fills in what
// follows from other values.
func (c *Config) complete(r *reader, environ []string) {
	c.required(r)
	c.address(r)
	c.transport(r)
	seen := map[string]bool{}
	for i := range c.Directories {
		d, at := &c.Directories[i], fmt.Sprintf("directories[%d]", i)
		d.CAFile, d.PasswordFile, d.Hands.PasswordFile = c.path(d.CAFile), c.path(d.PasswordFile), c.path(d.Hands.PasswordFile)
		if seen[d.Name] {
			r.fail(at+".name", "two directories are named %q", d.Name)
		}
		seen[d.Name] = true
		d.complete(r, at, environ)
	}
	c.mail(r, environ)
	c.gateways(r, environ)
	c.proofing(r)
	c.oidc(r, environ)
	choice(r, "log.format", c.Log.Format, "text", "json")
	choice(r, "log.level", c.Log.Level, "debug", "info", "warn", "error")
}

func (c *Config) required(r *reader) {
	for _, v := range []struct{ key, value, such string }{
		{"organisation", c.Organisation, "organisation: Example Ltd"},
		{"base_url", c.BaseURL, "base_url: https://countersign.example.org"},
		{"data", c.Data, "data: /var/lib/countersign"},
		{"policy", c.Policy, "policy: policy.yaml"},
	} {
		if v.value == "" {
			r.fail(v.key, "this key is missing; say, for example, %s", v.such)
		}
	}
	if len(c.Directories) == 0 {
		r.fail("directories", "name at least one directory; - {name: people, kind: local} comes without a server")
	}
	if err := identity.CheckLine(c.Organisation, 100); err != nil {
		r.fail("organisation", "%v", err)
	}
	if c.SecurityMail != "" {
		if err := notify.CheckAddress(c.SecurityMail); err != nil {
			r.fail("security_mail", "%v", err)
		}
	}
	c.Data, c.Policy = c.path(c.Data), c.path(c.Policy)
}

// address checks where the server is reached, and what is bound to that.
func (c *Config) address(r *reader) {
	u, err := url.Parse(c.BaseURL)
	switch {
	case c.BaseURL == "":
		return
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		r.fail("base_url", "this is not of the form https://HOST[:PORT]")
		return
	}
	c.BaseURL = strings.ToLower(u.Scheme + "://" + u.Host)
	if c.Ledger.Origin == "" {
		c.Ledger.Origin = strings.ToLower(u.Hostname())
	}
	if strings.ContainsAny(c.Ledger.Origin, " +\n") || identity.CheckLine(c.Ledger.Origin, 100) != nil {
		r.fail("ledger.origin", "a ledger's name is one word without + signs")
	}
	if c.Signin.RelyingParty == "" {
		c.Signin.RelyingParty = strings.ToLower(u.Hostname())
	}
	if err := c.relyingParty().Check(); err != nil {
		r.fail("base_url", "%s", strings.TrimPrefix(err.Error(), "passkey: "))
	}
}

func (c Config) relyingParty() passkey.RelyingParty {
	return passkey.RelyingParty{ID: c.Signin.RelyingParty, Origins: []string{c.BaseURL}}
}

// transport makes sure that nothing secret crosses a network in the clear.
func (c *Config) transport(r *reader) {
	c.TLS.CertFile, c.TLS.KeyFile = c.path(c.TLS.CertFile), c.path(c.TLS.KeyFile)
	host, port, err := net.SplitHostPort(c.Listen)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		r.fail("listen", "this is not of the form HOST:PORT")
		return
	}
	if _, err := c.proxies(); err != nil {
		r.fail("trusted_proxies", "%v", err)
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		r.fail("tls", "cert_file and key_file go together")
	}
	switch {
	case c.TLS.CertFile != "" && c.BehindProxy:
		r.fail("behind_proxy", "either this server speaks TLS (tls) or the proxy before it does (behind_proxy), not both")
	case c.TLS.CertFile == "" && !c.BehindProxy && !loopback(host):
		r.fail("listen", "%s is not a loopback address, and no TLS is configured; set tls.cert_file and tls.key_file, or behind_proxy: true when a proxy in front speaks TLS", host)
	case c.TLS.CertFile != "" && strings.HasPrefix(c.BaseURL, "http://"):
		r.fail("base_url", "it begins with http://, but tls is configured")
	}
}

// proxies are the networks whose X-Forwarded-For is believed.
func (c Config) proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for i, text := range c.Proxies {
		p, err := netip.ParsePrefix(text)
		if ip, alone := netip.ParseAddr(text); err != nil && alone == nil {
			p, err = ip.Prefix(ip.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("entry %d is not an address or a network such as 10.0.0.0/8", i+1)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func (c *Config) mail(r *reader, environ []string) {
	m := &c.Mail
	if *m == (Mail{TLS: m.TLS}) {
		r.warn("no mail server is configured: nobody is told of requests, and codes by mail are not offered")
		return
	}
	m.PasswordFile, m.CAFile = c.path(m.PasswordFile), c.path(m.CAFile)
	if _, err := mail.ParseAddress(m.From); err != nil {
		r.fail("mail.from", "this is not an address such as Example Desk <desk@example.org>")
		return
	}
	choice(r, "mail.tls", m.TLS, "starttls", "implicit", "none")
	m.password = r.secret("mail.password_file", m.PasswordFile, "COUNTERSIGN_MAIL_PASSWORD", environ)
	config, err := m.smtp()
	if err == nil {
		_, err = smtp.New(config)
	}
	if err != nil {
		r.fail("mail", "%s", strings.TrimPrefix(err.Error(), "smtp: configuration: "))
	}
}

// secret reads a password from its file or the environment; "" when neither is
// named.
func (r *reader) secret(path, file, name string, environ []string) string {
	var text string
	for _, e := range environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			text = v
		}
	}
	switch {
	case text != "" && file != "":
		r.fail(path, "both this file and %s give the password; remove one", name)
		return ""
	case text != "" || file == "":
		return text
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		r.fail(path, "the password cannot be read: %v", err)
		return ""
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
		r.warn("%s may be read by others; chmod 600 it", file)
	}
	text = strings.TrimRight(string(raw), "\r\n")
	if text == "" || strings.ContainsAny(text, "\r\n") {
		r.fail(path, "the file holds no password of one line")
	}
	return text
}

func choice(r *reader, path, value string, among ...string) {
	for _, a := range among {
		if value == a {
			return
		}
	}
	r.fail(path, "%q is not one of %s; %s", identity.Line(value, 60), strings.Join(among, ", "), suggest(value, among))
}
