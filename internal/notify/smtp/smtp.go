package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"countersign/internal/notify"
)

// Sender sends each message over a connection of its own. Several goroutines
// may use it.
type Sender struct {
	config Config
	from   *mail.Address
}

// New checks the configuration. It does not connect.
func New(c Config) (*Sender, error) {
	c, from, err := c.complete()
	if err != nil {
		return nil, err
	}
	return &Sender{config: c, from: from}, nil
}

// Send hands m to the server. It ends when ctx ends or the configured time is
// over, whichever is first, with ErrTemporary; the server may then have taken
// the message all the same, and the next attempt carries the same Message-ID.
func (s *Sender) Send(ctx context.Context, m notify.Message) error {
	if err := m.Check(); err != nil {
		return err
	}
	letter, err := s.letter(m)
	if err != nil {
		return fmt.Errorf("smtp: writing message %s: %w: %w", m.ID, notify.ErrPermanent, err)
	}
	if err := s.deliver(ctx, letter); err != nil {
		return fmt.Errorf("smtp: sending message %s through %s: %w", m.ID, s.config.Host, err)
	}
	return nil
}

func (s *Sender) letter(m notify.Message) (*gomail.Msg, error) {
	_, domain, _ := strings.Cut(s.from.Address, "@")
	l := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	l.FromMailAddress(s.from)
	if err := l.To(m.To); err != nil {
		return nil, errors.New("the address is not accepted") // the library's words repeat the address
	}
	l.Subject(m.Subject)
	l.SetMessageIDWithValue(m.ID + "@" + domain)
	l.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office replies, please
	l.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	l.SetBodyString(gomail.TypeTextPlain, m.Text)
	return l, nil
}

func (s *Sender) deliver(ctx context.Context, letter *gomail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	client, err := gomail.NewClient(s.config.Host, s.options(ctx)...)
	if err != nil {
		return fmt.Errorf("%w: %w", notify.ErrTemporary, err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", notify.ErrTemporary, reason(ctx, err))
	}
	defer func() { _ = client.CloseWithSMTPClient(conn) }() // whatever a QUIT brings, the message is gone or not
	err = client.SendWithSMTPClient(conn, letter)
	if err == nil || letter.IsDelivered() {
		return nil
	}
	var refusal *gomail.SendError
	if errors.As(err, &refusal) && refusal.ErrorCode() >= 500 {
		return fmt.Errorf("%w: %w", notify.ErrPermanent, reason(ctx, err))
	}
	return fmt.Errorf("%w: %w", notify.ErrTemporary, reason(ctx, err))
}

// options are made anew for each message, because the connection must end with
// that message's ctx.
func (s *Sender) options(ctx context.Context) []gomail.Option {
	c := s.config
	config := &tls.Config{ServerName: c.Host, RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12}
	o := []gomail.Option{
		gomail.WithPort(c.Port), gomail.WithTimeout(c.Timeout + time.Minute), // so that it is always ctx that ends first
		gomail.WithTLSConfig(config), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) {
			return dial(ctx, c, config)
		}),
	}
	switch c.TLS {
	case Implicit:
		o = append(o, gomail.WithSSL())
	case None:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if c.Username != "" {
		o = append(o, gomail.WithUsername(c.Username), gomail.WithPassword(c.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return o
}

// dial connects, and closes the connection as soon as ctx ends: the library
// watches ctx only until the connection stands. The library's own address is
// not used because it has no brackets around an IPv6 one.
func dial(ctx context.Context, c Config, config *tls.Config) (net.Conn, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, err
	}
	if a, ok := raw.RemoteAddr().(*net.TCPAddr); c.TLS == None && (!ok || !a.IP.IsLoopback()) {
		_ = raw.Close()
		return nil, errors.New("this name is not a loopback address, and TLS is off")
	}
	context.AfterFunc(ctx, func() { _ = raw.Close() })
	if c.TLS != Implicit {
		return raw, nil
	}
	secure := tls.Client(raw, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return secure, nil
}

// reason says what went wrong without the server's own words: a server may
// repeat the message or the password in them, and errors go to logs.
func reason(ctx context.Context, err error) error {
	var refusal *gomail.SendError
	var reply *textproto.Error
	var garbled textproto.ProtocolError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &refusal) && refusal.ErrorCode() > 0:
		return fmt.Errorf("the server answered %d %s when %s", refusal.ErrorCode(), refusal.EnhancedStatusCode(), refusal.Reason)
	case errors.As(err, &refusal):
		return fmt.Errorf("the connection broke when %s", refusal.Reason)
	case errors.As(err, &reply):
		return fmt.Errorf("the server answered %d before the message was sent", reply.Code)
	case errors.As(err, &garbled):
		return errors.New("the server does not speak SMTP")
	}
	return err
}
