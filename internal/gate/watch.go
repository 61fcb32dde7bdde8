package gate

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/internal/store"
)

// heard is a store whose every commit is heard of by whoever watches. Only
// what this process commits is: with several, each hears its own.
type heard struct {
	store.Store
	watchers *watchers
}

// Commit commits, and then tells. Nobody hears of what is not durable.
func (h heard) Commit(ctx context.Context, c store.Commit) ([]store.Record, error) {
	records, err := h.Store.Commit(ctx, c)
	if err == nil && len(records) > 0 {
		h.watchers.tell(c.Stream)
	}
	return records, err
}

// watchers are those who wait for news of a stream, or of all.
type watchers struct {
	mu   sync.Mutex
	next int
	each map[int]watcher
}

type watcher struct {
	stream string // "": any request
	news   chan string
	lost   chan struct{} // holds something when news was dropped
}

// queued is how much news may wait for a watcher who is slow. What does not fit
// is dropped, and that something was is remembered: it may have concerned them.
const queued = 64

func (w *watchers) add(stream string) (watcher, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.each == nil {
		w.each = map[int]watcher{}
	}
	id, one := w.next, watcher{stream, make(chan string, queued), make(chan struct{}, 1)}
	w.next++
	w.each[id] = one
	return one, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.each, id)
	}
}

func (w *watchers) tell(stream string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.each {
		if one.stream == stream || one.stream == "" && strings.HasPrefix(stream, requestPrefix) {
			one.hear(stream)
		}
	}
}

// hear never waits.
func (w watcher) hear(stream string) {
	select {
	case w.news <- stream:
		return
	default:
	}
	select {
	case w.lost <- struct{}{}:
	default: // it is remembered already
	}
}

// requestPrefix begins the streams of requests.
const requestPrefix = "req_"

// Watch tells of changes to a request that the caller may see, or to any of
// them where id is "", until ctx ends; then the channel is closed. It tells
// that something changed and no more: who wants to know what asks for it, with
// the rights they have then. Changes closer together than pause are told once.
func (g *Gate) Watch(ctx context.Context, c Caller, id string, pause time.Duration) (<-chan struct{}, error) {
	if id != "" {
		if _, err := g.Request(ctx, c, id); err != nil {
			return nil, err
		}
		return g.watch(ctx, id, pause, func(string) bool { return true }), nil
	}
	if _, err := g.lister(ctx, c, &Filter{}); err != nil {
		return nil, err
	}
	return g.watch(ctx, "", pause, func(stream string) bool {
		row, err := g.store.Row(ctx, stream)
		if err != nil {
			return false
		}
		s, err := stateOf(row)
		if err != nil {
			return false
		}
		ok, err := g.sees(ctx, c, s)
		return ok && err == nil
	}), nil
}

// WatchCase is Watch for the session of a requester.
func (g *Gate) WatchCase(ctx context.Context, token string, pause time.Duration) (<-chan struct{}, error) {
	s, _, err := g.claimed(ctx, token)
	if err != nil {
		return nil, err
	}
	return g.watch(ctx, s.ID, pause, func(string) bool { return true }), nil
}

// watch passes on that something changed which concerns the watcher, or may
// have, at most once a pause.
func (g *Gate) watch(ctx context.Context, stream string, pause time.Duration, concerns func(string) bool) <-chan struct{} {
	one, leave := g.watchers.add(stream)
	out := make(chan struct{})
	go func() {
		defer close(out)
		defer leave()
		for ctx.Err() == nil {
			all, lost := one.gather(ctx)
			if !lost && !slices.ContainsFunc(all, concerns) {
				continue
			}
			select {
			case out <- struct{}{}:
			case <-ctx.Done():
			}
			await(ctx, pause)
		}
	}()
	return out
}

// gather waits for news and returns all there is, each stream once, and whether
// some was lost.
func (w watcher) gather(ctx context.Context) (all []string, lost bool) {
	select {
	case one := <-w.news:
		all = append(all, one)
	case <-w.lost:
		lost = true
	case <-ctx.Done():
		return nil, false
	}
	for {
		select {
		case one := <-w.news:
			if !slices.Contains(all, one) {
				all = append(all, one)
			}
		case <-w.lost:
			lost = true
		default:
			return all, lost
		}
	}
}

func await(ctx context.Context, pause time.Duration) {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
