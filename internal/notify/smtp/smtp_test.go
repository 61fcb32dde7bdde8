package smtp_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/notify"
	"countersign/internal/notify/notifytest"
	"countersign/internal/notify/smtp"
)

// secret stands for a code: no error may contain it.
const secret = "1234 5678"

func message(id string) notify.Message {
	return notify.Message{
		To: "a.sato@example.org", Subject: "Acme: Gerät für case CS-1 " + strings.Repeat("long ", 20) + "end", ID: id,
		Text: "Your code:\n\n    " + secret + "\n\n.\n..\nFrom here on: ünïcödé, = signs and " + strings.Repeat("x", 1200) + "\n",
	}
}

func TestAMessageArrivesAsItWasWritten(t *testing.T) {
	for name, opts := range map[string][]notifytest.Option{
		"starttls":            nil,
		"implicit":            {notifytest.ImplicitTLS()},
		"signed in":           {notifytest.Account("desk", "pass word")},
		"implicit, signed in": {notifytest.ImplicitTLS(), notifytest.Account("desk", "pass word")},
	} {
		t.Run(name, func(t *testing.T) {
			inbox := notifytest.Start(t, opts...)
			m := message("notice-1")
			if err := inbox.Sender(t).Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			all, err := inbox.Wait(t.Context(), m.To, 1)
			if err != nil {
				t.Fatal(err)
			}
			got := all[0]
			if got.Subject != m.Subject || got.Text != m.Text || got.From != "desk@example.org" || got.MessageID != "notice-1@example.org" {
				t.Errorf("arrived as %+v", got)
			}
			if !got.TLS || (got.User == "desk") != strings.Contains(name, "signed in") {
				t.Errorf("TLS %v, signed in as %q", got.TLS, got.User)
			}
			for _, want := range []string{"Auto-Submitted: auto-generated\r\n", "From: \"Acme Desk\" <desk@example.org>\r\n", "Date: "} {
				if !strings.Contains(got.Raw, want) {
					t.Errorf("no %q in\n%s", want, got.Raw)
				}
			}
			for line := range strings.SplitSeq(got.Raw, "\r\n") {
				if len(line) > 998 || strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
					t.Errorf("a line is not fit to travel: %q", line)
				}
			}
		})
	}
}

