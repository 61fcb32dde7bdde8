package signin

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"countersign/internal/gate"
)

// Door is something that anybody can knock at without being known.
type Door string

// The doors.
const (
	SignIns Door = "sign-in" // beginning to sign in, redeeming an invitation
	Claims  Door = "claim"   // coming forward with a case code, using a veto link
	Answers Door = "answer"  // asking for a challenge and answering it
)

// Rate is how often one source may knock: Burst times at once, then once every
// Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// DefaultRates leave room for an office behind one address, and make guessing
// a case code (39 bits) a matter of centuries.
var DefaultRates = map[Door]Rate{
	SignIns: {20, 3 * time.Second},
	Claims:  {10, 6 * time.Second},
	Answers: {30, 2 * time.Second},
}

// Throttled says how long a source that knocks too often has to wait.
//
//nolint:errname // an answer like gate.Fault and reset.Refusal, named as they are
type Throttled struct{ Retry time.Duration }

func (t *Throttled) Error() string {
	return fmt.Sprintf("signin: too many attempts; try again in %s", t.Retry)
}

// Admit counts one knock. It returns a *Throttled when the request's source
// has knocked too often.
func (s *Signin) Admit(r *http.Request, d Door) error {
	l := s.limits[d]
	if l == nil {
		return fmt.Errorf("signin: no such door: %q", d)
	}
	if wait := l.take(block(s.Source(r)), s.clock()); wait > 0 {
		return &Throttled{(wait + time.Second - 1).Truncate(time.Second)}
	}
	return nil
}

// Source is the address a request came from: the connection's, or behind
// trusted proxies the last one of X-Forwarded-For that is not itself trusted.
// The zero Addr when there is none.
func (s *Signin) Source(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	at := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(at); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // whoever wrote this is not to be believed about what lies before
		}
		at = hop.Unmap()
	}
	return at
}

// Sourced tells the gate, for whatever next asks of it, which source a request
// came from.
func (s *Signin) Sourced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		source := ""
		if a := block(s.Source(r)); a.IsValid() {
			source = a.String()
		}
		known := r.WithContext(withVisit(gate.From(r.Context(), source), r.UserAgent(), s.network(r)))
		next.ServeHTTP(w, known)
		r.Pattern = known.Pattern // the route, for whoever counts by it
	})
}

// network is where a request came from, as people write it.
func (s *Signin) network(r *http.Request) string {
	a := s.Source(r)
	if p, err := a.WithZone("").Prefix(64); err == nil && a.Is6() {
		return p.String()
	}
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func (s *Signin) trusted(a netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// block is what counts as one source: an IPv4 address, or the /64 that a
// single customer has of IPv6.
func block(a netip.Addr) netip.Addr {
	if a.Is6() {
		p, err := a.WithZone("").Prefix(64)
		if err == nil {
			return p.Addr()
		}
	}
	return a
}

// maxSources bounds the memory of one limiter.
const maxSources = 20_000

// limiter is a token bucket per source, kept as the time at which the bucket
// would be full again.
type limiter struct {
	rate Rate
	mu   sync.Mutex
	full map[netip.Addr]time.Time
}

func newLimiter(r Rate) *limiter {
	return &limiter{rate: Rate{max(r.Burst, 1), max(r.Every, time.Millisecond)}, full: map[netip.Addr]time.Time{}}
}

// take takes one token, or says how long until there is one.
func (l *limiter) take(from netip.Addr, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.full[from]; !known && len(l.full) >= maxSources {
		l.sweep(now)
		if len(l.full) >= maxSources {
			from = netip.Addr{} // a flood from everywhere: newcomers share one bucket
		}
	}
	at := l.full[from]
	if at.Before(now) {
		at = now
	}
	at = at.Add(l.rate.Every)
	if over := at.Sub(now) - time.Duration(l.rate.Burst)*l.rate.Every; over > 0 {
		return over
	}
	l.full[from] = at
	return 0
}

func (l *limiter) sweep(now time.Time) {
	for a, at := range l.full {
		if !at.After(now) {
			delete(l.full, a)
		}
	}
}
