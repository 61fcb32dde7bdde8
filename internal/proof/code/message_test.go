package code_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/identity"
	"countersign/internal/proof/code"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func honest() code.Letter {
	return code.Letter{
		Card: code.Card{
			Organisation: "Acme Corporation", Agent: "Nia Holm", Desk: "Service Desk", Action: identity.MFAReset, Login: "m.ito",
			Case: "CS-7Q4K", Words: "amber-kettle", Opened: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		},
		Code: "12345678", Life: 10 * time.Minute, Repudiate: "https://desk.example.org/stop/abc", Nth: 2, Most: 5,
	}
}

func selfService() code.Letter {
	l := honest()
	l.Agent, l.Desk, l.Action, l.Nth = "", "", identity.PasswordReset, 0
	return l
}

func contact() code.Letter {
	l := honest()
	l.For, l.Action, l.Life = "Mei Ito", identity.PasswordReset, 24*time.Hour
	return l
}

func callback() code.Letter {
	l := honest()
	l.ForDesk, l.Action = true, identity.Unlock
	return l
}

func mail(l code.Letter) (string, error) {
	subject, text, err := code.Message(l)
	return "Subject: " + subject + "\n\n" + text, err
}

func TestTheMessagesReadAsAgreed(t *testing.T) {
	for name, m := range map[string]struct {
		write  func(code.Letter) (string, error)
		letter code.Letter
	}{
		"mail-owner": {mail, honest()}, "mail-self-service": {mail, selfService()}, "mail-contact": {mail, contact()},
		"text-owner": {code.Text, honest()}, "text-self-service": {code.Text, selfService()}, "text-contact": {code.Text, contact()},
		"call-owner": {code.Spoken, honest()}, "call-self-service": {code.Spoken, selfService()}, "call-contact": {code.Spoken, contact()},
		"call-for-the-desk": {code.Spoken, callback()},
	} {
		got, err := m.write(m.letter)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s (-want +got):\n%s", path, d)
		}
	}
}
