package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Day is a day in UTC, counted from 1 January 1970.
type Day int64

// DayOf is the day that a moment belongs to.
func DayOf(t time.Time) Day {
	seconds := t.Unix()
	if seconds < 0 {
		seconds -= 86399 // so that division rounds towards the past
	}
	return Day(seconds / 86400)
}

// Time is the moment the day begins.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Count is how often something happened on a day. What a figure and its labels
// mean is for whoever counts; both are valid UTF-8.
type Count struct {
	Figure string
	Labels []string
	Day    Day
	N      int64
}

// CountQuery selects counts of the named figures, of all where none is named,
// on the days from Since to Until, both included.
type CountQuery struct {
	Figures      []string
	Since, Until Day
	ByDay        bool // a count for each day; otherwise days are added up
}

// Counting says how much of the ledger is in the counts, and by which rules it
// was counted.
type Counting struct {
	Rules    string
	Complete bool // up to the newest entry
}

// Counter keeps counts beside the ledger. They follow from it: a commit adds
// what its events count for, in the same transaction, and Recount makes all of
// them anew.
type Counter interface {
	// Counted says whether the counts can be relied on.
	Counted(ctx context.Context) (Counting, error)
	// Counts lists counts by figure, labels and day. Those of a sum have no day.
	Counts(ctx context.Context, q CountQuery) ([]Count, error)
	// Replace makes counts, by the given rules over the ledger's first size
	// entries, the only ones there are. ErrConflict: the ledger has another size.
	Replace(ctx context.Context, rules string, size uint64, counts []Count) error
}

// Sum adds up counts of the same figure, labels and day.
type Sum struct {
	at  map[string]int
	all []Count
}

// Add counts in.
func (s *Sum) Add(counts ...Count) {
	if s.at == nil {
		s.at = map[string]int{}
	}
	for _, c := range counts {
		key := fmt.Sprintf("%d\x00%q\x00%q", c.Day, c.Figure, c.Labels)
		i, ok := s.at[key]
		if !ok {
			i = len(s.all)
			s.at[key] = i
			s.all = append(s.all, Count{Figure: c.Figure, Labels: slices.Clone(c.Labels), Day: c.Day})
		}
		s.all[i].N += c.N
	}
}

// Counts are the sums, in the order in which they were first added to.
func (s *Sum) Counts() []Count { return s.all }

// Recount counts the whole ledger again, unless that has been done by the same
// rules and kept up since. count is asked for each stream's records; what it
// cannot count is left out and named. It is for a moment in which nobody
// commits: ErrConflict when somebody has.
func Recount(ctx context.Context, st Store, rules string, count func(stream string, records []Record) ([]Count, error)) (failed []error, err error) {
	have, err := st.Counted(ctx)
	if err != nil || have.Complete && have.Rules == rules {
		return nil, err
	}
	var sum Sum
	size := uint64(0)
	for {
		page, err := st.Records(ctx, size, checkPage)
		if err != nil {
			return nil, fmt.Errorf("store: counting the ledger: %w", err)
		}
		for _, r := range page {
			if r.Version != 1 {
				continue
			}
			counts, err := countStream(ctx, st, r.Stream, count)
			switch {
			case ctx.Err() != nil:
				return nil, fmt.Errorf("store: counting the ledger: %w", ctx.Err())
			case err != nil:
				failed = append(failed, err)
			}
			sum.Add(counts...)
		}
		size += uint64(len(page))
		if len(page) < checkPage {
			break
		}
	}
	return failed, st.Replace(ctx, rules, size, sum.Counts())
}

func countStream(ctx context.Context, st Store, stream string, count func(string, []Record) ([]Count, error)) ([]Count, error) {
	records, err := st.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("store: counting stream %q: %w", stream, err)
	}
	counts, err := count(stream, records)
	if err != nil {
		return nil, fmt.Errorf("store: counting stream %q: %w", stream, err)
	}
	return counts, nil
}
