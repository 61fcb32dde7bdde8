package signin_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/signin"
)

func keyed() signin.Keyed {
	return signin.Keyed{Caller: gatetest.Staff(gatetest.Finch), Key: "k1", Method: "POST", Path: "/requests", Body: []byte(`{"login":"wren"}`)}
}

func hold(t *testing.T, p *porch, k signin.Keyed) signin.Ticket {
	t.Helper()
	ticket, before, err := p.Hold(t.Context(), k)
	if err != nil || before != nil {
		t.Fatalf("not held: %v, %v", before, err)
	}
	return ticket
}

func TestAKeptOutcomeIsGivenAgain(t *testing.T) {
	p := newPorch(t)
	o := signin.Outcome{Status: 201, Header: map[string][]string{"Etag": {`"1"`}}, Body: []byte("body")}
	p.Must(p.Keep(t.Context(), hold(t, p, keyed()), o))
	_, before, err := p.Hold(t.Context(), keyed())
	if err != nil || before == nil || before.Status != 201 || string(before.Body) != "body" || before.Header["Etag"][0] != `"1"` {
		t.Errorf("%+v, %v", before, err)
	}
	p.Pass(24 * time.Hour)
	hold(t, p, keyed()) // a day later the key is free again
}

func TestAKeyIsForOneRequest(t *testing.T) {
	p := newPorch(t)
	p.Must(p.Keep(t.Context(), hold(t, p, keyed()), signin.Outcome{Status: 201}))
	for name, change := range map[string]func(*signin.Keyed){
		"another body":   func(k *signin.Keyed) { k.Body = []byte(`{"login":"moss"}`) },
		"another path":   func(k *signin.Keyed) { k.Path = "/tokens" },
		"another method": func(k *signin.Keyed) { k.Method = "PUT" },
	} {
		k := keyed()
		change(&k)
		if _, before, err := p.Hold(t.Context(), k); !errors.Is(err, signin.ErrReplayMismatch) || before != nil {
			t.Errorf("%s: %v, %v", name, before, err)
		}
	}
}

func TestKeysOfDifferentCallersDoNotMeet(t *testing.T) {
	p := newPorch(t)
	p.Must(p.Keep(t.Context(), hold(t, p, keyed()), signin.Outcome{Status: 201, Body: []byte("finch's")}))
	for _, c := range []gate.Caller{gatetest.Staff(gatetest.Olive), {Token: string(gatetest.Finch)}} {
		k := keyed()
		k.Caller = c
		hold(t, p, k)
	}
}

func TestAnOutcomeThatNobodyWroteDownIsUnknown(t *testing.T) {
	p := newPorch(t)
	hold(t, p, keyed())
	if _, _, err := p.Hold(t.Context(), keyed()); !errors.Is(err, signin.ErrReplayPending) {
		t.Errorf("at once: %v", err)
	}
	p.Pass(61 * time.Second)
	if _, _, err := p.Hold(t.Context(), keyed()); !errors.Is(err, signin.ErrReplayUnknown) {
		t.Errorf("a minute later: %v", err)
	}
}

func TestASpentKeyGivesNoAnswer(t *testing.T) {
	p := newPorch(t)
	p.Must(p.Spend(t.Context(), hold(t, p, keyed())))
	if _, before, err := p.Hold(t.Context(), keyed()); !errors.Is(err, signin.ErrReplayUsed) || before != nil {
		t.Errorf("%v, %v", before, err)
	}
}

func TestALargeOutcomeIsSpentInstead(t *testing.T) {
	p := newPorch(t)
	p.Must(p.Keep(t.Context(), hold(t, p, keyed()), signin.Outcome{Status: 200, Body: make([]byte, 100<<10)}))
	if _, _, err := p.Hold(t.Context(), keyed()); !errors.Is(err, signin.ErrReplayUsed) {
		t.Error(err)
	}
}

func TestAReleasedKeyIsFree(t *testing.T) {
	p := newPorch(t)
	p.Must(p.Release(t.Context(), hold(t, p, keyed())))
	hold(t, p, keyed())
}

func TestOneOfManyAtOnceHoldsTheKey(t *testing.T) {
	p := newPorch(t)
	var held, pending atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			switch _, before, err := p.Hold(t.Context(), keyed()); {
			case err == nil && before == nil:
				held.Add(1)
			case errors.Is(err, signin.ErrReplayPending):
				pending.Add(1)
			}
		})
	}
	all.Wait()
	if held.Load() != 1 || pending.Load() != 15 {
		t.Errorf("%d hold it, %d wait", held.Load(), pending.Load())
	}
}
