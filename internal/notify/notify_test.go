package notify_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/internal/notify"
)

func honest() notify.Message {
	return notify.Message{To: "a.sato@example.org", Subject: "Acme: code for case CS-1", Text: "Grüße\n\n  1234 5678\n", ID: "notice-0198c"}
}

func TestAnHonestMessageMayGo(t *testing.T) {
	if err := honest().Check(); err != nil {
		t.Error(err)
	}
}

func TestAMessageMayNotGoWith(t *testing.T) {
	for name, spoil := range map[string]func(*notify.Message){
		"no address":                  func(m *notify.Message) { m.To = "" },
		"a header in the address":     func(m *notify.Message) { m.To = "a@example.org\r\nBcc: b@example.com" },
		"a command in the address":    func(m *notify.Message) { m.To = "a@example.org>\r\nRCPT TO:<b@example.com" },
		"two addresses":               func(m *notify.Message) { m.To = "a@example.org, b@example.com" },
		"a name with the address":     func(m *notify.Message) { m.To = "Ann <a@example.org>" },
		"an address in brackets":      func(m *notify.Message) { m.To = "<a@example.org>" },
		"a quoted local part":         func(m *notify.Message) { m.To = `"a b"@example.org` },
		"a comment in the address":    func(m *notify.Message) { m.To = "a(comment)@example.org" },
		"an address literal":          func(m *notify.Message) { m.To = "a@[127.0.0.1]" },
		"no domain":                   func(m *notify.Message) { m.To = "root" },
		"a direction mark in it":      func(m *notify.Message) { m.To = "a\u202e@example.org" },
		"an address too long":         func(m *notify.Message) { m.To = strings.Repeat("a", 250) + "@example.org" },
		"no subject":                  func(m *notify.Message) { m.Subject = "" },
		"a header in the subject":     func(m *notify.Message) { m.Subject = "x\r\nBcc: b@example.com" },
		"a subject of two lines":      func(m *notify.Message) { m.Subject = "x\ny" },
		"a subject that turns around": func(m *notify.Message) { m.Subject = "x\u202ey" },
		"no text":                     func(m *notify.Message) { m.Text = "" },
		"an end of message inside it": func(m *notify.Message) { m.Text = "x\r\n.\r\nMAIL FROM:<b@example.com>" },
		"a control character":         func(m *notify.Message) { m.Text = "x\x1b[2J" },
		"text that is not UTF-8":      func(m *notify.Message) { m.Text = "\xff" },
		"far too much text":           func(m *notify.Message) { m.Text = strings.Repeat("x", 1<<17) },
		"no id":                       func(m *notify.Message) { m.ID = "" },
		"a header in the id":          func(m *notify.Message) { m.ID = "1>\r\nBcc: b@example.com" },
		"a domain in the id":          func(m *notify.Message) { m.ID = "1@example.com" },
		"two dots in the id":          func(m *notify.Message) { m.ID = "1..2" },
	} {
		m := honest()
		spoil(&m)
		err := m.Check()
		if !errors.Is(err, notify.ErrPermanent) || errors.Is(err, notify.ErrTemporary) {
			t.Errorf("%s: %v; want ErrPermanent alone", name, err)
		} else if strings.ContainsAny(err.Error(), "\r\n") || strings.Contains(err.Error(), "b@example.com") && name != "a header in the id" {
			t.Errorf("%s: the error repeats what it refuses: %v", name, err)
		}
	}
}

func FuzzCheckAddress(f *testing.F) {
	f.Add("a.sato@example.org")
	f.Add("a@example.org\r\nBcc: b@example.com")
	f.Add(`"a b"@example.org`)
	f.Fuzz(func(t *testing.T, s string) {
		if notify.CheckAddress(s) == nil && (strings.ContainsAny(s, " \r\n\t<>,;:\"\\()[]\x00") || strings.Count(s, "@") != 1) {
			t.Fatalf("%q is accepted", s)
		}
	})
}
