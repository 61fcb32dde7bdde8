package local_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/internal/store"
)

// memory keeps items, and fails when told to. The rest of the port is absent.
type memory struct {
	store.Store
	mu      sync.Mutex
	items   map[[2]string]store.Item
	writes  int
	failing error           // of every Change
	before  func(m *memory) // runs ahead of every Change, with the lock held
}

func newMemory() *memory { return &memory{items: map[[2]string]store.Item{}} }

func (m *memory) Ping(ctx context.Context) error { return ctx.Err() }

func (m *memory) Item(ctx context.Context, shelf, key string, _ time.Time) (store.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[[2]string{shelf, key}]
	if ctx.Err() != nil {
		return store.Item{}, ctx.Err()
	}
	if !ok {
		return store.Item{}, store.ErrNotFound
	}
	return it, nil
}

func (m *memory) Items(ctx context.Context, shelf, owner string, _ time.Time) ([]store.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []store.Item
	for _, it := range m.items {
		if it.Shelf == shelf && it.Owner == owner {
			out = append(out, it)
		}
	}
	slices.SortFunc(out, func(a, b store.Item) int { return strings.Compare(a.Key, b.Key) })
	return out, ctx.Err()
}

func (m *memory) Change(ctx context.Context, changes ...store.ItemChange) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if m.before != nil {
		m.before(m)
	}
	if m.failing != nil {
		return m.failing
	}
	for _, c := range changes {
		if c.Expect != store.AnyVersion && m.items[[2]string{c.Shelf, c.Key}].Version != c.Expect {
			return store.ErrConflict
		}
	}
	for _, c := range changes {
		k := [2]string{c.Shelf, c.Key}
		c.Version = m.items[k].Version + 1
		m.items[k] = c.Item
	}
	m.writes++
	return nil
}

// touch moves an item on, as another writer would.
func (m *memory) touch(shelf string) {
	for k, it := range m.items {
		if k[0] == shelf {
			it.Version++
			m.items[k] = it
		}
	}
}
