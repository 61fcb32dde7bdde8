package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"countersign/internal/store"
)

var today = store.DayOf(Noon)

func count(figure string, day store.Day, n int64, labels ...string) store.Count {
	return store.Count{Figure: figure, Labels: append([]string{}, labels...), Day: day, N: n}
}

// counted commits an event that counts for something.
func counted(stream string, expect uint64, all ...store.Count) store.Commit {
	c := Commit(stream, expect, 1)
	c.Counts = all
	return c
}

// counts reads sums, or days, of figures over the two days that tests use.
func (k *kit) counts(byDay bool, figures ...string) []store.Count {
	k.Helper()
	all, err := k.Counts(k.ctx, store.CountQuery{Figures: figures, Since: today, Until: today + 1, ByDay: byDay})
	if err != nil {
		k.Fatal(err)
	}
	return all
}

func (k *kit) has(got []store.Count, want ...store.Count) {
	k.Helper()
	if !equal(got, append([]store.Count{}, want...)) {
		k.Errorf("counted %v, want %v", got, want)
	}
}

func (k *kit) isCounted(want store.Counting) {
	k.Helper()
	if got, err := k.Counted(k.ctx); err != nil || got != want {
		k.Errorf("counted %+v, %v; want %+v", got, err, want)
	}
}

var tallies = map[string]func(*testing.T, *kit){
	"counts are added up by figure and labels, or day by day": func(t *testing.T, k *kit) {
		k.must(counted("req_1", 0, count("b", today, 1, "x", "y"), count("a", today, 2), count("b", today, 1, "x", "y")))
		k.must(counted("req_2", 0, count("b", today+1, 5, "x", "y"), count("b", today+1, 1, "xy"), count("b", today-1, 100, "x", "y"), count("b", today+2, 100, "x", "y")))
		k.has(k.counts(false, "a", "b"), count("a", 0, 2), count("b", 0, 7, "x", "y"), count("b", 0, 1, "xy"))
		k.has(k.counts(true, "b"), count("b", today, 2, "x", "y"), count("b", today+1, 5, "x", "y"), count("b", today+1, 1, "xy"))
		k.has(k.counts(false, "c"))
		k.has(k.counts(false), count("a", 0, 2), count("b", 0, 7, "x", "y"), count("b", 0, 1, "xy"))
		k.reopen()
		k.must(counted("req_3", 0, count("a", today, 1)))
		k.has(k.counts(false, "a"), count("a", 0, 3))
	},

	"a commit that conflicts counts for nothing": func(t *testing.T, k *kit) {
		k.must(counted("req_1", 0, count("a", today, 1)))
		k.refuse(counted("req_1", 0, count("a", today, 1), count("b", today, 1)), store.ErrConflict)
		k.has(k.counts(false, "a", "b"), count("a", 0, 1))
	},

	"commits that arrive together are all counted": func(t *testing.T, k *kit) {
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				if _, err := k.Commit(k.ctx, counted(fmt.Sprintf("req_%d", i), 0, count("a", today, 1, fmt.Sprint(i%3)), count("all", today, 1))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		k.has(k.counts(false, "a", "all"), count("a", 0, 22, "0"), count("a", 0, 21, "1"), count("a", 0, 21, "2"), count("all", 0, 64))
	},

	"counts without a name or with broken text are refused": func(t *testing.T, k *kit) {
		k.refuse(counted("req_1", 0, count("", today, 1)), nil)
		k.refuse(counted("req_1", 0, count("a\xff", today, 1)), nil)
		k.refuse(counted("req_1", 0, count("a", today, 1, "\xff")), nil)
	},

	"counts are complete from the moment they replaced all others": func(t *testing.T, k *kit) {
		k.must(counted("req_1", 0, count("wrong", today, 9), count("a", today, 9)))
		k.isCounted(store.Counting{Complete: true})
		if err := k.Replace(k.ctx, "v1", 0, nil); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a ledger of another size was counted: %v", err)
		}
		k.has(k.counts(false, "a", "wrong"), count("a", 0, 9), count("wrong", 0, 9))
		if err := k.Replace(k.ctx, "v1", 1, []store.Count{count("a", today, 1), count("a", today+1, 2)}); err != nil {
			t.Fatal(err)
		}
		k.isCounted(store.Counting{Rules: "v1", Complete: true})
		k.must(counted("req_1", 1, count("a", today, 1)))
		k.has(k.counts(false, "a", "wrong"), count("a", 0, 4))
		k.isCounted(store.Counting{Rules: "v1", Complete: true})
		k.reopen()
		k.isCounted(store.Counting{Rules: "v1", Complete: true})
	},

	"the ledger is counted again only by other rules": func(t *testing.T, k *kit) {
		for i := range 300 { // more than a page
			k.must(Commit(fmt.Sprintf("req_%d", i), 0, 2))
		}
		asked := 0
		recount := func(rules string) []error {
			failed, err := store.Recount(k.ctx, k.Store, rules, func(stream string, records []store.Record) ([]store.Count, error) {
				asked++
				if stream == "req_7" {
					return nil, errors.New("unreadable")
				}
				return []store.Count{count("events", store.DayOf(records[0].At), int64(len(records)))}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return failed
		}
		if failed := recount("v1"); len(failed) != 1 || asked != 300 {
			t.Errorf("%d streams were asked about, %v failed", asked, failed)
		}
		k.has(k.counts(false, "events"), count("events", 0, 598))
		k.must(counted("req_8", 2, count("events", today, 1)))
		if recount("v1"); asked != 300 {
			t.Error("what was counted was counted again")
		}
		k.has(k.counts(false, "events"), count("events", 0, 599))
		if recount("v2"); asked != 600 {
			t.Error("new rules did not count again")
		}
		k.has(k.counts(false, "events"), count("events", 0, 599))
	},

	"a day is a day in UTC": func(t *testing.T, _ *kit) {
		for _, at := range []time.Time{Noon, time.Unix(0, 0), time.Unix(-1, 0), time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), Noon.In(time.FixedZone("", 13*3600))} {
			u := at.UTC()
			if want := time.Date(u.Year(), u.Month(), u.Day(), 0, 0, 0, 0, time.UTC); !store.DayOf(at).Time().Equal(want) {
				t.Errorf("%v is of %v, want %v", at, store.DayOf(at).Time(), want)
			}
		}
	},
}
