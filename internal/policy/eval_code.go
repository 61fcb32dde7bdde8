package policy

import (
	"regexp"
	"time"
)

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
