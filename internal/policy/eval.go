package policy

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/internal/identity"
)

// A condition is evaluated by walking a tree of codes, to which its form was
// compiled once. The walk allocates nothing and calls no function value, so
// that a whole decision stays on the stack. It gives the very values and errors
// that CEL gives: tests hold the two together, and what has no code is left to
// CEL.

// code is one operation.
type code struct {
	op       op
	when     comparison
	from     source
	optional bool
	depth    uint8  // of the loop whose element this is or reads
	memo     uint16 // 1 more than the slot where the outcome is kept; 0 for none
	number   int64
	text     string
	args     []code
	more     *constant
}

// constant is what few codes need.
type constant struct {
	texts   []string
	set     map[string]struct{} // the same, when they are many
	at      time.Time
	pattern *regexp.Regexp
	zone    *time.Location // nil when a clock's zone is out of bounds
}

type op uint8

const (
	opTrue op = iota
	opFalse
	opFlag
	opNot
	opAnd
	opOr
	opIf
	opIs       // a text fact against a constant
	opTexts    // comparisons, by the type of what is compared
	opNumbers  // ints and durations
	opTimes    //
	opBooleans //
	opAmong    // a text in a list
	opHas      // the fact args[0], of type when
	opStarts
	opEnds
	opContains
	opMatches
	opExists
	opAll
	opOne

	opText    // a constant
	opWord    // a text fact
	opElement // of the list args[0]

	opNumber // a constant
	opClock
	opSize  // of a text
	opCount // of a list
	opAdd
	opSub
	opMul
	opDiv
	opMod
	opNeg
	opBetween // the time from args[1] to args[0]
	opPart    // of a time: its year, month, …, by text

	opTime // a constant
	opInstant
	opLater   // args[0] plus the duration args[1]
	opDelayed // args[1] plus the duration args[0]
	opEarlier // args[0] minus the duration args[1]

	opList // the list at from, or the constant texts
	opFilter
)

// comparison is the set of orders between two values for which it is true.
type comparison uint8

const (
	less comparison = 1 << iota
	equal
	greater
)

func (w comparison) holds(order int) bool {
	switch {
	case order < 0:
		return w&less != 0
	case order > 0:
		return w&greater != 0
	}
	return w&equal != 0
}

func compare[T int64 | string](w comparison, a, b T) bool {
	switch {
	case a == b:
		return w&equal != 0
	case a < b:
		return w&less != 0
	}
	return w&greater != 0
}

const (
	maxLoops = 8    // deep; conditions that nest more are left to CEL
	maxSlots = 512  // outcomes kept in one decision; further ones are evaluated each time
	maxRange = 2048 // elements of a list that can be filtered; no fewer than any fact may have
)

// frame is what a condition is evaluated over. It holds no texts: one that is
// matched with a pattern would move the frame, and the facts, to the heap.
type frame struct {
	facts    *Facts
	class    int    // its place
	desk     *desk  // the agent's; nil when the policy does not know it
	classful *slots // the kept outcomes that depend on the class

	index    [maxLoops + 1]int // of the element that each loop has reached
	done     slots             // which outcomes are kept
	outcomes slots
}

type slots [maxSlots / 64]uint64

// className is the class that conditions see, "" before there is one.
func (e *frame) className() identity.Class {
	if e.class < len(identity.Classes) {
		return identity.Classes[e.class]
	}
	return ""
}

// setClass changes the class that conditions see.
func (e *frame) setClass(class identity.Class) {
	e.class = place(identity.Classes, class)
	for i, w := range e.classful {
		e.done[i] &^= w
		e.outcomes[i] &^= w
	}
}

// truth evaluates a code that is a boolean. An outcome worth keeping is kept,
// unless it is an error.
func (e *frame) truth(c *code) (bool, error) {
	if c.memo == 0 {
		return e.decide(c)
	}
	word, bit := (c.memo-1)/64%uint16(len(e.done)), uint64(1)<<((c.memo-1)%64)
	if e.done[word]&bit != 0 {
		return e.outcomes[word]&bit != 0, nil
	}
	holds, err := e.decide(c)
	if err == nil {
		e.done[word] |= bit
		if holds {
			e.outcomes[word] |= bit
		}
	}
	return holds, err
}

