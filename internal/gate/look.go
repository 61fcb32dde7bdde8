package gate

import (
	"fmt"
	"sync"
	"time"

	"countersign/internal/identity"
	"countersign/internal/reset"
)

// criticalLook is how long the statement of a critical request has to lie
// before somebody until they can approve it. Long enough to read the lines
// that differ; denying takes no such time.
const criticalLook = 10 * time.Second

// TooQuick is the code of an approval that came before the statement can have
// been read.
const TooQuick reset.Code = "too_quick"

// looks remembers since when statements lie before people. It is kept in
// memory: after a restart a statement is put before them again.
type looks struct {
	mu    sync.Mutex
	since map[look]time.Time
}

type look struct {
	person    identity.PersonID
	statement string
}

// lookFor is how long the statement of a request has to be looked at.
func lookFor(s reset.State, d reset.Decision) time.Duration {
	if d == reset.Approve && s.Plan.Tier == identity.Critical {
		return criticalLook
	}
	return 0
}

// begin notes that a statement lies before somebody. Looking again later does
// not make it shorter or longer.
func (l *looks) begin(p identity.PersonID, statement string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since == nil {
		l.since = map[look]time.Time{}
	}
	for k, at := range l.since {
		if now.Sub(at) > time.Hour {
			delete(l.since, k)
		}
	}
	if _, seen := l.since[look{p, statement}]; !seen {
		l.since[look{p, statement}] = now
	}
}

// enough refuses a decision on what has not been looked at for long enough.
func (l *looks) enough(p identity.PersonID, statement string, least time.Duration, now time.Time) error {
	if least == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at, seen := l.since[look{p, statement}]
	if seen && now.Sub(at) >= least && now.Sub(at) <= time.Hour {
		return nil
	}
	return &Fault{Code: TooQuick, Msg: fmt.Sprintf("read it first: a critical request can be approved %d seconds after its statement was put before you, and within the hour", least/time.Second)}
}
