package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"countersign/internal/store"
)

// patience bounds every wait for something that has to happen; nothing waits
// that long unless it fails.
const patience = 60 * time.Second

func await[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// working runs Work until the returned function is called.
func (k *kit) working(handlers map[string]store.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(k.ctx)
	done := make(chan error, 1)
	go func() { done <- k.Work(ctx, handlers) }()
	return func() {
		k.Helper()
		cancel()
		if err := await(k.T, "Work to end", done); err != nil {
			k.Errorf("work: %v", err)
		}
	}
}

// report is a handler that sends its attempts and succeeds.
func report(to chan store.Attempt) store.Handler {
	return func(_ context.Context, a store.Attempt) error { to <- a; return nil }
}

func (k *kit) enqueue(jobs ...store.Job) {
	k.Helper()
	k.must(store.Commit{Jobs: jobs})
}

var jobs = map[string]func(*testing.T, *kit){
	"a job runs with the arguments it was given": func(t *testing.T, k *kit) {
		ran := make(chan store.Attempt, 10)
		defer k.working(map[string]store.Handler{"some.work": report(ran)})()
		c := Commit("req_1", 0, 1)
		c.Jobs = []store.Job{{Kind: "some.work", Args: json.RawMessage(`{"text":"a\u0000<b>","n":9007199254740993,"deep":[[{}]]}`), Unique: "u"}}
		k.must(c)
		got := await(t, "the job", ran)
		if got.Number != 1 || got.Max != 50 || got.Kind != "some.work" || got.Unique != "u" || !equal(got.Args, c.Jobs[0].Args) {
			t.Errorf("%+v with %s", got, got.Args)
		}
	},

	"a job sees what was committed with it": func(t *testing.T, k *kit) {
		seen := make(chan error, 20)
		defer k.working(map[string]store.Handler{"some.work": func(ctx context.Context, a store.Attempt) error {
			_, err := k.Stream(ctx, a.Unique)
			seen <- err
			return nil
		}})()
		for i := range 20 {
			c := Commit(fmt.Sprint("req_", i), 0, 1)
			c.Jobs = []store.Job{{Kind: "some.work", Unique: c.Stream}}
			k.must(c)
		}
		for range 20 {
			if err := await(t, "the job", seen); err != nil {
				t.Error(err)
			}
		}
	},

	"a job of a refused commit never runs": func(t *testing.T, k *kit) {
		k.must(Commit("req_1", 0, 1))
		refused := Commit("req_1", 0, 1)
		refused.Jobs = []store.Job{{Kind: "some.work", Args: json.RawMessage(`"refused"`)}}
		k.refuse(refused, store.ErrConflict)
		k.enqueue(store.Job{Kind: "some.work", Args: json.RawMessage(`"good"`)})
		ran := make(chan store.Attempt, 10)
		stop := k.working(map[string]store.Handler{"some.work": report(ran)})
		if got := await(t, "the job", ran); string(got.Args) != `"good"` {
			t.Errorf("ran %s", got.Args)
		}
		stop()
		if len(ran) != 0 {
			t.Errorf("ran also %s", (<-ran).Args)
		}
	},

	"a second unfinished job of the same name is not made": func(t *testing.T, k *kit) {
		job := func(kind, unique, args string) store.Job {
			return store.Job{Kind: kind, Unique: unique, Args: json.RawMessage(args)}
		}
		k.enqueue(job("some.work", "u", `1`), job("some.work", "u", `2`))
		k.enqueue(job("some.work", "u", `3`), job("some.work", "v", `4`), job("more.work", "u", `5`), job("some.work", "", `6`), job("some.work", "", `6`))
		ran := make(chan store.Attempt, 20)
		handlers := map[string]store.Handler{"some.work": report(ran), "more.work": report(ran)}
		stop := k.working(handlers)
		count := map[string]int{}
		for range 5 {
			count[string(await(t, "a job", ran).Args)]++
		}
		stop()
		if want := map[string]int{"1": 1, "4": 1, "5": 1, "6": 2}; !equal(count, want) || len(ran) != 0 {
			t.Errorf("ran %v, and %d more", count, len(ran))
		}
		k.enqueue(job("some.work", "u", `7`)) // the first is finished now
		defer k.working(handlers)()
		if got := await(t, "the job after the finished one", ran); string(got.Args) != `7` {
			t.Errorf("ran %s", got.Args)
		}
	},

	"a job waits for its time": func(t *testing.T, k *kit) {
		ran := make(chan time.Time, 10)
		defer k.working(map[string]store.Handler{"some.work": func(_ context.Context, a store.Attempt) error {
			ran <- a.RunAt
			ran <- time.Now()
			return nil
		}})()
		at := time.Now().Add(1200 * time.Millisecond)
		k.enqueue(store.Job{Kind: "some.work", RunAt: at})
		if got := await(t, "the job", ran); !got.Equal(at) {
			t.Errorf("RunAt came back as %v, not %v", got, at)
		}
		if got := await(t, "the job", ran); got.Before(at.Add(-time.Millisecond)) {
			t.Errorf("ran %v too early", at.Sub(got))
		}
	},

	"a job that is far off does not run now": func(t *testing.T, k *kit) {
		ran := make(chan store.Attempt, 10)
		stop := k.working(map[string]store.Handler{"some.work": report(ran)})
		k.enqueue(store.Job{Kind: "some.work", Args: json.RawMessage(`"far"`), RunAt: time.Now().Add(time.Hour)}, store.Job{Kind: "some.work", Args: json.RawMessage(`"now"`)})
		if got := await(t, "the job", ran); string(got.Args) != `"now"` {
			t.Errorf("ran %s", got.Args)
		}
		stop()
		if len(ran) != 0 {
			t.Error("the far one ran")
		}
	},

	"a failed job is tried again and knows it": func(t *testing.T, k *kit) {
		ran := make(chan store.Attempt, 10)
		defer k.working(map[string]store.Handler{"some.work": func(_ context.Context, a store.Attempt) error {
			ran <- a
			switch a.Number {
			case 1:
				return errors.New("not yet")
			case 2:
				panic("worse")
			}
			return nil
		}})()
		k.enqueue(store.Job{Kind: "some.work", Args: json.RawMessage(`{"a":1}`), Unique: "u"})
		for n := range 3 {
			if got := await(t, "another attempt", ran); got.Number != n+1 || string(got.Args) != `{"a":1}` || got.Unique != "u" {
				t.Errorf("attempt %d: %+v", n+1, got)
			}
		}
	},

	"a dropped job is not tried again": func(t *testing.T, k *kit) {
		ran := make(chan store.Attempt, 10)
		defer k.working(map[string]store.Handler{
			"some.work": func(_ context.Context, a store.Attempt) error {
				ran <- a
				return fmt.Errorf("hopeless: %w", store.ErrDrop)
			},
			"more.work": func(_ context.Context, a store.Attempt) error {
				ran <- a
				if a.Number == 1 {
					return errors.New("not yet")
				}
				return nil
			},
		})()
		k.enqueue(store.Job{Kind: "some.work"}, store.Job{Kind: "more.work"})
		count := map[string]int{}
		// The second attempt of the other job comes when a second attempt of the
		// dropped one would have come too.
		for range 3 {
			count[await(t, "an attempt", ran).Kind]++
		}
		if count["some.work"] != 1 || count["more.work"] != 2 {
			t.Errorf("%v", count)
		}
	},

	"a job without a handler waits for one": func(t *testing.T, k *kit) {
		ran := make(chan store.Attempt, 10)
		stop := k.working(map[string]store.Handler{"more.work": report(ran)})
		k.enqueue(store.Job{Kind: "some.work"}, store.Job{Kind: "more.work"})
		if got := await(t, "the job with a handler", ran); got.Kind != "more.work" {
			t.Errorf("%+v", got)
		}
		stop()
		defer k.working(map[string]store.Handler{"some.work": report(ran)})()
		if got := await(t, "the job that waited", ran); got.Kind != "some.work" || got.Number != 1 {
			t.Errorf("%+v", got)
		}
	},

	"a job outlives the store that took it": func(t *testing.T, k *kit) {
		k.enqueue(store.Job{Kind: "some.work", Args: json.RawMessage(`1`)})
		k.reopen()
		ran := make(chan store.Attempt, 10)
		defer k.working(map[string]store.Handler{"some.work": report(ran)})()
		await(t, "the job", ran)
	},

	"a handler is told of the end and its job comes again": func(t *testing.T, k *kit) {
		begun := make(chan store.Attempt, 10)
		stop := k.working(map[string]store.Handler{"some.work": func(ctx context.Context, a store.Attempt) error {
			begun <- a
			<-ctx.Done()
			return ctx.Err()
		}})
		k.enqueue(store.Job{Kind: "some.work"})
		await(t, "the job to begin", begun)
		stop()
		k.reopen()
		defer k.working(map[string]store.Handler{"some.work": report(begun)})()
		await(t, "the job to come again", begun)
	},

	"closing the store ends Work": func(t *testing.T, k *kit) {
		done := make(chan error, 2)
		for _, handlers := range []map[string]store.Handler{nil, {"some.work": report(nil)}} {
			go func() { done <- k.Work(k.ctx, handlers) }()
		}
		k.enqueue(store.Job{Kind: "more.work"})
		if err := k.Store.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := await(t, "Work to end", done); err != nil && !errors.Is(err, store.ErrClosed) {
				t.Error(err)
			}
		}
		k.Store = k.Open()
	},

	"a handler may commit": func(t *testing.T, k *kit) {
		ran := make(chan error, 100)
		defer k.working(map[string]store.Handler{"some.work": func(ctx context.Context, a store.Attempt) error {
			_, err := k.Commit(ctx, Commit(a.Unique, 0, 1))
			ran <- err
			return err
		}})()
		var all []store.Job
		for i := range 100 {
			all = append(all, store.Job{Kind: "some.work", Unique: fmt.Sprint("made_", i)})
		}
		k.enqueue(all...)
		for range 100 {
			if err := await(t, "a job", ran); err != nil {
				t.Error(err)
			}
		}
		if k.size() != 100 {
			t.Errorf("%d entries", k.size())
		}
	},
}
