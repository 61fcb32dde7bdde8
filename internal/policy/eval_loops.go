package policy

import "math/bits"

// chosen are the elements of a list that a filter keeps.
type chosen [maxRange / 64]uint64

func (s *chosen) add(i int) { s[i/64%len(s)] |= 1 << (i % 64) }

func (s *chosen) has(i int) bool { return s[i/64%len(s)]&(1<<(i%64)) != 0 }

func (s *chosen) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// size counts the elements of a list, before any filter.
func (e *frame) size(list *code) int {
	for list.op == opFilter {
		list = &list.args[0]
	}
	if list.from == noSource {
		return len(list.more.texts)
	}
	return e.length(list.from)
}

// list gives the texts of a list, before any filter.
func (e *frame) list(c *code) []string {
	for c.op == opFilter {
		c = &c.args[0]
	}
	if c.from == noSource {
		return c.more.texts
	}
	return e.members(c.from)
}

// loop evaluates exists, all and exists_one. The first two are settled by one
// element even when others fail, and fail as the first that fails; exists_one
// fails as the last.
func (e *frame) loop(c *code) (bool, error) {
	list, body := &c.args[0], &c.args[1]
	if list.op != opFilter {
		return e.over(c, list, body, nil)
	}
	var kept chosen
	if err := e.filter(list, &kept); err != nil {
		return false, err
	}
	return e.over(c, list, body, &kept)
}

func (e *frame) over(c, list, body *code, kept *chosen) (bool, error) {
	var failed error
	count := 0
	for i := range e.size(list) {
		if kept != nil && !kept.has(i) {
			continue
		}
		e.index[c.depth] = i
		holds, err := e.truth(body)
		switch {
		case err != nil:
			if failed == nil || c.op == opOne {
				failed = err
			}
		case c.op == opExists && holds, c.op == opAll && !holds:
			return holds, nil
		case holds:
			count++
		}
	}
	switch {
	case failed != nil:
		return false, failed
	case c.op == opOne:
		return count == 1, nil
	}
	return c.op == opAll, nil
}

// filter finds the elements that are kept. Every one is looked at, and it fails
// as the last that fails.
func (e *frame) filter(c *code, kept *chosen) error {
	list, body := &c.args[0], &c.args[1]
	var inner *chosen
	if list.op == opFilter {
		var ones chosen
		if err := e.filter(list, &ones); err != nil {
			return err
		}
		inner = &ones
	}
	var failed error
	for i := range e.size(list) {
		if inner != nil && !inner.has(i) {
			continue
		}
		e.index[c.depth] = i
		holds, err := e.truth(body)
		switch {
		case err != nil:
			failed = err
		case holds:
			kept.add(i)
		}
	}
	return failed
}
