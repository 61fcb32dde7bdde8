package gate_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
	"countersign/internal/store"
)

func TestWhoeverMaySeeARequestHearsThatItChanged(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	one := h.Open(gatetest.Wren, identity.Unlock)
	agent := gatetest.Staff(gatetest.Finch)
	this, err := h.Gate.Watch(ctx, agent, one.ID, time.Microsecond)
	h.Must(err)
	any, err := h.Gate.Watch(ctx, agent, "", time.Microsecond)
	h.Must(err)
	_, err = h.Gate.Cancel(t.Context(), agent, one.ID)
	h.Must(err)
	<-this
	<-any
	h.Open(gatetest.Moss, identity.Unlock)
	<-any
	cancel()
	for range this { //nolint:revive // until it is closed
	}
	for range any { //nolint:revive // until it is closed
	}
}

// looking is a store that holds whoever looks at a request until they may go on.
type looking struct {
	store.Store
	looks chan string
	goOn  chan struct{}
}

func (l *looking) Row(ctx context.Context, id string) (store.Row, error) {
	select {
	case l.looks <- id:
		select {
		case <-l.goOn:
		case <-ctx.Done():
		}
	case <-l.goOn:
	case <-ctx.Done():
	}
	return l.Store.Row(ctx, id)
}

func TestNoNewsIsLostBehindWhatOthersHear(t *testing.T) {
	kept := &looking{looks: make(chan string), goOn: make(chan struct{})}
	h := gatetest.Keep(t, t.TempDir(), gatetest.Policy, func(s store.Store) store.Store { kept.Store = s; return kept })
	own, agent := h.Open(gatetest.Wren, identity.Unlock), gatetest.Staff(gatetest.Finch)
	itsm, err := h.Gate.ByToken(t.Context(), h.Token("itsm", time.Hour, gate.ScopeOpen))
	h.Must(err)
	var others []gate.View
	for range 8 {
		v, err := h.Gate.Open(t.Context(), itsm, gate.Wish{Directory: "corp", Login: gatetest.Moss, Action: identity.Unlock, Channel: identity.Ticket})
		h.Must(err)
		others = append(others, v)
	}
	news, err := h.Gate.Watch(t.Context(), agent, "", time.Microsecond)
	h.Must(err)
	h.Claim(others[0].Case)
	<-kept.looks // the watcher is busy from now on
	for _, v := range others {
		for range 9 {
			h.Claim(v.Case) // at no desk
		}
	}
	_, err = h.Gate.Cancel(t.Context(), agent, own.ID)
	h.Must(err)
	close(kept.goOn)
	select {
	case <-news:
	case <-time.After(10 * time.Second):
		t.Error("a case of the agent's own desk was cancelled, and they never heard of it")
	}
}

func TestNobodyWatchesWhatTheyMayNotSee(t *testing.T) {
	h := gatetest.New(t, gatetest.Policy)
	if _, err := h.Gate.Watch(t.Context(), gatetest.Staff(gatetest.Finch), "req_unknown", time.Second); err == nil {
		t.Error("a request that does not exist can be watched")
	}
	if _, err := h.Gate.Watch(t.Context(), gate.Caller{}, "", time.Second); err == nil {
		t.Error("nobody in particular can watch")
	}
	if _, err := h.Gate.WatchCase(t.Context(), "AGE-SECRET-KEY-1UNKNOWN", time.Second); err == nil {
		t.Error("a session that does not exist can watch a case")
	}
}
