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

func (k *kit) condition() store.Condition {
	k.Helper()
	c, err := k.Condition(k.ctx)
	if err != nil {
		k.Fatal(err)
	}
	return c
}

func (k *kit) queue(kind string) store.Queue {
	k.Helper()
	for _, q := range k.condition().Queues {
		if q.Kind == kind {
			return q
		}
	}
	return store.Queue{Kind: kind}
}

var conditions = map[string]func(*testing.T, *kit){
	"jobs that wait are told from those whose time has not come": func(t *testing.T, k *kit) {
		before := time.Now().Add(-time.Second)
		k.enqueue(store.Job{Kind: "now"}, store.Job{Kind: "now"}, store.Job{Kind: "later", RunAt: time.Now().Add(time.Hour)})
		now, later := k.queue("now"), k.queue("later")
		if now.Waiting != 2 || now.Later != 0 || now.Oldest.Before(before) || now.Oldest.After(time.Now().Add(time.Second)) {
			t.Errorf("due: %+v", now)
		}
		if later.Waiting != 0 || later.Later != 1 || !later.Oldest.IsZero() {
			t.Errorf("not due: %+v", later)
		}
		if stuck := k.condition().Stuck; len(stuck) != 0 {
			t.Errorf("stuck: %+v", stuck)
		}
	},

	"a job that was dropped is named with its arguments": func(t *testing.T, k *kit) {
		ran := make(chan bool, 1)
		stop := k.working(map[string]store.Handler{"bad.work": func(context.Context, store.Attempt) error {
			ran <- true
			return fmt.Errorf("%w: no use", store.ErrDrop)
		}})
		k.enqueue(store.Job{Kind: "bad.work", Args: json.RawMessage(`{"request":"req_1"}`)})
		await(t, "the job", ran)
		stop()
		c := k.condition()
		if q := k.queue("bad.work"); q.GivenUp != 1 || q.Waiting+q.Retrying+q.Running != 0 {
			t.Errorf("%+v", q)
		}
		if len(c.Stuck) != 1 || string(c.Stuck[0].Args) != `{"request":"req_1"}` || !c.Stuck[0].Next.IsZero() || c.Stuck[0].Attempts != 1 {
			t.Errorf("%+v", c.Stuck)
		}
	},

	"a job that failed says when it is tried again": func(t *testing.T, k *kit) {
		ran := make(chan bool, 1)
		k.enqueue(store.Job{Kind: "hard.work"})
		stop := k.working(map[string]store.Handler{"hard.work": func(context.Context, store.Attempt) error {
			select {
			case ran <- true:
			default:
			}
			return errors.New("not now")
		}})
		await(t, "the job", ran)
		stop()
		c := k.condition()
		if q := k.queue("hard.work"); q.Retrying != 1 || q.GivenUp+q.Waiting != 0 {
			t.Errorf("%+v", q)
		}
		if len(c.Stuck) != 1 || c.Stuck[0].Next.IsZero() || c.Stuck[0].Last.IsZero() || c.Stuck[0].Max != 50 {
			t.Errorf("%+v", c.Stuck)
		}
	},

	"a shelf is listed without what has lapsed": func(t *testing.T, k *kit) {
		item := func(key, owner string, expires time.Time) store.ItemChange {
			return store.ItemChange{Item: store.Item{Shelf: "s", Key: key, Owner: owner, Value: []byte("v"), Expires: expires}}
		}
		if err := k.Change(k.ctx, item("1", "b", future), item("2", "a", time.Time{}), item("3", "a", past), put("other", "4", "x", 0)); err != nil {
			t.Fatal(err)
		}
		got, err := k.Shelf(k.ctx, "s", Noon, 10)
		if err != nil || len(got) != 2 || got[0].Owner != "a" || got[1].Owner != "b" {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := k.Shelf(k.ctx, "s", Noon, 1); err != nil || len(got) != 1 {
			t.Errorf("of one: %+v, %v", got, err)
		}
		if got, err := k.Shelf(k.ctx, "none", Noon, 10); err != nil || len(got) != 0 {
			t.Errorf("of none: %+v, %v", got, err)
		}
	},

	"a store knows what room it takes": func(t *testing.T, k *kit) {
		if c := k.condition(); c.Size == 0 || c.Free == 0 {
			t.Errorf("%d bytes, %d free", c.Size, c.Free)
		}
	},
}
