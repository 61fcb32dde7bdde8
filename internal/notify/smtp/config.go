// Package smtp sends messages through a mail server, over TLS or not at all.
//
// A server that does not offer STARTTLS, or whose certificate does not hold,
// gets nothing: there is no falling back to plain text, because the messages
// carry codes.
package smtp

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"strings"
	"time"

	"countersign/internal/notify"
)

// TLS says how the way to the server is protected.
type TLS string

// The ways. None is for a relay on the same machine and for nothing else.
const (
	StartTLS TLS = "starttls" // the default, on port 587: TLS must be offered and must hold
	Implicit TLS = "implicit" // on port 465: TLS from the first byte
	None     TLS = "none"     // on port 25 of a loopback address
)

// Config is how a server is reached.
type Config struct {
	Host     string         // the name that its certificate must carry
	Port     int            // 0 for the usual one of the TLS mode
	From     string         // such as Acme Desk <desk@example.org>
	Username string         // "" to send without signing in
	Password string         //
	TLS      TLS            // "" counts as StartTLS
	RootCAs  *x509.CertPool // nil for the machine's own
	Timeout  time.Duration  // for one message as a whole; 0 counts as 30 seconds
}

const defaultTimeout = 30 * time.Second

// complete fills in the defaults and refuses what cannot be meant.
func (c Config) complete() (Config, *mail.Address, error) {
	if c.TLS == "" {
		c.TLS = StartTLS
	}
	ports := map[TLS]int{StartTLS: 587, Implicit: 465, None: 25}
	if ports[c.TLS] == 0 {
		return c, nil, fmt.Errorf("smtp: configuration: TLS mode %q is not one of starttls, implicit, none", string(c.TLS))
	}
	if c.Port == 0 {
		c.Port = ports[c.TLS]
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	from, err := mail.ParseAddress(c.From)
	switch {
	case c.Host == "" || strings.ContainsAny(c.Host, " /@\r\n"):
		return c, nil, fmt.Errorf("smtp: configuration: host %q is not the name of a server", c.Host)
	case c.Port < 0 || c.Port > 65535:
		return c, nil, fmt.Errorf("smtp: configuration: there is no port %d", c.Port)
	case c.Timeout < 0:
		return c, nil, fmt.Errorf("smtp: configuration: the timeout is negative")
	case err != nil:
		return c, nil, fmt.Errorf("smtp: configuration: the sender's address: %w", err)
	case notify.CheckAddress(from.Address) != nil:
		return c, nil, fmt.Errorf("smtp: configuration: the sender's address is not of the form NAME@DOMAIN")
	case (c.Username == "") != (c.Password == ""):
		return c, nil, errors.New("smtp: configuration: a user name needs a password, and the reverse")
	case c.TLS == None && !loopback(c.Host):
		return c, nil, fmt.Errorf("smtp: configuration: TLS mode none is for a server on this machine; %s is not (hint: use starttls)", c.Host)
	case c.TLS == None && c.Username != "":
		return c, nil, errors.New("smtp: configuration: a password is never sent without TLS")
	}
	return c, from, nil
}

// loopback takes a name only where no resolver can say otherwise; localhost is
// checked again when it has been dialled.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
