package ledger

import (
	"fmt"
	"strconv"
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
	if err := s.body(); err != nil {
		return fmt.Errorf("ledger: leaf %d: the body is not a canonical JSON object: %w", l.Seq, err)
	}
	if s.pos != len(l.Body) {
		return fmt.Errorf("ledger: leaf %d: text after the body", l.Seq)
	}
	if err := l.checkNames(); err != nil {
		return fmt.Errorf("ledger: leaf %d: %w", l.Seq, err)
	}
	switch y := l.At.UTC().Year(); {
	case y < 1 || y > 9999:
		return fmt.Errorf("ledger: leaf %d: the year %d is out of range", l.Seq, y)
	case l.Seq > maxInteger || l.Version > maxInteger || l.Version == 0:
		return fmt.Errorf("ledger: leaf %d: position %d in the stream or on the ledger is out of range", l.Seq, l.Version)
	}
	if n := l.length(); n > MaxLeaf {
		return fmt.Errorf("ledger: leaf %d: %d bytes, at most %d are allowed", l.Seq, n, MaxLeaf)
	}
	return nil
}

// length is that of Bytes, or more when it is far from mattering.
func (l Leaf) length() int {
	const rest, longestEscape = 160, 6
	if most := rest + longestEscape*(len(l.Actor)+len(l.Stream)+len(l.Type)) + len(l.Body); most <= MaxLeaf {
		return most
	}
	return len(l.Bytes())
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
