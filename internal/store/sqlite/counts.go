package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"countersign/internal/store"
)

// figure names one, as it is stored.
type figure struct{ name, labels string }

// counts are what a commit or a group of them adds.
type counts map[countOf]int64

type countOf struct {
	figure
	day store.Day
}

func count(all []store.Count) (counts, error) {
	out := counts{}
	for _, c := range all {
		labels, err := json.Marshal(append([]string{}, c.Labels...))
		switch {
		case err != nil:
			return nil, fmt.Errorf("the labels of figure %q: %w", c.Figure, err)
		case c.Figure == "" || !utf8.ValidString(c.Figure) || !utf8.ValidString(strings.Join(c.Labels, "")):
			return nil, fmt.Errorf("figure %q has no name, or text that is not valid UTF-8", c.Figure)
		}
		out[countOf{figure{c.Figure, string(labels)}, c.Day}] += c.N
	}
	return out, nil
}

func (c counts) add(more counts) {
	for what, n := range more {
		c[what] += n
	}
}

// writeCounts adds what the group counted.
func (b *batch) writeCounts() error {
	values := make([]any, 0, 3*len(b.counts))
	for what, n := range b.counts {
		id, err := b.figure(what.figure)
		if err != nil {
			return err
		}
		values = append(values, id, int64(what.day), n)
	}
	return b.write(&b.s.st.counts, values)
}

// figure is the id of a figure, made if need be. Ids are remembered: there are
// some thousands of figures at most, and they are never deleted one by one.
func (b *batch) figure(f figure) (int64, error) {
	if id, ok := b.s.figures[f]; ok {
		return id, nil
	}
	if id, ok := b.figures[f]; ok {
		return id, nil
	}
	var id int64
	if err := b.stmt(b.s.st.figure).QueryRow(f.name, f.labels).Scan(&id); err != nil {
		return 0, err
	}
	b.figures[f] = id
	return id, nil
}

// Counted implements store.Counter.
func (s *Store) Counted(ctx context.Context) (store.Counting, error) {
	var c store.Counting
	if err := s.read.QueryRowContext(ctx, selectCounted).Scan(&c.Rules, &c.Complete); err != nil {
		return c, s.readFault("reading how far the ledger is counted", err)
	}
	return c, nil
}

// Replace implements store.Counter. It runs as a group's part of its own: what
// others of the group count is added after it.
func (s *Store) Replace(ctx context.Context, rules string, size uint64, all []store.Count) error {
	added, err := count(all)
	if err == nil {
		err = s.submit(ctx, &request{do: func(tx *sql.Tx) error { return s.replace(tx, rules, size, added) }})
	}
	if err != nil {
		return fmt.Errorf("sqlite: replacing the counts: %w", err)
	}
	return nil
}

// replace finds the conflict before it changes anything else.
func (s *Store) replace(tx *sql.Tx, rules string, size uint64, added counts) error {
	done, err := tx.Exec(updateCounted, rules, size)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%w: the ledger has not %d entries", store.ErrConflict, size))
	}
	for _, query := range []string{deleteCounts, deleteFigures} {
		if _, err := tx.Exec(query); err != nil {
			return err
		}
	}
	clear(s.figures)
	b := newBatch(s, tx)
	b.counts = added
	return b.writeCounts()
}

// Counts implements store.Counter.
func (s *Store) Counts(ctx context.Context, q store.CountQuery) ([]store.Count, error) {
	query, where, args := selectSums, ``, []any{int64(q.Since), int64(q.Until)}
	if q.ByDay {
		query = selectDays
	}
	for _, name := range q.Figures {
		args = append(args, name)
	}
	if n := len(q.Figures); n > 0 {
		where = `WHERE name IN (?` + strings.Repeat(`, ?`, n-1) + `)`
	}
	rows, err := s.read.QueryContext(ctx, fmt.Sprintf(query, where), args...)
	if err != nil {
		return nil, s.readFault("reading counts", err)
	}
	defer rows.Close()
	out := []store.Count{}
	for rows.Next() {
		c, ok, err := scanCount(rows)
		if err != nil {
			return nil, s.readFault("reading counts", err)
		}
		if ok {
			out = append(out, c)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, s.readFault("reading counts", err)
	}
	return out, nil
}

// scanCount reads a count. ok is false for a figure without any in the span.
func scanCount(from scanner) (c store.Count, ok bool, err error) {
	var labels []byte
	var n sql.NullInt64
	if err := from.Scan(&c.Figure, &labels, &c.Day, &n); err != nil {
		return c, false, err
	}
	c.N = n.Int64
	return c, n.Valid, json.Unmarshal(labels, &c.Labels)
}
