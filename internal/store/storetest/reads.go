package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/internal/identity"
	"countersign/internal/ledger"
	"countersign/internal/store"
)

var reads = map[string]func(*testing.T, *kit){
	"what is not there is not found": func(t *testing.T, k *kit) {
		k.must(Commit("req_1", 0, 1))
		_, stream := k.Stream(k.ctx, "req_2")
		_, row := k.Row(k.ctx, "req_1")
		_, byCase := k.RowByCase(k.ctx, "C-1")
		_, item := k.Item(k.ctx, "s", "k", Noon)
		for name, err := range map[string]error{"stream": stream, "row": row, "case": byCase, "item": item} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if rows, err := k.Rows(k.ctx, store.RowQuery{Limit: 5}); err != nil || len(rows) != 0 {
			t.Errorf("rows: %v, %v", rows, err)
		}
		for _, from := range []uint64{1, 1 << 40, 1<<64 - 1} {
			if records, err := k.Records(k.ctx, from, 5); err != nil || len(records) != 0 {
				t.Errorf("records from %d: %v, %v", from, records, err)
			}
		}
	},

	"records are read in pages": func(t *testing.T, k *kit) {
		k.must(Commit("req_1", 0, 25))
		var seqs []uint64
		for from := uint64(0); ; {
			page, err := k.Records(k.ctx, from, 10)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, r := range page {
				seqs = append(seqs, r.Seq)
			}
			from = page[len(page)-1].Seq + 1
		}
		if len(seqs) != 25 || !slices.IsSorted(seqs) || seqs[0] != 0 || seqs[24] != 24 {
			t.Errorf("read %v", seqs)
		}
		for _, limit := range []int{0, -1} {
			if _, err := k.Records(k.ctx, 0, limit); err == nil {
				t.Errorf("a limit of %d was taken", limit)
			}
		}
	},

	"hashes past the end are refused": func(t *testing.T, k *kit) {
		k.must(Commit("req_1", 0, 3))
		if _, err := ledger.Root(4, k.Nodes(k.ctx)); err == nil {
			t.Error("a root over more than there is")
		}
		if _, err := ledger.HashTile(0, 0, 4, k.Nodes(k.ctx)); err == nil {
			t.Error("a tile wider than there is")
		}
	},

	"rows are listed newest first, by every filter, in pages": func(t *testing.T, k *kit) {
		var all []store.Row
		for i := range 24 {
			id := fmt.Sprintf("req_%02d", i)
			row := Row(id, 1)
			row.Subject = identity.NewAccountID("corp", fmt.Sprint(i%2))
			row.Person = identity.PersonID(fmt.Sprint("p", i%3))
			row.Agent = identity.PersonID(fmt.Sprint("a", i%4))
			row.Action = []identity.Action{identity.Unlock, identity.MFAReset}[i%2]
			row.Status = []string{"open", "granted", "closed"}[i%3]
			row.Desk = fmt.Sprint("d", i%5)
			row.Opened = Noon.Add(time.Duration(i) * time.Hour)
			c := Commit(id, 0, 1)
			c.Row = row
			k.must(c)
			all = append([]store.Row{*row}, all...)
		}
		for name, c := range map[string]struct {
			q    store.RowQuery
			keep func(store.Row) bool
		}{
			"all":          {store.RowQuery{}, func(store.Row) bool { return true }},
			"subject":      {store.RowQuery{Subject: "corp/1"}, func(r store.Row) bool { return r.Subject == "corp/1" }},
			"person":       {store.RowQuery{Person: "p2"}, func(r store.Row) bool { return r.Person == "p2" }},
			"agent":        {store.RowQuery{Agent: "a3"}, func(r store.Row) bool { return r.Agent == "a3" }},
			"action":       {store.RowQuery{Action: identity.Unlock}, func(r store.Row) bool { return r.Action == identity.Unlock }},
			"one status":   {store.RowQuery{Statuses: []string{"open"}}, func(r store.Row) bool { return r.Status == "open" }},
			"two statuses": {store.RowQuery{Statuses: []string{"open", "closed"}}, func(r store.Row) bool { return r.Status != "granted" }},
			"since":        {store.RowQuery{Since: Noon.Add(5 * time.Hour)}, func(r store.Row) bool { return !r.Opened.Before(Noon.Add(5 * time.Hour)) }},
			"two of them":  {store.RowQuery{Agent: "a1", Statuses: []string{"granted"}}, func(r store.Row) bool { return r.Agent == "a1" && r.Status == "granted" }},
			"desk":         {store.RowQuery{Desk: "d2"}, func(r store.Row) bool { return r.Desk == "d2" }},
			"a desk's own": {store.RowQuery{Desk: "d1", Statuses: []string{"closed", "granted", "never"}}, func(r store.Row) bool { return r.Desk == "d1" && r.Status != "open" }},
			"said twice":   {store.RowQuery{Statuses: []string{"open", "open"}}, func(r store.Row) bool { return r.Status == "open" }},
			"nobody":       {store.RowQuery{Agent: "a9"}, func(store.Row) bool { return false }},
		} {
			want := slices.DeleteFunc(slices.Clone(all), func(r store.Row) bool { return !c.keep(r) })
			for _, limit := range []int{1, 5, 500} {
				c.q.Limit, c.q.Before = limit, ""
				if got := k.pages(c.q); !equal(got, append([]store.Row{}, want...)) {
					t.Errorf("%s in pages of %d: %d rows, want %d", name, limit, len(got), len(want))
				}
			}
		}
		for _, limit := range []int{0, -1, 501} {
			if _, err := k.Rows(k.ctx, store.RowQuery{Limit: limit}); err == nil {
				t.Errorf("a limit of %d was taken", limit)
			}
		}
	},

	"a row is replaced by the next commit": func(t *testing.T, k *kit) {
		c := Commit("req_1", 0, 1)
		c.Row = Row("req_1", 1)
		k.must(c)
		c = Commit("req_1", 1, 1)
		c.Row = Row("req_1", 2)
		c.Row.Status, c.Row.Case, c.Row.Agent, c.Row.Changed = "closed", "C-other", "", Noon.Add(time.Hour)
		k.must(c)
		if got, err := k.RowByCase(k.ctx, "C-other"); err != nil || !equal(got, c.Row) {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := k.RowByCase(k.ctx, "C-req_1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the old code still leads somewhere: %v", err)
		}
	},

	"a case code belongs to one request": func(t *testing.T, k *kit) {
		for i, code := range []string{"C-1", "", ""} {
			id := fmt.Sprint("req_", i)
			c := Commit(id, 0, 1)
			c.Row = Row(id, 1)
			c.Row.Case = code
			k.must(c)
		}
		c := Commit("req_9", 0, 1)
		c.Row = Row("req_9", 1)
		c.Row.Case = "C-1"
		k.refuse(c, store.ErrConflict)
		if _, err := k.RowByCase(k.ctx, ""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the empty code was found: %v", err)
		}
		if k.size() != 3 {
			t.Error("the refused commit left events")
		}
	},

	"a case code that was given up can be taken": func(t *testing.T, k *kit) {
		versions := map[string]uint64{}
		set := func(id, code string) store.Commit {
			c := Commit(id, versions[id], 1)
			c.Row = Row(id, versions[id]+1)
			c.Row.Case = code
			return c
		}
		does := func(id, code string) { k.must(set(id, code)); versions[id]++ }
		does("req_1", "A")
		does("req_1", "A")
		k.refuse(set("req_2", "A"), store.ErrConflict)
		does("req_1", "B")
		does("req_2", "A")
		k.refuse(set("req_1", "A"), store.ErrConflict)
		does("req_1", "B")
		does("req_2", "")
		does("req_1", "A")
		k.refuse(set("req_2", "A"), store.ErrConflict)
		does("req_2", "B")
		for code, id := range map[string]string{"A": "req_1", "B": "req_2"} {
			if row, err := k.RowByCase(k.ctx, code); err != nil || row.ID != id {
				t.Errorf("%s: %+v, %v", code, row, err)
			}
		}
	},

	"a check names rows that differ from their streams": func(t *testing.T, k *kit) {
		for id, spoil := range map[string]func(*store.Commit){
			"right":   func(*store.Commit) {},
			"wrong":   func(c *store.Commit) { c.Row.Status = "closed" },
			"rowless": func(c *store.Commit) { c.Row = nil },
		} {
			c := Commit(id, 0, 2)
			c.Row = Row(id, 2)
			spoil(&c)
			k.must(c)
		}
		report := k.sound()
		if len(report.Differences) != 2 || report.Rows != 2 || report.Entries != 6 {
			t.Errorf("%+v", report)
		}
	},
}

// pages lists all rows of a query, page by page.
func (k *kit) pages(q store.RowQuery) []store.Row {
	k.Helper()
	out := []store.Row{}
	for {
		page, err := k.Rows(k.ctx, q)
		if err != nil {
			k.Fatal(err)
		}
		out = append(out, page...)
		if len(page) < q.Limit {
			return out
		}
		q.Before = page[len(page)-1].ID
	}
}
