package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"countersign/internal/notify"
	"countersign/internal/notify/mailbox"
)

func message(to, id string) notify.Message {
	return notify.Message{To: to, Subject: "s", Text: "t\n", ID: id}
}

func TestAMailboxShowsTheLatestMessagesOfAnAddress(t *testing.T) {
	b := mailbox.New(3)
	for i, to := range []string{"a@example.org", "b@example.org", "a@example.org", "a@example.org"} {
		if err := b.Send(t.Context(), message(to, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Messages("a@example.org"); len(got) != 2 || got[0].ID != "2" || got[1].ID != "3" {
		t.Errorf("a has %v", got)
	}
	if got := b.Messages(""); len(got) != 3 || got[0].ID != "1" {
		t.Errorf("all are %v", got)
	}
}

func TestAMessageSentTwiceIsThereOnce(t *testing.T) {
	b := mailbox.New(10)
	for range 2 {
		if err := b.Send(t.Context(), message("a@example.org", "1")); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Messages(""); len(got) != 1 {
		t.Errorf("there are %d", len(got))
	}
}

func TestAMailboxRefusesWhatMailWould(t *testing.T) {
	b := mailbox.New(10)
	if err := b.Send(t.Context(), message("a@example.org\r\nBcc: b@example.com", "1")); !errors.Is(err, notify.ErrPermanent) {
		t.Errorf("a hostile address: %v; want ErrPermanent", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Send(ctx, message("a@example.org", "1")); !errors.Is(err, notify.ErrTemporary) || !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has gone: %v", err)
	}
	if len(b.Messages("")) != 0 {
		t.Error("kept all the same")
	}
}

func TestManyMaySendAtOnce(t *testing.T) {
	b := mailbox.New(50)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := b.Send(t.Context(), message("a@example.org", fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(b.Messages("")); got != 50 {
		t.Errorf("%d of 50 are there", got)
	}
}
