package notifytest_test

import (
	"context"
	"errors"
	"testing"

	"countersign/internal/notify"
	"countersign/internal/notify/notifytest"
	"countersign/internal/notify/smtp"
)

func message(id string) notify.Message {
	return notify.Message{To: "a.sato@example.org", Subject: "s", Text: "t\n", ID: id}
}

func TestWaitReturnsWhenTheMessageComes(t *testing.T) {
	inbox := notifytest.Start(t)
	sender := inbox.Sender(t)
	sent := make(chan error, 1)
	go func() { sent <- sender.Send(t.Context(), message("1")) }()
	got, err := inbox.Wait(t.Context(), "a.sato@example.org", 1)
	if err != nil || len(got) != 1 || got[0].Text != "t\n" {
		t.Errorf("got %v, %v", got, err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestWaitGivesUpWithItsCaller(t *testing.T) {
	inbox := notifytest.Start(t)
	if err := inbox.Sender(t).Send(t.Context(), message("1")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := inbox.Wait(ctx, "a.sato@example.org", 2); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a second message: %v; want Canceled", err)
	}
	if _, err := inbox.Wait(ctx, "b@example.org", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for somebody else's: %v; want Canceled", err)
	}
}

func TestAnInboxWithAnAccountRefusesStrangers(t *testing.T) {
	inbox := notifytest.Start(t, notifytest.Account("desk", "password"))
	config := inbox.Config()
	config.Username, config.Password = "", ""
	stranger, err := smtp.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Send(t.Context(), message("1")); !errors.Is(err, notify.ErrPermanent) {
		t.Errorf("got %v; want ErrPermanent", err)
	}
}
