package app_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory/directorytest/certs"
)

// wire stands between Countersign and a real LDAP server. It reads every
// message, so a test can say at which one the connection breaks: before the
// server has seen it, or after the server has acted and before it could say so.
type wire struct {
	URL, CAFile string

	backend string // HOST:PORT
	roots   *tls.Config

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
	rule  func(message) fate
	wrote []message // changes that reached the server
}

// message is one request on its way to the server.
type message struct {
	As       string // whom the connection has signed in as, or is about to
	Bind     bool
	Change   bool // a modification, or a password change by RFC 3062
	Password bool // one that changes a password
}

// fate is what becomes of a message.
type fate int

const (
	pass fate = iota
	cut       // the server never sees it
	mute      // the server acts on it, and its answer is lost
)

func startWire(t *testing.T, url string, roots *x509.CertPool) *wire {
	t.Helper()
	set := certs.New(t, "127.0.0.1")
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{set.TLS}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(url, "ldaps://")
	if !strings.Contains(host, ":") {
		host += ":636"
	}
	name, _, _ := strings.Cut(host, ":")
	w := &wire{URL: "ldaps://" + l.Addr().String(), CAFile: set.CAFile, backend: host, conns: map[net.Conn]bool{},
		roots: &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS12}}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { w.carry(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); w.Break(); work.Wait() })
	return w
}

// Rule decides over every message from now on.
func (w *wire) Rule(f func(message) fate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rule = f
}

// Break cuts all connections, and every new one, until Mend.
func (w *wire) Break() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
	for c := range w.conns {
		_ = c.Close()
	}
}

// Refuse lets no new connection through, until Mend.
func (w *wire) Refuse() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
}

// Mend lets connections through again.
func (w *wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = false
}

// Passwords counts the password changes that reached the server.
func (w *wire) Passwords() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, m := range w.wrote {
		if m.Password {
			n++
		}
	}
	return n
}

// keep notes a connection; it reports false while the wire is broken.
func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.down {
		w.conns[c] = true
	}
	return !w.down
}

func (w *wire) drop(c net.Conn) {
	_ = c.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

func (w *wire) carry(client net.Conn) {
	defer w.drop(client)
	if !w.keep(client) {
		return
	}
	server, err := tls.Dial("tcp", w.backend, w.roots)
	if err != nil {
		return
	}
	defer server.Close()
	muted := make(chan int64, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.back(client, server, muted)
	}()
	w.forth(client, server, muted)
	<-done
}

// forth carries requests. When it returns, the server's side is told to end.
func (w *wire) forth(client, server net.Conn, muted chan<- int64) {
	in, as := bufio.NewReader(client), ""
	for {
		p, err := ber.ReadPacket(in)
		if err != nil || len(p.Children) < 2 {
			_ = server.Close()
			return
		}
		m := read(p.Children[1], as)
		as = m.As
		switch w.judge(m) {
		case cut:
			_ = server.Close()
			return
		case mute:
			id, _ := p.Children[0].Value.(int64)
			muted <- id
		}
		if _, err := server.Write(p.Bytes()); err != nil {
			return
		}
	}
}

// back carries answers, until the one that is to be lost.
func (w *wire) back(client, server net.Conn, muted <-chan int64) {
	in, lost := bufio.NewReader(server), int64(-1)
	defer client.Close()
	for {
		p, err := ber.ReadPacket(in)
		if err != nil || len(p.Children) < 2 {
			return
		}
		select {
		case lost = <-muted:
		default:
		}
		if id, _ := p.Children[0].Value.(int64); id == lost {
			return
		}
		if _, err := client.Write(p.Bytes()); err != nil {
			return
		}
	}
}

func (w *wire) judge(m message) fate {
	w.mu.Lock()
	rule := w.rule
	w.mu.Unlock()
	f := pass
	if rule != nil {
		f = rule(m)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.Change && f != cut {
		w.wrote = append(w.wrote, m)
	}
	return f
}

// read tells of a request what rules ask about.
func read(op *ber.Packet, as string) message {
	m := message{As: as}
	switch op.Tag {
	case ldap.ApplicationBindRequest:
		m.Bind, m.As = true, op.Children[1].Data.String()
	case ldap.ApplicationModifyRequest:
		m.Change = true
		for _, c := range op.Children[1].Children {
			attr := c.Children[1].Children[0].Data.String()
			m.Password = m.Password || attr == "unicodePwd" || attr == "userPassword"
		}
	case ldap.ApplicationExtendedRequest:
		m.Password = op.Children[0].Data.String() == "1.3.6.1.4.1.4203.1.11.1"
		m.Change = m.Password
	}
	return m
}
