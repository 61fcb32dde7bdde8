package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"countersign/internal/ledger"
	"countersign/internal/store"
)

// Stream implements store.Store.
func (s *Store) Stream(ctx context.Context, stream string) ([]store.Record, error) {
	records, err := s.After(ctx, stream, 0)
	if err == nil && len(records) == 0 {
		return nil, fmt.Errorf("sqlite: reading stream %q: %w", stream, store.ErrNotFound)
	}
	return records, err
}

// After implements store.Store.
func (s *Store) After(ctx context.Context, stream string, version uint64) ([]store.Record, error) {
	records, err := s.records(ctx, selectRecords+ofStream, stream, version)
	if err != nil {
		return nil, s.readFault(fmt.Sprintf("reading stream %q", stream), err)
	}
	return records, nil
}

// Records implements store.Store.
func (s *Store) Records(ctx context.Context, from uint64, limit int) ([]store.Record, error) {
	if limit < 1 {
		return nil, fmt.Errorf("sqlite: reading entries: a limit of %d", limit)
	}
	if from > maxSeq {
		return []store.Record{}, nil
	}
	records, err := s.records(ctx, selectRecords+fromSeq, from, limit)
	if err != nil {
		return nil, s.readFault(fmt.Sprintf("reading entries from %d", from), err)
	}
	return records, nil
}

// Checkpoint implements store.Store.
func (s *Store) Checkpoint(ctx context.Context) ([]byte, error) {
	var size uint64
	var signed []byte
	if err := s.read.QueryRowContext(ctx, selectHead).Scan(&size, &signed); err != nil {
		return nil, s.readFault("reading the checkpoint", err)
	}
	return signed, nil
}

// Nodes implements store.Store.
func (s *Store) Nodes(ctx context.Context) ledger.HashReader { return nodes{ctx, s.read} }

func (s *Store) records(ctx context.Context, query string, args ...any) ([]store.Record, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scanRecords(rows)
}

func scanRecords(rows *sql.Rows) ([]store.Record, error) {
	defer rows.Close()
	out := []store.Record{}
	for rows.Next() {
		r, err := scanRecord(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// scanRecord reads an event back from its bytes and refuses one that does not
// stand where its bytes say.
func scanRecord(rows *sql.Rows) (store.Record, error) {
	var seq, version uint64
	var stream string
	var leaf, kept []byte
	if err := rows.Scan(&seq, &stream, &version, &leaf, &kept); err != nil {
		return store.Record{}, err
	}
	l, err := ledger.ParseLeaf(leaf)
	if err != nil {
		return store.Record{}, fmt.Errorf("entry %d: %w", seq, err)
	}
	if l.Seq != seq || l.Stream != stream || l.Version != version {
		return store.Record{}, fmt.Errorf("entry %d, filed under version %d of stream %q, says that it is entry %d, version %d of stream %q",
			seq, version, stream, l.Seq, l.Version, l.Stream)
	}
	r := store.Record{Leaf: l}
	if kept != nil {
		if err := json.Unmarshal(kept, &r.Private); err != nil {
			return store.Record{}, fmt.Errorf("the private values of entry %d: %w", seq, err)
		}
	}
	return r, nil
}
