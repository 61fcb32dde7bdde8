package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"countersign/internal/store"
)

// Item implements store.Store.
func (s *Store) Item(ctx context.Context, shelf, key string, now time.Time) (store.Item, error) {
	item, err := scanItem(s.read.QueryRowContext(ctx, selectItem, shelf, key, now.UnixMilli()))
	if err != nil {
		return store.Item{}, s.readFault(fmt.Sprintf("reading an item of shelf %q", shelf), err)
	}
	return item, nil
}

// Items implements store.Store.
func (s *Store) Items(ctx context.Context, shelf, owner string, now time.Time) ([]store.Item, error) {
	doing := fmt.Sprintf("listing items of shelf %q", shelf)
	rows, err := s.read.QueryContext(ctx, selectItems, shelf, owner, now.UnixMilli())
	if err != nil {
		return nil, s.readFault(doing, err)
	}
	defer rows.Close()
	out := []store.Item{}
	for rows.Next() {
		item, err := scanItem(rows)
		if err != nil {
			return nil, s.readFault(doing, err)
		}
		out = append(out, item)
	}
	if err := rows.Err(); err != nil {
		return nil, s.readFault(doing, err)
	}
	return out, nil
}

func scanItem(from scanner) (store.Item, error) {
	var item store.Item
	var expires int64
	err := from.Scan(&item.Shelf, &item.Key, &item.Owner, &item.Value, &item.Version, &expires)
	if expires != 0 {
		item.Expires = time.UnixMilli(expires).UTC()
	}
	return item, err
}

// checkItems returns the versions that the items have now, 0 for an absent or
// expired one.
func (b *batch) checkItems(changes []store.ItemChange) ([]int64, error) {
	versions := make([]int64, len(changes))
	for i, c := range changes {
		err := b.stmt(b.s.st.itemVersion).QueryRow(c.Shelf, c.Key, b.now).Scan(&versions[i])
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("sqlite: reading an item's version: %w", err)
		}
		if c.Expect != store.AnyVersion && c.Expect != versions[i] {
			return nil, fmt.Errorf("%w: an item of shelf %q is at version %d, not %d", store.ErrConflict, c.Shelf, versions[i], c.Expect)
		}
	}
	return versions, nil
}

func (b *batch) writeItems(changes []store.ItemChange, versions []int64) error {
	for i, c := range changes {
		var err error
		if c.Delete {
			_, err = b.stmt(b.s.st.forgets).Exec(c.Shelf, c.Key)
		} else {
			_, err = b.stmt(b.s.st.item).Exec(c.Shelf, c.Key, c.Owner, append([]byte{}, c.Value...), versions[i]+1, millisOrZero(c.Expires))
		}
		if err != nil {
			return fmt.Errorf("sqlite: writing an item of shelf %q: %w", c.Shelf, err)
		}
	}
	return nil
}

// millisOrZero stands for a time in the items table; the zero time is 0.
func millisOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
