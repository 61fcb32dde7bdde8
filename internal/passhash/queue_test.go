package passhash

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// told is what a place has been told; open is false while it waits.
func (p *place) toldYet() (err error, open bool) { //nolint:revive // an outcome, not a failure
	select {
	case err = <-p.told:
		p.told <- err // for whoever looks again
		return err, false
	default:
		return nil, true
	}
}

func (q *queue) lengths() map[string]int {
	out := map[string]int{}
	for _, l := range q.lines {
		out[l.name] = len(l.places)
	}
	return out
}

func TestAMillionWrongAnswersWaitBehindOneAnother(t *testing.T) {
	q := newQueue(1)
	if err := q.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for range 500 {
		if err, waits := q.enter(For(t.Context(), "flood")).toldYet(); !waits && errors.Is(err, ErrBusy) {
			refused++
		}
	}
	if refused != 500-perSlot {
		t.Errorf("%d of 500 were refused, want all but the %d that may wait", refused, perSlot)
	}
	honest := q.enter(For(t.Context(), "honest"))
	if err, waits := honest.toldYet(); !waits {
		t.Fatalf("an honest answer found no room: %v", err)
	}
	q.leave() // the flood's first: it came earlier
	q.leave()
	if err, waits := honest.toldYet(); waits || err != nil {
		t.Errorf("the honest answer's turn came later than second: %v", err)
	}
}

func TestWhoComesWithManyNamesPushesNobodyOut(t *testing.T) {
	q := newQueue(1)
	_ = q.take(t.Context())
	honest := q.enter(For(t.Context(), "honest"))
	for n := range 500 {
		q.enter(For(t.Context(), fmt.Sprint("name ", n)))
	}
	q.leave()
	if err, waits := honest.toldYet(); waits || err != nil {
		t.Errorf("who came first was not the first to go: %v, waits %v", err, waits)
	}
	if err, waits := q.enter(For(t.Context(), "late")).toldYet(); !waits || err != nil {
		t.Errorf("there is room for one again: %v", err)
	}
	if err, _ := q.enter(For(t.Context(), "later")).toldYet(); !errors.Is(err, ErrBusy) {
		t.Errorf("a newcomer among as many others is told to come again: %v", err)
	}
}

func TestTheServersOwnWorkIsNeverRefusedAndGoesFirst(t *testing.T) {
	q := newQueue(1)
	_ = q.take(t.Context())
	for range 500 {
		q.enter(For(t.Context(), "flood"))
	}
	order := q.enter(t.Context())
	if err, waits := order.toldYet(); !waits {
		t.Fatalf("an order of the hands: %v", err)
	}
	q.leave()
	if err, waits := order.toldYet(); waits || err != nil {
		t.Errorf("an order waits behind strangers: %v", err)
	}
}

func TestWhoStopsWaitingLeavesThePlaceAtOnce(t *testing.T) {
	h := New(1)
	give, err := h.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, ctx := range []context.Context{t.Context(), For(t.Context(), "somebody")} {
		gone, leave := context.WithCancel(ctx)
		var wait sync.WaitGroup
		for range perSlot {
			wait.Go(func() {
				if _, err := h.Hash(gone, "x"); !errors.Is(err, context.Canceled) {
					t.Errorf("somebody who left: %v", err)
				}
			})
		}
		leave()
		wait.Wait()
		if h.queue.waiting != 0 || len(h.queue.lines) != 0 || len(h.queue.own) != 0 {
			t.Errorf("places of those who left are kept: %+v", h.queue)
		}
	}
	give()
	if h.queue.free != 1 {
		t.Errorf("%d slots are free, want 1", h.queue.free)
	}
}

func TestASlotForSomebodyWhoLeavesAtThatMomentIsNotLost(t *testing.T) {
	q := newQueue(1)
	gone, leave := context.WithCancel(t.Context())
	leave()
	for range 50 { // which of the two is seen first is chance
		if q.wait(gone, q.enter(gone)) == nil {
			q.leave()
		}
		if q.free != 1 {
			t.Fatal("the slot is lost")
		}
	}
}

