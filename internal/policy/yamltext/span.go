package yamltext

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxSpan bounds spans of time: a hundred years, in seconds.
const MaxSpan = 36_525 * 86_400

var units = []struct {
	name    byte
	seconds int64
}{{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}

// Span writes whole seconds, at most MaxSpan either way, as people do: 400d,
// 1h30m, -5h, 0s.
func Span(seconds int64) string {
	if seconds == 0 {
		return "0s"
	}
	var b strings.Builder
	if seconds < 0 {
		b.WriteByte('-')
		seconds = -seconds
	}
	for _, u := range units {
		if n := seconds / u.seconds; n > 0 {
			b.WriteString(strconv.FormatInt(n, 10))
			b.WriteByte(u.name)
		}
		seconds %= u.seconds
	}
	return b.String()
}

// ParseSpan reads what Span writes: numbers with the units d, h, m and s, the
// larger unit first, perhaps with a minus in front.
func ParseSpan(s string) (int64, error) {
	rest, minus := strings.CutPrefix(s, "-")
	total, from := int64(0), 0
	for rest != "" {
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if end < 1 {
			return 0, notASpan(s)
		}
		n, err := strconv.ParseInt(rest[:end], 10, 64)
		if err != nil || n > MaxSpan {
			return 0, tooLong(s)
		}
		for from < len(units) && units[from].name != rest[end] {
			from++
		}
		if from == len(units) {
			return 0, notASpan(s)
		}
		if total += n * units[from].seconds; total > MaxSpan {
			return 0, tooLong(s)
		}
		rest = rest[end+1:]
		from++
	}
	switch {
	case s == "" || s == "-":
		return 0, notASpan(s)
	case minus:
		return -total, nil
	}
	return total, nil
}

func notASpan(s string) error {
	return fmt.Errorf("%q is not a span of time; write numbers and units, the larger unit first, like 90s, 10m, 24h or 1d12h", Clip(s))
}

func tooLong(s string) error {
	return fmt.Errorf("%s is longer than a hundred years", Clip(s))
}
