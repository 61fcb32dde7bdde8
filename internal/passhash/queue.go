package passhash

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrBusy: as many wait for a hash already as may. Nothing was hashed; the
// same may well succeed in a second or two.
var ErrBusy = errors.New("passhash: too many wait for a hash")

// perSlot is how many may wait for each hash that runs at once: about a second
// of work. Whoever would come later is told so at once, and holds no memory.
const perSlot = 32

type nameKey struct{}

// For returns a context whose hashes are made in somebody's name: the request
// that an answer is for, say, or the network that a caller comes from. Names
// take turns, so that whoever asks for many waits behind himself and not before
// others. Work without a name is the server's own; see queue.
func For(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, nameKey{}, name)
}

// queue is who waits for a hash. Of strangers a bounded number waits, in a line
// for each name. When there is no room, the last of the longest line gives way
// to somebody with a shorter one. The server's own work (an order of the hands)
// goes first and is never refused: those who start it are few, and what has
// been decided must not fail because somebody types wrong codes.
type queue struct {
	mu      sync.Mutex
	free    int      // slots
	own     []*place // the server's own work
	lines   []*line  // whose turn is next comes first; none is empty
	waiting int      // in lines
	most    int      // waiting
}

type line struct {
	name   string
	places []*place
}

// place is one who waits. Under the queue's lock it is told once: nil for a
// slot, or ErrBusy.
type place struct{ told chan error }

func newQueue(slots int) *queue { return &queue{free: slots, most: perSlot * slots} }

// take waits for a slot, which leave gives back.
func (q *queue) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("passhash: %w", err)
	}
	return q.wait(ctx, q.enter(ctx))
}

// wait returns when the place is told, or its holder has gone.
func (q *queue) wait(ctx context.Context, p *place) error {
	select {
	case err := <-p.told:
		return err
	case <-ctx.Done():
		if !q.remove(p) && <-p.told == nil { // told at the same moment
			q.leave()
		}
		return fmt.Errorf("passhash: waiting for a free slot: %w", ctx.Err())
	}
}

// enter joins the queue; the place may have been told already.
func (q *queue) enter(ctx context.Context) *place {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := &place{make(chan error, 1)}
	name, stranger := ctx.Value(nameKey{}).(string)
	switch {
	case q.free > 0: // then nobody waits
		q.free--
		p.told <- nil
	case !stranger:
		q.own = append(q.own, p)
	case !q.room(name):
		p.told <- ErrBusy
	default:
		l := q.lineOf(name)
		l.places = append(l.places, p)
		q.waiting++
	}
	return p
}

// room reports whether one more may wait in a name's line, and makes room
// where that is fair.
func (q *queue) room(name string) bool {
	if q.waiting < q.most {
		return true
	}
	longest := q.lines[0]
	mine := 0
	for _, l := range q.lines {
		if len(l.places) > len(longest.places) {
			longest = l
		}
		if l.name == name {
			mine = len(l.places)
		}
	}
	if len(longest.places) <= mine+1 {
		return false
	}
	last := len(longest.places) - 1
	longest.places[last].told <- ErrBusy
	longest.places = longest.places[:last]
	q.waiting--
	return true
}

func (q *queue) lineOf(name string) *line {
	for _, l := range q.lines {
		if l.name == name {
			return l
		}
	}
	l := &line{name: name}
	q.lines = append(q.lines, l)
	return l
}

// leave gives a slot back, to whoever is next.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.own) > 0:
		q.own[0].told <- nil
		q.own = q.own[1:]
	case len(q.lines) > 0:
		l := q.lines[0]
		q.lines = q.lines[1:]
		l.places[0].told <- nil
		l.places = l.places[1:]
		q.waiting--
		if len(l.places) > 0 {
			q.lines = append(q.lines, l) // behind the others
		}
	default:
		q.free++
	}
}

// remove takes away the place of somebody who has gone. It reports false when
// the place has been told.
func (q *queue) remove(p *place) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.own, p); i >= 0 {
		q.own = slices.Delete(q.own, i, i+1)
		return true
	}
	for n, l := range q.lines {
		i := slices.Index(l.places, p)
		if i < 0 {
			continue
		}
		l.places = slices.Delete(l.places, i, i+1)
		q.waiting--
		if len(l.places) == 0 {
			q.lines = slices.Delete(q.lines, n, n+1)
		}
		return true
	}
	return false
}
