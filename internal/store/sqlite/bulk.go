package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// widths are how many rows one statement of a bulk takes. A statement costs
// more than a row, so a group is written with the widest ones that it fills.
var widths = [...]int{64, 8, 1}

// bulk is one query for any number of rows, prepared at a few widths. In query,
// %s stands for the rows: (?, …), (?, …), …
type bulk struct {
	query   string
	columns int
	stmts   [len(widths)]*sql.Stmt
}

func (k *bulk) prepare(ctx context.Context, db *sql.DB) error {
	row := "(?" + strings.Repeat(", ?", k.columns-1) + ")"
	for i, width := range widths {
		query := fmt.Sprintf(k.query, row+strings.Repeat(", "+row, width-1))
		var err error
		if k.stmts[i], err = db.PrepareContext(ctx, query); err != nil {
			return fmt.Errorf("preparing %q: %w", k.query, err)
		}
	}
	return nil
}

func (k *bulk) close() {
	for _, stmt := range k.stmts {
		if stmt != nil {
			stmt.Close()
		}
	}
}

// inPieces hands the values, a row after the other, to the statements that fit.
func (k *bulk) inPieces(values []any, do func(stmt *sql.Stmt, values []any) error) error {
	for i, width := range widths {
		for most := width * k.columns; len(values) >= most; values = values[most:] {
			if err := do(k.stmts[i], values[:most]); err != nil {
				return err
			}
		}
	}
	return nil
}

// write executes a bulk that writes.
func (b *batch) write(k *bulk, values []any) error {
	return k.inPieces(values, func(stmt *sql.Stmt, values []any) error {
		_, err := b.stmt(stmt).Exec(values...)
		return err
	})
}

// look executes a bulk that answers for each of its rows, of one text, with at
// most one row of two columns: the text, and what was found, which scan reads.
func look[T any](b *batch, k *bulk, texts []any, found func(text string, what T)) error {
	return k.inPieces(texts, func(stmt *sql.Stmt, texts []any) error {
		rows, err := b.stmt(stmt).Query(texts...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			var what T
			if err := rows.Scan(&text, &what); err != nil {
				return err
			}
			found(text, what)
		}
		return rows.Err()
	})
}