func TestARetryIsRecognisable(t *testing.T) {
	inbox := notifytest.Start(t)
	inbox.Fail(notifytest.AtData, 1, 451, "try later")
	sender, m := inbox.Sender(t), message("notice-2")
	if err := sender.Send(t.Context(), m); !errors.Is(err, notify.ErrTemporary) {
		t.Fatalf("first: %v; want ErrTemporary", err)
	}
	for range 2 {
		if err := sender.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := inbox.To(m.To)
	if len(got) != 2 || got[0].MessageID != got[1].MessageID {
		t.Errorf("arrived as %v", got)
	}
}

// The server's text may repeat what we sent; our errors never do.
func TestARefusalIsTemporaryOrForGoodAndTellsNoSecret(t *testing.T) {
	for _, c := range []struct {
		stage notifytest.Stage
		code  int
		want  error
	}{
		{notifytest.AtHello, 421, notify.ErrTemporary},
		{notifytest.AtHello, 554, notify.ErrTemporary}, // it has not seen the message
		{notifytest.AtMail, 451, notify.ErrTemporary},
		{notifytest.AtMail, 550, notify.ErrPermanent},
		{notifytest.AtRcpt, 450, notify.ErrTemporary},
		{notifytest.AtRcpt, 550, notify.ErrPermanent},
		{notifytest.AtData, 452, notify.ErrTemporary},
		{notifytest.AtData, 554, notify.ErrPermanent},
		{notifytest.AtHello, 0, notify.ErrTemporary}, // the connection is cut
		{notifytest.AtMail, 0, notify.ErrTemporary},
		{notifytest.AtRcpt, 0, notify.ErrTemporary},
		{notifytest.AtData, 0, notify.ErrTemporary},
	} {
		t.Run(fmt.Sprintf("%s %d", c.stage, c.code), func(t *testing.T) {
			inbox := notifytest.Start(t)
			inbox.Fail(c.stage, 1, c.code, "I will not take "+secret)
			err := inbox.Sender(t).Send(t.Context(), message("notice-3"))
			if !errors.Is(err, c.want) || errors.Is(err, notify.ErrPermanent) == errors.Is(err, notify.ErrTemporary) {
				t.Errorf("got %v; want %v alone", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "a.sato@")) {
				t.Errorf("the error tells: %v", err)
			}
			if said := fmt.Sprintf("answered %d", c.code); err != nil && c.code > 0 && c.stage != notifytest.AtHello && !strings.Contains(err.Error(), said) {
				t.Errorf("the error does not say what the server answered: %v", err)
			}
			if len(inbox.Messages()) != 0 {
				t.Error("arrived all the same")
			}
		})
	}
}

func TestWithoutTLSNothingIsSent(t *testing.T) {
	plain := notifytest.Start(t, notifytest.WithoutTLS())
	stranger, implicit := notifytest.Start(t), notifytest.Start(t, notifytest.ImplicitTLS())
	for name, c := range map[string]struct {
		inbox *notifytest.Inbox
		spoil func(*smtp.Config)
	}{
		"a server without STARTTLS":          {plain, func(c *smtp.Config) { c.TLS = smtp.StartTLS }},
		"the default, without STARTTLS":      {plain, func(c *smtp.Config) { c.TLS = "" }},
		"a server that speaks no TLS at all": {plain, func(c *smtp.Config) { c.TLS = smtp.Implicit }},
		"a certificate nobody vouches for":   {stranger, func(c *smtp.Config) { c.RootCAs = x509.NewCertPool() }},
		"the same, implicit":                 {implicit, func(c *smtp.Config) { c.RootCAs = x509.NewCertPool() }},
		"another server's certificate":       {stranger, func(c *smtp.Config) { c.Host = "127.0.0.2" }},
	} {
		t.Run(name, func(t *testing.T) {
			config := c.inbox.Config()
			c.spoil(&config)
			sender, err := smtp.New(config)
			if err != nil {
				t.Fatal(err)
			}
			if err := sender.Send(t.Context(), message("notice-4")); !errors.Is(err, notify.ErrTemporary) {
				t.Errorf("got %v; want ErrTemporary", err)
			}
			if len(c.inbox.Messages()) != 0 {
				t.Error("arrived all the same")
			}
		})
	}
	if err := plain.Sender(t).Send(t.Context(), message("notice-5")); err != nil {
		t.Errorf("none, on a loopback address: %v", err)
	}
}

func TestAWrongPasswordIsNotTold(t *testing.T) {
	inbox := notifytest.Start(t, notifytest.Account("desk", "right"))
	config := inbox.Config()
	config.Password = "wrong-but-secret"
	sender, err := smtp.New(config)
	if err != nil {
		t.Fatal(err)
	}
	err = sender.Send(t.Context(), message("notice-6"))
	if !errors.Is(err, notify.ErrTemporary) || !strings.Contains(err.Error(), "535") || strings.Contains(err.Error(), "wrong-but-secret") {
		t.Errorf("got %v; want ErrTemporary with the server's 535", err)
	}
}

// The server takes the connection and says nothing: only the caller's patience
// or the configured time ends it.
func TestASilentServerHoldsNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 2)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	config := smtp.Config{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, From: notifytest.From, Timeout: time.Hour}
	patient, err := smtp.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		c := <-accepted
		t.Cleanup(func() { _ = c.Close() })
		cancel()
	}()
	if err := patient.Send(ctx, message("notice-7")); !errors.Is(err, notify.ErrTemporary) || !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has gone: %v", err)
	}
	config.Timeout = time.Millisecond
	hasty, err := smtp.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := hasty.Send(t.Context(), message("notice-8")); !errors.Is(err, notify.ErrTemporary) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the time is over: %v", err)
	}
}

func TestNoServerAtAllIsTemporary(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	sender, err := smtp.New(smtp.Config{Host: "127.0.0.1", Port: port, From: notifytest.From})
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), message("notice-9")); !errors.Is(err, notify.ErrTemporary) {
		t.Errorf("got %v; want ErrTemporary", err)
	}
}

func TestAHostileMessageIsRefusedBeforeAnyServerSeesIt(t *testing.T) {
	inbox := notifytest.Start(t)
	for _, to := range []string{"a@example.org\r\nBcc: b@example.com", "a@example.org>\r\nRCPT TO:<b@example.com", "a@example.org, b@example.com"} {
		m := message("notice-10")
		m.To = to
		if err := inbox.Sender(t).Send(t.Context(), m); !errors.Is(err, notify.ErrPermanent) {
			t.Errorf("%q: %v; want ErrPermanent", to, err)
		}
	}
	m := message("notice-11")
	m.Subject = "x\r\nBcc: b@example.com"
	if err := inbox.Sender(t).Send(t.Context(), m); !errors.Is(err, notify.ErrPermanent) {
		t.Errorf("a header in the subject: %v; want ErrPermanent", err)
	}
	if len(inbox.Messages()) != 0 {
		t.Error("something arrived")
	}
}

func TestManyMaySendAtOnce(t *testing.T) {
	inbox := notifytest.Start(t)
	sender := inbox.Sender(t)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if err := sender.Send(t.Context(), message(fmt.Sprintf("notice-%d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(inbox.Messages()); got != 10 {
		t.Errorf("%d of 10 arrived", got)
	}
}
