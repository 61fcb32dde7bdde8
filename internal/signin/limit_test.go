package signin

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestNoSourceEverGetsMoreThanItsRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate{rapid.IntRange(1, 20).Draw(t, "burst"), time.Duration(rapid.IntRange(1, 10).Draw(t, "every")) * time.Second}
		l, now, from := newLimiter(rate), noon, netip.MustParseAddr("192.0.2.7")
		var let []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 8000).Draw(t, "pause")) * time.Millisecond)
			wait := l.take(from, now)
			if wait == 0 {
				let = append(let, now)
			} else if again := l.take(from, now.Add(wait)); again != 0 {
				t.Fatalf("told to wait %s, and refused then", wait)
			} else {
				now = now.Add(wait)
				let = append(let, now)
			}
		}
		for i := range let {
			for j := i; j < len(let); j++ {
				if most := rate.Burst + int(let[j].Sub(let[i])/rate.Every); j-i+1 > most {
					t.Fatalf("%d got through in %s, at most %d should", j-i+1, let[j].Sub(let[i]), most)
				}
			}
		}
	})
}

func TestSourcesDoNotShareABucket(t *testing.T) {
	l := newLimiter(Rate{1, time.Hour})
	for i := range 100 {
		if wait := l.take(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), noon); wait != 0 {
			t.Fatalf("source %d waits %s for the others", i, wait)
		}
	}
}

func TestAFloodOfSourcesCostsBoundedMemoryAndIsStillThrottled(t *testing.T) {
	l, through := newLimiter(Rate{2, time.Hour}), 0
	for i := range maxSources + 1000 {
		if l.take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), noon) == 0 {
			through++
		}
	}
	if len(l.full) > maxSources+1 {
		t.Errorf("%d sources are remembered", len(l.full))
	}
	if through != maxSources+2 {
		t.Errorf("%d got through, want each known source once and two of the rest", through)
	}
	if wait := l.take(netip.MustParseAddr("203.0.113.1"), noon.Add(3*time.Hour)); wait != 0 || len(l.full) > 2 {
		t.Errorf("after the flood: wait %s, %d remembered", wait, len(l.full))
	}
}

func TestAnIPv6CustomerIsOneSource(t *testing.T) {
	same := func(a, b string) bool { return block(netip.MustParseAddr(a)) == block(netip.MustParseAddr(b)) }
	if !same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2") || same("2001:db8:0:1::1", "2001:db8:0:2::1") || same("192.0.2.1", "192.0.2.2") {
		t.Error("sources are told apart by the wrong bits")
	}
}

func TestWhereARequestComesFrom(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		peer      string
		forwarded []string
		trust     []netip.Prefix
		want      string
	}{
		{"198.51.100.9:1", nil, nil, "198.51.100.9"},
		{"198.51.100.9:1", []string{"203.0.113.5"}, nil, "198.51.100.9"},
		{"198.51.100.9:1", []string{"203.0.113.5"}, proxies, "198.51.100.9"},
		{"10.0.0.1:1", []string{"203.0.113.5"}, proxies, "203.0.113.5"},
		{"10.0.0.1:1", []string{"203.0.113.5"}, nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{"6.6.6.6, 203.0.113.5"}, proxies, "203.0.113.5"},
		{"10.0.0.1:1", []string{"6.6.6.6", "203.0.113.5, 10.9.9.9"}, proxies, "203.0.113.5"},
		{"10.0.0.1:1", []string{"nonsense, 10.2.2.2"}, proxies, "10.2.2.2"},
		{"10.0.0.1:1", []string{""}, proxies, "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", []string{"2001:db8::1"}, proxies, "2001:db8::1"},
		{"[fd00::1]:1", []string{"203.0.113.5"}, proxies, "203.0.113.5"},
		{"@", []string{"203.0.113.5"}, proxies, "invalid IP"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.RemoteAddr = c.peer
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := New(Options{TrustedProxies: c.trust}).Source(r).String(); got != c.want {
			t.Errorf("%s forwarding %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

func TestADoorClosesForWhoeverKnocksTooOften(t *testing.T) {
	now := noon
	s := New(Options{Now: func() time.Time { return now }, Rates: map[Door]Rate{Claims: {2, 90 * time.Second}}})
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	for range 2 {
		if err := s.Admit(r, Claims); err != nil {
			t.Fatal(err)
		}
	}
	var tired *Throttled
	if err := s.Admit(r, Claims); !errors.As(err, &tired) || tired.Retry != 90*time.Second {
		t.Fatalf("the third knock: %v", err)
	}
	if err := s.Admit(r, SignIns); err != nil {
		t.Errorf("another door: %v", err)
	}
	now = now.Add(tired.Retry)
	if err := s.Admit(r, Claims); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if err := s.Admit(r, "cellar"); err == nil {
		t.Error("a door that does not exist let somebody in")
	}
}

func TestDigestsOfDifferentPartsDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, parts := range [][]string{{"ab", "c"}, {"a", "bc"}, {"abc"}, {"", "abc"}, {"abc", ""}, {"1\x00a", "b"}} {
		d := digest("x", parts...)
		if before, twice := seen[d]; twice {
			t.Errorf("%q and %s have one digest", parts, before)
		}
		seen[d] = fmt.Sprintf("%q", parts)
	}
}