// However people come, leave and are served: no more run than may, no more
// wait than may, nobody is told twice, nobody is refused while there is room or
// while somebody else has two more in line than they would have, and no slot
// is lost.
func TestTheQueueKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 3).Draw(t, "slots")
		q := newQueue(slots)
		q.most = rapid.IntRange(1, 6).Draw(t, "most")
		var waits []*place
		running := 0
		settle := func() {
			var still []*place
			for _, p := range waits {
				if err, open := p.toldYet(); open {
					still = append(still, p)
				} else if err == nil {
					running++
				}
			}
			waits = still
		}
		t.Repeat(map[string]func(*rapid.T){
			"come": func(t *rapid.T) {
				name := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "name")
				ctx := For(context.Background(), name)
				if rapid.IntRange(0, 4).Draw(t, "own") == 0 {
					ctx = context.Background()
				}
				before, free := q.lengths(), q.free
				p := q.enter(ctx)
				err, _ := p.toldYet()
				if err == nil {
					waits = append(waits, p)
					settle()
					return
				}
				if ctx == context.Background() || free > 0 || q.waiting < q.most {
					t.Fatalf("refused although there was room: %v", before)
				}
				for n, l := range before {
					if l > before[name]+1 {
						t.Fatalf("%q was refused, and %q has %v", name, n, before)
					}
				}
			},
			"leave": func(t *rapid.T) {
				if running == 0 {
					t.Skip("nobody runs")
				}
				running--
				q.leave()
				settle()
			},
			"give up": func(t *rapid.T) {
				if len(waits) == 0 {
					t.Skip("nobody waits")
				}
				i := rapid.IntRange(0, len(waits)-1).Draw(t, "who")
				if !q.remove(waits[i]) || q.remove(waits[i]) {
					t.Fatal("a place can be left once")
				}
				waits = append(waits[:i], waits[i+1:]...)
			},
			"": func(t *rapid.T) {
				total := 0
				for name, n := range q.lengths() {
					if total += n; n == 0 {
						t.Fatalf("the line of %q is empty", name)
					}
				}
				switch {
				case running > slots, running+q.free != slots:
					t.Fatalf("%d run and %d slots are free, of %d", running, q.free, slots)
				case total != q.waiting, q.waiting > q.most, len(waits) != q.waiting+len(q.own):
					t.Fatalf("%d wait of at most %d, %d by the lines", q.waiting, q.most, total)
				case q.free > 0 && len(waits) > 0:
					t.Fatal("somebody waits for a slot that is free")
				}
			},
		})
	})
}

// A flood is answered at once but for those who may wait, and what it costs in
// memory is what the slots hold, however many come.
func TestAFloodHoldsNoMoreMemoryThanTheSlots(t *testing.T) {
	const slots, flood = 2, 500
	h := New(slots)
	hash, err := h.Hash(t.Context(), "01234567")
	if err != nil {
		t.Fatal(err)
	}
	hold := make([]func(), slots)
	for i := range hold {
		if hold[i], err = h.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	base := heap()
	var wait sync.WaitGroup
	var hashed, most atomic.Uint64
	refused := make(chan error, flood)
	ctx, stop := context.WithCancel(For(t.Context(), "flood"))
	defer stop()
	for range flood {
		wait.Go(func() {
			ok, err := h.Verify(ctx, hash, "00000000")
			if ok {
				t.Error("a wrong answer was right")
			}
			if err != nil {
				refused <- err
				return
			}
			hashed.Add(1)
			most.Store(max(most.Load(), heap()))
		})
	}
	for range flood - slots*perSlot {
		if err := <-refused; !errors.Is(err, ErrBusy) {
			t.Errorf("refused: %v", err)
		}
	}
	if hashed.Load() != 0 {
		t.Errorf("%d were hashed while others had all the slots", hashed.Load())
	}
	most.Store(heap())
	honest := make(chan error)
	go func() {
		ok, err := h.Verify(For(t.Context(), "honest"), hash, "01234567")
		if err == nil && !ok {
			err = errors.New("the right answer was wrong")
		}
		honest <- err
	}()
	for _, give := range hold {
		give()
	}
	if err := <-honest; err != nil {
		t.Errorf("the honest answer: %v", err)
	}
	stop() // the rest of the flood gives up, and is not hashed any more
	wait.Wait()
	if h.queue.free != slots || h.queue.waiting != 0 {
		t.Errorf("after the flood %d slots are free and %d wait", h.queue.free, h.queue.waiting)
	}
	// The collector lets the heap grow to about twice what is in use.
	if bound := 2*(base+slots*memory*1024) + 32<<20; most.Load() > bound {
		t.Errorf("the heap grew from %d MiB to %d MiB; want at most %d", base>>20, most.Load()>>20, bound>>20)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkVerify(b *testing.B) {
	h := New(runtime.GOMAXPROCS(0))
	hash, err := h.Hash(b.Context(), "01234567")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := h.Verify(b.Context(), hash, "00000000"); ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// The queue itself costs nothing to speak of beside a hash.
func BenchmarkRefusal(b *testing.B) {
	h := New(1)
	if _, err := h.Take(b.Context()); err != nil {
		b.Fatal(err)
	}
	ctx := For(b.Context(), "flood")
	for range perSlot {
		h.queue.enter(ctx)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Take(ctx); !errors.Is(err, ErrBusy) {
			b.Fatal(err)
		}
	}
}