func (e *frame) decide(c *code) (bool, error) {
	switch c.op {
	case opTrue:
		return true, nil
	case opFlag:
		value, there := e.flag(c.from, e.index[c.depth])
		if !there {
			return false, absences[c.from]
		}
		return value, nil
	case opNot:
		holds, err := e.truth(&c.args[0])
		return !holds && err == nil, err
	case opAnd:
		return e.and(c)
	case opOr:
		return e.or(c)
	case opIf:
		branch, err := e.branch(c)
		if err != nil {
			return false, err
		}
		return e.truth(branch)
	case opIs:
		s := e.words(c.from, e.index[c.depth])
		if s == "" && c.optional {
			return false, absences[c.from]
		}
		return (s == c.text) == (c.when == equal), nil
	case opTexts, opNumbers, opTimes, opBooleans:
		return e.comparison(c)
	case opAmong:
		return e.among(c)
	case opHas:
		return e.has(&c.args[0]), nil
	case opStarts, opEnds, opContains, opMatches:
		return e.like(c)
	case opExists, opAll, opOne:
		return e.loop(c)
	}
	return false, nil
}

// and is false when an operand is, else fails as the first that fails.
func (e *frame) and(c *code) (bool, error) {
	var failed error
	for i := range c.args {
		holds, err := e.truth(&c.args[i])
		switch {
		case err != nil && failed == nil:
			failed = err
		case err == nil && !holds:
			return false, nil
		}
	}
	return failed == nil, failed
}

func (e *frame) or(c *code) (bool, error) {
	var failed error
	for i := range c.args {
		holds, err := e.truth(&c.args[i])
		switch {
		case err != nil && failed == nil:
			failed = err
		case err == nil && holds:
			return true, nil
		}
	}
	return false, failed
}

// branch is the one that an opIf takes.
func (e *frame) branch(c *code) (*code, error) {
	holds, err := e.truth(&c.args[0])
	if holds {
		return &c.args[1], err
	}
	return &c.args[2], err
}

