package gate_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/gate"
	"countersign/internal/gate/gatetest"
	"countersign/internal/identity"
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
