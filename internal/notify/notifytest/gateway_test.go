package notifytest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"countersign/internal/notify"
	"countersign/internal/notify/gateway"
	"countersign/internal/notify/notifytest"
)

func TestAMessageReachesTheTelephoneGateway(t *testing.T) {
	g := notifytest.StartGateway(t)
	for _, kind := range []gateway.Kind{gateway.SMS, gateway.Voice} {
		if err := g.Phone(t, kind).Send(t.Context(), notify.PhoneMessage{To: "+15550100", Text: "1234", ID: "a-" + string(kind)}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := g.Wait(t.Context(), "+15550100", 2)
	if err != nil || got[0].Kind != gateway.SMS || got[1].Kind != gateway.Voice || got[0].Text != "1234" || got[0].From != notifytest.GatewayFrom || got[1].ID != "a-voice" {
		t.Errorf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Wait(ctx, "+15550101", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for nothing: %v", err)
	}
}

func TestTheTelephoneGatewayTellsWhenASIMChanged(t *testing.T) {
	g, at := notifytest.StartGateway(t), time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	g.SIM("+15550100", at)
	sms := g.Phone(t, gateway.SMS)
	if got, err := sms.SIMChanged(t.Context(), "+15550100"); err != nil || !got.Equal(at) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := sms.SIMChanged(t.Context(), "+15550101"); err == nil || !got.IsZero() {
		t.Errorf("of a number that it does not know: %v, %v", got, err)
	}
}

func TestTheTelephoneGatewayFailsOnRequest(t *testing.T) {
	g := notifytest.StartGateway(t)
	sms, m := g.Phone(t, gateway.SMS), notify.PhoneMessage{To: "+15550100", Text: "1234", ID: "a"}
	for _, fault := range []http.HandlerFunc{notifytest.Status(503), notifytest.Answer("no"), notifytest.Redirect("/sms")} {
		g.Fail(1, fault)
		if err := sms.Send(t.Context(), m); !errors.Is(err, notify.ErrTemporary) || len(g.Messages()) > 0 {
			t.Errorf("%v, %d taken", err, len(g.Messages()))
		}
	}
	if err := sms.Send(t.Context(), m); err != nil || len(g.Messages()) != 1 {
		t.Errorf("afterwards: %v, %d taken", err, len(g.Messages()))
	}
	c := g.Config(gateway.SMS)
	c.Send.Auth.Secret = "other"
	stranger, err := gateway.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Send(t.Context(), m); !errors.Is(err, notify.ErrTemporary) || len(g.Messages()) != 1 {
		t.Errorf("with a wrong token: %v", err)
	}
}
