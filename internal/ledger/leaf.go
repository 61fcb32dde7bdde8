package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxLeaf is the most bytes a leaf may have: an entry bundle gives each leaf a
// length of sixteen bits.
const MaxLeaf = 1<<16 - 1

// timeForm is how a leaf writes time.
const timeForm = "2006-01-02T15:04:05.000Z"

// Bytes is the leaf as it is hashed and published: the canonical JSON object
// with exactly the members actor, at, body, seq, stream, type and version. The
// time is cut to milliseconds. A leaf that passes Check is what ParseLeaf
// makes of its Bytes.
func (l Leaf) Bytes() []byte {
	b := make([]byte, 0, 160+len(l.Actor)+len(l.Stream)+len(l.Type)+len(l.Body))
	b = appendText(append(b, `{"actor":`...), l.Actor)
	b = l.At.UTC().AppendFormat(append(b, `,"at":"`...), timeForm)
	b = append(append(b, `","body":`...), l.Body...)
	b = strconv.AppendUint(append(b, `,"seq":`...), l.Seq, 10)
	b = appendText(append(b, `,"stream":`...), l.Stream)
	b = appendText(append(b, `,"type":`...), l.Type)
	b = strconv.AppendUint(append(b, `,"version":`...), l.Version, 10)
	return append(b, '}')
}

// Hash is the leaf's Merkle hash (RFC 6962 §2.1).
func (l Leaf) Hash() Hash { return HashLeaf(l.Bytes()) }

// HashLeaf is the Merkle hash of a leaf's bytes (RFC 6962 §2.1).
func HashLeaf(leaf []byte) Hash { return tlog.RecordHash(leaf) }

// Check reports why the leaf cannot stand on a ledger: an empty or malformed
// name, numbers out of range, a time that its form cannot carry, a body that is
// no canonical object, or more than MaxLeaf bytes.
func (l Leaf) Check() error {
	s := scanner{in: l.Body}
	if _, err := s.body(); err != nil {
		return fmt.Errorf("ledger: leaf %d: the body is not a canonical JSON object: %w", l.Seq, err)
	}
	if s.pos != len(l.Body) {
		return fmt.Errorf("ledger: leaf %d: text after the body", l.Seq)
	}
	return l.checkEnvelope()
}

// checkEnvelope is Check for everything but the body's form.
func (l Leaf) checkEnvelope() error {
	if err := l.checkNames(); err != nil {
		return fmt.Errorf("ledger: leaf %d: %w", l.Seq, err)
	}
	switch y := l.At.UTC().Year(); {
	case y < 1 || y > 9999:
		return fmt.Errorf("ledger: leaf %d: the year %d is out of range", l.Seq, y)
	case l.Seq > maxInteger || l.Version > maxInteger || l.Version == 0:
		return fmt.Errorf("ledger: leaf %d: position %d in the stream or on the ledger is out of range", l.Seq, l.Version)
	}
	if n := len(l.Bytes()); n > MaxLeaf {
		return fmt.Errorf("ledger: leaf %d: %d bytes, at most %d are allowed", l.Seq, n, MaxLeaf)
	}
	return nil
}

func (l Leaf) checkNames() error {
	for _, f := range []struct{ name, text string }{{"actor", l.Actor}, {"stream", l.Stream}, {"type", l.Type}} {
		switch {
		case f.text == "":
			return fmt.Errorf("the %s is empty", f.name)
		case !utf8.ValidString(f.text):
			return fmt.Errorf("the %s is not valid UTF-8", f.name)
		}
	}
	return nil
}

// ParseLeaf reads what Bytes wrote and nothing else: ParseLeaf(b).Bytes() is b,
// so no two texts stand for one leaf.
func ParseLeaf(b []byte) (Leaf, error) {
	l, err := parseLeaf(b)
	if err != nil {
		return Leaf{}, fmt.Errorf("ledger: parsing a leaf: %w", err)
	}
	if err := l.checkEnvelope(); err != nil {
		return Leaf{}, err
	}
	if !bytes.Equal(l.Bytes(), b) {
		return Leaf{}, errors.New("ledger: parsing a leaf: not in canonical form")
	}
	return l, nil
}

func parseLeaf(b []byte) (Leaf, error) {
	var l Leaf
	var at string
	s := scanner{in: b}
	for _, part := range []struct {
		before string
		read   func() error
	}{
		{`{"actor":`, func() (err error) { l.Actor, err = s.quoted(); return }},
		{`,"at":`, func() (err error) { at, err = s.quoted(); return }},
		{`,"body":`, func() (err error) { l.Body, err = s.body(); return }},
		{`,"seq":`, func() (err error) { l.Seq, err = s.count(); return }},
		{`,"stream":`, func() (err error) { l.Stream, err = s.quoted(); return }},
		{`,"type":`, func() (err error) { l.Type, err = s.quoted(); return }},
		{`,"version":`, func() (err error) { l.Version, err = s.count(); return }},
		{`}`, func() error { return nil }},
	} {
		if err := s.expect(part.before); err != nil {
			return Leaf{}, err
		}
		if err := part.read(); err != nil {
			return Leaf{}, err
		}
	}
	if s.pos != len(b) {
		return Leaf{}, s.fault("text after the leaf")
	}
	var err error
	l.At, err = time.Parse(timeForm, at)
	return l, err
}

func (s *scanner) expect(text string) error {
	if !bytes.HasPrefix(s.in[s.pos:], []byte(text)) {
		return s.fault("%s is expected", text)
	}
	s.pos += len(text)
	return nil
}

func (s *scanner) quoted() (string, error) {
	if s.peek() != '"' {
		return "", s.fault("text is expected")
	}
	return s.text()
}

func (s *scanner) count() (uint64, error) {
	digits, err := s.integer(nil)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(digits), 10, 64)
}

// body reads an object that is in canonical form already. It counts itself as
// the second level of nesting: the leaf around it is the first.
func (s *scanner) body() (json.RawMessage, error) {
	if s.peek() != '{' {
		return nil, s.fault("an object is expected")
	}
	start := s.pos
	out, err := s.value(make([]byte, 0, len(s.in)-start), 1)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(out, s.in[start:s.pos]) {
		return nil, s.fault("the body is not in canonical form")
	}
	return out, nil
}
