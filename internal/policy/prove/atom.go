package prove

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// atomKind is what an atom says of a request.
type atomKind uint8

const (
	isThere   atomKind = iota // the optional fact is there
	isTrue                    // the yes-or-no fact is yes
	isText                    // the text is said
	isCall                    // the function of the text with the constant is true
	isSame                    // two texts are equal
	atMost                    // the term is at most the number
	hasText                   // the list has the constant, at least so many times
	hasPlace                  // the list's place is taken
	isCount                   // so many elements of the list have a property
	isOpaque                  // something that has no form
	tooLarge                  // the computation leaves the range of numbers or times
	isRefused                 // the facts are refused for what no condition sees
	isChoice                  // nothing: it is free
)

// atom is one elementary statement about a request. What it says is true or
// false of every request, whether or not anything asks for it.
type atom struct {
	kind  atomKind
	name  string
	lit   Lit
	ref   ref    // isThere, isTrue, isText, isCall, isSame
	other ref    // isSame
	text  string // isText, isCall, hasText: the constant; isOpaque: the source
	call  string // isCall
	times int    // hasText
	term  *term  // atMost
	num   *big.Int
	list  string // hasText, hasPlace, isCount
	place int    // hasPlace
	count *count // isCount
	error bool   // isOpaque: that it fails, not that it holds
}

// ref is one fact of one request. Fields of the elements of a list, and the
// elements of a list of texts, are told apart by the place of the element.
type ref struct {
	path  string // as in expr
	place int    // from 1; 0 for a fact that is no element's
}

func (r ref) String() string {
	if r.place == 0 {
		return r.path
	}
	list, field, dotted := strings.Cut(r.path, ".")
	if r.path == "subject.groups" || r.path == "subject.staff" || r.path == "subject.enrolled" || !dotted {
		return r.path + "[" + strconv.Itoa(r.place) + "]"
	}
	return list + "[" + strconv.Itoa(r.place) + "]." + field
}

// The makers of atoms. Each gives True or False where that is already plain.

func (s *Space) there(r ref) Lit {
	owner, optional := presence(r)
	if !optional {
		return True
	}
	return s.atomOf("there "+owner.String(), func() *atom { return &atom{kind: isThere, ref: owner} })
}

func (s *Space) yes(r ref) Lit {
	if r.path == "emergency.active" || r.path == "delegation.active" {
		return s.there(ref{path: strings.TrimSuffix(r.path, ".active")})
	}
	return s.atomOf("yes "+r.String(), func() *atom { return &atom{kind: isTrue, ref: r} })
}

func (s *Space) says(r ref, text string) Lit {
	if _, optional := presence(r); optional && text == "" {
		return False // an empty text is an absent fact
	}
	if words := closedWords[r.path]; words != nil && !slices.Contains(words, text) {
		return False
	}
	return s.atomOf("says "+r.String()+" "+strconv.Quote(text), func() *atom { return &atom{kind: isText, ref: r, text: text} })
}

func (s *Space) calls(r ref, call, text string) Lit {
	return s.atomOf("call "+r.String()+"."+call+" "+strconv.Quote(text), func() *atom { return &atom{kind: isCall, ref: r, call: call, text: text} })
}

func (s *Space) equal(a, b ref) Lit {
	if b.String() < a.String() {
		a, b = b, a
	}
	if a == b {
		return True
	}
	return s.atomOf("same "+a.String()+" "+b.String(), func() *atom { return &atom{kind: isSame, ref: a, other: b} })
}

func (s *Space) termAtMost(t *term, num *big.Int) Lit {
	if t.low != nil && num.Cmp(t.low) < 0 {
		return False
	}
	if t.high != nil && num.Cmp(t.high) >= 0 {
		return True
	}
	return s.atomOf("atmost "+t.key+" "+num.String(), func() *atom { return &atom{kind: atMost, term: t, num: num} })
}

func (s *Space) has(list, text string, times int) Lit {
	return s.atomOf("has "+list+" "+strconv.Quote(text)+" "+strconv.Itoa(times), func() *atom {
		return &atom{kind: hasText, list: list, text: text, times: times}
	})
}

func (s *Space) taken(list string, place int) Lit {
	return s.atomOf("place "+list+" "+strconv.Itoa(place), func() *atom { return &atom{kind: hasPlace, list: list, place: place} })
}

func (s *Space) opaque(key, source string, fails bool) Lit {
	return s.atomOf("opaque "+strconv.FormatBool(fails)+" "+key, func() *atom { return &atom{kind: isOpaque, text: source, error: fails} })
}

func (s *Space) leavesRange(key, source string) Lit {
	return s.atomOf("range "+key, func() *atom { return &atom{kind: tooLarge, text: source} })
}

func (s *Space) refused() Lit {
	return s.atomOf("refused", func() *atom { return &atom{kind: isRefused} })
}