func (e *frame) comparison(c *code) (bool, error) {
	a, b := &c.args[0], &c.args[1]
	switch c.op {
	case opTexts:
		x, err := e.text(a)
		if err != nil {
			return false, err
		}
		y, err := e.text(b)
		return err == nil && compare(c.when, x, y), err
	case opNumbers:
		x, err := e.number(a)
		if err != nil {
			return false, err
		}
		y, err := e.number(b)
		return err == nil && compare(c.when, x, y), err
	case opTimes:
		x, err := e.time(a)
		if err != nil {
			return false, err
		}
		y, err := e.time(b)
		return err == nil && c.when.holds(x.Compare(y)), err
	}
	x, err := e.truth(a)
	if err != nil {
		return false, err
	}
	y, err := e.truth(b)
	return err == nil && compare(c.when, one(x), one(y)), err
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (e *frame) among(c *code) (bool, error) {
	s, err := e.text(&c.args[0])
	if err != nil {
		return false, err
	}
	list := &c.args[1]
	if list.op == opFilter {
		var kept chosen
		err := e.filter(list, &kept)
		for i, t := range e.list(list) {
			if err == nil && t == s && kept.has(i) {
				return true, nil
			}
		}
		return false, err
	}
	if list.more != nil && list.more.set != nil {
		_, in := list.more.set[s]
		return in, nil
	}
	return slices.Contains(e.list(list), s), nil
}

// has says whether a fact is there.
func (e *frame) has(c *code) bool {
	var there bool
	switch c.op {
	case opWord:
		there = e.words(c.from, e.index[c.depth]) != ""
	case opFlag:
		_, there = e.flag(c.from, e.index[c.depth])
	case opClock:
		_, there = e.clock(c.from)
	case opInstant:
		_, there = e.instant(c.from, e.index[c.depth])
	}
	return there || !c.optional
}

func (e *frame) like(c *code) (bool, error) {
	s, err := e.text(&c.args[0])
	switch {
	case err != nil:
		return false, err
	case c.op == opStarts:
		return strings.HasPrefix(s, c.text), nil
	case c.op == opEnds:
		return strings.HasSuffix(s, c.text), nil
	case c.op == opContains:
		return strings.Contains(s, c.text), nil
	}
	return c.more.pattern.MatchString(s), nil
}

func (e *frame) text(c *code) (string, error) {
	switch c.op {
	case opWord:
		s := e.words(c.from, e.index[c.depth])
		if s == "" && c.optional {
			return "", absences[c.from]
		}
		return s, nil
	case opElement:
		return e.list(&c.args[0])[e.index[c.depth]], nil
	case opIf:
		branch, err := e.branch(c)
		if err != nil {
			return "", err
		}
		return e.text(branch)
	}
	return c.text, nil
}

// number evaluates a code that is an int or a duration.
func (e *frame) number(c *code) (int64, error) {
	switch c.op {
	case opNumber:
		return c.number, nil
	case opClock:
		n, known := e.clock(c.from)
		if !known {
			return 0, absences[c.from]
		}
		return n, nil
	case opSize:
		s, err := e.text(&c.args[0])
		return int64(utf8.RuneCountInString(s)), err
	case opCount:
		return e.count(&c.args[0])
	case opPart:
		at, err := e.time(&c.args[0])
		if err == nil && c.more.zone == nil {
			err = errNotEvaluated
		}
		if err != nil {
			return 0, err
		}
		return partOf(c.text, at.In(c.more.zone)), nil
	case opBetween:
		to, err := e.time(&c.args[0])
		if err != nil {
			return 0, err
		}
		from, err := e.time(&c.args[1])
		if err != nil {
			return 0, err
		}
		return between(from, to)
	case opIf:
		branch, err := e.branch(c)
		if err != nil {
			return 0, err
		}
		return e.number(branch)
	}
	return e.arithmetic(c)
}

func (e *frame) count(list *code) (int64, error) {
	if list.op != opFilter {
		return int64(e.size(list)), nil
	}
	var kept chosen
	err := e.filter(list, &kept)
	return int64(kept.count()), err
}

func (e *frame) arithmetic(c *code) (int64, error) {
	a, err := e.number(&c.args[0])
	if err != nil {
		return 0, err
	}
	if c.op == opNeg {
		return subtract(0, a)
	}
	b, err := e.number(&c.args[1])
	if err != nil {
		return 0, err
	}
	switch c.op {
	case opAdd:
		return add(a, b)
	case opSub:
		return subtract(a, b)
	case opMul:
		return multiply(a, b)
	}
	if b == 0 || a == math.MinInt64 && b == -1 {
		return 0, errNotEvaluated
	}
	if c.op == opDiv {
		return a / b, nil
	}
	return a % b, nil
}

func (e *frame) time(c *code) (time.Time, error) {
	switch c.op {
	case opInstant:
		at, there := e.instant(c.from, e.index[c.depth])
		if !there && c.optional {
			return at, absences[c.from]
		}
		return at, nil
	case opLater, opEarlier:
		at, err := e.time(&c.args[0])
		if err != nil {
			return at, err
		}
		by, err := e.number(&c.args[1])
		if err != nil {
			return at, err
		}
		if c.op == opEarlier {
			if by, err = subtract(0, by); err != nil {
				return at, err
			}
		}
		return after(at, by)
	case opDelayed:
		by, err := e.number(&c.args[0])
		if err != nil {
			return time.Time{}, err
		}
		at, err := e.time(&c.args[1])
		if err != nil {
			return at, err
		}
		return after(at, by)
	case opIf:
		branch, err := e.branch(c)
		if err != nil {
			return time.Time{}, err
		}
		return e.time(branch)
	}
	return c.more.at, nil
}
