package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/internal/store"
)

// maxPage is the most rows one call returns.
const maxPage = 500

// Row implements store.Store.
func (s *Store) Row(ctx context.Context, id string) (store.Row, error) {
	return s.oneRow(ctx, `WHERE id = ?`, id)
}

// RowByCase implements store.Store. Rows without a case code are not found.
func (s *Store) RowByCase(ctx context.Context, code string) (store.Row, error) {
	return s.oneRow(ctx, `WHERE case_code = ? AND case_code <> ''`, code)
}

func (s *Store) oneRow(ctx context.Context, where, arg string) (store.Row, error) {
	row, err := scanRow(s.read.QueryRowContext(ctx, selectRow+where, arg))
	if err != nil {
		return store.Row{}, s.readFault("reading a row", err)
	}
	return row, nil
}

// Rows implements store.Store.
func (s *Store) Rows(ctx context.Context, q store.RowQuery) ([]store.Row, error) {
	if q.Limit < 1 || q.Limit > maxPage {
		return nil, fmt.Errorf("sqlite: listing rows: a limit of %d, 1 to %d are allowed", q.Limit, maxPage)
	}
	query, args := rowsOf(q)
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.readFault("listing rows", err)
	}
	defer rows.Close()
	out := []store.Row{}
	for rows.Next() {
		row, err := scanRow(rows)
		if err != nil {
			return nil, s.readFault("listing rows", err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, s.readFault("listing rows", err)
	}
	return out, nil
}

// rowsOf writes the query. Several statuses are a query for each: an index by
// status gives the newest of one at once, but of several only after a sort of
// all there are. Of one account or person there are few: those are gone through.
func rowsOf(q store.RowQuery) (query string, args []any) {
	if len(q.Statuses) < 2 || ofFew(q) {
		where, args := filter(q)
		return selectRow + where + newest, append(args, q.Limit)
	}
	var arms []string
	for _, status := range q.Statuses {
		one := q
		one.Statuses = []string{status}
		where, values := filter(one)
		arms, args = append(arms, `SELECT * FROM (SELECT id FROM requests `+where+newest+`)`), append(append(args, values...), q.Limit)
	}
	return selectRow + `WHERE id IN (` + strings.Join(arms, ` UNION ALL `) + `)` + newest, append(args, q.Limit)
}

// ofFew reports whether a query names an account or a person. Without
// statistics SQLite would as soon go by the status, through all that are done.
func ofFew(q store.RowQuery) bool { return q.Subject != "" || q.Person != "" }

// filter takes one status at most, but for a query of few: see rowsOf. A plus
// keeps a column from being looked up in an index.
func filter(q store.RowQuery) (where string, args []any) {
	var terms []string
	add := func(term string, values ...any) {
		terms, args = append(terms, term), append(args, values...)
	}
	wide := ""
	if ofFew(q) {
		wide = "+"
	}
	for _, equal := range []struct{ column, value string }{
		{"subject", string(q.Subject)}, {"person", string(q.Person)}, {wide + "agent", string(q.Agent)}, {wide + "action", string(q.Action)},
		{wide + "desk", q.Desk},
	} {
		if equal.value != "" {
			add(equal.column+` = ?`, equal.value)
		}
	}
	if n := len(q.Statuses); n > 0 {
		values := make([]any, n)
		for i, status := range q.Statuses {
			values[i] = status
		}
		add(wide+`status IN (?`+strings.Repeat(`, ?`, n-1)+`)`, values...)
	}
	if !q.Since.IsZero() {
		add(`opened >= ?`, q.Since.UnixMilli())
	}
	if q.Before != "" {
		add(`id < ?`, q.Before)
	}
	if len(terms) == 0 {
		return "", nil
	}
	return `WHERE ` + strings.Join(terms, ` AND `), args
}

type scanner interface{ Scan(dest ...any) error }

func scanRow(from scanner) (store.Row, error) {
	var r store.Row
	var opened, changed int64
	var state []byte
	err := from.Scan(&r.ID, &r.Subject, &r.Person, &r.Action, &r.Status, &r.Tier, &r.Desk, &r.Agent, &r.Case,
		&opened, &changed, &r.Version, &state)
	r.Opened, r.Changed, r.State = time.UnixMilli(opened).UTC(), time.UnixMilli(changed).UTC(), state
	return r, err
}

// keepRow notes a row to be written at the end of the group. Of a request that
// changes several times within the group, only the last row is.
func (b *batch) keepRow(r *store.Row) {
	if r == nil {
		return
	}
	values := []any{r.ID, string(r.Subject), string(r.Person), string(r.Action), r.Status, string(r.Tier),
		r.Desk, string(r.Agent), r.Case, r.Opened.UnixMilli(), r.Changed.UnixMilli(), r.Version, []byte(r.State)}
	if at, ok := b.rowAt[r.ID]; ok {
		copy(b.rows[at:], values)
		return
	}
	b.rowAt[r.ID] = len(b.rows)
	b.rows = append(b.rows, values...)
}

// readFault words the error of a read.
func (s *Store) readFault(doing string, err error) error {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = store.ErrNotFound
	case s.isClosed():
		err = fmt.Errorf("%w (%w)", store.ErrClosed, err)
	}
	return fmt.Errorf("sqlite: %s: %w", doing, err)
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
