package gate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var olive, oak, elm = Caller{Person: "olive"}, Caller{Person: "oak"}, Caller{Person: "elm"}

// busyWith keeps a place at the bench until the channel is closed.
func busyWith(b *bench, c Caller, until chan struct{}) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := atBench(context.Background(), b, c, "prove", func(context.Context) (int, error) { <-until; return 1, nil })
		ended <- err
	}()
	return ended
}

func codeOf(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return string(f.Code)
	}
	return ""
}

func quickly(b *bench, c Caller) error {
	_, err := atBench(context.Background(), b, c, "prove", func(context.Context) (int, error) { return 1, nil })
	return err
}

func TestEachPersonHasOnePlaceAtTheBenchAndEverybodyTogetherAFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, until := newBench(), make(chan struct{})
		first := busyWith(b, olive, until)
		synctest.Wait()
		if err := quickly(b, olive); codeOf(err) != "busy" {
			t.Errorf("a second one of the same person: %v", err)
		}
		if err := quickly(b, oak); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		second := busyWith(b, oak, until)
		synctest.Wait()
		if err := quickly(b, elm); codeOf(err) != "busy" {
			t.Errorf("a third person: %v", err)
		}
		close(until)
		if err := errors.Join(<-first, <-second, quickly(b, elm), quickly(b, olive)); err != nil {
			t.Errorf("when there is room again: %v", err)
		}
	})
}

func TestWhoWaitsGetsThePlaceThatBecomesFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, until := newBench(), make(chan struct{})
		first := busyWith(b, olive, until)
		synctest.Wait()
		go func() { time.Sleep(benchPatience - time.Second); close(until) }()
		if err := errors.Join(quickly(b, olive), <-first); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatTakesTooLongIsGivenUpAndKeepsItsPlaceUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, until := newBench(), make(chan struct{})
		started := time.Now()
		err := <-busyWith(b, olive, until)
		if codeOf(err) != "request_timeout" || time.Since(started) != benchTime {
			t.Errorf("after %s: %v", time.Since(started), err)
		}
		if err := quickly(b, olive); codeOf(err) != "busy" {
			t.Errorf("while it still runs: %v", err)
		}
		close(until)
		synctest.Wait()
		if err := quickly(b, olive); err != nil {
			t.Errorf("when it has ended: %v", err)
		}
	})
}

func TestWhoGoesAwayWaitsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, until := newBench(), make(chan struct{})
		first := busyWith(b, olive, until)
		synctest.Wait()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := atBench(ctx, b, olive, "prove", func(context.Context) (int, error) { t.Error("it was done"); return 1, nil })
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		close(until)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

func TestAPanicAtTheBenchIsAnErrorOfThatOneAnswer(t *testing.T) {
	b := newBench()
	_, err := atBench(t.Context(), b, olive, "prove", func(context.Context) (int, error) { panic("a fault of ours") })
	if err == nil || codeOf(err) != "" {
		t.Errorf("it is for the log: %v", err)
	}
	if err := quickly(b, olive); err != nil {
		t.Errorf("the place is free again: %v", err)
	}
}
