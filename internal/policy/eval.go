package policy

import (
	"slices"
	"strings"

	"countersign/internal/identity"
)

// A condition is evaluated by walking a tree of codes, to which its form was
// compiled once. The walk allocates nothing and calls no function value, so
// that a whole decision stays on the stack. It gives the very values and errors
// that CEL gives: tests hold the two together, and what has no code is left to
// CEL.

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
