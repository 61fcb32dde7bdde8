package smtp_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/notify/smtp"
)

func TestAConfigurationThatCannotBeMeantIsRefused(t *testing.T) {
	good := smtp.Config{Host: "mail.example.org", From: "Acme Desk <desk@example.org>", Username: "desk", Password: "canary-password"}
	if _, err := smtp.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*smtp.Config){
		"no host":                    func(c *smtp.Config) { c.Host = "" },
		"an address for a host":      func(c *smtp.Config) { c.Host = "smtp://mail.example.org" },
		"a port out of range":        func(c *smtp.Config) { c.Port = 65536 },
		"a negative port":            func(c *smtp.Config) { c.Port = -1 },
		"no sender":                  func(c *smtp.Config) { c.From = "" },
		"a header in the sender":     func(c *smtp.Config) { c.From = "desk@example.org\r\nBcc: b@example.com" },
		"a sender without a domain":  func(c *smtp.Config) { c.From = "desk" },
		"a user without a password":  func(c *smtp.Config) { c.Password = "" },
		"a password without a user":  func(c *smtp.Config) { c.Username = "" },
		"an unknown TLS mode":        func(c *smtp.Config) { c.TLS = "opportunistic" },
		"no time":                    func(c *smtp.Config) { c.Timeout = -time.Second },
		"no TLS to another machine":  func(c *smtp.Config) { c.TLS, c.Username, c.Password = smtp.None, "", "" },
		"no TLS to a public address": func(c *smtp.Config) { c.TLS, c.Username, c.Password, c.Host = smtp.None, "", "", "192.0.2.1" },
		"no TLS to a look-alike": func(c *smtp.Config) {
			c.TLS, c.Username, c.Password, c.Host = smtp.None, "", "", "localhost.example.org"
		},
		"no TLS to the unspecified host": func(c *smtp.Config) { c.TLS, c.Username, c.Password, c.Host = smtp.None, "", "", "0.0.0.0" },
		"no TLS, yet a password":         func(c *smtp.Config) { c.TLS, c.Host = smtp.None, "127.0.0.1" },
	} {
		c := good
		spoil(&c)
		if _, err := smtp.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "canary-password") {
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
	for _, host := range []string{"localhost", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"} {
		if _, err := smtp.New(smtp.Config{Host: host, From: "desk@example.org", TLS: smtp.None}); err != nil {
			t.Errorf("none to %s: %v", host, err)
		}
	}
}
