package yamltext_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/policy/yamltext"
)

func TestSpansAreWrittenAsPeopleDo(t *testing.T) {
	for want, seconds := range map[string]int64{
		"0s": 0, "90d": 90 * 86400, "1m30s": 90, "1d12h": 36 * 3600, "-5h": -5 * 3600, "5h30m": 19800, "36525d": yamltext.MaxSpan,
	} {
		if got := yamltext.Span(seconds); got != want {
			t.Errorf("%d is written %s, not %s", seconds, got, want)
		}
	}
	for text, want := range map[string]int64{"24h": 86400, "90s": 90, "0d0h": 0, "-1h30m": -5400, "400d": 400 * 86400} {
		if got, err := yamltext.ParseSpan(text); got != want || err != nil {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
}

func TestWhatIsNoSpanIsRefused(t *testing.T) {
	for _, bad := range []string{"", "-", "1", "h", "1h ", " 1h", "1w", "1m1h", "1h1h", "1.5h", "+1h", "--1h", "1h-1m", "١h", "1H", "h1"} {
		if n, err := yamltext.ParseSpan(bad); err == nil {
			t.Errorf("%q was read as %d", bad, n)
		}
	}
	for _, long := range []string{"36526d", "36525d1s", "99999999999999999999s", "9223372036854775807d"} {
		if _, err := yamltext.ParseSpan(long); err == nil || !strings.Contains(err.Error(), "hundred years") {
			t.Errorf("%q: %v", long, err)
		}
	}
}

func TestEverySpanComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Range(-yamltext.MaxSpan, yamltext.MaxSpan).Draw(t, "seconds")
		if got, err := yamltext.ParseSpan(yamltext.Span(want)); got != want || err != nil {
			t.Fatalf("%d came back from %s as %d, %v", want, yamltext.Span(want), got, err)
		}
	})
}
