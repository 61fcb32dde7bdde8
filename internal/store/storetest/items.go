package storetest

import (
	"errors"
	"testing"
	"time"

	"countersign/internal/store"
)

// The store's own clock decides what has expired when items change; the suite
// therefore uses times far from it on either side.
var (
	past   = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	future = time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
)

func put(shelf, key, value string, expect int64) store.ItemChange {
	return store.ItemChange{Item: store.Item{Shelf: shelf, Key: key, Value: []byte(value)}, Expect: expect}
}

func take(shelf, key string, expect int64) store.ItemChange {
	return store.ItemChange{Item: store.Item{Shelf: shelf, Key: key}, Delete: true, Expect: expect}
}

var items = map[string]func(*testing.T, *kit){
	"an item is put, replaced and deleted by version": func(t *testing.T, k *kit) {
		for i, step := range []struct {
			change store.ItemChange
			ok     bool
			value  string // afterwards; "": absent
			at     int64
		}{
			{put("s", "k", "x", 1), false, "", 0},
			{take("s", "k", 1), false, "", 0},
			{take("s", "k", 0), true, "", 0},
			{take("s", "k", store.AnyVersion), true, "", 0},
			{put("s", "k", "a", 0), true, "a", 1},
			{put("s", "k", "x", 0), false, "a", 1},
			{put("s", "k", "b", 1), true, "b", 2},
			{put("s", "k", "x", 1), false, "b", 2},
			{put("s", "k", "c", store.AnyVersion), true, "c", 3},
			{take("s", "k", 2), false, "c", 3},
			{take("s", "k", 0), false, "c", 3},
			{take("s", "k", 3), true, "", 0},
			{put("s", "k", "d", 0), true, "d", 1},
			{take("s", "k", store.AnyVersion), true, "", 0},
		} {
			err := k.Change(k.ctx, step.change)
			if step.ok != (err == nil) || !step.ok && !errors.Is(err, store.ErrConflict) {
				t.Fatalf("step %d: %v", i, err)
			}
			got, err := k.Item(k.ctx, "s", "k", Noon)
			if step.value == "" {
				if !errors.Is(err, store.ErrNotFound) {
					t.Fatalf("step %d: %+v, %v", i, got, err)
				}
			} else if err != nil || string(got.Value) != step.value || got.Version != step.at {
				t.Fatalf("step %d: %+v, %v", i, got, err)
			}
		}
	},

	"several changes happen together or not at all": func(t *testing.T, k *kit) {
		if err := k.Change(k.ctx, put("s", "a", "1", 0), put("s", "b", "1", 0)); err != nil {
			t.Fatal(err)
		}
		if err := k.Change(k.ctx, put("s", "a", "2", 1), take("s", "b", 9)); !errors.Is(err, store.ErrConflict) {
			t.Fatal(err)
		}
		if got, err := k.Item(k.ctx, "s", "a", Noon); err != nil || string(got.Value) != "1" {
			t.Errorf("%+v, %v", got, err)
		}
		if err := k.Change(k.ctx); err != nil {
			t.Errorf("no change at all: %v", err)
		}
	},

	"an expired item counts as absent": func(t *testing.T, k *kit) {
		old := put("s", "k", "old", 0)
		old.Expires = past.Add(999_999)
		if err := k.Change(k.ctx, old); err != nil {
			t.Fatal(err)
		}
		if got, err := k.Item(k.ctx, "s", "k", past.Add(-time.Millisecond)); err != nil || !got.Expires.Equal(past) {
			t.Errorf("before it expires: %+v, %v", got, err)
		}
		if _, err := k.Item(k.ctx, "s", "k", past); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("when it expires: %v", err)
		}
		if err := k.Change(k.ctx, put("s", "k", "x", 1)); !errors.Is(err, store.ErrConflict) {
			t.Errorf("replaced by its old version: %v", err)
		}
		if err := k.Change(k.ctx, put("s", "k", "new", 0)); err != nil {
			t.Errorf("put again: %v", err)
		}
		if got, err := k.Item(k.ctx, "s", "k", future); err != nil || got.Version != 1 || !got.Expires.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
	},

	"items are listed by shelf and owner, unexpired, by key": func(t *testing.T, k *kit) {
		for _, c := range []struct {
			shelf, key, owner string
			expires           time.Time
		}{
			{"s", "c", "o", time.Time{}}, {"s", "a", "o", future}, {"s", "b", "o", past},
			{"s", "d", "other", time.Time{}}, {"t", "e", "o", time.Time{}}, {"s", "f", "", time.Time{}},
		} {
			change := store.ItemChange{Item: store.Item{Shelf: c.shelf, Key: c.key, Owner: c.owner, Expires: c.expires}}
			if err := k.Change(k.ctx, change); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct{ shelf, owner, want string }{{"s", "o", "ac"}, {"s", "other", "d"}, {"t", "o", "e"}, {"s", "", "f"}, {"t", "", ""}} {
			got, err := k.Items(k.ctx, c.shelf, c.owner, Noon)
			keys := ""
			for _, item := range got {
				keys += item.Key
			}
			if err != nil || keys != c.want {
				t.Errorf("%s of %q: %q, %v", c.shelf, c.owner, keys, err)
			}
		}
	},

	"a sweep takes what has expired and nothing else": func(t *testing.T, k *kit) {
		for key, expires := range map[string]time.Time{"old": past, "new": future, "ever": {}} {
			change := put("s", key, "v", 0)
			change.Expires = expires
			if err := k.Change(k.ctx, change); err != nil {
				t.Fatal(err)
			}
		}
		for _, now := range []time.Time{past, Noon} {
			if err := k.Sweep(k.ctx, now); err != nil {
				t.Fatal(err)
			}
			_, err := k.Item(k.ctx, "s", "old", past.Add(-time.Hour))
			if gone := errors.Is(err, store.ErrNotFound); gone != now.After(past) {
				t.Errorf("swept at %v: %v", now, err)
			}
		}
		for _, key := range []string{"new", "ever"} {
			if _, err := k.Item(k.ctx, "s", key, Noon); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
	},

	"an item keeps any bytes": func(t *testing.T, k *kit) {
		for _, value := range [][]byte{nil, {}, {0}, []byte("\xff\x00'\""), make([]byte, 1<<20)} {
			if err := k.Change(k.ctx, store.ItemChange{Item: store.Item{Shelf: "s", Value: value}, Expect: store.AnyVersion}); err != nil {
				t.Fatal(err)
			}
			if got, err := k.Item(k.ctx, "s", "", Noon); err != nil || string(got.Value) != string(value) {
				t.Errorf("%d bytes came back as %d, %v", len(value), len(got.Value), err)
			}
		}
	},
}
