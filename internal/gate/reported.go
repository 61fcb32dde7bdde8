package gate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"countersign/internal/identity"
	"countersign/internal/policy"
	"countersign/internal/store"
)

// The shelves of what integrations report. The owner is the person.
const (
	shelfSignal   = "signal"   // key: the person's hash and a slot; value: signal
	shelfLocation = "location" // key: the person's hash; value: policy.Location
	shelfDevice   = "device"   // key: the person's hash; value: policy.Device
)

// signal is a reported signal as it is kept.
type signal struct {
	policy.Signal
	Source string `json:"source"`
}

func (s signal) is(o signal) bool {
	return s.Kind == o.Kind && s.Source == o.Source && s.At.Equal(o.At)
}

// signalled keeps a signal in a slot of the person's that is free. The same
// one again from the same source changes nothing.
func (g *Gate) signalled(ctx context.Context, p identity.PersonID, s signal, now time.Time) error {
	for {
		have, taken, err := g.signals(ctx, p, now)
		if err != nil || slices.ContainsFunc(have, s.is) {
			return err
		}
		own := 0
		for _, o := range have {
			own += count(o.Source == s.Source)
		}
		if own >= maxSignalsOf || len(have) >= maxSignals {
			g.log.Warn("a signal was refused: there are too many about one person", "source", s.Source, "of_source", own, "of_all", len(have))
			return &Fault{"too_many", "there are too many signals about this person already; none has been lost"}
		}
		err = g.store.Change(ctx, put(shelfSignal, free(p, taken), string(p), s, 0, s.At.Add(signalLife)))
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("gate: keeping a signal: %w", err)
		}
	}
}

// free is a slot's key that no item has.
func free(p identity.PersonID, taken []string) string {
	for i := 0; ; i++ {
		if key := hashed(string(p)) + "/" + strconv.Itoa(i); !slices.Contains(taken, key) {
			return key
		}
	}
}

func (g *Gate) signals(ctx context.Context, p identity.PersonID, now time.Time) (all []signal, keys []string, err error) {
	items, err := g.store.Items(ctx, shelfSignal, string(p), now)
	if err != nil {
		return nil, nil, fmt.Errorf("gate: reading signals: %w", err)
	}
	for _, i := range items {
		var s signal
		if err := unmarshal(i, &s); err != nil {
			return nil, nil, err
		}
		all, keys = append(all, s), append(keys, i.Key)
	}
	return all, keys, nil
}

// newest keeps a value unless what is there is as new.
func newest[T any](ctx context.Context, g *Gate, shelf string, p identity.PersonID, v T, at func(T) time.Time, now time.Time) error {
	for {
		old, version, err := kept[T](ctx, g, shelf, p, now)
		if err != nil || old != nil && !at(v).After(at(*old)) {
			return err
		}
		err = g.store.Change(ctx, put(shelf, hashed(string(p)), string(p), v, version, at(v).Add(reportLife)))
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("gate: keeping a %s: %w", shelf, err)
		}
	}
}

// kept is what was last reported, nil when nothing that still counts was.
func kept[T any](ctx context.Context, g *Gate, shelf string, p identity.PersonID, now time.Time) (*T, int64, error) {
	item, err := g.store.Item(ctx, shelf, hashed(string(p)), now)
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("gate: reading a %s: %w", shelf, err)
	}
	v := new(T)
	return v, item.Version, unmarshal(item, v)
}

// reported puts into the facts what integrations have reported: signals about
// the subject's person, and where and with what the requester seems to be.
func (g *Gate) reported(ctx context.Context, f *policy.Facts) error {
	all, _, err := g.signals(ctx, f.Subject.Person, f.At)
	if err != nil {
		return err
	}
	for _, s := range all {
		f.Signals = append(f.Signals, s.Signal)
	}
	slices.SortFunc(f.Signals, func(a, b policy.Signal) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind)) })
	if f.Location, _, err = kept[policy.Location](ctx, g, shelfLocation, f.Requester.Person, f.At); err != nil {
		return err
	}
	f.Device, _, err = kept[policy.Device](ctx, g, shelfDevice, f.Requester.Person, f.At)
	return err
}

func hashed(text string) string {
	h := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(h[:])
}
