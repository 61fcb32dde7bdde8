// Package ldapconn is what the LDAP-speaking backends of package directory
// share: how a connection is made (always encrypted, always bound, one for each
// operation, gone when its context is), and how what came back is told apart
// into the port's faults. It knows no schema and no vendor.
//
//	conn, err := client.Open(ctx)
//	if err != nil { … } // directory.ErrUnreachable
//	defer conn.Close()
//	entries, err := conn.Search("looking up an account", req)
//
// Nothing a server says ever stands in an error's text: a server that quotes a
// rejected password back must not get it into a log. The text names the result
// code; the server's own words can be classified through errors.As with
// *ldap.Error and no further.
package ldapconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory"
)

// DefaultTimeout bounds one operation, dialling included, when a Server does
// not say otherwise.
const DefaultTimeout = 10 * time.Second

// Server says where a directory is and as whom to work there.
type Server struct {
	// Who begins every error: the backend and the directory's name.
	Who string
	// URL is ldaps://HOST[:PORT], or ldap://HOST[:PORT], which is upgraded by
	// StartTLS before anything else is said. There is no unencrypted way.
	URL string
	// RootCAs sign the server's certificate; nil: the system's.
	RootCAs *x509.CertPool
	// BindDN and Password are the service account. Both are required.
	BindDN, Password string
	// Timeout bounds one operation; zero: DefaultTimeout.
	Timeout time.Duration
}

// Roots reads the PEM certificates that may sign a server's; "" is the system's
// choice.
func Roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ldapconn: reading certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ldapconn: reading certificates: %s holds none", file)
	}
	return pool, nil
}

// Client opens connections to one server.
type Client struct {
	server   Server
	startTLS bool
	addr     string
	tls      *tls.Config
}

// New checks the settings; it does not connect.
func New(s Server) (*Client, error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("%s: the address is not ldaps://HOST[:PORT] or ldap://HOST[:PORT]", s.Who)
	}
	ports := map[string]string{"ldaps": "636", "ldap": "389"}
	port, ok := ports[u.Scheme]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: the address begins with %q; it has to be ldaps:// or ldap://", s.Who, u.Scheme+"://")
	case s.BindDN == "" || s.Password == "":
		return nil, fmt.Errorf("%s: the service account needs both a name and a password", s.Who)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	if s.Timeout <= 0 {
		s.Timeout = DefaultTimeout
	}
	return &Client{
		server:   s,
		startTLS: u.Scheme == "ldap",
		addr:     net.JoinHostPort(u.Hostname(), port),
		tls:      &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.RootCAs, ServerName: u.Hostname()},
	}, nil
}

// Conn is one connection for one operation, bound as the service account. It
// ends with the context it was opened with, or after the server's timeout.
type Conn struct {
	client *Client
	ctx    context.Context
	cancel context.CancelFunc
	ldap   *ldap.Conn
	peer   string
}

// Open connects and binds as the service account. Any failure is
// directory.ErrUnreachable: nothing was asked for yet.
func (c *Client) Open(ctx context.Context) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.server.Timeout)
	conn, peer, err := c.dial(ctx, c.addr)
	if err == nil {
		err = conn.Bind(c.server.BindDN, c.server.Password)
		if err != nil {
			_ = conn.Close()
		}
	}
	if err != nil {
		err = c.fault(ctx, "signing in as the service account", directory.ErrUnreachable, err)
		cancel()
		return nil, err
	}
	return &Conn{client: c, ctx: ctx, cancel: cancel, ldap: conn, peer: peer}, nil
}

// Close ends the connection.
func (c *Conn) Close() {
	_ = c.ldap.Close()
	c.cancel()
}

// dial makes an encrypted connection that is torn down when ctx ends: the LDAP
// library knows no contexts, and closing the socket under it wakes whatever
// waits for an answer.
func (c *Client) dial(ctx context.Context, addr string) (*ldap.Conn, string, error) {
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, "", err
	}
	context.AfterFunc(ctx, func() { _ = raw.Close() })
	peer := raw.RemoteAddr().String()
	if c.startTLS {
		conn := ldap.NewConn(raw, false)
		conn.Start()
		if err := conn.StartTLS(c.tls.Clone()); err != nil {
			_ = raw.Close()
			_ = conn.Close()
			return nil, "", err
		}
		return conn, peer, nil
	}
	sealed := tls.Client(raw, c.tls.Clone())
	if err := sealed.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, "", err
	}
	conn := ldap.NewConn(sealed, true)
	conn.Start()
	return conn, peer, nil
}

// Answer is what a server said to a sign-in.
type Answer struct {
	// Code is the LDAP result code; ldap.LDAPResultSuccess when it worked.
	Code uint16
	// Diagnostic is the server's own text. It may hold anything: classify it,
	// never pass it on.
	Diagnostic string
	// Policy is the password policy's response control, when there was one.
	Policy *ldap.ControlBeheraPasswordPolicy
}

// TryBind signs in as somebody on a connection of its own, to the very machine
// that c talks to, so that the answer is about the replica that was written. An
// error means that the server gave no answer (directory.ErrUnreachable).
func (c *Conn) TryBind(name, secret string) (Answer, error) {
	if name == "" || secret == "" {
		// An empty one of these would be an anonymous sign-in, which succeeds.
		return Answer{Code: ldap.LDAPResultInvalidCredentials}, nil
	}
	const doing = "trying a credential"
	conn, _, err := c.client.dial(c.ctx, c.peer)
	if err != nil {
		return Answer{}, c.client.fault(c.ctx, doing, directory.ErrUnreachable, err)
	}
	defer conn.Close()
	res, err := conn.SimpleBind(ldap.NewSimpleBindRequest(name, secret, []ldap.Control{ldap.NewControlBeheraPasswordPolicy()}))
	var a Answer
	if res != nil {
		for _, ctl := range res.Controls {
			if p, ok := ctl.(*ldap.ControlBeheraPasswordPolicy); ok {
				a.Policy = p
			}
		}
	}
	if err == nil {
		return a, nil
	}
	var le *ldap.Error
	if !errors.As(err, &le) || le.ResultCode >= ldap.ErrorNetwork {
		return Answer{}, c.client.fault(c.ctx, doing, directory.ErrUnreachable, err)
	}
	a.Code = le.ResultCode
	if le.Err != nil {
		a.Diagnostic = le.Err.Error()
	}
	return a, nil
}
