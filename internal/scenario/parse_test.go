package scenario_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/scenario"
)

const whole = `attack A99  A title
source   a norm
controls C05
policy   nist-800-63b-4

account wren
wren has a mailbox wren@private.example for a year
agent finch at helpdesk
stranger mallory

finch opens password_reset for wren by chat as first
repeat 2 times
  mallory claims
mallory answers "1234 5678" -> refused answer_refused once
expect effects 0
`

func TestAScriptIsReadWholeOrNotAtAll(t *testing.T) {
	s, err := scenario.Parse("a99-it.txt", whole)
	if err != nil {
		t.Fatal(err)
	}
	if s.Kind != scenario.Attack || s.ID != "A99" || s.Title != "A title" || len(s.Lines) != 8 || len(s.Lines[5].Body) != 1 {
		t.Errorf("it reads %+v", s)
	}
	for _, bad := range []struct{ old, new, want string }{
		{"mallory claims\n", "mallory hopes\n", `a99-it.txt:13:11: "hopes": here could stand `},
		{"mallory claims\n", "wendy claims\n", `a99-it.txt:13:3: "wendy": here could stand `},
		{"by chat as first", "by pigeon as first", `a99-it.txt:11:40: "pigeon": here could stand CHANNEL`},
		{"by chat as first", "by chat as", "a99-it.txt:11:1: the line ends here: here could stand NEW"},
		{"opens password_reset", "opens sesame", `a99-it.txt:11:13: "sesame": here could stand ACTION`},
		{"-> refused answer_refused once", "-> maybe", "a99-it.txt:14:29: after -> stands: refused CODE"},
		{`"1234 5678"`, `"1234 5678`, "a99-it.txt:14:17: the text has no closing quotation mark"},
		{"for a year", "for a while", `a99-it.txt:7:45: "a": here could stand SPAN`},
		{"  mallory claims", "\tmallory claims", "a99-it.txt:13:1: indent with two spaces"},
		{"  mallory claims", "   mallory claims", "a99-it.txt:13:1: only the lines under a repeat are indented"},
		{"account wren", "account wren\naccount wren", "a99-it.txt:7:1: wren is taken"},
		{"expect effects 0", "expect effects 0\nstranger mallet", "a99-it.txt:16:1: what is given stands before what happens"},
		{"expect effects 0", "expect effects 0 -> refused invalid", "a99-it.txt:15:1: nobody is asked here who could refuse"},
		{"expect effects 0", "expect state proving", "no line says how much was changed"},
		{"attack A99", "recovery A99", "an honest recovery marks with a star"},
		{"mallory answers", "* mallory answers", "a99-it.txt:14:1: a star marks a proof or a signature"},
		{"controls C05", "controls C5", `"C5" is not a control`},
		{"attack A99", "attack A98", "a file about A98 is named a98-….txt"},
		{"policy   nist-800-63b-4\n", "", "no line says which policy is in force"},
	} {
		text := strings.Replace(whole, bad.old, bad.new, 1)
		if text == whole {
			t.Fatalf("%q is not in the script", bad.old)
		}
		if _, err := scenario.Parse("a99-it.txt", text); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%q instead of %q: %v\nwant %s", bad.new, bad.old, err, bad.want)
		}
	}
}

func FuzzAScriptNeverCrashesTheReader(f *testing.F) {
	f.Add(whole)
	all, err := filepath.Glob(filepath.Join(scripts, "*.txt"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range all {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := scenario.Parse("a99-it.txt", text)
		if err == nil && (s.Kind == "" || len(s.Lines) == 0) {
			t.Errorf("%q was read as a script of nothing", text)
		}
	})
}

// A script that says something else than what happens is found out: the oracle
// and every expectation can fail.
func TestAScriptThatIsWrongGoesWrong(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(scripts, "a16-brute-force-with-reissue.txt"))
	if err != nil {
		t.Fatal(err)
	}
	stage := scenario.NewStage(policies)
	for _, wrong := range []struct{ old, new, want string }{
		{"mallory answers wrong -> refused answer_refused\n", "mallory answers wrong\n", "the server says no (422 answer_refused)"},
		{"-> refused answer_refused", "-> refused challenge_unknown", "it was refused as answer_refused; it should have been as challenge_unknown"},
		{"mallory asks email_code -> refused method_locked", "mallory asks totp -> refused method_locked", "it was allowed"},
		{"expect state proving", "expect state done", "the request stands at proving"},
		{"expect effects 0", "expect effects 1", "the directory was changed 0 times"},
		{"mallory claims\n", "mallory claims\nexpect tier low\n", "its tier is elevated"},
		{"expect effects 0", "expect no letter to wren@private.example saying \"Your code\"\nexpect effects 0", "2 have come"},
	} {
		script, err := scenario.Parse("a16-wrong.txt", strings.Replace(string(text), wrong.old, wrong.new, 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := stage.Play(t, script); err == nil || !strings.Contains(err.Error(), wrong.want) {
			t.Errorf("%q instead of %q: %v\nwant %s", wrong.new, wrong.old, err, wrong.want)
		}
	}
}

func TestThePageListsTheWholeLanguage(t *testing.T) {
	page, err := os.ReadFile("../../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), "<!-- language -->\n")
	_, tail, closed := strings.Cut(rest, "<!-- /language -->\n")
	want := head + "<!-- language -->\n" + scenario.Table() + "<!-- /language -->\n" + tail
	switch {
	case !ok || !closed:
		t.Fatal("docs/scenarios.md has no place for the language")
	case string(page) == want:
	case os.Getenv("UPDATE_SCENARIOS") != "":
		if err := os.WriteFile("../../docs/scenarios.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("docs/scenarios.md does not list the sentences there are; write it with UPDATE_SCENARIOS=1 go test -run ThePage ./internal/scenario")
	}
}
