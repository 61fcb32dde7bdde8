package notify_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/internal/notify"
)

func honestCall() notify.PhoneMessage {
	return notify.PhoneMessage{To: "+15550100", Text: "Grüße\n1234 5678 – \"jetzt\" {to} & 中\n", ID: "notice-0198c.2"}
}

func TestAnHonestMessageMayGoToATelephone(t *testing.T) {
	if err := honestCall().Check(); err != nil {
		t.Error(err)
	}
}

func TestAMessageMayNotGoToATelephoneWith(t *testing.T) {
	for name, spoil := range map[string]func(*notify.PhoneMessage){
		"no number":              func(m *notify.PhoneMessage) { m.To = "" },
		"a national number":      func(m *notify.PhoneMessage) { m.To = "0775550100" },
		"two numbers":            func(m *notify.PhoneMessage) { m.To = "+15550100,+15550101" },
		"a header in the number": func(m *notify.PhoneMessage) { m.To = "+15550100\r\nX: y" },
		"a query in the number":  func(m *notify.PhoneMessage) { m.To = "+15550100&to=1" },
		"digits of elsewhere":    func(m *notify.PhoneMessage) { m.To = "+1٥٥٥٠١٠٠٠" },
		"no text":                func(m *notify.PhoneMessage) { m.Text = "" },
		"an escape sequence":     func(m *notify.PhoneMessage) { m.Text = "x\x1b[2J" },
		"a carriage return":      func(m *notify.PhoneMessage) { m.Text = "x\r\ny" },
		"text that is not UTF-8": func(m *notify.PhoneMessage) { m.Text = "\xff" },
		"far too much text":      func(m *notify.PhoneMessage) { m.Text = strings.Repeat("canary", 1000) },
		"no id":                  func(m *notify.PhoneMessage) { m.ID = "" },
		"a path in the id":       func(m *notify.PhoneMessage) { m.ID = "a/../b" },
		"a folder for an id":     func(m *notify.PhoneMessage) { m.ID = ".." },
		"a header in the id":     func(m *notify.PhoneMessage) { m.ID = "1\r\nX: y" },
	} {
		m := honestCall()
		spoil(&m)
		err := m.Check()
		if !errors.Is(err, notify.ErrPermanent) || errors.Is(err, notify.ErrTemporary) {
			t.Errorf("%s: %v; want ErrPermanent alone", name, err)
		} else if strings.ContainsAny(err.Error(), "\r\n\x1b") || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "5550100") {
			t.Errorf("%s: the error repeats what it refuses: %v", name, err)
		}
	}
}

func TestANumberHasOneForm(t *testing.T) {
	for _, good := range []string{"+15550100", "+442079460958", "+123456789012345", "+99912345"} {
		if err := notify.CheckNumber(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "+", "15550100", "0015550100", "+05550100", "+1555010", "+1234567890123456", "++15550100", "+1 5550100", "+1555010O", "+15550100 ", "tel:+15550100"} {
		if notify.CheckNumber(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestANumberAsPeopleWriteIt(t *testing.T) {
	for typed, want := range map[string]string{
		"+1 (555) 010-0199":       "+15550100199",
		" +44 20.7946.0958 ":      "+442079460958",
		"0044 20 7946 0958":       "+442079460958",
		"(+44) 20 7946 0958":      "+442079460958",
		"(0044) 20 7946 0958":     "+442079460958",
		"+49\u00a030\u2011901820": "+4930901820",
	} {
		if got, ok := notify.NormalNumber(typed); !ok || got != want {
			t.Errorf("%q: %q, %v; want %s", typed, got, ok, want)
		}
	}
	for _, typed := range []string{
		"", "extension 12", "020 7946 0958", "555-0100", "+44 (0)20 7946 0958", "+44 (020) 7946 0958", "+44 20 7946 0958 ext 3",
		"+44 20 7946 0958 / +44 20 7946 0959", "00", "0000442079460958", "+1\n5550100", "+1\u202e5550100", "4420+79460958", strings.Repeat(" ", 100) + "+15550100",
	} {
		if got, ok := notify.NormalNumber(typed); ok {
			t.Errorf("%q is read as %s", typed, got)
		}
	}
}

func FuzzNormalNumber(f *testing.F) {
	f.Add("+1 (555) 010-0199")
	f.Add("0044 (0)20")
	f.Add("\xff+")
	f.Fuzz(func(t *testing.T, typed string) {
		got, ok := notify.NormalNumber(typed)
		if !ok {
			return
		}
		if err := notify.CheckNumber(got); err != nil {
			t.Fatalf("%q is read as %q: %v", typed, got, err)
		}
		if again, ok := notify.NormalNumber(got); !ok || again != got {
			t.Fatalf("%q is read as %q, and that as %q", typed, got, again)
		}
	})
}
