package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// ParseLeaf reads what Bytes wrote and nothing else: ParseLeaf(b).Bytes() is b,
// so no two texts stand for one leaf.
func ParseLeaf(b []byte) (Leaf, error) {
	v, err := viewLeaf(b)
	if err != nil {
		return Leaf{}, fmt.Errorf("ledger: parsing a leaf: %w", err)
	}
	return Leaf{
		Seq: v.seq, Stream: meaningOf(v.stream), Version: v.version, Type: meaningOf(v.kind),
		At: v.at, Actor: meaningOf(v.actor), Body: bytes.Clone(v.body),
	}, nil
}

// view is a leaf's text with all of its parts checked, and none copied. Texts
// keep their quotes.
type view struct {
	actor, stream, kind, body []byte
	at                        time.Time
	seq, version              uint64
}

// viewLeaf accepts exactly what ParseLeaf does.
func viewLeaf(b []byte) (v view, err error) {
	if len(b) > MaxLeaf {
		return v, fmt.Errorf("%d bytes, at most %d are allowed", len(b), MaxLeaf)
	}
	s := scanner{in: b}
	s.part(&err, `{"actor":`, func() error { return s.name(&v.actor) })
	s.part(&err, `,"at":`, func() error { return s.moment(&v.at) })
	s.part(&err, `,"body":`, func() error {
		start := s.pos
		err := s.body()
		v.body = b[start:s.pos]
		return err
	})
	s.part(&err, `,"seq":`, func() error { return s.count(&v.seq) })
	s.part(&err, `,"stream":`, func() error { return s.name(&v.stream) })
	s.part(&err, `,"type":`, func() error { return s.name(&v.kind) })
	s.part(&err, `,"version":`, func() error { return s.count(&v.version) })
	s.part(&err, `}`, func() error { return nil })
	switch {
	case err != nil:
		return view{}, err
	case s.pos != len(b):
		return view{}, s.fault("text after the leaf")
	case v.version == 0:
		return view{}, errors.New("the version is 0")
	}
	return v, nil
}

// part reads what comes after a fixed text, unless an earlier part has failed.
func (s *scanner) part(err *error, before string, read func() error) {
	switch {
	case *err != nil:
	case !bytes.HasPrefix(s.in[s.pos:], []byte(before)):
		*err = s.fault("%s is expected", before)
	default:
		s.pos += len(before)
		*err = read()
	}
}

// name reads a text that may not be empty.
func (s *scanner) name(quoted *[]byte) error {
	start := s.pos
	if s.peek() != '"' {
		return s.fault("text is expected")
	}
	if _, err := s.skipText(); err != nil {
		return err
	}
	if *quoted = s.in[start:s.pos]; len(*quoted) == len(`""`) {
		return s.fault("the text is empty")
	}
	return nil
}

func (s *scanner) count(n *uint64) error {
	if s.peek() == '-' {
		return s.fault("a count is expected")
	}
	v, err := s.integer()
	*n = uint64(v)
	return err
}

// body steps over an object that is in canonical form. It counts itself as the
// second level of nesting: the leaf around it is the first.
func (s *scanner) body() error {
	if s.peek() != '{' {
		return s.fault("an object is expected")
	}
	return s.skip(1)
}

// moment reads a time in the one form that a leaf has for it.
func (s *scanner) moment(at *time.Time) error {
	const shape = `"0000-00-00T00:00:00.000Z"`
	text := s.in[s.pos:]
	if len(text) < len(shape) {
		return s.fault("a time is expected")
	}
	for i := range len(shape) {
		if digit := '0' <= text[i] && text[i] <= '9'; shape[i] == '0' && !digit || shape[i] != '0' && text[i] != shape[i] {
			return s.fault("a time like %s is expected", timeForm)
		}
	}
	number := func(from, to int) (n int) {
		for _, c := range text[from:to] {
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := number(1, 5), number(6, 8), number(9, 11)
	hour, minute, second := number(12, 14), number(15, 17), number(18, 20)
	*at = time.Date(year, time.Month(month), day, hour, minute, second, number(21, 24)*int(time.Millisecond), time.UTC)
	// time.Date carries what is too large over into the next unit.
	if year < 1 || at.Month() != time.Month(month) || at.Day() != day || hour > 23 || minute > 59 || second > 59 {
		return s.fault("a time that does not exist")
	}
	s.pos += len(shape)
	return nil
}
