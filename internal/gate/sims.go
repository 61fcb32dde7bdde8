package gate

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"countersign/internal/notify"
	"countersign/internal/policy"
	"countersign/internal/proof"
)

const (
	simWait   = 3 * time.Second  // for a gateway that does not answer
	simLife   = 10 * time.Minute // of an answer
	simPause  = time.Minute      // before a gateway that failed is asked again
	simMemory = 4096             // numbers
)

// sims knows when the SIM of a telephone number last changed, by the word of
// the gateways. Who holds a number is one question, whatever way it is reached:
// each gateway is asked, the latest change counts, and one that should tell and
// does not makes the number doubtful.
type sims struct {
	ports []notify.Phone
	wait  time.Duration
	now   func() time.Time

	mu    sync.Mutex
	known map[string]simChange
}

// simChange is what is known of a number; at is zero where nobody ever tells.
type simChange struct {
	at    time.Time
	err   error
	until time.Time
}

func newSIMs(now func() time.Time, ports ...notify.Phone) *sims {
	ports = slices.DeleteFunc(ports, func(p notify.Phone) bool { return p == nil })
	return &sims{ports: ports, wait: simWait, now: now, known: map[string]simChange{}}
}

// changes asks for several numbers at once, and takes no longer than for one.
func (s *sims) changes(ctx context.Context, numbers []string) map[string]simChange {
	out := map[string]simChange{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, n := range numbers {
		all.Go(func() {
			c := s.change(ctx, n)
			mu.Lock()
			defer mu.Unlock()
			out[n] = c
		})
	}
	all.Wait()
	return out
}

func (s *sims) change(ctx context.Context, number string) simChange {
	s.mu.Lock()
	c, ok := s.known[number]
	s.mu.Unlock()
	if ok && s.now().Before(c.until) {
		return c
	}
	c = simChange{}
	life := simLife
	for _, p := range s.ports {
		at, err := s.ask(ctx, p, number)
		if err != nil {
			c.err, life = err, simPause
			break
		}
		if at.After(c.at) {
			c.at = at.UTC().Truncate(time.Millisecond)
		}
	}
	if ctx.Err() == nil { // who left learnt nothing about the number
		c.until = s.now().Add(life)
		s.remember(number, c)
	}
	return c
}

var errSlow = errors.New("gate: asking after a SIM: no answer in time")

// ask waits no longer than it has to, even for a gateway that heeds nothing.
func (s *sims) ask(ctx context.Context, p notify.Phone, number string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	type answer struct {
		at  time.Time
		err error
	}
	came := make(chan answer, 1)
	go func() {
		at, err := p.SIMChanged(ctx, number)
		came <- answer{at, err}
	}()
	select {
	case a := <-came:
		return a.at, a.err
	case <-ctx.Done():
		return time.Time{}, errSlow
	}
}

func (s *sims) remember(number string, c simChange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= simMemory {
		clear(s.known)
	}
	s.known[number] = c
}

// looksAtSIMs reports whether a policy could use telephones, or reads when
// their SIMs changed. Nobody else waits for a gateway.
func looksAtSIMs(pol *policy.Policy) bool {
	phones := func(m proof.Method) bool {
		return m == proof.SMSCode || m == proof.VoiceCode || m == proof.Callback
	}
	return slices.ContainsFunc(pol.Methods(), phones) || bytes.Contains(pol.Source(), []byte("sim_changed"))
}

// dateSIMs adds to telephones when their SIM last changed. Where nobody tells,
// the fact is absent.
func (g *Gate) dateSIMs(ctx context.Context, contacts []contact) {
	var numbers []string
	for _, c := range contacts {
		if isPhone(c) {
			numbers = append(numbers, c.address)
		}
	}
	changes := g.sims.changes(ctx, numbers)
	for i, c := range contacts {
		if x, ok := changes[c.address]; ok && isPhone(c) && x.err == nil && !x.at.IsZero() {
			contacts[i].SIMChanged = &x.at
		}
	}
}
