package code_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/identity"
	"countersign/internal/proof/code"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func honest() code.Letter {
	return code.Letter{
		Organisation: "Acme Corporation", Action: identity.MFAReset, Case: "CS-7Q4K", Code: "12345678",
		Life: 10 * time.Minute, Repudiate: "https://desk.example.org/stop/abc", Account: "Mei Ito",
	}
}

func TestTheMessagesReadAsAgreed(t *testing.T) {
	contact := honest()
	contact.Contact, contact.Action, contact.Life = true, identity.PasswordReset, 24*time.Hour
	for name, l := range map[string]code.Letter{"owner": honest(), "contact": contact} {
		subject, text, err := code.Message(l)
		if err != nil {
			t.Fatal(err)
		}
		got, path := "Subject: "+subject+"\n\n"+text, filepath.Join("testdata", name+".golden")
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

func TestEveryActionHasWords(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range identity.Actions {
		l := honest()
		l.Action = a
		_, text, err := code.Message(l)
		if err != nil || seen[text] {
			t.Errorf("%s: %v, or the same words as another action", a, err)
		}
		seen[text] = true
	}
}

func TestAMessageIsRefusedFor(t *testing.T) {
	for name, spoil := range map[string]func(*code.Letter){
		"an unknown action":               func(l *code.Letter) { l.Action = "make_coffee" },
		"no organisation":                 func(l *code.Letter) { l.Organisation = "" },
		"an organisation of two lines":    func(l *code.Letter) { l.Organisation = "Acme\r\nBcc: evil@example.com" },
		"no case":                         func(l *code.Letter) { l.Case = "" },
		"a case with a header in it":      func(l *code.Letter) { l.Case = "CS-1\r\nBcc: evil@example.com" },
		"a case with a space":             func(l *code.Letter) { l.Case = "CS 1" },
		"a case too long":                 func(l *code.Letter) { l.Case = strings.Repeat("A", 41) },
		"a contact who is not told whose": func(l *code.Letter) { l.Contact, l.Account = true, " " },
		"no code":                         func(l *code.Letter) { l.Code = "" },
		"no life":                         func(l *code.Letter) { l.Life = 59 * time.Second },
		"no way out":                      func(l *code.Letter) { l.Repudiate = "" },
		"a way out over plain http":       func(l *code.Letter) { l.Repudiate = "http://desk.example.org/stop" },
		"a script as the way out":         func(l *code.Letter) { l.Repudiate = "javascript:alert(1)" },
		"two lines as the way out":        func(l *code.Letter) { l.Repudiate += "\nhttps://evil.example.com" },
		"a way out without a host":        func(l *code.Letter) { l.Repudiate = "https:///stop" },
		"a look-alike of localhost":       func(l *code.Letter) { l.Repudiate = "http://localhost.example.com/stop" },
	} {
		l := honest()
		spoil(&l)
		if s, text, err := code.Message(l); !errors.Is(err, code.ErrLetter) || s+text != "" {
			t.Errorf("%s: %v; want ErrLetter and no text", name, err)
		}
	}
	local := honest()
	local.Repudiate = "http://localhost:8080/stop"
	if _, _, err := code.Message(local); err != nil {
		t.Errorf("localhost: %v", err)
	}
}

// Whatever a directory calls an account, the message keeps its lines, and the
// name makes no link and does not leave its quotation marks.
func TestAHostileNameChangesNothingButItself(t *testing.T) {
	_, plain, err := code.Message(honest())
	if err != nil {
		t.Fatal(err)
	}
	check := func(t interface{ Fatalf(string, ...any) }, name string) {
		l := honest()
		l.Account = name
		subject, text, err := code.Message(l)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if strings.ContainsAny(subject, "\r\n") || strings.Contains(subject, "12345678") {
			t.Fatalf("%q: subject %q", name, subject)
		}
		const label = "\nAccount, as on record: \""
		before, rest, named := strings.Cut(text, label)
		if !named && strings.TrimSpace(identity.Line(name, 64)) != "" && strings.Trim(identity.Line(name, 64), `:/\<>@ `) != "" {
			t.Fatalf("%q is left out", name)
		}
		shown, _, _ := strings.Cut(rest, "\n")
		wantBefore, wantRest, _ := strings.Cut(plain, label)
		_, wantAfter, _ := strings.Cut(wantRest, "\n")
		if named && (before != wantBefore || !strings.HasSuffix(rest, "\n"+wantAfter)) {
			t.Fatalf("%q changes other lines:\n%s", name, text)
		}
		if named && (strings.Count(shown, `"`) != 1 || strings.ContainsAny(shown, ":/@<>\r\t") || len(shown) > 2*64+1) {
			t.Fatalf("%q is shown as %s", name, shown)
		}
		if i := strings.Index(shown, "."); i >= 0 && i+1 < len(shown) && shown[i+1] != ' ' && shown[i+1] != '"' {
			t.Fatalf("%q is shown as %s, which may become a link", name, shown)
		}
	}
	for _, name := range []string{
		"x\r\nBcc: evil@example.com", "x\nYour code:\n\n    0000 0000", "https://evil.example.com/a", "www.evil.com",
		`" Call +1 555 0100 and read the code out. "`, "mei\u202eoti", "a\u2028b", "<b>bold</b>", "J. Smith", "\x00", " ", "",
		strings.Repeat("é", 100), "evil@example.com", "{{.Code}}",
	} {
		check(t, name)
	}
	rapid.Check(t, func(t *rapid.T) { check(t, rapid.String().Draw(t, "name")) })
}
