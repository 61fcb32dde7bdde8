// Package scripted is an LDAP server that says what a test tells it to: a
// directory that lies, stalls, hangs up or is merely far larger than the ones
// that can be run on loopback. It speaks just enough of RFC 4511 for that.
package scripted

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"countersign/internal/directory/directorytest/certs"
)

// Op is what a client asked for.
type Op string

// The operations a script can answer.
const (
	Bind     Op = "bind"
	Search   Op = "search"
	Modify   Op = "modify"
	Password Op = "password" // RFC 3062
	StartTLS Op = "starttls" // only ever declined: the script cannot upgrade
)

// Request is one message from the client.
type Request struct {
	Op      Op
	Name    string // bind name, search base, entry modified, user identity
	Secret  string // bind password, new password
	Filter  string
	Changes map[string][]string // attribute → values, of a modify
}

// Entry is one search result.
type Entry struct {
	DN    string
	Attrs map[string][]string
}

// Reply is what the server does with a request.
type Reply struct {
	Entries   []Entry
	Refer     []string // search result references
	Code      uint16
	Text      string // diagnostic message
	Generated string // password chosen by the server, answering Password
	WrongTag  bool   // answer with another operation's tag
	Hang      bool   // never answer
	Drop      bool   // close the connection instead of answering
}

// Server is a running script.
type Server struct {
	URL  string // ldaps
	Pool *x509.CertPool

	mu     sync.Mutex
	script func(Request) Reply
	seen   []Request
}

// Start runs a server on loopback until the test ends.
func Start(t testing.TB, script func(Request) Reply) *Server {
	t.Helper()
	set := certs.New(t, "127.0.0.1")
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{set.TLS}})
	if err != nil {
		t.Fatal(err)
	}
	return start(t, l, &Server{URL: "ldaps://" + l.Addr().String(), Pool: set.Pool, script: script})
}

// StartPlain is Start without encryption.
func StartPlain(t testing.TB, script func(Request) Reply) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return start(t, l, &Server{URL: "ldap://" + l.Addr().String(), script: script})
}

func start(t testing.TB, l net.Listener, s *Server) *Server {
	var open sync.WaitGroup
	stop := make(chan struct{})
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.serve(c, stop) })
		}
	})
	t.Cleanup(func() { close(stop); _ = l.Close(); open.Wait() })
	return s
}

// Script replaces what the server says from now on.
func (s *Server) Script(script func(Request) Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// Seen lists the requests so far of one kind.
func (s *Server) Seen(op Op) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Request
	for _, r := range s.seen {
		if r.Op == op {
			out = append(out, r)
		}
	}
	return out
}

func (s *Server) answer(r Request) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r)
	return s.script(r)
}

func (s *Server) serve(c net.Conn, stop <-chan struct{}) {
	defer c.Close()
	gone := make(chan struct{})
	defer close(gone)
	go func() {
		select {
		case <-stop:
			_ = c.Close()
		case <-gone:
		}
	}()
	in := bufio.NewReader(c)
	for {
		p, err := ber.ReadPacket(in)
		if err != nil || len(p.Children) < 2 {
			return
		}
		id, _ := p.Children[0].Value.(int64)
		req, tag, ok := parse(p.Children[1])
		if !ok { // unbind, abandon
			return
		}
		reply := s.answer(req)
		if reply.Drop {
			return
		}
		if reply.Hang {
			continue
		}
		if !send(c, id, tag, reply) {
			return
		}
	}
}

func send(c io.Writer, id int64, tag ber.Tag, r Reply) bool {
	for _, e := range r.Entries {
		op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
		op.AppendChild(octets(e.DN))
		attrs := ber.NewSequence("")
		for name, values := range e.Attrs {
			a, set := ber.NewSequence(""), ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
			for _, v := range values {
				set.AppendChild(octets(v))
			}
			a.AppendChild(octets(name))
			a.AppendChild(set)
			attrs.AppendChild(a)
		}
		op.AppendChild(attrs)
		if !write(c, id, op) {
			return false
		}
	}
	for _, url := range r.Refer {
		op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
		op.AppendChild(octets(url))
		if !write(c, id, op) {
			return false
		}
	}
	if r.WrongTag {
		tag = ldap.ApplicationCompareResponse
	}
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(r.Code), ""))
	op.AppendChild(octets(""))
	op.AppendChild(octets(r.Text))
	if r.Generated != "" {
		seq := ber.NewSequence("")
		seq.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, r.Generated, ""))
		op.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, string(seq.Bytes()), ""))
	}
	return write(c, id, op)
}

func write(c io.Writer, id int64, op *ber.Packet) bool {
	msg := ber.NewSequence("")
	msg.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	msg.AppendChild(op)
	_, err := c.Write(msg.Bytes())
	return err == nil
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

// parse reads a request; its second result is the tag of the response.
func parse(op *ber.Packet) (Request, ber.Tag, bool) {
	text := func(i int) string {
		if i >= len(op.Children) {
			return ""
		}
		return op.Children[i].Data.String()
	}
	switch op.Tag {
	case ldap.ApplicationBindRequest:
		return Request{Op: Bind, Name: text(1), Secret: text(2)}, ldap.ApplicationBindResponse, true
	case ldap.ApplicationSearchRequest:
		filter, err := ldap.DecompileFilter(op.Children[6])
		if err != nil {
			filter = fmt.Sprint("unreadable: ", err)
		}
		return Request{Op: Search, Name: text(0), Filter: filter}, ldap.ApplicationSearchResultDone, true
	case ldap.ApplicationModifyRequest:
		r := Request{Op: Modify, Name: text(0), Changes: map[string][]string{}}
		for _, change := range op.Children[1].Children {
			attr := change.Children[1]
			values := []string{}
			for _, v := range attr.Children[1].Children {
				values = append(values, v.Data.String())
			}
			r.Changes[attr.Children[0].Data.String()] = values
		}
		return r, ldap.ApplicationModifyResponse, true
	case ldap.ApplicationExtendedRequest:
		if op.Children[0].Data.String() == "1.3.6.1.4.1.1466.20037" {
			return Request{Op: StartTLS}, ldap.ApplicationExtendedResponse, true
		}
		r := Request{Op: Password}
		if inner, err := ber.DecodePacketErr(op.Children[1].Data.Bytes()); err == nil {
			for _, c := range inner.Children {
				switch c.Tag {
				case 0:
					r.Name = c.Data.String()
				case 2:
					r.Secret = c.Data.String()
				}
			}
		}
		return r, ldap.ApplicationExtendedResponse, true
	}
	return Request{}, 0, false
}
