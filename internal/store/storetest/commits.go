package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/ledger"
	"countersign/internal/store"
)

var commits = map[string]func(*testing.T, *kit){
	"an empty ledger has a signed checkpoint": func(t *testing.T, k *kit) {
		head := k.head()
		if head.Size != 0 || head.Root != sha256.Sum256(nil) {
			t.Errorf("got %+v", head)
		}
		if report := k.sound(); !report.OK() {
			t.Error(report.Differences)
		}
	},

	"a commit returns its records as they stand on the ledger": func(t *testing.T, k *kit) {
		c := Commit("req_1", 0, 3)
		c.At = Noon.Add(1234567).In(time.FixedZone("x", 3600))
		got := k.must(c)
		for i, r := range got {
			if r.Seq != uint64(i) || r.Version != uint64(i+1) || r.Stream != "req_1" || r.Actor != "person/1" || r.Type != "test.happened" || !r.At.Equal(Noon.Add(time.Millisecond)) {
				t.Errorf("record %d: %+v", i, r)
			}
		}
		stored, err := k.Stream(k.ctx, "req_1")
		if err != nil || !equal(got, stored) {
			t.Errorf("stored %+v, returned %+v, %v", stored, got, err)
		}
		for v := range uint64(4) {
			if rest, err := k.After(k.ctx, "req_1", v); err != nil || !equal(got[v:], rest) {
				t.Errorf("after version %d: %+v, %v", v, rest, err)
			}
		}
		all, err := k.Records(k.ctx, 0, 100)
		if err != nil || !equal(got, all) {
			t.Errorf("records %+v, %v", all, err)
		}
	},

	"a commit holds only while what it rests on stands still": func(t *testing.T, k *kit) {
		k.must(Commit("roster", 0, 2))
		c := Commit("req_1", 0, 1)
		c.Rests = []store.Footing{{Stream: "roster", Version: 1}}
		if _, err := k.Commit(k.ctx, c); !errors.Is(err, store.ErrConflict) {
			t.Errorf("on an earlier version: %v", err)
		}
		c.Rests[0].Version = 2
		k.must(c)
		c = Commit("req_2", 0, 1)
		c.Rests = []store.Footing{{Stream: "nothing", Version: 1}}
		if _, err := k.Commit(k.ctx, c); !errors.Is(err, store.ErrConflict) {
			t.Errorf("on a stream that is not there: %v", err)
		}
		c.Rests[0].Version = 0
		k.must(c)
		if k.head().Size != 4 {
			t.Errorf("%d entries, want 4", k.head().Size)
		}
	},

	"positions are dense over all streams": func(t *testing.T, k *kit) {
		seq := uint64(0)
		for i := range 20 {
			for _, r := range k.must(Commit(fmt.Sprintf("req_%d", i%7), uint64(i/7)*2, 2)) {
				if r.Seq != seq {
					t.Fatalf("record at %d, want %d", r.Seq, seq)
				}
				seq++
			}
		}
		if k.head().Size != seq || k.size() != int(seq) {
			t.Errorf("size %d, %d readable, want %d", k.head().Size, k.size(), seq)
		}
	},

	"a commit to a stream that moved on conflicts and writes nothing": func(t *testing.T, k *kit) {
		k.must(Commit("req_1", 0, 2))
		before := k.head()
		for _, expect := range []uint64{0, 1, 3, 100} {
			c := Commit("req_1", expect, 1)
			c.Row = Row("req_1", expect+1)
			c.Items = []store.ItemChange{{Item: store.Item{Shelf: "s", Key: "k"}, Expect: store.AnyVersion}}
			k.refuse(c, store.ErrConflict)
		}
		k.refuse(Commit("req_2", 1, 1), store.ErrConflict)
		if k.head() != before || k.size() != 2 {
			t.Error("a refused commit left something on the ledger")
		}
		if _, err := k.Row(k.ctx, "req_1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a refused commit left a row: %v", err)
		}
		if _, err := k.Item(k.ctx, "s", "k", Noon); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a refused commit left an item: %v", err)
		}
	},

	"a commit whose item conflicts writes nothing": func(t *testing.T, k *kit) {
		item := store.Item{Shelf: "s", Key: "k", Value: []byte("v")}
		if err := k.Change(k.ctx, store.ItemChange{Item: item}); err != nil {
			t.Fatal(err)
		}
		c := Commit("req_1", 0, 1)
		c.Row = Row("req_1", 1)
		c.Items = []store.ItemChange{
			{Item: store.Item{Shelf: "s", Key: "other"}},
			{Item: item, Expect: 7},
		}
		k.refuse(c, store.ErrConflict)
		if k.size() != 0 {
			t.Error("events were written")
		}
		if _, err := k.Item(k.ctx, "s", "other", Noon); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another item was written: %v", err)
		}
	},

	"a commit without events checks its stream and writes its row and items": func(t *testing.T, k *kit) {
		k.must(Commit("req_1", 0, 1))
		c := Commit("req_1", 1, 0)
		c.Row = Row("req_1", 1)
		c.Items = []store.ItemChange{{Item: store.Item{Shelf: "s", Key: "k", Value: []byte("v")}}}
		before := k.head()
		k.must(c)
		if k.head() != before {
			t.Error("the ledger grew")
		}
		if row, err := k.Row(k.ctx, "req_1"); err != nil || !equal(row, c.Row) {
			t.Errorf("row %+v, %v", row, err)
		}
		c.Expect, c.Row = 0, nil
		k.refuse(c, store.ErrConflict)
		k.must(store.Commit{Items: []store.ItemChange{{Item: store.Item{Shelf: "s", Key: "alone"}}}})
	},

	"every acknowledged event is covered by the checkpoint at once": func(t *testing.T, k *kit) {
		for i := range 300 {
			for _, r := range k.must(Commit(fmt.Sprintf("req_%d", i), 0, 1+i%3)) {
				if err := k.covered(r); err != nil {
					t.Fatal(err)
				}
			}
		}
	},

	"every checkpoint is consistent with the ones before": func(t *testing.T, k *kit) {
		heads := []ledger.Checkpoint{k.head()}
		for i := range 40 {
			k.must(Commit("req_1", uint64(i)*13, 13))
			heads = append(heads, k.head())
		}
		newest := heads[len(heads)-1]
		for _, old := range heads {
			proof, err := ledger.ProveConsistency(old.Size, newest.Size, k.Nodes(k.ctx))
			if err != nil {
				t.Fatal(err)
			}
			if err := ledger.CheckConsistency(proof, old.Size, old.Root, newest.Size, newest.Root); err != nil {
				t.Fatal(err)
			}
			if root, err := ledger.Root(old.Size, k.Nodes(k.ctx)); err != nil || root != old.Root {
				t.Fatalf("the root of %d is no longer what it was: %v", old.Size, err)
			}
		}
	},

	"every entry of a ledger of many tiles has its proof": func(t *testing.T, k *kit) {
		for i := range 10 {
			k.must(Commit(fmt.Sprintf("req_%d", i), 0, 70))
		}
		k.reopen()
		k.must(Commit("req_last", 0, 1))
		all, err := k.Records(k.ctx, 0, 1000)
		if err != nil || len(all) != 701 {
			t.Fatal(len(all), err)
		}
		for _, r := range all {
			if err := k.covered(r); err != nil {
				t.Fatal(err)
			}
		}
	},

	"the ledger exports as tiles that pass their check": func(t *testing.T, k *kit) {
		for i := range 6 {
			k.must(Commit(fmt.Sprintf("req_%d", i), 0, 100))
		}
		signed, err := k.Checkpoint(k.ctx)
		if err != nil {
			t.Fatal(err)
		}
		leaves := func(from uint64, n int) ([][]byte, error) {
			records, err := k.Records(k.ctx, from, n)
			out := make([][]byte, len(records))
			for i, r := range records {
				out[i] = r.Bytes()
			}
			return out, err
		}
		files := map[string][]byte{}
		err = ledger.Export(600, signed, k.Nodes(k.ctx), leaves, func(path string, data []byte) error { files[path] = data; return nil })
		if err != nil {
			t.Fatal(err)
		}
		report, err := ledger.CheckExport(k.Origin, k.Verifiers, func(path string) ([]byte, error) { return files[path], nil })
		if err != nil || report.Entries != 600 {
			t.Errorf("%+v, %v", report, err)
		}
	},

	"private values come back and stay off the leaf": func(t *testing.T, k *kit) {
		open, private, err := ledger.Seal(struct {
			Name string `json:"name" ledger:"private"`
			Desk string `json:"desk"`
		}{"Zoë <z>", "night"}, func() [32]byte { return [32]byte{9} })
		if err != nil {
			t.Fatal(err)
		}
		const events = 75 // stores may write them in pieces of some width
		c := Commit("req_1", 0, events)
		for i := range c.Events {
			c.Events[i].Open, c.Events[i].Private = open, private
		}
		k.must(c)
		k.reopen()
		got, err := k.Stream(k.ctx, "req_1")
		if err != nil || len(got) != events {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, r := range got {
			if ledger.CheckPrivate(r.Body, r.Private) != nil || len(r.Private) != 1 {
				t.Errorf("%+v", r)
			}
			if bytes.Contains(r.Bytes(), []byte("Zo")) {
				t.Errorf("the leaf shows it: %s", r.Bytes())
			}
		}
	},

	"a commit that does not make sense is refused": func(t *testing.T, k *kit) {
		for name, spoil := range map[string]func(*store.Commit){
			"no stream":             func(c *store.Commit) { c.Stream = "" },
			"no actor":              func(c *store.Commit) { c.Actor = "" },
			"no time":               func(c *store.Commit) { c.At = time.Time{} },
			"no type":               func(c *store.Commit) { c.Events[0].Type = "" },
			"a stream not UTF-8":    func(c *store.Commit) { c.Stream = "\xff" },
			"a body not canonical":  func(c *store.Commit) { c.Events[0].Open = json.RawMessage(`{ "n":1}`) },
			"a body that is a list": func(c *store.Commit) { c.Events[0].Open = json.RawMessage(`[]`) },
			"no body":               func(c *store.Commit) { c.Events[0].Open = nil },
			"a value not committed": func(c *store.Commit) {
				c.Events[0].Private = ledger.Private{"n": {Salt: make([]byte, 32), Value: json.RawMessage(`1`)}}
			},
			"another stream's row":    func(c *store.Commit) { c.Row = Row("req_2", 1) },
			"a row of another future": func(c *store.Commit) { c.Row = Row("req_1", 2) },
			"a row of microseconds":   func(c *store.Commit) { c.Row = Row("req_1", 1); c.Row.Opened = Noon.Add(1) },
			"a row with loose state":  func(c *store.Commit) { c.Row = Row("req_1", 1); c.Row.State = json.RawMessage(`{ }`) },
			"a row without state":     func(c *store.Commit) { c.Row = Row("req_1", 1); c.Row.State = nil },
			"an item twice": func(c *store.Commit) {
				c.Items = []store.ItemChange{{Item: store.Item{Shelf: "s", Key: "k"}}, {Item: store.Item{Shelf: "s", Key: "k"}, Expect: 1}}
			},
			"an item of no shelf":   func(c *store.Commit) { c.Items = []store.ItemChange{{}} },
			"a job without a kind":  func(c *store.Commit) { c.Jobs = []store.Job{{}} },
			"a job with loose args": func(c *store.Commit) { c.Jobs = []store.Job{{Kind: "work", Args: json.RawMessage(`{`)}} },
		} {
			c := Commit("req_1", 0, 1)
			spoil(&c)
			if err := k.refuse(c, nil); errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if k.size() != 0 {
			t.Error("something was written")
		}
	},

	"a large event fits and one too large is named": func(t *testing.T, k *kit) {
		c := Commit("req_1", 0, 2)
		c.Events[0].Open = fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", 60<<10))
		k.must(c)
		got, err := k.Stream(k.ctx, "req_1")
		if err != nil || !bytes.Equal(got[0].Body, c.Events[0].Open) {
			t.Fatalf("came back with %d bytes, %v", len(got[0].Body), err)
		}
		c = Commit("req_1", 2, 2)
		c.Events[1].Open = fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", 65<<10))
		if err := k.refuse(c, nil); !strings.Contains(err.Error(), "65535") {
			t.Errorf("the error does not name the bound: %v", err)
		}
		if k.size() != 2 {
			t.Error("half of the commit was written")
		}
	},

	"hostile text is stored and found as it is": func(t *testing.T, k *kit) {
		for i, text := range []string{"'; DROP TABLE events; --", "a\x00b", "%_\\", "😀\u202e\u2028", strings.Repeat("é", 500), "NULL", "x'00'", "\"", " "} {
			c := Commit(text, 0, 1)
			c.Actor, c.Events[0].Type = text, text
			body, err := ledger.Marshal(map[string]string{text: text})
			if err != nil {
				t.Fatal(err)
			}
			c.Events[0].Open = body
			c.Row = Row(text, 1)
			c.Row.Status, c.Row.Desk, c.Row.Agent, c.Row.Case = text, text, "agent", text
			c.Items = []store.ItemChange{{Item: store.Item{Shelf: text, Key: text, Owner: text, Value: []byte(text)}}}
			c.Jobs = []store.Job{{Kind: "never.run", Args: body, Unique: text}}
			want := k.must(c)
			got, err := k.Stream(k.ctx, text)
			if err != nil || !equal(got, want) {
				t.Errorf("%q: stream %+v, %v", text, got, err)
			}
			if row, err := k.Row(k.ctx, text); err != nil || !equal(row, c.Row) {
				t.Errorf("%q: row %+v, %v", text, row, err)
			}
			if row, err := k.RowByCase(k.ctx, text); err != nil || row.ID != text {
				t.Errorf("%q: by case %+v, %v", text, row, err)
			}
			if rows, err := k.Rows(k.ctx, store.RowQuery{Statuses: []string{text, "x"}, Limit: 10}); err != nil || len(rows) != 1 {
				t.Errorf("%q: by status %+v, %v", text, rows, err)
			}
			if item, err := k.Item(k.ctx, text, text, Noon); err != nil || string(item.Value) != text {
				t.Errorf("%q: item %+v, %v", text, item, err)
			}
			if found, err := k.Items(k.ctx, text, text, Noon); err != nil || len(found) != 1 {
				t.Errorf("%q: items %+v, %v", text, found, err)
			}
			if k.size() != i+1 {
				t.Errorf("%q: %d entries", text, k.size())
			}
		}
	},

	"everything is there after opening again": func(t *testing.T, k *kit) {
		var want []store.Record
		for i := range 5 {
			c := Commit(fmt.Sprintf("req_%d", i), 0, 60)
			c.Row = Row(c.Stream, 60)
			c.Items = []store.ItemChange{{Item: store.Item{Shelf: "s", Key: c.Stream, Value: []byte("v")}}}
			want = append(want, k.must(c)...)
		}
		head := k.head()
		k.reopen()
		got, err := k.Records(k.ctx, 0, 1000)
		if err != nil || !equal(got, want) || k.head() != head {
			t.Errorf("%d records, head %+v, %v", len(got), k.head(), err)
		}
		if report := k.sound(); !report.OK() || report.Entries != 300 || report.Rows != 5 || report.Streams != 5 {
			t.Errorf("%+v", report)
		}
		k.refuse(Commit("req_1", 0, 1), store.ErrConflict)
		k.must(Commit("req_1", 60, 1))
	},

	"a closed store says so": func(t *testing.T, k *kit) {
		k.must(Commit("req_1", 0, 1))
		if err := k.Store.Close(); err != nil {
			t.Fatal(err)
		}
		k.refuse(Commit("req_1", 1, 1), store.ErrClosed)
		if _, err := k.Stream(k.ctx, "req_1"); !errors.Is(err, store.ErrClosed) {
			t.Errorf("reading: %v", err)
		}
		if err := k.Ping(k.ctx); !errors.Is(err, store.ErrClosed) {
			t.Errorf("ping: %v", err)
		}
		if err := k.Work(k.ctx, map[string]store.Handler{"some.work": func(context.Context, store.Attempt) error { return nil }}); !errors.Is(err, store.ErrClosed) {
			t.Errorf("work: %v", err)
		}
		k.Store = k.Open()
		if err := k.Ping(k.ctx); err != nil {
			t.Errorf("ping after opening again: %v", err)
		}
	},
}
