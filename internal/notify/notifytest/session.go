package notifytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"
)

// Stage is a moment in the dialogue at which a server can fail.
type Stage string

// The stages.
const (
	AtHello Stage = "hello"
	AtMail  Stage = "mail" // the sender's address
	AtRcpt  Stage = "rcpt" // the reader's address
	AtData  Stage = "data" // the message itself, after all of it has come
)

type fault struct {
	code int // 0: the connection is cut
	text string
}

// Fail makes the next n dialogues that reach stage end with an answer such as
// 451 or 550 and a text of the server's own.
func (in *Inbox) Fail(stage Stage, n, code int, text string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for range n {
		in.faults[stage] = append(in.faults[stage], fault{code, text})
	}
}

// Drop makes the next n dialogues that reach stage end without an answer.
func (in *Inbox) Drop(stage Stage, n int) { in.Fail(stage, n, 0, "") }

func (in *Inbox) fault(stage Stage, c net.Conn) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	waiting := in.faults[stage]
	if len(waiting) == 0 {
		return nil
	}
	f := waiting[0]
	in.faults[stage] = waiting[1:]
	if f.code == 0 {
		_ = c.Close()
		return io.ErrUnexpectedEOF
	}
	return &server.SMTPError{Code: f.code, EnhancedCode: server.EnhancedCode{f.code / 100, 7, 1}, Message: f.text}
}

type session struct {
	in   *Inbox
	conn *server.Conn
	user string
	from string
	to   string
}

func (in *Inbox) session(c *server.Conn) (server.Session, error) {
	if err := in.fault(AtHello, c.Conn()); err != nil {
		return nil, err
	}
	return &session{in: in, conn: c}, nil
}

func (s *session) AuthMechanisms() []string {
	if s.in.opts.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if s.in.opts.user == "" || user != s.in.opts.user || password != s.in.opts.password {
			return server.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *server.MailOptions) error {
	if s.in.opts.user != "" && s.user == "" {
		return server.ErrAuthRequired
	}
	s.from = from
	return s.in.fault(AtMail, s.conn.Conn())
}

func (s *session) Rcpt(to string, _ *server.RcptOptions) error {
	s.to = to
	return s.in.fault(AtRcpt, s.conn.Conn())
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.in.fault(AtData, s.conn.Conn()); err != nil {
		return err
	}
	got, err := parse(string(raw))
	if err != nil {
		return &server.SMTPError{Code: 554, EnhancedCode: server.EnhancedCode{5, 6, 0}, Message: err.Error()}
	}
	_, got.TLS = s.conn.TLSConnectionState()
	got.From, got.To, got.User = s.from, s.to, s.user
	s.in.keep(got)
	return nil
}

func (s *session) Reset()        { s.from, s.to = "", "" }
func (s *session) Logout() error { return nil }

// parse reads the one kind of message that Countersign sends: plain text,
// alone. Anything else is a fault of the sender and is refused.
func parse(raw string) (Received, error) {
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		return Received{}, err
	}
	for name, values := range m.Header {
		if len(values) != 1 {
			return Received{}, fmt.Errorf("header %s stands %d times", name, len(values))
		}
	}
	kind, _, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "text/plain" || m.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
		return Received{}, errors.New("not plain text in quoted-printable")
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		return Received{}, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return Received{}, err
	}
	return Received{
		Subject: subject, Text: strings.ReplaceAll(string(text), "\r\n", "\n"), Raw: raw,
		MessageID: strings.Trim(m.Header.Get("Message-Id"), "<>"),
	}, nil
}

// certificate makes a certificate for the loopback addresses that vouches for
// itself.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("notifytest: %v", err)
	}
	now := time.Now()
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "notifytest"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatalf("notifytest: %v", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("notifytest: %v", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
