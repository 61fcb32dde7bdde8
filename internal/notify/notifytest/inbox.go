// Package notifytest is a mail server inside a test: it takes messages over
// TLS as a real one does, shows what came, and fails on request.
//
//	inbox := notifytest.Start(t)
//	sender := inbox.Sender(t)
//	…
//	code := inbox.Wait(t.Context(), "a.sato@example.org", 1)[0].Text
package notifytest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	server "github.com/emersion/go-smtp"

	"countersign/internal/notify"
	"countersign/internal/notify/smtp"
)

// From is the address that the Sender of an Inbox sends from.
const From = "Acme Desk <desk@example.org>"

// Received is one message as it arrived.
type Received struct {
	From, To  string // of the envelope
	Subject   string // decoded
	Text      string // decoded, lines end in LF
	MessageID string // without the angle brackets
	Raw       string // headers and body as sent
	TLS       bool
	User      string // who had signed in, "" for nobody
}

// Inbox is a running server.
type Inbox struct {
	Host string // 127.0.0.1
	Port int
	Addr string         // Host:Port
	CAs  *x509.CertPool // what a client must trust
	PEM  []byte         // the same, for a file

	opts    options
	mu      sync.Mutex
	got     []Received
	faults  map[Stage][]fault
	arrived chan struct{} // closed at each arrival and made anew
}

type options struct {
	mode           smtp.TLS
	user, password string
}

// Option changes how the server presents itself.
type Option func(*options)

// WithoutTLS makes the server offer no STARTTLS.
func WithoutTLS() Option { return func(o *options) { o.mode = smtp.None } }

// ImplicitTLS makes the server speak TLS from the first byte.
func ImplicitTLS() Option { return func(o *options) { o.mode = smtp.Implicit } }

// Account makes the server refuse mail until somebody signs in so.
func Account(user, password string) Option {
	return func(o *options) { o.user, o.password = user, password }
}

// Start runs a server on a loopback port until the test ends. It offers
// STARTTLS with a certificate that only CAs vouches for.
func Start(t testing.TB, opts ...Option) *Inbox {
	t.Helper()
	in := &Inbox{opts: options{mode: smtp.StartTLS}, faults: map[Stage][]fault{}, arrived: make(chan struct{})}
	for _, o := range opts {
		o(&in.opts)
	}
	cert, pool := certificate(t)
	in.CAs = pool
	in.PEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("notifytest: %v", err)
	}
	a := l.Addr().(*net.TCPAddr)
	in.Host, in.Port, in.Addr = a.IP.String(), a.Port, a.String()

	s := server.NewServer(server.BackendFunc(in.session))
	s.Domain, s.MaxRecipients, s.MaxMessageBytes = "mail.example.org", 1, 1<<20
	s.EnableSMTPUTF8 = true
	s.ErrorLog = quiet{}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	switch in.opts.mode {
	case smtp.StartTLS:
		s.TLSConfig = config
	case smtp.Implicit:
		l = tls.NewListener(l, config)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		_ = l.Close() // Serve may not have begun, and then s does not know of l
		if err := <-done; err != nil && !errors.Is(err, server.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("notifytest: %v", err)
		}
	})
	return in
}

// Config is how the inbox is reached.
func (in *Inbox) Config() smtp.Config {
	return smtp.Config{
		Host: in.Host, Port: in.Port, From: From, Username: in.opts.user, Password: in.opts.password,
		TLS: in.opts.mode, RootCAs: in.CAs,
	}
}

// Sender sends to the inbox.
func (in *Inbox) Sender(t testing.TB) notify.Sender {
	t.Helper()
	s, err := smtp.New(in.Config())
	if err != nil {
		t.Fatalf("notifytest: %v", err)
	}
	return s
}

// Messages returns what has arrived so far, the oldest first.
func (in *Inbox) Messages() []Received {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.got)
}

// To returns what has arrived so far for one address.
func (in *Inbox) To(address string) []Received {
	return slices.DeleteFunc(in.Messages(), func(r Received) bool { return r.To != address })
}

// Wait returns the messages to an address as soon as there are n, or an error
// when ctx ends first.
func (in *Inbox) Wait(ctx context.Context, to string, n int) ([]Received, error) {
	for {
		in.mu.Lock()
		next := in.arrived
		in.mu.Unlock()
		if got := in.To(to); len(got) >= n {
			return got, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, fmt.Errorf("notifytest: waiting for %d messages to %s, have %d: %w", n, to, len(in.To(to)), ctx.Err())
		}
	}
}

func (in *Inbox) keep(r Received) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.got = append(in.got, r)
	close(in.arrived)
	in.arrived = make(chan struct{})
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
