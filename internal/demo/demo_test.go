package demo_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/demo"
)

func TestThePlayGoesAsWrittenAndLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	if err := demo.Run(t.Context(), demo.Options{Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	text := out.String()
	at := 0
	for _, want := range []string{
		"A caller with all the right answers", "answer_refused", "401 session_unknown",
		"An impatient agent", "403 forbidden", "405 method_not_allowed", "400 unknown_field", "403 separation_of_duties",
		"countersign/approval/v1", "The password really changes", "refused", "accepted, must change", "409 illegal_transition",
		"This wasn't me", "403 not_available", "A changed byte in the ledger is caught", "does not have the hash",
		"One file proves it", "allowed", "not allowed: inclusion", "All of it went as it should",
	} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("after %d bytes there is no %q in\n%s", at, want, text)
		}
		at += i + len(want)
	}
	if strings.Contains(text, "\x1b") {
		t.Error("colours without a terminal")
	}
	for _, l := range strings.Split(text, "\n") {
		if len([]rune(l)) > 140 && !strings.Contains(l, "│") && !strings.Contains(l, "served at") {
			t.Errorf("a long line: %s", l)
		}
	}
	if rest, _ := os.ReadDir(os.TempDir()); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
}

// watcher ends the play when a text goes by.
type watcher struct {
	text string
	seen func()
}

func (w watcher) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.text) {
		w.seen()
	}
	return len(b), nil
}

func TestItStaysUpUntilTheAudienceLeaves(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	left := false
	err := demo.Run(ctx, demo.Options{Out: watcher{"Ctrl-C ends it", func() { left = true; cancel() }}, Stay: true})
	if err != nil || !left {
		t.Errorf("left %v: %v", left, err)
	}
}

func TestAPlayThatIsInterruptedFailsAndNamesItsStep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := demo.Run(ctx, demo.Options{Out: watcher{"An impatient agent", cancel}})
	if err == nil || !strings.HasPrefix(err.Error(), "demo: an agent tries to ") {
		t.Errorf("%v", err)
	}
}

func TestItSpeaksPlainHTTPToItsOwnMachineAlone(t *testing.T) {
	for _, bad := range []string{"0.0.0.0:0", "10.0.0.1:1", "example.org:80", "nonsense"} {
		if err := demo.Run(t.Context(), demo.Options{Out: io.Discard, Listen: bad}); err == nil || !strings.Contains(err.Error(), "is not an address of this machine alone") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestItRefusesAFolderWithSomethingElseInIt(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := demo.Run(t.Context(), demo.Options{Out: io.Discard, Dir: dir}); err == nil || !strings.Contains(err.Error(), `"thesis.txt"`) {
		t.Errorf("%v", err)
	}
}
