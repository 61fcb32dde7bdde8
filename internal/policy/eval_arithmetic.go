package policy

import (
	"math/bits"
	"time"
)

// Numbers and times beyond what CEL can hold are errors, never wrapped around.

func add(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) {
		return 0, errNotEvaluated
	}
	return sum, nil
}

func subtract(a, b int64) (int64, error) {
	difference := a - b
	if (difference < a) != (b > 0) {
		return 0, errNotEvaluated
	}
	return difference, nil
}

func multiply(a, b int64) (int64, error) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	negative := (a < 0) != (b < 0)
	switch {
	case high != 0 || low > 1<<63 || low == 1<<63 && !negative:
		return 0, errNotEvaluated
	}
	return a * b, nil
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// The first and the last second that CEL counts.
const (
	firstSecond = -62135596800 // the year 1
	lastSecond  = 253402300799 // the end of the year 9999
)

// between is the duration from one time to another, in nanoseconds.
func between(from, to time.Time) (int64, error) {
	seconds, err := subtract(to.Unix(), from.Unix())
	if err == nil {
		seconds, err = multiply(seconds, int64(time.Second))
	}
	if err != nil {
		return 0, err
	}
	return add(seconds, int64(to.Nanosecond()-from.Nanosecond()))
}

// after is the time so many nanoseconds later.
func after(at time.Time, by int64) (time.Time, error) {
	second := int64(time.Second)
	nanos := int64(at.Nanosecond()) + by%second
	seconds, err := add(at.Unix(), by/second)
	if err == nil && nanos < 0 {
		nanos += second
		seconds, err = add(seconds, -1)
	} else if err == nil && nanos >= second {
		nanos -= second
		seconds, err = add(seconds, 1)
	}
	if err != nil || seconds < firstSecond || seconds > lastSecond {
		return time.Time{}, errNotEvaluated
	}
	return time.Unix(seconds, nanos).UTC(), nil
}

// partOf reads a calendar or a clock, by CEL's names and countings.
func partOf(name string, at time.Time) int64 {
	switch name {
	case "getFullYear":
		return int64(at.Year())
	case "getMonth":
		return int64(at.Month()) - 1
	case "getDayOfYear":
		return int64(at.YearDay()) - 1
	case "getDayOfMonth":
		return int64(at.Day()) - 1
	case "getDate":
		return int64(at.Day())
	case "getDayOfWeek":
		return int64(at.Weekday())
	case "getHours":
		return int64(at.Hour())
	case "getMinutes":
		return int64(at.Minute())
	case "getSeconds":
		return int64(at.Second())
	}
	return int64(at.Nanosecond() / 1_000_000)
}
