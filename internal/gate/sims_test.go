package gate

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/notify"
)

type teller func(ctx context.Context, number string) (time.Time, error)

func (t teller) Send(context.Context, notify.PhoneMessage) error { return nil }

func (t teller) SIMChanged(ctx context.Context, n string) (time.Time, error) { return t(ctx, n) }

func TestAGatewayThatNeverAnswersIsWaitedForOnce(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	asked, stop := make(chan string, 10), make(chan struct{})
	defer close(stop)
	// It heeds no deadline either.
	s := newSIMs(func() time.Time { return now }, teller(func(_ context.Context, n string) (time.Time, error) { asked <- n; <-stop; return time.Time{}, nil }), nil)
	s.wait = time.Millisecond
	for range 3 {
		if c := s.changes(t.Context(), []string{"+15550100", "+15550101"}); !errors.Is(c["+15550100"].err, errSlow) || !errors.Is(c["+15550101"].err, errSlow) {
			t.Fatalf("it is believed: %+v", c)
		}
	}
	if len(asked) != 2 {
		t.Errorf("it was asked %d times about two numbers", len(asked))
	}
}

func TestTheLatestWordOfAllGatewaysCountsForTenMinutes(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	asked := 0
	said := now.Add(-time.Hour)
	s := newSIMs(func() time.Time { return now },
		teller(func(context.Context, string) (time.Time, error) { return time.Time{}, nil }),
		teller(func(context.Context, string) (time.Time, error) { asked++; return said, nil }))
	for range 3 {
		if c := s.change(t.Context(), "+15550100"); c.err != nil || !c.at.Equal(said) {
			t.Fatalf("%+v", c)
		}
		now = now.Add(3 * time.Minute)
	}
	if asked != 1 {
		t.Errorf("it was asked %d times in nine minutes", asked)
	}
	now, said = now.Add(2*time.Minute), now
	if c := s.change(t.Context(), "+15550100"); !c.at.Equal(said) {
		t.Errorf("what came later is not heard: %+v", c)
	}
}

func TestWhoLeavesBeforeTheAnswerSpoilsItForNobody(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s := newSIMs(func() time.Time { return now }, teller(func(ctx context.Context, _ string) (time.Time, error) { return time.Time{}, ctx.Err() }))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if c := s.change(gone, "+15550100"); c.err == nil {
		t.Error("an unanswered question is believed")
	}
	if c := s.change(t.Context(), "+15550100"); c.err != nil {
		t.Errorf("the next one hears %v", c.err)
	}
}

func TestSIMsAreRememberedWithinBounds(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s := newSIMs(func() time.Time { return now }, teller(func(context.Context, string) (time.Time, error) { return time.Time{}, nil }))
	for i := range simMemory + 10 {
		s.remember(string(rune(i)), simChange{})
	}
	if len(s.known) > simMemory {
		t.Errorf("%d numbers are remembered", len(s.known))
	}
}
