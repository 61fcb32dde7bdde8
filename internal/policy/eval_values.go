package policy

import (
	"math"
	"time"
	"unicode/utf8"
)

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
