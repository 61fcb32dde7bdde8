package gate

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	benchSlots    = 2                // policies that are looked at at once, by everybody together
	benchPatience = 3 * time.Second  // to wait for a place
	benchTime     = 20 * time.Second // for one answer: less than clients wait
)

// bench is where policies are looked at: loaded, checked, compared and proved.
// A text that somebody made up can make all of that take long, so each person
// has one place and everybody together a few. What takes too long is left
// alone, for a solver cannot be interrupted, and keeps its place until it ends.
type bench struct {
	time time.Duration
	all  chan struct{}

	// kept is what holds of the policy in force: many look, and it is the same.
	kept atomic.Pointer[PolicyProof]

	mu   sync.Mutex
	each map[string]chan struct{} // by actor: there are as many as on the roster, and tokens
}

func newBench() *bench {
	return &bench{time: benchTime, all: make(chan struct{}, benchSlots), each: map[string]chan struct{}{}}
}

// ErrBenchFull: the caller, or others, look at policies already.
var ErrBenchFull = &Fault{"busy", "a policy of yours is still being looked at, or several of others are; try again in a few seconds"}

// take waits a little for a place.
func (b *bench) take(ctx context.Context, who string) (give func(), err error) {
	b.mu.Lock()
	own, ok := b.each[who]
	if !ok {
		own = make(chan struct{}, 1)
		b.each[who] = own
	}
	b.mu.Unlock()
	wait, cancel := context.WithTimeout(ctx, benchPatience)
	defer cancel()
	for _, place := range []chan struct{}{own, b.all} {
		select {
		case place <- struct{}{}:
		case <-wait.Done():
			if place != own {
				<-own
			}
			if ctx.Err() != nil {
				return nil, fmt.Errorf("gate: waiting to look at a policy: %w", ctx.Err())
			}
			return nil, ErrBenchFull
		}
	}
	return func() { <-b.all; <-own }, nil
}

// atBench does heavy work in somebody's place, and stops waiting for it when
// it takes too long: then it is better done by command at home. The work is
// told when nobody waits any more.
func atBench[T any](ctx context.Context, b *bench, c Caller, command string, work func(context.Context) (T, error)) (T, error) {
	var none T
	give, err := b.take(ctx, c.actor())
	if err != nil {
		return none, err
	}
	until, cancel := context.WithTimeout(ctx, b.time)
	defer cancel()
	type outcome struct {
		v   T
		err error
	}
	came := make(chan outcome, 1)
	go func() {
		defer give()
		var o outcome
		defer func() {
			if p := recover(); p != nil {
				o = outcome{err: fmt.Errorf("gate: looking at a policy: panic: %v\n%s", p, debug.Stack())}
			}
			came <- o
		}()
		o.v, o.err = work(until)
	}()
	select {
	case o := <-came:
		if errors.Is(o.err, context.DeadlineExceeded) && ctx.Err() == nil {
			o.err = tooLong(b.time, command)
		}
		return o.v, o.err
	case <-until.Done():
		if ctx.Err() != nil {
			return none, fmt.Errorf("gate: looking at a policy: %w", ctx.Err())
		}
		return none, tooLong(b.time, command)
	}
}

func tooLong(after time.Duration, command string) error {
	return &Fault{"request_timeout", fmt.Sprintf("this took longer than %s and was given up here; run `countersign policy %s` on your own machine, where it may take its time", after, command)}
}
