package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"countersign/internal/store"
)

// crowd runs n functions at once.
func crowd(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

var crowds = map[string]func(*testing.T, *kit){
	"of those who commit the same version one wins": func(t *testing.T, k *kit) {
		const writers, versions = 16, 12
		for version := range uint64(versions) {
			var won atomic.Int64
			crowd(writers, func(i int) {
				c := Commit("req_1", version, 1)
				c.Actor = fmt.Sprint("writer/", i)
				switch _, err := k.Commit(k.ctx, c); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, store.ErrConflict):
					t.Errorf("writer %d: %v", i, err)
				}
			})
			if won.Load() != 1 {
				t.Fatalf("version %d was won by %d", version, won.Load())
			}
		}
		if got, err := k.Stream(k.ctx, "req_1"); err != nil || len(got) != versions {
			t.Errorf("%d versions, %v", len(got), err)
		}
	},

	"a conflict in a crowd fails only its own commit": func(t *testing.T, k *kit) {
		k.must(Commit("taken", 0, 1))
		var lost atomic.Int64
		crowd(200, func(i int) {
			c := Commit(fmt.Sprintf("req_%03d", i), 0, 2)
			if i%4 == 0 {
				c = Commit("taken", 0, 2)
			}
			if i%4 == 1 {
				c.Items = []store.ItemChange{put("s", c.Stream, "v", 3)}
			}
			_, err := k.Commit(k.ctx, c)
			if i%4 < 2 {
				lost.Add(1)
				if !errors.Is(err, store.ErrConflict) {
					t.Errorf("commit %d: %v", i, err)
				}
			} else if err != nil {
				t.Errorf("commit %d: %v", i, err)
			}
		})
		if lost.Load() != 100 || k.size() != 201 {
			t.Errorf("%d lost, %d entries", lost.Load(), k.size())
		}
	},

	"a case code that many want at once goes to one of them": func(t *testing.T, k *kit) {
		const writers, codes = 120, 7
		var owners [codes]atomic.Int64
		crowd(writers, func(i int) {
			c := Commit(fmt.Sprintf("req_%03d", i), 0, 1)
			c.Row = Row(c.Stream, 1)
			c.Row.Case = fmt.Sprint("C-", i%codes)
			switch _, err := k.Commit(k.ctx, c); {
			case err == nil:
				owners[i%codes].Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Errorf("commit %d: %v", i, err)
			}
		})
		for i := range owners {
			if row, err := k.RowByCase(k.ctx, fmt.Sprint("C-", i)); err != nil || owners[i].Load() != 1 {
				t.Errorf("code %d has %d owners: %+v, %v", i, owners[i].Load(), row, err)
			}
		}
		if k.size() != codes {
			t.Errorf("%d entries", k.size())
		}
	},

	"commits that continue each other may come together": func(t *testing.T, k *kit) {
		const writers = 40
		crowd(writers, func(i int) {
			c := Commit("req_1", uint64(i), 1)
			c.Row = Row("req_1", uint64(i)+1)
			_, err := k.Commit(k.ctx, c)
			for errors.Is(err, store.ErrConflict) {
				_, err = k.Commit(k.ctx, c)
			}
			if err != nil {
				t.Errorf("commit %d: %v", i, err)
			}
		})
		if row, err := k.Row(k.ctx, "req_1"); err != nil || !equal(row, Row("req_1", writers)) {
			t.Errorf("%+v, %v", row, err)
		}
		if report := k.sound(); !report.OK() || report.Entries != writers {
			t.Errorf("%+v", report)
		}
	},

	"what a crowd commits is dense, covered and sound": func(t *testing.T, k *kit) {
		const writers, each = 32, 12
		var seen sync.Map
		crowd(writers, func(i int) {
			for n := range uint64(each) {
				c := Commit(fmt.Sprintf("req_%02d", i), n*2, 2)
				c.Row = Row(c.Stream, n*2+2)
				records, err := k.Commit(k.ctx, c)
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
					return
				}
				for _, r := range records {
					if _, twice := seen.LoadOrStore(r.Seq, true); twice {
						t.Errorf("position %d was given twice", r.Seq)
					}
					if err := k.covered(r); err != nil {
						t.Error(err)
					}
				}
			}
		})
		if report := k.sound(); !report.OK() || report.Entries != writers*each*2 || report.Rows != writers {
			t.Errorf("%+v", report)
		}
	},

	"a check may run while others commit": func(t *testing.T, k *kit) {
		ctx, stop := context.WithCancel(k.ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := uint64(0); ctx.Err() == nil; n++ {
				c := Commit(fmt.Sprint("req_", n%5), n/5, 1)
				c.Row = Row(c.Stream, n/5+1)
				if _, err := k.Commit(k.ctx, c); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		for range 10 {
			if report := k.sound(); !report.OK() {
				t.Errorf("%+v", report)
			}
		}
		stop()
		<-done
	},

	"a commit that was given up is there whole or not at all": func(t *testing.T, k *kit) {
		var kept atomic.Int64
		crowd(300, func(i int) {
			ctx, cancel := context.WithCancel(k.ctx)
			defer cancel()
			c := Commit(fmt.Sprintf("req_%03d", i), 0, 3)
			c.Row = Row(c.Stream, 3)
			c.Items = []store.ItemChange{put("s", c.Stream, "v", 0)}
			if i%2 == 0 {
				go cancel()
			}
			_, err := k.Commit(ctx, c)
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("commit %d: %v", i, err)
			}
			records, failed := k.Stream(k.ctx, c.Stream)
			_, rowFailed := k.Row(k.ctx, c.Stream)
			_, itemFailed := k.Item(k.ctx, "s", c.Stream, Noon)
			there := failed == nil && len(records) == 3 && rowFailed == nil && itemFailed == nil
			absent := errors.Is(failed, store.ErrNotFound) && errors.Is(rowFailed, store.ErrNotFound) && errors.Is(itemFailed, store.ErrNotFound)
			if there {
				kept.Add(1)
			}
			if there == absent || err == nil && !there || err != nil && there {
				t.Errorf("commit %d: answer %v, but stream %v, row %v, item %v", i, err, failed, rowFailed, itemFailed)
			}
		})
		if kept.Load() < 150 || k.size() != int(kept.Load())*3 {
			t.Errorf("%d kept, %d entries", kept.Load(), k.size())
		}
		ended, cancel := context.WithCancel(k.ctx)
		cancel()
		if _, err := k.Commit(ended, Commit("late", 0, 1)); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who had gone: %v", err)
		}
		if report := k.sound(); !report.OK() {
			t.Errorf("%+v", report)
		}
	},

	"closing amid a crowd answers everybody truly": func(t *testing.T, k *kit) {
		var acknowledged sync.Map
		begun := make(chan struct{}, 64)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for n := uint64(0); ; n++ {
					_, err := k.Commit(k.ctx, Commit(fmt.Sprint("req_", i), n, 1))
					if err != nil {
						if !errors.Is(err, store.ErrClosed) {
							t.Errorf("writer %d: %v", i, err)
						}
						return
					}
					acknowledged.Store(i, n+1)
					if n == 0 {
						begun <- struct{}{}
					}
				}
			})
		}
		for range 64 {
			<-begun
		}
		if err := k.Store.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		k.Store = k.Open()
		acknowledged.Range(func(i, n any) bool {
			if got, err := k.Stream(k.ctx, fmt.Sprint("req_", i)); err != nil || uint64(len(got)) != n.(uint64) {
				t.Errorf("writer %v was told %v, %d are there, %v", i, n, len(got), err)
			}
			return true
		})
	},
}
